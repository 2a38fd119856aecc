//! Projects: their board.

use std::sync::Arc;

use async_graphql::Object;
use tenantry_domain::project::Project;
use tenantry_domain::task::TaskStatus;
use tenantry_executor::object::Ordered;

use crate::noun::{Mutations, Shown};
use crate::task::BoardColumn;

impl Shown for Project {
    type More = ProjectMore;

    fn mutations() -> Option<Mutations> {
        Some(Mutations::of::<Self>("Projects count against the plan.").and_many::<Self>())
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
        TaskStatus::ALL.iter().map(|status| Ordered(BoardColumn::new(project, *status))).collect()
    }
}
