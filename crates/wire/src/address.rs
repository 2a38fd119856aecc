//! The database address: where the server is, who connects, and how.

mod meaning;
mod split;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::Error;

/// Whether a connection is encrypted, and how the server's certificate is checked: the modes of PostgreSQL's own
/// client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Not encrypted.
    Disable,
    /// Encrypted if the server supports it; any certificate is accepted.
    #[default]
    Prefer,
    /// Encrypted; any certificate is accepted, unless a root certificate is given.
    Require,
    /// Encrypted, and the certificate is signed by a trusted authority.
    VerifyCa,
    /// Encrypted, and the certificate is signed by a trusted authority and names this host.
    VerifyFull,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// At a host name or an IP address.
    Name(String),
    /// At a Unix socket in this folder.
    Folder(PathBuf),
}

/// TCP keepalive: whether and how the system probes a silent connection. `None` means the system's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keepalive {
    pub(crate) is_on: bool,
    /// How long the connection is silent before the first probe.
    pub(crate) idle: Option<Duration>,
    /// The time between two probes.
    pub(crate) interval: Option<Duration>,
    /// How many probes may stay unanswered.
    pub(crate) count: Option<u32>,
    /// How long sent data may stay unacknowledged.
    pub(crate) user_timeout: Option<Duration>,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { is_on: true, idle: None, interval: None, count: None, user_timeout: None }
    }
}

/// The database address, read the way PostgreSQL's own client reads it. Both of its forms work:
/// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/etc/ca.pem`, or `host=/run/postgresql
/// user=app dbname=tenantry`.
///
/// Supported are `host` (a name, or the folder of a socket), `port`, `user`, `password`, `dbname`, `sslmode`,
/// `sslrootcert` (a file, or `system`), `sslcert`, `sslkey`, `application_name`, `fallback_application_name`,
/// `options`, `connect_timeout`, `keepalives`, `keepalives_idle`, `keepalives_interval`, `keepalives_count` and
/// `tcp_user_timeout`. Other known parameters are accepted only with the value that this client implements, such as
/// `target_session_attrs=any`, and refused by name with any other value. Unknown parameters are refused by name.
///
/// Defaults: the socket in the system's usual folder if there is one, else `localhost`; port 5432; the user's name for
/// the database; `sslmode=prefer`; the password from `PGPASSWORD`. The user is required.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) tls: TlsMode,
    /// A file of root certificates to check the server's certificate against.
    pub(crate) root_certificate: Option<PathBuf>,
    /// The files of our client certificate and its key.
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    /// How long connecting may take.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) keepalive: Keepalive,
    /// Settings of the session.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Address {
    /// The address with this session setting added: any of the server's parameters.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// The address with this name for the connection in the server's views and log, unless the address has one itself.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.settings.entry("application_name".to_owned()).or_insert_with(|| name.to_owned());
        self
    }

    /// How long connecting may take, if the address sets a timeout.
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// Host and port, or the socket. Without user and password, so it may be shown.
    pub fn place(&self) -> String {
        match &self.host {
            Host::Name(name) if name.contains(':') => format!("[{name}]:{}", self.port),
            Host::Name(name) => format!("{name}:{}", self.port),
            Host::Folder(folder) => folder.join(format!(".s.PGSQL.{}", self.port)).display().to_string(),
        }
    }

    /// The same address as a URL in which every part is spelled out, for another driver. That driver connects to the
    /// same place with the same rights, even if it supports fewer forms. The URL contains the password. It does not
    /// contain the connect timeout and the keepalive settings.
    pub fn to_url(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = self.password.as_deref().map_or_else(String::new, |password| format!(":{}", encoded(password)));
        let (host, tls) = match &self.host {
            Host::Name(name) => (name.clone(), self.effective_tls()),
            // Connections over a socket are not encrypted.
            Host::Folder(folder) => (folder.display().to_string(), TlsMode::Disable),
        };
        let mut url = format!("postgres://{}{password}@localhost/{}", encoded(&self.user), encoded(&self.database));
        // Writing to a String cannot fail.
        let _ = write!(url, "?host={}&port={}&sslmode={tls}", encoded(&host), self.port);
        let root = self.root_certificate.as_ref().map(|file| ("sslrootcert", file));
        let client = self.client_certificate.as_ref();
        let client = client.map_or([None, None], |(cert, key)| [Some(("sslcert", cert)), Some(("sslkey", key))]);
        for (name, file) in root.into_iter().chain(client.into_iter().flatten()) {
            let _ = write!(url, "&{name}={}", encoded(&file.display().to_string()));
        }
        for name in ["application_name", "options"] {
            if let Some(value) = self.settings.get(name) {
                let _ = write!(url, "&{name}={}", encoded(value));
            }
        }
        url
    }

    /// How the server's certificate is checked. As with PostgreSQL's client, a given root certificate is always used.
    pub(crate) fn effective_tls(&self) -> TlsMode {
        match (self.tls, &self.root_certificate) {
            (TlsMode::Require, Some(_)) => TlsMode::VerifyCa,
            (mode, _) => mode,
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        meaning::address(split::split(text)?)
    }
}

impl FromStr for TlsMode {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "disable" => Ok(Self::Disable),
            // PostgreSQL's client tries without encryption first. This client tries encryption first wherever both are
            // acceptable.
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => Err(malformed("sslmode is none of disable, allow, prefer, require, verify-ca, verify-full")),
        }
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Address")
            .field("place", &self.place())
            .field("user", &self.user)
            .field("database", &self.database)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// No reason quotes a value from the address, because any value could be part of the password.
fn malformed(reason: &str) -> Error {
    Error::Address(reason.to_owned())
}
