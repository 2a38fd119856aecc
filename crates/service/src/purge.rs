//! Carrying out the deletions that are due. A job of the system, for which no user asks.
//!
//! What an organization has subscribed to is ended first, and only when that is certain is it deleted: of one that is gone
//! nothing is left by which a bill could be told from any other. What failed is tried again by the next call, in whatever process
//! that is; that something is due, and whose customer it is, stands in the database until then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tenantry_domain::OrganizationId;
use tenantry_domain::causes::causes;
use tenantry_store::billing::stripe as payments;
use tenantry_store::{Store, StoreError, WorkerScope, organization};

use crate::payment::{PortalError, SubscriptionEnd};

/// The most organizations that one call deletes.
const BATCH: i64 = 1_000;

/// How long the deletion of one organization may take.
const PATIENCE: Duration = Duration::from_mins(15);

/// What a call of [`purge_due`] came to.
#[derive(Debug, Default)]
pub struct Purged {
    /// The organizations that are gone.
    pub deleted: Vec<OrganizationId>,
    /// Those that are still there, and why. The next call tries them again.
    pub failed: Vec<(OrganizationId, PurgeError)>,
}

/// Why an organization is still there.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// What it has subscribed to could not be ended.
    #[error("its subscription could not be ended")]
    Portal(#[source] PortalError),
    /// It has a subscription, and there is nothing here that could end it: the payment provider is not set up.
    #[error("it has a subscription, and there is no key of the payment provider to end it with")]
    Subscribed,
}

impl From<StoreError> for PurgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// As [`purge_due_and_end`], where no payment provider is set up.
///
/// # Errors
/// As [`purge_due_and_end`].
pub async fn purge_due(worker: &Store, now: DateTime<Utc>) -> Result<Purged, StoreError> {
    purge_due_and_end(worker, None, now).await
}

/// Deletes the organizations whose deletion was due at `now`, each with everything of it, in a transaction of its own. Before that,
/// `end` ends whatever any customer of the organization has subscribed to. An organization for which that fails is not deleted.
/// Without `end`, neither is one of which a subscription is known that has not ended.
///
/// `worker` is connected as the role of the worker; any other sees nothing that is due. The database's own clock has to agree
/// that the time has come. Safe to be called by several processes at once, and to be cut off at any point.
///
/// # Errors
/// Those of the database when it cannot be asked what is due.
pub async fn purge_due_and_end(
    worker: &Store,
    end: Option<&dyn SubscriptionEnd>,
    now: DateTime<Utc>,
) -> Result<Purged, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let due = organization::list_due(&scope, now, BATCH).await?;
    drop(scope);
    let mut purged = Purged::default();
    for id in due {
        match end_and_delete(worker, end, id, now).await {
            Ok(true) => {
                tracing::info!(organization = %id, "an organization was deleted because its time had come");
                purged.deleted.push(id);
            }
            Ok(false) => {}
            Err(error) => {
                tracing::error!(organization = %id, error = causes(&error), "an organization could not be deleted");
                purged.failed.push((id, error));
            }
        }
    }
    Ok(purged)
}

async fn end_and_delete(
    worker: &Store,
    end: Option<&dyn SubscriptionEnd>,
    id: OrganizationId,
    now: DateTime<Utc>,
) -> Result<bool, PurgeError> {
    // No transaction stays open while the payment provider is asked.
    let billable = payments::billable_when_due(&WorkerScope::open(worker).await?, id, now).await?;
    let Some(billable) = billable else { return Ok(false) };
    match end {
        Some(end) if !billable.customers.is_empty() => {
            for customer in billable.customers {
                end.end(customer).await.map_err(PurgeError::Portal)?;
            }
        }
        _ if billable.has_live_subscription => return Err(PurgeError::Subscribed),
        _ => {}
    }
    Ok(delete(worker, id, now).await?)
}

async fn delete(worker: &Store, id: OrganizationId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut scope = WorkerScope::open_patient(worker, PATIENCE).await?;
    let deleted = organization::delete_due(&mut scope, id, now).await?;
    scope.commit().await?;
    Ok(deleted)
}
