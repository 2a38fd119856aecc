//! The board of a project: its tasks by status.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use tenantry_domain::ProjectId;
use tenantry_domain::project::Project;
use tenantry_domain::task::{Task as Record, TaskStatus};
use tenantry_executor::error::bad_argument;
use tenantry_executor::loaders::load;
use tenantry_executor::object::{Object as Resolved, Ordered};

use crate::loaders::{BoardCounts, BoardTasks};
use crate::noun::{Choice, Mutations, Row, Shown};

/// The most tasks of a column.
const MAX_TASKS: i32 = 100;

impl Shown for Project {
    type More = ProjectMore;

    fn mutations() -> Option<Mutations> {
        Some(Mutations::of::<Self>("It counts against the plan.").and_many::<Self>())
    }
}

/// Fields of a project beside those that are declared.
pub(crate) struct ProjectMore(Arc<Project>);

impl From<Arc<Project>> for ProjectMore {
    fn from(project: Arc<Project>) -> Self {
        Self(project)
    }
}

#[Object]
impl ProjectMore {
    /// The project's tasks by status: one column for each, in the order of the work.
    async fn board(&self) -> Vec<Ordered<BoardColumn>> {
        let project = self.0.id;
        TaskStatus::ALL.iter().map(|status| Ordered(BoardColumn { project, status: *status })).collect()
    }
}

/// A column of a board.
pub(crate) struct BoardColumn {
    project: ProjectId,
    status: TaskStatus,
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
