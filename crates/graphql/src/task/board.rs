//! A column of a project's board.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use tenantry_domain::ProjectId;
use tenantry_domain::task::{Task as Record, TaskStatus};
use tenantry_executor::error::bad_argument;
use tenantry_executor::loaders::load;
use tenantry_executor::object::Object as Resolved;

use crate::loaders::{BoardCounts, BoardTasks};
use crate::noun::{Choice, Row};

/// The most tasks of a column.
const MAX_TASKS: i32 = 100;

/// A column of a board.
pub(crate) struct BoardColumn {
    project: ProjectId,
    status: TaskStatus,
}

impl BoardColumn {
    /// The column of this status.
    pub(crate) fn new(project: ProjectId, status: TaskStatus) -> Self {
        Self { project, status }
    }
}

/// The tasks of a project that have one status.
#[Object]
impl BoardColumn {
    /// The status.
    async fn status(&self) -> Choice<TaskStatus> {
        Choice(self.status)
    }

    /// How many tasks have it.
    async fn total_count(&self, context: &Context<'_>) -> Result<u64> {
        let counts = load::<BoardCounts>(context, self.project).await?.unwrap_or_default();
        Ok(counts.get(&self.status).copied().unwrap_or_default())
    }

    /// The first tasks of the column, in the order of the board. The others are in the project's `tasks`, filtered by the status.
    async fn tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The number of tasks, at most 100.", default = 20)] first: i32,
    ) -> Result<Vec<Resolved<Row<Record>>>> {
        if !(0..=MAX_TASKS).contains(&first) {
            return Err(bad_argument("first", format!("`first` must be between 0 and {MAX_TASKS}.")));
        }
        let key = (self.project, self.status, i64::from(first));
        let tasks = load::<BoardTasks>(context, key).await?.unwrap_or_default();
        Ok(tasks.iter().map(|task| Resolved::from(Arc::clone(task))).collect())
    }
}
