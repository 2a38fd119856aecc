//! Where a database is, who connects to it, and how.

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

/// Whether a connection is encrypted, and what is asked of the server's certificate: the modes of PostgreSQL's own client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Not encrypted.
    Disable,
    /// Encrypted if the server can; any certificate will do.
    #[default]
    Prefer,
    /// Encrypted; any certificate will do, unless a root certificate is given.
    Require,
    /// Encrypted, and the certificate is vouched for.
    VerifyCa,
    /// Encrypted, and the certificate is vouched for and of this host.
    VerifyFull,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// At a name or a number of the network.
    Name(String),
    /// At a socket in this folder.
    Folder(PathBuf),
}

/// Whether and how the system asks a silent connection whether its other end is still there. What is `None` is the system's own
/// to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keepalive {
    pub(crate) is_on: bool,
    /// How long the connection is silent before the first question.
    pub(crate) idle: Option<Duration>,
    /// How long between two questions.
    pub(crate) interval: Option<Duration>,
    /// How many questions may stay without an answer.
    pub(crate) count: Option<u32>,
    /// How long what was sent may stay unacknowledged.
    pub(crate) user_timeout: Option<Duration>,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { is_on: true, idle: None, interval: None, count: None, user_timeout: None }
    }
}

/// Where a database is, who connects to it, and how. Read as PostgreSQL's own client reads it, in either of its two forms:
/// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/etc/ca.pem`, or
/// `host=/run/postgresql user=app dbname=tenantry`.
///
/// Honoured are `host` (a name, or the folder of a socket), `port`, `user`, `password`, `dbname`, `sslmode`, `sslrootcert` (a file,
/// or `system`), `sslcert`, `sslkey`, `application_name`, `fallback_application_name`, `options`, `connect_timeout`, `keepalives`,
/// `keepalives_idle`, `keepalives_interval`, `keepalives_count` and `tcp_user_timeout`. Others are accepted with the one value that
/// is true of this client, such as `target_session_attrs=any`, and refused by name with any other. So are those that are not known.
///
/// What is not given has the usual values: the socket in the system's usual folder if there is one, else `localhost`; 5432; the
/// user's name for the database; `sslmode=prefer`. The password comes from `PGPASSWORD` then. The user has to be named.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: Option<String>,
    pub(crate) database: String,
    pub(crate) tls: TlsMode,
    /// A file of certificates that vouch for the server's.
    pub(crate) root_certificate: Option<PathBuf>,
    /// Files of the certificate and the key by which the server knows us.
    pub(crate) client_certificate: Option<(PathBuf, PathBuf)>,
    /// How long connecting may take.
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) keepalive: Keepalive,
    /// Settings of the session.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Address {
    /// The address, with this setting for the session: any of the server's parameters.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// The address, with this name for the connection in the server's views and log, unless the address gives one itself.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.settings.entry("application_name".to_owned()).or_insert_with(|| name.to_owned());
        self
    }

    /// How long connecting may take, if the address says so.
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.connect_timeout
    }

    /// Host and port, or the socket; without user and password, so it may be shown.
    pub fn place(&self) -> String {
        match &self.host {
            Host::Name(name) if name.contains(':') => format!("[{name}]:{}", self.port),
            Host::Name(name) => format!("{name}:{}", self.port),
            Host::Folder(folder) => folder.join(format!(".s.PGSQL.{}", self.port)).display().to_string(),
        }
    }

    /// The same address as a URL in which every part is written out, for another driver: one that reads less than is read here
    /// connects to the same place with the same rights. It holds the password. How long connecting may take, and whether silent
    /// connections are asked, is not in it.
    pub fn to_url(&self) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let password = self.password.as_deref().map_or_else(String::new, |password| format!(":{}", encoded(password)));
        let (host, tls) = match &self.host {
            Host::Name(name) => (name.clone(), self.effective_tls()),
            // Nothing is encrypted in a socket.
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

    /// What is asked of the server's certificate. As with PostgreSQL's client, a root certificate that is given is looked at.
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
            // PostgreSQL's client tries without encryption first; here encryption comes first wherever both will do.
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

/// None of the reasons quotes a value of the address: any of them could be a part of the password.
fn malformed(reason: &str) -> Error {
    Error::Address(reason.to_owned())
}
