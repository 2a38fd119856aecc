//! Members: which users belong to an organization, and as what.

use chrono::{DateTime, Utc};

use crate::id::{MemberId, OrganizationId, UserId};
use crate::permission::Role;

/// A user's membership of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The membership's id.
    pub id: MemberId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The user.
    pub user_id: UserId,
    /// The user's role there.
    pub role: Role,
    /// The user who invited this one; none for the first owner, or when that user is gone.
    pub invited_by: Option<UserId>,
    /// When the user joined.
    pub joined_at: DateTime<Utc>,
    /// The user's name.
    pub name: String,
    /// The user's e-mail address; a guest sees only its own.
    pub email: Option<String>,
    /// The user's picture.
    pub avatar_url: Option<String>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}
