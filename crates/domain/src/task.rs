//! Tasks: what is to be done in a project.

use chrono::{DateTime, Utc};

use crate::id::{ClientId, LabelId, OrganizationId, ProjectId, TaskId, UserId, WorkspaceId};
use crate::member::Member;
use crate::noun::Noun;
use crate::position::Position;
use crate::project::Project;
use crate::text_enum::text_enum;

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
    /// The priority of a task, from the lowest to the highest.
    TaskPriority {
        /// It can wait.
        Low = "low",
        /// Normal.
        Medium = "medium",
        /// To be done soon.
        High = "high",
        /// To be done at once.
        Urgent = "urgent",
    }
}

/// A task in a project.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.tasks", placed = in_project(project_id), read = ReadTask, write = WriteTask)]
#[noun(input(assignee_ids: Vec<UserId>, many(50), "The members to assign. On an update, they replace those before"))]
#[noun(input(label_ids: Vec<LabelId>, many(50), "The labels of the task. On an update, they replace those before"))]
#[noun(input(after_task_id: Option<TaskId>, update, "Moves the task to directly after this one of the same project; null moves it to the start. `moveTask` does this and more"))]
#[noun(condition(assignee_id: UserId, nullable, "Only tasks that this member is assigned to. Null finds those without an assignee."))]
#[noun(condition(label_id: LabelId, nullable, "Only tasks with this label. Null finds those without a label."))]
#[noun(condition(client_id: ClientId, nullable, "Only tasks of this client's projects. Null finds those of projects without a client."))]
#[noun(condition(workspace_id: WorkspaceId, "Only tasks of the projects in this workspace."))]
#[noun(condition(is_overdue: bool, "True finds only tasks that are past their due date and not done, false only the others."))]
#[noun(condition(is_archived: bool, "True finds only tasks of archived projects, false only the others."))]
#[noun(condition(is_unbilled: bool, "True finds only finished tasks that are on no invoice, or only on void ones, false only the others. Guests find none."))]
#[noun(condition(is_subtask: bool, "True finds only subtasks, false only tasks without a parent."))]
#[noun(order(
    urgency(priority, due_at),
    "By priority, then by due date. Ascending, urgent tasks come first; tasks without a due date come last."
))]
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
#[noun(parent(
    Label,
    noun = "Label",
    list = "tasks",
    column = "l.label_id",
    doc = "The tasks with this label, as far as you see them; the newest first unless ordered otherwise.",
    join = "JOIN app.task_labels l ON l.organization_id = t.organization_id AND l.task_id = t.id"
))]
#[noun(parent(
    Client,
    noun = "Client",
    list = "tasks",
    column = "p.client_id",
    doc = "The tasks of the client's projects; the newest first unless ordered otherwise.",
    join = "JOIN app.projects p ON p.organization_id = t.organization_id AND p.id = t.project_id"
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
    #[field(text(500), guests, searched(8))]
    pub title: String,
    /// The description, in Markdown.
    #[field(prose(20_000), guests, searched(2))]
    pub description: Option<String>,
    /// The column of the board.
    #[field(guests, default = Todo, filter)]
    pub status: TaskStatus,
    /// How urgent it is.
    #[field(guests, default = Medium, filter)]
    pub priority: TaskPriority,
    /// Its place on the board. Tasks are sorted by this text; compare it byte by byte.
    #[field(guests, computed, untold, sort = "By position on the board.")]
    pub position: Position,
    /// The member who created it; null if the member has left.
    #[field(guests, author, link(Member, keep, key = "user_id", relation = "created_by"))]
    pub created_by: Option<UserId>,
    /// The time at which it is due.
    #[field(guests, filter, sort = "By due date; tasks without one come last.")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it was finished; null unless the status is `DONE`.
    #[field(guests, computed, filter)]
    pub completed_at: Option<DateTime<Utc>>,
    /// When the task was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the task last changed.
    pub updated_at: DateTime<Utc>,
}

/// Where a task is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Destination {
    /// Another project; its own when absent.
    pub project_id: Option<ProjectId>,
    /// Another column of the board; its own when absent.
    pub status: Option<TaskStatus>,
    /// The task that it is to stand in front of.
    pub before: Option<TaskId>,
    /// The task that it is to stand behind.
    pub after: Option<TaskId>,
}

/// How many tasks of a circle are shown.
const SHOWN: usize = 8;

/// Those tasks of a circle that [`circle`] shows: all of a short one, of a long one both ends.
pub fn circle_ends(path: &[TaskId]) -> Vec<TaskId> {
    let mut ends = path.to_vec();
    if ends.len() > SHOWN {
        ends.drain(SHOWN / 2..path.len() - SHOWN / 2);
    }
    ends
}

/// The titles of the tasks on a circle of this length, in a sentence: each is above the next, and the last is the first again. Of a long
/// one, both ends are given.
pub fn circle(titles: &[&str], length: usize) -> String {
    const LONGEST: usize = 60;
    let short = |title: &str| match title.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("\"{}…\"", &title[..end]),
        None => format!("\"{title}\""),
    };
    let mut shown: Vec<String> = titles.iter().map(|title| short(title)).collect();
    if length > shown.len() {
        shown.insert(shown.len() / 2, format!("({} more)", length - shown.len()));
    }
    shown.join(" → ")
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

    #[test]
    fn a_circle_is_shown_with_its_ends() {
        assert_eq!(circle(&["a", "b", "a"], 3), "\"a\" → \"b\" → \"a\"");
        let path: Vec<TaskId> = (0..20).map(|n| TaskId::from_uuid(uuid::Uuid::from_u128(n))).collect();
        let ends = circle_ends(&path);
        assert_eq!(ends, [&path[..4], &path[16..]].concat());
        assert_eq!(circle_ends(&path[..8]), path[..8]);
        let titles = ["0", "1", "2", "3", "16", "17", "18", "19"];
        let expected = "\"0\" → \"1\" → \"2\" → \"3\" → (12 more) → \"16\" → \"17\" → \"18\" → \"19\"";
        assert_eq!(circle(&titles, 20), expected);
        assert_eq!(circle(&["é".repeat(61).as_str()], 1), format!("\"{}…\"", "é".repeat(60)));
    }
}
