//! Tasks: what is to be done in a project.

use chrono::{DateTime, Utc};

use crate::change::Change;
use crate::id::{OrganizationId, ProjectId, TaskId, UserId};
use crate::member::Member;
use crate::noun::Noun;
use crate::position::Position;
use crate::project::Project;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

text_enum! {
    /// The column of the board that a task is in.
    TaskStatus {
        /// Not planned yet.
        Backlog = "backlog",
        /// Planned.
        Todo = "todo",
        /// Being worked on.
        InProgress = "in_progress",
        /// Waiting for review.
        InReview = "in_review",
        /// Finished.
        Done = "done",
    }
}

text_enum! {
    /// The priority of a task. The order is the weight.
    TaskPriority {
        /// Low.
        Low = "low",
        /// As usual.
        Medium = "medium",
        /// Soon.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

/// A task in a project.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.tasks", placed = in_project(project_id), read = ReadTask, write = WriteTask, by_hand)]
#[noun(condition(assignee_id: UserId, "Only tasks that this user is assigned to."))]
#[noun(condition(is_subtask: bool, "Only tasks that are (or are not) part of another."))]
#[noun(order(urgency(priority, due_at), "Urgent ones first, then by due date; tasks without one come last."))]
#[noun(parent(
    Assignee,
    noun = "Member",
    list = "tasks",
    column = "a.user_id",
    key = "user_id",
    order = "urgency",
    doc = "The tasks assigned to the member: urgent ones first, then by due date, unless ordered otherwise.",
    join = "JOIN app.task_assignees a ON a.organization_id = t.organization_id AND a.task_id = t.id"
))]
#[noun(parent(
    Invoice,
    noun = "Invoice",
    list = "tasks",
    column = "i.invoice_id",
    doc = "The tasks that it covers, as far as you see them; the newest first unless ordered otherwise.",
    join = "JOIN app.invoice_tasks i ON i.organization_id = t.organization_id AND i.task_id = t.id"
))]
pub struct Task {
    /// The task's id.
    pub id: TaskId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The project it belongs to.
    #[field(guests, once, filter)]
    #[field(link(
        Project,
        cascade,
        list = "tasks",
        order = "position",
        doc = "The project's tasks, in the order of the board unless ordered otherwise."
    ))]
    pub project_id: ProjectId,
    /// The parent task, in the same project.
    #[field(guests)]
    #[field(link(
        Task,
        cascade,
        relation = "parent",
        list = "subtasks",
        order = "position",
        doc = "The tasks that are part of it, in the order of the board unless ordered otherwise."
    ))]
    pub parent_task_id: Option<TaskId>,
    /// The title.
    #[field(text(500), guests)]
    pub title: String,
    /// The description, in Markdown.
    #[field(prose(20_000), guests)]
    pub description: Option<String>,
    /// The column of the board.
    #[field(guests, default = Todo, filter)]
    pub status: TaskStatus,
    /// How urgent it is.
    #[field(guests, default = Medium)]
    pub priority: TaskPriority,
    /// Its place on the board: tasks are sorted by it, byte by byte.
    #[field(guests, computed, sort = "By position on the board.")]
    pub position: Position,
    /// The member who created it; none when the member has left.
    #[field(guests, author, link(Member, keep, key = "user_id", relation = "created_by"))]
    pub created_by: Option<UserId>,
    /// When it is due.
    #[field(guests, filter, sort = "By due date; tasks without one come last.")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it was finished; set exactly while the status is done.
    #[field(guests, computed)]
    pub completed_at: Option<DateTime<Utc>>,
    /// When the task was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the task last changed.
    pub updated_at: DateTime<Utc>,
}

/// The input for a new task.
#[derive(Debug, Clone)]
pub struct NewTask {
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// The parent task, in the same project.
    pub parent_task_id: Option<TaskId>,
    /// Required; 1 to 500 characters.
    pub title: String,
    /// At most 20,000 characters.
    pub description: Option<String>,
    /// `todo` when not given.
    pub status: Option<TaskStatus>,
    /// `medium` when not given.
    pub priority: Option<TaskPriority>,
    /// When it is due.
    pub due_at: Option<DateTime<Utc>>,
    /// Members of the organization, each once; at most 50.
    pub assignee_ids: Vec<UserId>,
}

/// What an update does to a task.
#[derive(Debug, Clone, Default)]
pub struct TaskChanges {
    /// See [`NewTask::title`].
    pub title: Change<String>,
    /// See [`NewTask::description`].
    pub description: Change<Option<String>>,
    /// Moves it to another column of the board.
    pub status: Change<TaskStatus>,
    /// See [`NewTask::priority`].
    pub priority: Change<TaskPriority>,
    /// See [`NewTask::due_at`].
    pub due_at: Change<Option<DateTime<Utc>>>,
    /// See [`NewTask::parent_task_id`].
    pub parent_task_id: Change<Option<TaskId>>,
    /// Replaces the assignees. See [`NewTask::assignee_ids`].
    pub assignee_ids: Change<Vec<UserId>>,
    /// Puts it right behind this sibling; `Set(None)` puts it first.
    pub after_task_id: Change<Option<TaskId>>,
}

/// The most members that can be assigned to one task.
pub const MAX_ASSIGNEES: usize = 50;

/// The greatest depth of subtasks below a task without a parent.
pub const MAX_SUBTASK_DEPTH: usize = 20;

impl NewTask {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            title: v.required_text("title", &self.title, 500),
            description: v.optional_prose("description", self.description.as_deref(), 20_000),
            assignee_ids: assignees(&mut v, self.assignee_ids),
            ..self
        };
        v.into_result().map(|()| valid)
    }
}

impl TaskChanges {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            title: self.title.map(|title| v.required_text("title", &title, 500)),
            description: self.description.map(|text| v.optional_prose("description", text.as_deref(), 20_000)),
            assignee_ids: self.assignee_ids.map(|ids| assignees(&mut v, ids)),
            ..self
        };
        v.into_result().map(|()| valid)
    }
}

/// When a task was finished, given its status before and after: set on reaching `done`, kept while there, cleared on
/// leaving.
pub fn completed_at(
    before: Option<DateTime<Utc>>,
    status_after: TaskStatus,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    if status_after == TaskStatus::Done { before.or(Some(now)) } else { None }
}

fn assignees(v: &mut Violations, mut ids: Vec<UserId>) -> Vec<UserId> {
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > MAX_ASSIGNEES {
        let message = format!("At most {MAX_ASSIGNEES} members can be assigned.");
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "assigneeIds", message));
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_completion_time_follows_the_status() {
        let (early, late) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + chrono::Duration::days(1));
        assert_eq!(completed_at(None, TaskStatus::Done, late), Some(late));
        assert_eq!(completed_at(Some(early), TaskStatus::Done, late), Some(early));
        assert_eq!(completed_at(Some(early), TaskStatus::Todo, late), None);
    }
}
