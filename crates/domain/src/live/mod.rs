//! Live changes: their order, and a reader's position in it.
//!
//! Readers get changes in the order of their commits. Transaction ids do not give that order, because PostgreSQL assigns an id when a
//! transaction first writes, not when it commits. Two snapshots do: what was committed between them is what the later snapshot sees and the
//! earlier one does not. Such a batch is sorted by the times in its entries. Each time is taken at the commit, while the transaction still
//! holds its row locks.

mod cursor;
mod snapshot;

pub use cursor::{Cursor, CursorError};
pub use snapshot::{Snapshot, SnapshotError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::activity::EntityType;
use crate::id::{ActivityId, EntityId, OrganizationId, ProjectId};
use crate::permission::Role;

/// How long a cursor is valid: a reader who comes back within this time gets all changes in between.
pub const KEPT: TimeDelta = TimeDelta::days(1);

/// A change, with what is needed to find its readers. Each reader reads the entry itself, with their own permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The id of the transaction that made it.
    pub transaction: i64,
    /// Its entry.
    pub activity_id: ActivityId,
    /// The entry's time.
    pub at: DateTime<Utc>,
    /// The kind of thing that changed.
    pub kind: EntityType,
    /// Its id.
    pub entity_id: EntityId,
    /// Its project; `None` if it is in none, or if it is a project that was deleted.
    pub project_id: Option<ProjectId>,
}

impl Happened {
    /// Whether the project itself changed.
    fn is_of(&self, project: ProjectId) -> bool {
        self.kind == EntityType::Project && self.entity_id.as_uuid() == project.as_uuid()
    }
}

/// The changes that a reader wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// Changes of these kinds of things; of all kinds if the list is empty.
    Kinds(Vec<EntityType>),
    /// Changes of a project's tasks, and of the project itself.
    Board(ProjectId),
}

impl Topic {
    /// The kinds of things; all kinds if the list is empty.
    pub fn kinds(&self) -> &[EntityType] {
        match self {
            Self::Kinds(kinds) => kinds,
            Self::Board(_) => &[EntityType::Project, EntityType::Task],
        }
    }

    /// The project, if only one is wanted.
    pub fn project(&self) -> Option<ProjectId> {
        match self {
            Self::Kinds(_) => None,
            Self::Board(project) => Some(*project),
        }
    }

    /// Whether the reader wants this change.
    pub fn is_about(&self, happened: &Happened) -> bool {
        let kinds = self.kinds();
        (kinds.is_empty() || kinds.contains(&happened.kind))
            && self.project().is_none_or(|project| happened.project_id == Some(project) || happened.is_of(project))
    }
}

/// Whether a member has lost rights: the role is lower than before, or the member was removed.
pub fn is_demoted(before: Role, now: Option<Role>) -> bool {
    now.is_none_or(|now| !now.at_least(before))
}
