//! Tasks: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use tenantry_domain::task::{NewTask, TaskChanges};
use tenantry_domain::{ProjectId, TaskId, UserId, Violations};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::task as service;

use super::{Record, Task, TaskPriority, TaskStatus};
use crate::mutation::{nullable, payload, refused, required, write};

/// The input for a new task.
#[derive(InputObject)]
pub(crate) struct CreateTaskInput {
    /// The project it belongs to.
    project_id: GlobalId<ProjectId>,
    /// The parent task, in the same project.
    parent_task_id: Option<GlobalId<TaskId>>,
    /// The title; 1 to 500 characters.
    title: String,
    /// The description, in Markdown; at most 20,000 characters.
    description: Option<String>,
    /// The column of the board. Default: to do.
    status: Option<TaskStatus>,
    /// How urgent it is; medium when not given.
    priority: Option<TaskPriority>,
    /// When it is due.
    due_at: Option<Timestamp>,
    /// The assigned users, who must be members; at most 50.
    assignee_ids: Option<Vec<GlobalId<UserId>>>,
}

/// Changes to a task. Fields that are not given stay; null clears a field.
#[derive(InputObject)]
pub(crate) struct UpdateTaskInput {
    /// The task.
    id: GlobalId<TaskId>,
    /// Refuse with `CONFLICT` unless the task was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The title; 1 to 500 characters.
    title: MaybeUndefined<String>,
    /// The description, in Markdown; at most 20,000 characters.
    description: MaybeUndefined<String>,
    /// Moves it to another column of the board.
    status: MaybeUndefined<TaskStatus>,
    /// How urgent it is.
    priority: MaybeUndefined<TaskPriority>,
    /// When it is due.
    due_at: MaybeUndefined<Timestamp>,
    /// The new parent task, in the same project; null for none.
    parent_task_id: MaybeUndefined<GlobalId<TaskId>>,
    /// Replaces the assigned users, who must be members; at most 50.
    assignee_ids: MaybeUndefined<Vec<GlobalId<UserId>>>,
    /// Moves it directly after this task of the same project; null moves it to the front.
    after_task_id: MaybeUndefined<GlobalId<TaskId>>,
}

/// Which task to delete.
#[derive(InputObject)]
pub(crate) struct DeleteTaskInput {
    /// The task.
    id: GlobalId<TaskId>,
    /// Refuse with `CONFLICT` unless the task was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

payload! {
    /// The result of creating a task.
    CreateTaskPayload {
        /// The new task.
        task: Resolved<Task>
    }
}

payload! {
    /// The result of changing a task.
    UpdateTaskPayload {
        /// The task as it is now.
        task: Resolved<Task>
    }
}

payload! {
    /// The result of deleting a task.
    DeleteTaskPayload {
        /// The id that the task had.
        deleted_task_id: GlobalId<TaskId>
    }
}

/// Root fields that write tasks.
#[derive(Default)]
pub(crate) struct TaskMutation;

#[Object]
impl TaskMutation {
    /// Creates a task, after all others of its project.
    async fn create_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task to create.")] input: CreateTaskInput,
    ) -> Result<Option<Ordered<CreateTaskPayload>>> {
        let new = NewTask {
            project_id: input.project_id.0,
            parent_task_id: input.parent_task_id.map(|id| id.0),
            title: input.title,
            description: input.description,
            status: input.status.map(|status| status.0),
            priority: input.priority.map(|priority| priority.0),
            due_at: input.due_at.map(|time| time.0),
            assignee_ids: users(input.assignee_ids.unwrap_or_default()),
        };
        let created = write(context, |scope| Box::pin(service::create(scope, new.clone()))).await?;
        Ok(Some(created.map(Arc::<Record>::new).into()))
    }

    /// Changes a task, or moves it on its board or under another task.
    async fn update_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task and its changes.")] input: UpdateTaskInput,
    ) -> Result<Option<Ordered<UpdateTaskPayload>>> {
        let mut faults = Violations::default();
        let changes = TaskChanges {
            title: required(&mut faults, "title", input.title, |title| title),
            description: nullable(input.description, |text| text),
            status: required(&mut faults, "status", input.status, |status| status.0),
            priority: required(&mut faults, "priority", input.priority, |priority| priority.0),
            due_at: nullable(input.due_at, |time| time.0),
            parent_task_id: nullable(input.parent_task_id, |id| id.0),
            assignee_ids: required(&mut faults, "assigneeIds", input.assignee_ids, users),
            after_task_id: nullable(input.after_task_id, |id| id.0),
        };
        if let Err(faults) = faults.into_result() {
            return Ok(Some(refused::<Arc<Record>>(faults).into()));
        }
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let updated = write(context, |scope| Box::pin(service::update(scope, id, expected, changes.clone()))).await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Deletes a task with its subtasks.
    async fn delete_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task to delete.")] input: DeleteTaskInput,
    ) -> Result<Option<Ordered<DeleteTaskPayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let deleted = write(context, |scope| Box::pin(service::delete(scope, id, expected))).await?;
        Ok(Some(deleted.map(GlobalId).into()))
    }
}

fn users(ids: Vec<GlobalId<UserId>>) -> Vec<UserId> {
    ids.into_iter().map(|id| id.0).collect()
}
