//! Tasks: the object type and its enums.

mod mutation;
mod query;

use async_graphql::{Context, InputObject, Result};
use futures_util::future::try_join_all;
use tenantry_domain::task::Task as Record;
use tenantry_domain::{ProjectId, TaskId, UserId, task as domain};
use tenantry_executor::loaders::{load, node, optional_node};
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::{GlobalId, OrderDirection, Timestamp};
use tenantry_store::task::{TaskParent, TaskSort};
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, task as store};

use crate::enumeration::enumeration;
use crate::loaders::{Assignees, MembersByUser};
use crate::member::Member;
use crate::object::object;
use crate::project::Project;

pub(crate) use mutation::TaskMutation;
pub(crate) use query::TaskQuery;

object! {
    /// Something to do in a project.
    Task = "Task" over Record {
        /// The task's id.
        "id" id: GlobalId<TaskId> = |task| GlobalId(task.id);
        /// What is to be done.
        "title" title: &str = |task| task.title.as_str();
        /// More about it, in Markdown.
        "description" description: Option<&str> = |task| task.description.as_deref();
        /// The column of the board.
        "status" status: TaskStatus = |task| TaskStatus::from(task.status);
        /// How pressing it is.
        "priority" priority: TaskPriority = |task| TaskPriority::from(task.priority);
        /// Where it stands on the board: positions compare as texts, byte by byte.
        "position" position: &str = |task| task.position.as_str();
        /// When it is due.
        "dueAt" due_at: Option<Timestamp> = |task| task.due_at.map(Timestamp);
        /// When it was finished; set exactly while the status is `DONE`.
        "completedAt" completed_at: Option<Timestamp> = |task| task.completed_at.map(Timestamp);
        /// When the task was entered.
        "createdAt" created_at: Timestamp = |task| Timestamp(task.created_at);
        /// When the task last changed.
        "updatedAt" updated_at: Timestamp = |task| Timestamp(task.updated_at);
    }

    lists {
        /// The tasks that are a part of it, in the order of the board unless ordered otherwise.
        "subtasks" subtasks: Task [TaskFilter, TaskOrder] = |task| (TaskParent::Task, task.id), on_the_board;
    }

    /// The project it belongs to.
    async fn project(&self, context: &Context<'_>) -> Result<Option<Resolved<Project>>> {
        node(context, self.0.project_id).await
    }

    /// The task it is a part of.
    async fn parent(&self, context: &Context<'_>) -> Result<Option<Resolved<Task>>> {
        optional_node(context, self.0.parent_task_id).await
    }

    /// The member who entered it; null when it left.
    async fn created_by(&self, context: &Context<'_>) -> Result<Option<Resolved<Member>>> {
        let Some(user_id) = self.0.created_by else { return Ok(None) };
        Ok(load::<MembersByUser>(context, user_id).await?.map(Resolved::from))
    }

    /// The members it is assigned to; at most 50.
    async fn assignees(&self, context: &Context<'_>) -> Result<Vec<Resolved<Member>>> {
        let users = load::<Assignees>(context, self.0.id).await?.unwrap_or_default();
        let members = try_join_all(users.iter().map(|user_id| load::<MembersByUser>(context, *user_id))).await?;
        Ok(members.into_iter().flatten().map(Resolved::from).collect())
    }
}

enumeration! {
    /// The column of the board that a task is in.
    TaskStatus = domain::TaskStatus {
        /// Not planned yet.
        Backlog,
        /// Planned.
        Todo,
        /// Being worked on.
        InProgress,
        /// Waiting for somebody's eyes.
        InReview,
        /// Finished.
        Done,
    }
}

enumeration! {
    /// How pressing a task is.
    TaskPriority = domain::TaskPriority {
        /// When there is time.
        Low,
        /// As usual.
        Medium,
        /// Soon.
        High,
        /// Now.
        Urgent,
    }
}

enumeration! {
    /// What a list of tasks can be sorted by.
    TaskOrderField = store::TaskSort {
        /// When the task was entered.
        CreatedAt,
        /// By due date; tasks without one come last.
        DueAt,
        /// By their place on the board.
        Position,
        /// Urgent ones first, then by due date; tasks without one come last. Meant to run `ASC`.
        Urgency,
    }
}

/// How a list of tasks is sorted.
#[derive(InputObject)]
pub(crate) struct TaskOrder {
    /// What it is sorted by.
    field: TaskOrderField,
    /// Which way it runs.
    direction: OrderDirection,
}

/// What a list of tasks is narrowed to. All conditions must hold.
#[derive(InputObject, Default)]
pub(crate) struct TaskFilter {
    /// Only tasks of one of these statuses.
    status: Option<Vec<TaskStatus>>,
    /// Only tasks of this project.
    project_id: Option<GlobalId<ProjectId>>,
    /// Only tasks that this user is assigned to.
    assignee_id: Option<GlobalId<UserId>>,
    /// Only tasks that are (true) or are not (false) part of another.
    is_subtask: Option<bool>,
    /// Only tasks due at or after this time.
    due_from: Option<Timestamp>,
    /// Only tasks due before this time.
    due_before: Option<Timestamp>,
}

impl From<TaskFilter> for store::TaskFilter {
    fn from(filter: TaskFilter) -> Self {
        Self {
            status: filter.status.unwrap_or_default().into_iter().map(Into::into).collect(),
            project_id: filter.project_id.map(|id| id.0),
            assignee_id: filter.assignee_id.map(|id| id.0),
            is_subtask: filter.is_subtask,
            due_from: filter.due_from.map(|time| time.0),
            due_before: filter.due_before.map(|time| time.0),
        }
    }
}

/// The list that is asked for, in the order of the board unless ordered otherwise.
pub(crate) fn on_the_board(filter: Option<TaskFilter>, order: Option<TaskOrder>, page: PageRequest) -> ListOf<Record> {
    request(filter, order, page, (TaskSort::Position, Direction::Ascending))
}

/// The list that is asked for, the newest first unless ordered otherwise.
pub(crate) fn newest_first(filter: Option<TaskFilter>, order: Option<TaskOrder>, page: PageRequest) -> ListOf<Record> {
    request(filter, order, page, (TaskSort::CreatedAt, Direction::Descending))
}

/// The list that is asked for, urgent ones first and then by due date unless ordered otherwise.
pub(crate) fn urgent_first(filter: Option<TaskFilter>, order: Option<TaskOrder>, page: PageRequest) -> ListOf<Record> {
    request(filter, order, page, (TaskSort::Urgency, Direction::Ascending))
}

/// The list that is asked for; `default` is the order when none is given.
fn request(
    filter: Option<TaskFilter>,
    order: Option<TaskOrder>,
    page: PageRequest,
    default: (store::TaskSort, Direction),
) -> ListOf<Record> {
    let (sort, direction) = order.map_or(default, |order| (order.field.into(), order.direction.into()));
    ListRequest { filter: filter.map(Into::into).unwrap_or_default(), sort, direction, page, ..ListRequest::default() }
}
