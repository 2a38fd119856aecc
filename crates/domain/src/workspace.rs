//! Workspaces: what projects lie in. A private one hides them.

use chrono::{DateTime, Utc};

use crate::id::{OrganizationId, UserId, WorkspaceId};
use crate::noun::Noun;

/// A part of the organization that holds projects.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.workspaces", placed = workspace, read = ReadWorkspace, write = ManageWorkspace)]
#[noun(order_by = name, ascending)]
pub struct Workspace {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The workspace's name, unique in the organization.
    #[field(text(100), guests, filter, sort, unique)]
    pub name: String,
    /// What it is for.
    #[field(prose(2_000), guests)]
    pub description: Option<String>,
    /// Whether only owners, admins and members with a grant can see it and its contents.
    #[field(guests, default = false)]
    pub is_private: bool,
    /// Whether a project goes here when no workspace is given. Every organization has exactly one such workspace.
    #[field(guests, computed)]
    pub is_default: bool,
    /// The user who created it; none when the user is gone.
    #[field(internal, author)]
    pub created_by: Option<UserId>,
    /// When the workspace was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the workspace last changed.
    pub updated_at: DateTime<Utc>,
}
