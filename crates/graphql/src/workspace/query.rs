//! Workspaces: root fields that read.

use async_graphql::{Context, Object, Result};
use tenantry_domain::WorkspaceId;
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::loaders::node;
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::GlobalId;

use super::{Workspace, WorkspaceOrder, request};

/// Root fields that read workspaces.
#[derive(Default)]
pub(crate) struct WorkspaceQuery;

#[Object]
impl WorkspaceQuery {
    /// One workspace; null when there is none that you can see.
    async fn workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace's id.")] id: GlobalId<WorkspaceId>,
    ) -> Result<Option<Resolved<Workspace>>> {
        node(context, id.0).await
    }

    /// The organization's workspaces, by name unless ordered otherwise.
    async fn workspaces(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<WorkspaceOrder>,
    ) -> Result<Option<Connection<Workspace>>> {
        let page = PageArguments { first, after, last, before }.read()?;
        Connection::load(context, Origin::Root, request(order_by, page)).await.map(Some)
    }
}
