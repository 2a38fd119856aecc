//! Clients: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use tenantry_domain::client::{ClientChanges, NewClient};
use tenantry_domain::{ClientId, Violations};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::{Service, client as service};

use super::{Client, ClientStatus, Record};
use crate::mutation::{nullable, payload, refused, required, write};

/// What a new client is made from.
#[derive(InputObject)]
pub(crate) struct CreateClientInput {
    /// The client's name; 1 to 200 characters.
    name: String,
    /// Where to write to.
    email: Option<String>,
    /// Where to call; at most 50 characters.
    phone: Option<String>,
    /// The client's company; at most 200 characters.
    company: Option<String>,
    /// Where the client stands; active when not given.
    status: Option<ClientStatus>,
    /// Anything else; at most 20,000 characters.
    notes: Option<String>,
}

/// What changes of a client. What is not given stays; null clears.
#[derive(InputObject)]
pub(crate) struct UpdateClientInput {
    /// The client.
    id: GlobalId<ClientId>,
    /// Refuse with `CONFLICT` unless the client was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The client's name; 1 to 200 characters.
    name: MaybeUndefined<String>,
    /// Where to write to.
    email: MaybeUndefined<String>,
    /// Where to call; at most 50 characters.
    phone: MaybeUndefined<String>,
    /// The client's company; at most 200 characters.
    company: MaybeUndefined<String>,
    /// Where the client stands.
    status: MaybeUndefined<ClientStatus>,
    /// Anything else; at most 20,000 characters.
    notes: MaybeUndefined<String>,
}

/// Which client to delete.
#[derive(InputObject)]
pub(crate) struct DeleteClientInput {
    /// The client.
    id: GlobalId<ClientId>,
    /// Refuse with `CONFLICT` unless the client was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

payload! {
    /// What came of creating a client.
    CreateClientPayload {
        /// The new client.
        client: Resolved<Client>
    }
}

payload! {
    /// What came of changing a client.
    UpdateClientPayload {
        /// The client as it is now.
        client: Resolved<Client>
    }
}

payload! {
    /// What came of deleting a client.
    DeleteClientPayload {
        /// The id that the client had.
        deleted_client_id: GlobalId<ClientId>
    }
}

/// Root fields that write clients.
#[derive(Default)]
pub(crate) struct ClientMutation;

#[Object]
impl ClientMutation {
    /// Enters a client. An active one counts against the plan.
    async fn create_client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The client to enter.")] input: CreateClientInput,
    ) -> Result<Option<Ordered<CreateClientPayload>>> {
        let new = NewClient {
            name: input.name,
            email: input.email,
            phone: input.phone,
            company: input.company,
            status: input.status.map(Into::into),
            notes: input.notes,
        };
        let billing = context.data_unchecked::<Service>().billing().clone();
        let created = write(context, |scope| {
            let (billing, new) = (billing.clone(), new.clone());
            Box::pin(async move { service::create(scope, &billing, new).await })
        })
        .await?;
        Ok(Some(created.map(Arc::<Record>::new).into()))
    }

    /// Changes a client. One that becomes active counts against the plan.
    async fn update_client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The client, and what changes of it.")] input: UpdateClientInput,
    ) -> Result<Option<Ordered<UpdateClientPayload>>> {
        let mut faults = Violations::default();
        let changes = ClientChanges {
            name: required(&mut faults, "name", input.name, |name| name),
            email: nullable(input.email, |email| email),
            phone: nullable(input.phone, |phone| phone),
            company: nullable(input.company, |company| company),
            status: required(&mut faults, "status", input.status, Into::into),
            notes: nullable(input.notes, |notes| notes),
        };
        if let Err(faults) = faults.into_result() {
            return Ok(Some(refused::<Arc<Record>>(faults).into()));
        }
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let billing = context.data_unchecked::<Service>().billing().clone();
        let updated = write(context, |scope| {
            let (billing, changes) = (billing.clone(), changes.clone());
            Box::pin(async move { service::update(scope, &billing, id, expected, changes).await })
        })
        .await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Deletes a client. Its projects and invoices stay, without a client.
    async fn delete_client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The client to delete.")] input: DeleteClientInput,
    ) -> Result<Option<Ordered<DeleteClientPayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let deleted = write(context, |scope| Box::pin(service::delete(scope, id, expected))).await?;
        Ok(Some(deleted.map(GlobalId).into()))
    }
}
