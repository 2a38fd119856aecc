//! Who is asking: what a verified token says, and what the database adds to it.

use crate::id::{OrganizationId, UserId};
use crate::permission::Role;

/// What a verified token says. It does not say that the user still belongs to the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The user: the token's `sub`.
    pub user_id: UserId,
    /// The organization: the token's `org`. It comes from nowhere else.
    pub organization_id: OrganizationId,
}

/// A member of an organization, as the database knows it at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The user.
    pub user_id: UserId,
    /// The organization that every read and write of this actor is bound to.
    pub organization_id: OrganizationId,
    /// The user's role there.
    pub role: Role,
}
