//! The scope of reads: one per request, one snapshot of the tenant's graph.

use tenantry_domain::Identity;

use super::connection::Keeps;
use super::{Begin, Connection, Scope, Tenant, sealed};
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
        let (connection, tenant) = store.open_tenant(Begin::Read, identity).await?;
        Ok(Self { connection, tenant })
    }

    /// As [`open`](Self::open), but when the store remembers the user's membership, the transaction begins in the round trip
    /// of its first statement. Nobody gets an answer that was meant for another role:
    /// [`StoreError::MembershipChanged`] comes in its place, and the scope is to be opened anew.
    ///
    /// Until a [`Read`](crate::Read) has succeeded, the [`actor`](Scope::actor) is what is remembered, not what is.
    ///
    /// `notice` is told whether the user is a member of the organization, before anybody waits for an answer: what is
    /// remembered at first, and what was read later.
    ///
    /// # Errors
    /// As [`open`](Self::open). What the opening would have failed with, the first statement may fail with, too.
    pub async fn prepare(
        store: &Store,
        identity: Identity,
        notice: impl Fn(bool) + Send + Sync + 'static,
    ) -> Result<Self, StoreError> {
        let (connection, tenant) = store.prepare_tenant(identity, Box::new(notice)).await?;
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
