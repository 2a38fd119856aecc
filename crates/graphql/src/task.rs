//! Tasks: who works on them.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use futures_util::future::try_join_all;
use tenantry_domain::task::Task as Record;
use tenantry_executor::loaders::load;
use tenantry_executor::object::Object as Resolved;

use crate::loaders::{Assignees, load_member};
use crate::member::Member;
use crate::noun::{Mutations, Shown};

impl Shown for Record {
    type More = TaskMore;

    fn mutations() -> Option<Mutations> {
        let create = "It comes after all others of its project.";
        Some(
            Mutations::of::<Self>(create)
                .with_update_note("`afterTaskId`, `status` and `parentTaskId` move it on its board."),
        )
    }
}

/// Fields of a task beside those that are declared.
pub(crate) struct TaskMore(Arc<Record>);

impl From<Arc<Record>> for TaskMore {
    fn from(task: Arc<Record>) -> Self {
        Self(task)
    }
}

#[Object]
impl TaskMore {
    /// The assigned members; at most 50.
    async fn assignees(&self, context: &Context<'_>) -> Result<Vec<Resolved<Member>>> {
        let users = load::<Assignees>(context, self.0.id).await?.unwrap_or_default();
        let members = try_join_all(users.iter().map(|user_id| load_member(context, *user_id))).await?;
        Ok(members.into_iter().flatten().map(Resolved::from).collect())
    }
}
