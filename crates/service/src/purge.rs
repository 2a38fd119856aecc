//! Carries out due deletions. This is a background job without a user.
//!
//! An organization's subscriptions are cancelled first, and it is deleted only when that is certain: after the deletion
//! nothing would be left to assign a bill to. The next call retries what failed, in any process, because the due date
//! and the customers stay in the database until then.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tenantry_domain::OrganizationId;
use tenantry_domain::causes::causes;
use tenantry_files::Files;
use tenantry_store::billing::stripe as payments;
use tenantry_store::{Store, StoreError, WorkerScope, organization};

use crate::payment::{PortalError, SubscriptionEnd};

/// The most organizations deleted by one call.
const BATCH: i64 = 1_000;

/// How long the deletion of one organization may take.
const PATIENCE: Duration = Duration::from_mins(15);

/// The result of [`purge_due`].
#[derive(Debug, Default)]
pub struct Purged {
    /// The deleted organizations.
    pub deleted: Vec<OrganizationId>,
    /// Those that still exist, with the reason. The next call tries them again.
    pub failed: Vec<(OrganizationId, PurgeError)>,
}

/// Why an organization still exists.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
    /// Its subscriptions could not be cancelled.
    #[error("its subscription could not be cancelled")]
    Portal(#[source] PortalError),
    /// It has a subscription that cannot be cancelled, because no payment provider is configured.
    #[error("it has a subscription that cannot be cancelled without the payment provider's key")]
    Subscribed,
}

impl From<StoreError> for PurgeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// As [`purge_due_and_end`], without a payment provider.
///
/// # Errors
/// As [`purge_due_and_end`].
pub async fn purge_due(worker: &Store, now: DateTime<Utc>) -> Result<Purged, StoreError> {
    purge_due_and_end(worker, None, None, now).await
}

/// Deletes the organizations whose deletion was due at `now`, each with all its data, in a transaction of its own.
/// Before that, `end` cancels all subscriptions of all customers of the organization. If that fails, the organization
/// is not deleted. Without `end`, an organization with a known subscription that has not ended is not deleted either. After it, its
/// files are deleted from `files`.
///
/// `worker` is connected with the role of the worker; any other role sees no due organizations. The database's own
/// clock must agree that the time has come. Several processes may call this at once, and it may be cancelled at any
/// point.
///
/// # Errors
/// Those of the database when the due organizations cannot be listed.
pub async fn purge_due_and_end(
    worker: &Store,
    end: Option<&dyn SubscriptionEnd>,
    files: Option<&Files>,
    now: DateTime<Utc>,
) -> Result<Purged, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let due = organization::list_due(&scope, now, BATCH).await?;
    drop(scope);
    let mut purged = Purged::default();
    for id in due {
        match end_and_delete(worker, end, id, now).await {
            Ok(true) => {
                tracing::info!(organization = %id, "an organization was deleted because its deletion was due");
                if let Some(files) = files {
                    remove_files(files, id).await;
                }
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

/// Deletes the files of an organization that is gone.
async fn remove_files(files: &Files, id: OrganizationId) {
    if let Err(error) = files.remove_organization(id).await {
        let error = causes(&error);
        tracing::error!(organization = %id, error, "its files stay until the next sweep");
    }
}

async fn end_and_delete(
    worker: &Store,
    end: Option<&dyn SubscriptionEnd>,
    id: OrganizationId,
    now: DateTime<Utc>,
) -> Result<bool, PurgeError> {
    // No transaction stays open during the call to the payment provider.
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
