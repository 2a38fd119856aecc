//! Personal tasks: a user's private list.

use chrono::{DateTime, Utc};

use crate::id::{OrganizationId, PersonalTaskId, UserId};
use crate::noun::Noun;
use crate::task::TaskPriority;
use crate::text_enum::text_enum;

text_enum! {
    /// What a personal task is about.
    PersonalTaskCategory {
        /// Work.
        Work = "work",
        /// Life beside work.
        Personal = "personal",
        /// Money.
        Finance = "finance",
        /// Health.
        Health = "health",
        /// Something to learn.
        Learning = "learning",
        /// Anything else.
        Other = "other",
    }
}

/// A private task of one user, in no project. Only that user sees it; owners and admins do not.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.personal_tasks", placed = user(user_id), read = ReadPersonalTask, write = WritePersonalTask)]
pub struct PersonalTask {
    /// The personal task's id.
    pub id: PersonalTaskId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The user whose task it is.
    #[field(internal, author)]
    pub user_id: UserId,
    /// The title.
    #[field(text(500), guests)]
    pub title: String,
    /// Whether it is done.
    #[field(guests, default = false, filter)]
    pub is_completed: bool,
    /// Whether it is for today. Otherwise it is in the backlog.
    #[field(guests, default = false, filter)]
    pub is_today: bool,
    /// What it is about.
    #[field(guests, default = Other, filter)]
    pub category: PersonalTaskCategory,
    /// How urgent it is.
    #[field(guests, default = Medium, filter)]
    pub priority: TaskPriority,
    /// When the personal task was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the personal task last changed.
    pub updated_at: DateTime<Utc>,
}
