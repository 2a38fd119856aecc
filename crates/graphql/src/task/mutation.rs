//! Tasks: the root field that moves one.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use tenantry_domain::task::{Destination, Task as Record, TaskStatus};
use tenantry_domain::{ProjectId, TaskId};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::task::{move_task, move_tasks};

use crate::error::UserError;
use crate::mutation::{payload, write};
use crate::noun::{Choice, Row};

/// Where a task is to go. Without a neighbour it comes at the end of the project's board, which is the end of its column.
#[derive(InputObject)]
pub(crate) struct MoveTaskInput {
    /// The task.
    id: GlobalId<TaskId>,
    /// Refuse with `CONFLICT` unless the task was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The project that it goes to, with all its subtasks; what it was a subtask of stays. By default it stays in its project.
    project_id: Option<GlobalId<ProjectId>>,
    /// The column that it goes to. By default it stays in its column.
    status: Option<Choice<TaskStatus>>,
    /// The task of that project that it is to stand in front of.
    before: Option<GlobalId<TaskId>>,
    /// The task of that project that it is to stand right behind.
    after: Option<GlobalId<TaskId>>,
}

impl MoveTaskInput {
    fn destination(&self) -> Destination {
        Destination {
            project_id: self.project_id.map(|id| id.0),
            status: self.status.map(|status| status.0),
            before: self.before.map(|id| id.0),
            after: self.after.map(|id| id.0),
        }
    }
}

/// Several moves.
#[derive(InputObject)]
pub(crate) struct MoveTasksInput {
    /// 1 to 100 moves, which are made in this order.
    tasks: Vec<MoveTaskInput>,
}

/// The result of moving several tasks.
#[derive(SimpleObject)]
pub(crate) struct MoveTasksPayload {
    /// The moved tasks, in the order of the input; null if the mutation was refused.
    tasks: Option<Vec<Resolved<Row<Record>>>>,
    /// Why the mutation was refused; empty if it succeeded.
    user_errors: Vec<UserError>,
}

payload! {
    /// The result of moving a task.
    MoveTaskPayload {
        /// The moved task.
        task: Resolved<Row<Record>>
    }
}

/// Root fields that move tasks.
#[derive(Default)]
pub(crate) struct TaskMutation;

#[Object]
impl TaskMutation {
    /// Moves a task on its board, or to another project's. The server finds the position between the neighbours. Where a place is crowded,
    /// the tasks around it get new positions as well, in the same order, and have changed.
    async fn move_task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task, and where it is to go.")] input: MoveTaskInput,
    ) -> Result<Option<Ordered<MoveTaskPayload>>> {
        let (id, expected, to) = (input.id.0, input.expected_updated_at.map(|time| time.0), input.destination());
        let moved = write(context, |scope| Box::pin(move_task(scope, id, expected, to))).await?;
        Ok(Some(moved.map(Arc::<Record>::new).into()))
    }

    /// Moves up to 100 tasks in one transaction: all of them, or none.
    async fn move_tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The tasks, and where each is to go.")] input: MoveTasksInput,
    ) -> Result<Option<Ordered<MoveTasksPayload>>> {
        let moves: Vec<_> = input
            .tasks
            .iter()
            .map(|task| (task.id.0, task.expected_updated_at.as_ref().map(|time| time.0), task.destination()))
            .collect();
        let result = write(context, |scope| {
            let moves = moves.clone();
            Box::pin(async move { move_tasks(scope, "tasks", &moves).await })
        });
        Ok(Some(Ordered(match result.await? {
            Ok(tasks) => {
                let tasks = tasks.into_iter().map(|task| Resolved::from(Arc::new(task))).collect();
                MoveTasksPayload { tasks: Some(tasks), user_errors: Vec::new() }
            }
            Err(user_errors) => MoveTasksPayload { tasks: None, user_errors },
        })))
    }
}
