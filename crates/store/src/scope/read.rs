//! The scope of reads: one per request, one snapshot of the tenant's graph.

use tenantry_domain::Identity;

use super::{Connection, Keeps, Scope, Tenant, sealed};
use crate::error::StoreError;
use crate::pool::Store;

/// A read-only transaction in which every statement sees the same snapshot. Dropping it ends it.
#[derive(Debug)]
pub struct ReadScope {
    connection: Connection,
    tenant: Tenant,
}

impl ReadScope {
    /// Opens the transaction and reads the membership, in one round trip.
    ///
    /// # Errors
    /// [`StoreError::NotAMember`] when the user does not belong to the organization; [`StoreError::Unavailable`] when there
    /// is no connection to be had within the pool's waiting time.
    pub async fn open(store: &Store, identity: Identity) -> Result<Self, StoreError> {
        let (connection, tenant) = store.open_tenant(Keeps::Nothing, identity).await?;
        Ok(Self { connection, tenant })
    }

    /// As [`open`](Self::open), for a transaction that will hold a lock: dropped half-way, it ends at once.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_holding(store: &Store, identity: Identity) -> Result<Self, StoreError> {
        let Self { connection, tenant } = Self::open(store, identity).await?;
        Ok(Self { connection: connection.keeping(Keeps::Locks), tenant })
    }

    /// Ends the transaction. When this returns, whatever it held is free.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end(self) -> Result<(), StoreError> {
        self.connection.commit().await
    }
}

impl sealed::Sealed for ReadScope {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Scope for ReadScope {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}
