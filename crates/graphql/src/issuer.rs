//! Where tokens come from, for callers who work for several organizations.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tenantry_domain::Identity;

/// Makes tokens that this server will believe. Without one, callers get their tokens from an identity provider only.
pub trait TokenIssuer: Send + Sync {
    /// A token for this user in this organization, to which the user belongs; good for no longer than until `not_after`, if that is
    /// given.
    ///
    /// # Errors
    /// When it cannot be signed; the log is told why, and the caller is not.
    fn issue(&self, identity: Identity, not_after: Option<DateTime<Utc>>) -> Result<IssuedToken, IssueError>;
}

/// A new token.
#[derive(Clone)]
pub struct IssuedToken {
    /// The token, as it goes behind `Bearer `.
    pub token: String,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is a secret.
        f.debug_struct("IssuedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a token could not be made")]
pub struct IssueError(#[source] pub Box<dyn Error + Send + Sync>);

/// The issuer, if there is one, among the schema's data.
#[derive(Clone, Default)]
pub(crate) struct OptionalIssuer(pub(crate) Option<Arc<dyn TokenIssuer>>);
