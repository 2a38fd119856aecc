//! Users: people who sign in. A user may belong to several organizations.

use chrono::{DateTime, Utc};

use crate::id::UserId;

/// Someone who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// Unique, whatever the case of its letters.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// The user's picture.
    pub avatar_url: Option<String>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
}
