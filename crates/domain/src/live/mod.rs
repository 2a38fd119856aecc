//! What happens, as it happens: the order in which changes are told, and where a reader has got to.
//!
//! Changes are told in the order in which they became visible. The database numbers a transaction when it first writes, and not when it
//! commits, so the numbers alone do not give that order. But two snapshots tell what was committed between them: what the later one
//! sees and the earlier one does not. Such a batch is told in the order of its entries' times, which are taken while a transaction still holds
//! what it changed.

mod cursor;
mod snapshot;

pub use cursor::{Cursor, CursorError};
pub use snapshot::{Snapshot, SnapshotError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::activity::EntityType;
use crate::id::{ActivityId, EntityId, OrganizationId, ProjectId};
use crate::permission::Role;

/// For how long what happened is told to those who come back.
pub const KEPT: TimeDelta = TimeDelta::days(1);

/// Something that happened, as far as it takes to find those who want to know. What it was they read themselves, as far as they may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Where.
    pub organization_id: OrganizationId,
    /// The transaction that it happened in.
    pub transaction: i64,
    /// The entry that tells of it.
    pub activity_id: ActivityId,
    /// When, as the entry says.
    pub at: DateTime<Utc>,
    /// To what.
    pub kind: EntityType,
    /// Which of these.
    pub entity_id: EntityId,
    /// In which project; none for what is in no project, or for one that is gone.
    pub project_id: Option<ProjectId>,
}

impl Happened {
    /// Whether it happened to the project itself.
    fn is_of(&self, project: ProjectId) -> bool {
        self.kind == EntityType::Project && self.entity_id.as_uuid() == project.as_uuid()
    }
}

/// What a reader wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// Every change of these kinds of things; of all kinds if there are none.
    Kinds(Vec<EntityType>),
    /// What happens to the tasks of a project, and to the project itself.
    Board(ProjectId),
}

impl Topic {
    /// The kinds that it is about; all if there are none.
    pub fn kinds(&self) -> &[EntityType] {
        match self {
            Self::Kinds(kinds) => kinds,
            Self::Board(_) => &[EntityType::Project, EntityType::Task],
        }
    }

    /// The project that it is about, if it is about one.
    pub fn project(&self) -> Option<ProjectId> {
        match self {
            Self::Kinds(_) => None,
            Self::Board(project) => Some(*project),
        }
    }

    /// Whether it is about this.
    pub fn is_about(&self, happened: &Happened) -> bool {
        let kinds = self.kinds();
        (kinds.is_empty() || kinds.contains(&happened.kind))
            && self.project().is_none_or(|project| happened.project_id == Some(project) || happened.is_of(project))
    }
}

/// Whether a member who had one role and has another now, or is no member any more, has lost a right by that.
pub fn is_demoted(before: Role, now: Option<Role>) -> bool {
    now.is_none_or(|now| !now.at_least(before))
}
