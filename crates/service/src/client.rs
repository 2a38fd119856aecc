//! Clients: creating, changing and deleting them.

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::client::{Client, ClientChanges, ClientStatus, NewClient};
use tenantry_domain::feature::Feature;
use tenantry_domain::permission::Operation;
use tenantry_domain::{Change, ClientId, FieldError};
use tenantry_store::{WriteScope, client as store};

use crate::authorize::{authorize_anywhere, check_unchanged};
use crate::error::ServiceError;

/// Creates a client.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds; [`ServiceError::LimitReached`] when the
/// client is to be active and the plan allows no more.
pub async fn create(scope: &mut WriteScope, billing: &Billing, new: NewClient) -> Result<Client, ServiceError> {
    authorize_anywhere(scope, Operation::WriteClient)?;
    let new = new.validated()?;
    if new.status.unwrap_or(ClientStatus::Active) == ClientStatus::Active {
        billing.check_level(scope, Feature::ActiveClients, 1).await?;
    }
    Ok(store::create(scope, new).await?)
}

/// Changes a client.
///
/// # Errors
/// As [`create`]; besides, [`ServiceError::Refused`] when there is no such client, or it is not as `expected` any more.
pub async fn update(
    scope: &mut WriteScope,
    billing: &Billing,
    id: ClientId,
    expected: Option<DateTime<Utc>>,
    changes: ClientChanges,
) -> Result<Client, ServiceError> {
    authorize_anywhere(scope, Operation::WriteClient)?;
    let before = existing(scope, id).await?;
    check_unchanged(expected, before.updated_at)?;
    let changes = changes.validated()?;
    if changes.status == Change::Set(ClientStatus::Active) && before.status != Some(ClientStatus::Active) {
        billing.check_level(scope, Feature::ActiveClients, 1).await?;
    }
    store::update(scope, &before, changes).await?.ok_or_else(not_found)
}

/// Deletes a client. Its projects and invoices stay, unlinked. Gives what was deleted.
///
/// # Errors
/// As [`update`].
pub async fn delete(
    scope: &mut WriteScope,
    id: ClientId,
    expected: Option<DateTime<Utc>>,
) -> Result<ClientId, ServiceError> {
    authorize_anywhere(scope, Operation::WriteClient)?;
    let before = existing(scope, id).await?;
    check_unchanged(expected, before.updated_at)?;
    store::delete(scope, id).await?;
    Ok(id)
}

async fn existing(scope: &mut WriteScope, id: ClientId) -> Result<Client, ServiceError> {
    tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "client").into()
}
