//! Workspaces: where projects lie, and the border of what is private.

use chrono::{DateTime, Utc};

use crate::change::Change;
use crate::id::{OrganizationId, UserId, WorkspaceId};
use crate::validate::Violations;

/// A part of the organization that projects lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// Unique in the organization.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether only owners, admins and those with a grant see it and all in it.
    pub is_private: bool,
    /// Whether a project without a named workspace comes here. Every organization has exactly one.
    pub is_default: bool,
    /// The user who made it; none when the user is gone.
    pub created_by: Option<UserId>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a new workspace is made from.
#[derive(Debug, Clone, Default)]
pub struct NewWorkspace {
    /// Required; 1 to 100 characters; unique in the organization.
    pub name: String,
    /// At most 2,000 characters.
    pub description: Option<String>,
    /// Whether only those with a grant see it.
    pub is_private: bool,
}

/// What an update does to a workspace.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceChanges {
    /// See [`NewWorkspace::name`].
    pub name: Change<String>,
    /// See [`NewWorkspace::description`].
    pub description: Change<Option<String>>,
    /// See [`NewWorkspace::is_private`].
    pub is_private: Change<bool>,
}

impl NewWorkspace {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: v.required_text("name", &self.name, 100),
            description: v.optional_prose("description", self.description.as_deref(), 2_000),
            is_private: self.is_private,
        };
        v.into_result().map(|()| valid)
    }
}

impl WorkspaceChanges {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: self.name.map(|name| v.required_text("name", &name, 100)),
            description: self.description.map(|text| v.optional_prose("description", text.as_deref(), 2_000)),
            is_private: self.is_private,
        };
        v.into_result().map(|()| valid)
    }
}
