//! Users: people who sign in. A user may belong to several organizations.

use chrono::{DateTime, Utc};

use crate::id::UserId;
use crate::text::folded_email;
use crate::validate::Violations;

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

/// The input for creating a user.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// Required; an e-mail address that no other user has. Upper and lower case count as the same.
    pub email: String,
    /// Required; 1 to 200 characters.
    pub name: String,
}

impl NewUser {
    /// The validated input: the address folded, the name trimmed.
    ///
    /// # Errors
    /// All fields that are out of bounds.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            email: folded_email(&v.required_email("email", &self.email)),
            name: v.required_text("name", &self.name, 200),
        };
        v.into_result().map(|()| valid)
    }
}
