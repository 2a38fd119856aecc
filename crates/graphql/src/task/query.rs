//! Tasks: root fields that read.

use async_graphql::{Context, Object, Result};
use tenantry_domain::TaskId;
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::loaders::node;
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::GlobalId;

use super::{Task, TaskFilter, TaskOrder, newest_first};

/// Root fields that read tasks.
#[derive(Default)]
pub(crate) struct TaskQuery;

#[Object]
impl TaskQuery {
    /// One task; null when there is none that you can see.
    async fn task(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The task's id.")] id: GlobalId<TaskId>,
    ) -> Result<Option<Resolved<Task>>> {
        node(context, id.0).await
    }

    /// The organization's tasks; the newest first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "these are the field's arguments")]
    async fn tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "What the list is narrowed to.")] filter: Option<TaskFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<TaskOrder>,
    ) -> Result<Option<Connection<Task>>> {
        let page = PageArguments { first, after, last, before }.read()?;
        Connection::load(context, Origin::Root, newest_first(filter, order_by, page)).await.map(Some)
    }
}
