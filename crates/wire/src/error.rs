//! Errors of the connection to the server.

use std::fmt;
use std::io;
use std::sync::Arc;

/// Any error, shared by all callers that waited for the same exchange.
type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// Makes a cause of an error or a text.
pub(crate) fn cause(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Cause {
    Arc::from(error.into())
}

/// A failure. Clones share the same cause.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The address cannot be understood.
    #[error("the address of the database is malformed: {0}")]
    Address(String),
    /// The connection could not be made, or it broke.
    #[error("the connection to the database failed")]
    Io(#[source] Arc<io::Error>),
    /// Encryption could not be established.
    #[error("a secure connection to the database could not be established")]
    Tls(#[source] Cause),
    /// The server asks for an authentication method that we do not support.
    #[error("the server refused the login: {0}")]
    Authentication(&'static str),
    /// The server violated the protocol, or did not apply a setting of the session.
    #[error("the server violated the protocol or the session's settings: {0}")]
    Protocol(&'static str),
    /// The server refused a statement, or the connection itself.
    #[error("{0}")]
    Server(#[source] Arc<ServerError>),
    /// No connection became available in time.
    #[error("no connection was available in time")]
    TimedOut,
    /// The connection, or the pool it comes from, is closed.
    #[error("the connection is closed")]
    Closed,
    /// A value cannot be sent.
    #[error("a value cannot be sent to the database")]
    Encode(#[source] Cause),
    /// A column's value does not have the requested type.
    #[error("the column {column} cannot be read")]
    Decode {
        /// The column's index in the row.
        column: usize,
        /// The reason.
        #[source]
        source: Cause,
    },
    /// A row was expected, and there is none.
    #[error("the statement returned no row")]
    NoRow,
}

impl Error {
    /// An error for a value that cannot be sent, with this reason.
    pub fn encode(reason: &str) -> Self {
        Self::Encode(cause(reason))
    }

    /// The server's five-character code (appendix A of PostgreSQL's manual), if the server refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Server(error) => Some(&error.code),
            _ => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// The server's message about a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerError {
    /// `ERROR`, or `FATAL` or `PANIC`, after which the connection is closed.
    pub severity: String,
    /// The five-character code.
    pub code: String,
    /// The one-line description.
    pub message: String,
    /// More details; may contain values of rows.
    pub detail: Option<String>,
    /// The constraint that refused the write.
    pub constraint: Option<String>,
}

impl ServerError {
    /// Reads the fields of an `ErrorResponse` or a `NoticeResponse`.
    pub(crate) fn parse(mut fields: &[u8]) -> Self {
        let mut error = Self::default();
        while let Some((&kind, rest)) = fields.split_first().filter(|(kind, _)| **kind != 0) {
            let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            let text = String::from_utf8_lossy(&rest[..end]).into_owned();
            match kind {
                // The severity in the form that is never translated.
                b'V' => error.severity = text,
                b'C' => error.code = text,
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'n' => error.constraint = Some(text),
                _ => {}
            }
            fields = rest.get(end + 1..).unwrap_or_default();
        }
        error
    }

    /// Whether the server closes the connection after it.
    pub(crate) fn is_fatal(&self) -> bool {
        self.severity == "FATAL" || self.severity == "PANIC"
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the detail, because it quotes rows.
        write!(out, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for ServerError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_an_error_are_read_even_if_malformed() {
        let error = ServerError::parse(b"SFEHLER\0VERROR\0C23505\0Mno\0Dkey\0nt_key\0Zx\0\0");
        assert_eq!((error.severity.as_str(), error.code.as_str(), error.message.as_str()), ("ERROR", "23505", "no"));
        assert_eq!((error.detail.as_deref(), error.constraint.as_deref()), (Some("key"), Some("t_key")));
        assert_eq!(error.to_string(), "no (23505)", "the detail quotes a row and stays inside");
        for cut in [&b""[..], b"\0", b"M", b"Mhalf", b"C\xff\0\0"] {
            assert!(!ServerError::parse(cut).is_fatal());
        }
    }
}
