//! Tasks: who works on them, their labels, and the mutation that moves one.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use futures_util::future::try_join_all;
use tenantry_domain::label::Label;
use tenantry_domain::task::Task as Record;
use tenantry_executor::loaders::{load, node};
use tenantry_executor::object::Object as Resolved;

use crate::loaders::{Assignees, Labels, load_members};
use crate::member::Member;
use crate::noun::{Mutations, Row, Shown};

pub(crate) use mutation::TaskMutation;

impl Shown for Record {
    type More = TaskMore;

    fn mutations() -> Option<Mutations> {
        let create = "It comes after all others of its project.";
        Some(
            Mutations::of::<Self>(create)
                .and_many::<Self>()
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
        load_members(context, &users).await
    }

    /// Its labels; at most 50.
    async fn labels(&self, context: &Context<'_>) -> Result<Vec<Resolved<Row<Label>>>> {
        let ids = load::<Labels>(context, self.0.id).await?.unwrap_or_default();
        let labels = try_join_all(ids.iter().map(|id| node::<Row<Label>>(context, *id))).await?;
        Ok(labels.into_iter().flatten().collect())
    }
}
