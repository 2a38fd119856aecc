//! Clients: root fields that read.

use async_graphql::{Context, Object, Result};
use tenantry_domain::ClientId;
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::loaders::node;
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::GlobalId;

use super::{Client, ClientFilter, ClientOrder, request};

/// Root fields that read clients.
#[derive(Default)]
pub(crate) struct ClientQuery;

#[Object]
impl ClientQuery {
    /// One client; null when there is none that you can see.
    async fn client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The client's id.")] id: GlobalId<ClientId>,
    ) -> Result<Option<Resolved<Client>>> {
        node(context, id.0).await
    }

    /// The organization's clients; the newest first unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "these are the field's arguments")]
    async fn clients(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "What the list is narrowed to.")] filter: Option<ClientFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<ClientOrder>,
    ) -> Result<Option<Connection<Client>>> {
        let page = PageArguments { first, after, last, before }.read()?;
        Connection::load(context, Origin::Root, request(filter, order_by, page)).await.map(Some)
    }
}
