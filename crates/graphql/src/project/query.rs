//! Projects: root fields that read.

use async_graphql::{Context, Object, Result};
use tenantry_domain::ProjectId;
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::loaders::node;
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::GlobalId;

use super::{Project, ProjectFilter, ProjectOrder, request};

/// Root fields that read projects.
#[derive(Default)]
pub(crate) struct ProjectQuery;

#[Object]
impl ProjectQuery {
    /// One project; null when there is none that you can see.
    async fn project(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project's id.")] id: GlobalId<ProjectId>,
    ) -> Result<Option<Resolved<Project>>> {
        node(context, id.0).await
    }

    /// The organization's projects; the newest first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "these are the field's arguments")]
    async fn projects(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "What the list is narrowed to.")] filter: Option<ProjectFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<ProjectOrder>,
    ) -> Result<Option<Connection<Project>>> {
        let page = PageArguments { first, after, last, before }.read()?;
        Connection::load(context, Origin::Root, request(filter, order_by, page)).await.map(Some)
    }
}
