//! Grants: what one member may do in one workspace or project beyond the role. What they allow is decided in
//! [`permission`](crate::permission).

use chrono::{DateTime, Utc};

use crate::id::{OrganizationId, ProjectId, ProjectMemberId, UserId, WorkspaceId, WorkspaceMemberId};
use crate::permission::Grant;

/// A member's grant on a workspace and on all that lies in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceGrant {
    /// The grant's id.
    pub id: WorkspaceMemberId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// The user, who is a member; there is at most one grant of a user on a workspace.
    pub user_id: UserId,
    /// What is allowed.
    pub permission: Grant,
    /// When it was first given.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A member's grant on a project and on all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectGrant {
    /// The grant's id.
    pub id: ProjectMemberId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The project.
    pub project_id: ProjectId,
    /// The user, who is a member; there is at most one grant of a user on a project.
    pub user_id: UserId,
    /// What is allowed.
    pub permission: Grant,
    /// When it was first given.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
