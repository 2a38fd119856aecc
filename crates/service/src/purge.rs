//! Carrying out the deletions that are due. A job of the system, for which no user asks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tenantry_domain::OrganizationId;
use tenantry_store::{Store, StoreError, WorkerScope, organization};

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
    pub failed: Vec<(OrganizationId, StoreError)>,
}

/// Deletes the organizations whose deletion was due at `now`, each with everything of it, in a transaction of its own.
///
/// `worker` is connected as the role of the worker; any other sees nothing that is due. The database's own clock has to agree
/// that the time has come. Safe to be called by several processes at once, and to be cut off at any point.
///
/// # Errors
/// Those of the database when it cannot be asked what is due.
pub async fn purge_due(worker: &Store, now: DateTime<Utc>) -> Result<Purged, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let due = organization::list_due(&scope, now, BATCH).await?;
    drop(scope);
    let mut purged = Purged::default();
    for id in due {
        match delete(worker, id, now).await {
            Ok(true) => {
                tracing::info!(organization = %id, "an organization was deleted because its time had come");
                purged.deleted.push(id);
            }
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(organization = %id, %error, "an organization could not be deleted");
                purged.failed.push((id, error));
            }
        }
    }
    Ok(purged)
}

async fn delete(worker: &Store, id: OrganizationId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut scope = WorkerScope::open_patient(worker, PATIENCE).await?;
    let deleted = organization::delete_due(&mut scope, id, now).await?;
    scope.commit().await?;
    Ok(deleted)
}
