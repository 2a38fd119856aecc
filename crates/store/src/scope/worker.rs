//! The scope of background jobs: a transaction across organizations, for the role of the worker.

use std::time::Duration;

use tenantry_domain::Clock;

use super::{Connection, sealed};
use crate::error::StoreError;
use crate::pool::Store;

/// A transaction that is bound to no organization. What it shows and changes is decided by the policies that the worker's
/// role has on a few tables for just this case; any other role sees nothing in it. Dropping it without
/// [`commit`](Self::commit) rolls it back.
#[derive(Debug)]
pub struct WorkerScope {
    connection: Connection,
    clock: Clock,
}

impl WorkerScope {
    /// Opens the transaction. The store must be connected as the worker's role.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no connection to be had within the pool's waiting time.
    pub async fn open(store: &Store) -> Result<Self, StoreError> {
        let (connection, clock) = store.open_worker(None).await?;
        Ok(Self { connection, clock })
    }

    /// As [`open`](Self::open), for work that takes longer than a request may: no statement is cut off before `timeout`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_patient(store: &Store, timeout: Duration) -> Result<Self, StoreError> {
        let (connection, clock) = store.open_worker(Some(timeout)).await?;
        Ok(Self { connection, clock })
    }

    /// Tells the time and makes ids.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Makes everything that was written durable and visible to others.
    ///
    /// # Errors
    /// As [`WriteScope::commit`](super::WriteScope::commit).
    pub async fn commit(self) -> Result<(), StoreError> {
        self.connection.commit().await
    }
}

impl sealed::Sealed for WorkerScope {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}
