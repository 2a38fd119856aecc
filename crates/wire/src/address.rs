//! Where a database is, who connects to it, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::Url;

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

/// Where a database is, who connects to it, and how. Made of a URL:
/// `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/etc/ca.pem`.
///
/// Understood behind the question mark: `host` (a name, or the folder of a socket), `port`, `user`, `password`, `dbname`,
/// `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, `application_name` and `options`. What is not given has the usual values:
/// `localhost`, 5432, the user's name for the database, `sslmode=prefer`; the password comes from `PGPASSWORD` then. Anything
/// else is refused.
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
    /// Settings of the session.
    pub(crate) settings: BTreeMap<String, String>,
}

impl Address {
    /// The address, with this setting for the session: any of the server's parameters, or `application_name`.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// Host and port, or the folder of the socket; without user and password, so it may be shown.
    pub fn place(&self) -> String {
        match &self.host {
            Host::Name(name) => format!("{name}:{}", self.port),
            Host::Folder(folder) => folder.join(format!(".s.PGSQL.{}", self.port)).display().to_string(),
        }
    }

    fn from_url(url: &Url) -> Result<Self, Error> {
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(malformed("it does not begin with postgres://"));
        }
        let mut parts: BTreeMap<String, String> = BTreeMap::new();
        let mut keep = |name: &str, value: String| {
            if !value.is_empty() {
                parts.insert(name.to_owned(), value);
            }
        };
        keep("host", decoded(url.host_str().unwrap_or_default())?);
        keep("user", decoded(url.username())?);
        keep("password", decoded(url.password().unwrap_or_default())?);
        keep("dbname", decoded(url.path().trim_start_matches('/'))?);
        if let Some(port) = url.port() {
            keep("port", port.to_string());
        }
        let mut settings = BTreeMap::new();
        for (name, value) in url.query_pairs() {
            match &*name {
                "host" | "port" | "user" | "password" | "dbname" | "sslmode" | "sslrootcert" | "sslcert" | "sslkey" => {
                    keep(&name, value.into_owned());
                }
                // As other drivers call them.
                "ssl-mode" => keep("sslmode", value.into_owned()),
                "ssl-root-cert" | "ssl-ca" => keep("sslrootcert", value.into_owned()),
                "ssl-cert" => keep("sslcert", value.into_owned()),
                "ssl-key" => keep("sslkey", value.into_owned()),
                "application_name" | "options" => {
                    settings.insert(name.into_owned(), value.into_owned());
                }
                // Whoever asks for something is not to believe that they got it. The name only: the value could be a secret.
                _ => return Err(malformed(&format!("its parameter `{name}` is not understood"))),
            }
        }
        let host = parts.remove("host").unwrap_or_else(|| "localhost".to_owned());
        let port = parts.remove("port").map_or(Ok(5432), |port| port.parse());
        let user = parts.remove("user").ok_or_else(|| malformed("it names no user"))?;
        Ok(Self {
            host: if host.starts_with('/') {
                Host::Folder(host.into())
            } else {
                // A number of IPv6 stands in brackets.
                Host::Name(host.trim_start_matches('[').trim_end_matches(']').to_owned())
            },
            port: port.map_err(|_| malformed("the port is no number from 0 to 65535"))?,
            password: parts.remove("password").or_else(|| std::env::var("PGPASSWORD").ok()),
            database: parts.remove("dbname").unwrap_or_else(|| user.clone()),
            user,
            tls: parts.remove("sslmode").map_or(Ok(TlsMode::default()), |mode| mode.parse())?,
            root_certificate: parts.remove("sslrootcert").map(PathBuf::from),
            client_certificate: match (parts.remove("sslcert"), parts.remove("sslkey")) {
                (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
                (None, None) => None,
                _ => return Err(malformed("sslcert and sslkey belong together")),
            },
            settings,
        })
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        // The parser's error does not quote the text, which holds a password.
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        Self::from_url(&url)
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

fn decoded(text: &str) -> Result<String, Error> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| malformed("a part of it is not UTF-8"))?;
    // The protocol ends texts with it.
    if text.contains('\0') { Err(malformed("a part of it holds U+0000")) } else { Ok(text.into_owned()) }
}

fn malformed(reason: &str) -> Error {
    Error::Address(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn all_parts_of_an_address_are_read() {
        let address = read("postgres://us%40er:p%3Aw@db.example:6543/na%20me?sslmode=verify-full&application_name=x");
        assert_eq!(address.host, Host::Name("db.example".into()));
        assert_eq!((address.port, address.user.as_str(), address.database.as_str()), (6543, "us@er", "na me"));
        assert_eq!((address.password.as_deref(), address.tls), (Some("p:w"), TlsMode::VerifyFull));
        assert_eq!(address.settings["application_name"], "x");
        assert_eq!(address.place(), "db.example:6543");
    }

    #[test]
    fn the_names_of_other_drivers_mean_the_same() {
        let ours = read("postgres://a@b/c?sslmode=verify-ca&sslrootcert=/ca&sslcert=/cert&sslkey=/key");
        assert_eq!(read("postgres://a@b/c?ssl-mode=verify-ca&ssl-ca=/ca&ssl-cert=/cert&ssl-key=/key"), ours);
    }

    #[test]
    fn what_is_left_out_has_the_usual_value() {
        let address = read("postgresql://app@localhost");
        assert_eq!(address.place(), "localhost:5432");
        assert_eq!((address.database.as_str(), address.tls), ("app", TlsMode::Prefer));
        let socket = read("postgres://app@localhost/db?host=/run/postgresql&port=5433");
        assert_eq!(socket.place(), "/run/postgresql/.s.PGSQL.5433");
        assert_eq!(read("postgres://app@%2Frun%2Fpg/db").host, Host::Folder("/run/pg".into()));
        assert_eq!(read("postgres://app@[::1]:5432/db").host, Host::Name("::1".into()));
    }

    #[test]
    fn a_malformed_address_is_refused_and_a_password_is_never_shown() {
        for text in [
            "",
            "mysql://a@b/c",
            "postgres://host/db",
            "postgres://a:sesame@b:99999/c",
            "postgres://a:sesame@b/c?port=x",
            "postgres://a:sesame@b/c?sslmode=maybe",
            "postgres://a:sesame@b/c?sslcert=/only",
            "postgres://a:sesame@b/c?ssl-mode=verify-fully",
            "postgres://a:sesame@b/c?sslcrl=sesame",
            "postgres://a%ff:sesame@b/c",
            "postgres://a%00:sesame@b/c",
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(matches!(error, Error::Address(_)), "{text}");
            assert!(!error.to_string().contains("sesame"), "{error}");
        }
        assert!(!format!("{:?}", read("postgres://a:sesame@b/c")).contains("sesame"));
    }
}
