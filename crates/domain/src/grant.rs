//! Grants: what one member may do in one workspace or project beyond the role. What they allow is decided in
//! [`permission`](crate::permission).

use chrono::{DateTime, Utc};

use crate::id::{OrganizationId, ProjectId, ProjectMemberId, UserId, WorkspaceId, WorkspaceMemberId};
use crate::member::Member;
use crate::noun::Noun;
use crate::permission::Grant;
use crate::project::Project;
use crate::workspace::Workspace;

/// A member's grant on a workspace and on all that lies in it.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.workspace_members", placed = own, read = ReadGrants, write = ManageGrants)]
#[noun(by_hand, ascending, unsortable, nested)]
pub struct WorkspaceGrant {
    /// The grant's id.
    pub id: WorkspaceMemberId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The workspace.
    #[field(
        guests,
        once,
        link(
            Workspace,
            cascade,
            list = "grants",
            doc = "The grants on it, the oldest first. Callers who may give grants see all of them; others see only their own."
        )
    )]
    pub workspace_id: WorkspaceId,
    /// The member who has it; there is at most one grant of a member on a workspace.
    #[field(guests, once, link(Member, cascade, key = "user_id", relation = "member"))]
    pub user_id: UserId,
    /// The permission.
    #[field(guests)]
    pub permission: Grant,
    /// When the grant was first given.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A member's grant on a project and on all that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.project_members", placed = own, read = ReadGrants, write = ManageGrants)]
#[noun(by_hand, ascending, unsortable, nested)]
pub struct ProjectGrant {
    /// The grant's id.
    pub id: ProjectMemberId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The project.
    #[field(
        guests,
        once,
        link(
            Project,
            cascade,
            list = "grants",
            doc = "The grants on it, the oldest first. Callers who may give grants see all of them; others see only their own."
        )
    )]
    pub project_id: ProjectId,
    /// The member who has it; there is at most one grant of a member on a project.
    #[field(guests, once, link(Member, cascade, key = "user_id", relation = "member"))]
    pub user_id: UserId,
    /// The permission.
    #[field(guests)]
    pub permission: Grant,
    /// When the grant was first given.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}
