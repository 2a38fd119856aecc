//! Clients: how they stand.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use tenantry_domain::client::Client;
use tenantry_executor::loaders::load;

use crate::loaders::ClientBalances;
use crate::noun::{Mutations, Shown};
use crate::report::{Balance, balances};

impl Shown for Client {
    type More = ClientMore;

    fn mutations() -> Option<Mutations> {
        Some(Mutations::of::<Self>("Active clients count against the plan.").and_many::<Self>())
    }
}

/// Fields of a client beside those that are declared.
pub(crate) struct ClientMore(Arc<Client>);

impl From<Arc<Client>> for ClientMore {
    fn from(client: Arc<Client>) -> Self {
        Self(client)
    }
}

#[Object]
impl ClientMore {
    /// How the client stands, as far as you see its invoices and transactions: one entry for each currency. Null only with an error.
    async fn balances(&self, context: &Context<'_>) -> Result<Option<Vec<Balance>>> {
        balances(load::<ClientBalances>(context, self.0.id).await?.as_ref())
    }
}
