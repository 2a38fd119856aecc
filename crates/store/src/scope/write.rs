//! The scope of writes: one per mutation; all of it happens, or none.

use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tenantry_domain::activity::NewActivity;
use tenantry_domain::search::Indexed;
use tenantry_domain::{Actor, Identity, OrganizationId, Role, UserId};
use tenantry_wire::Error;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Begin, Connection, Scope, Tenant, sealed};
use crate::activity;
use crate::error::StoreError;
use crate::idempotency::{self, Claim};
use crate::pool::Store;
use crate::search;

/// How long the answer to a commit is waited for.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a transaction is tried before a lost race is reported.
const ATTEMPTS: u32 = 5;

/// A transaction that writes. Dropping it without [`commit`](Self::commit) rolls it back.
#[derive(Debug)]
pub struct WriteScope {
    connection: Connection,
    tenant: Tenant,
    /// What happened in it, in this order; written together with the commit.
    happened: Vec<NewActivity>,
    /// What changes in the index of search; written likewise.
    search: search::Pending,
    /// The keys of bytes that no row refers to after the commit.
    discarded: Vec<String>,
}

impl WriteScope {
    /// Opens the transaction and reads the membership, in one round trip.
    ///
    /// # Errors
    /// As [`ReadScope::open`](super::ReadScope::open).
    pub async fn open(store: &Store, identity: Identity) -> Result<Self, StoreError> {
        let (connection, tenant) = store.open_tenant(Begin::Write, identity).await?;
        Ok(Self { connection, tenant, happened: Vec::new(), search: search::Pending::default(), discarded: Vec::new() })
    }

    /// Opens the transaction in which `user_id` founds the organization `organization_id`, which does not exist yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no connection to be had.
    pub async fn open_founding(
        store: &Store,
        user_id: UserId,
        organization_id: OrganizationId,
    ) -> Result<Self, StoreError> {
        let (connection, clock) = store.open_founding(user_id, organization_id).await?;
        let actor = Actor { user_id, organization_id, role: Role::Owner };
        let today = clock.today();
        Ok(Self {
            connection,
            tenant: Tenant { actor, today, clock },
            happened: Vec::new(),
            search: search::Pending::default(),
            discarded: Vec::new(),
        })
    }

    /// Opens a transaction of the system itself: metering, or an event from outside, for which no user asks.
    ///
    /// The actor is an owner whose user is nil, so a row that must name a real user cannot be written in it.
    ///
    /// # Errors
    /// [`StoreError::NotAMember`] when there is no such organization; [`StoreError::Unavailable`] when there is no connection
    /// to be had.
    pub async fn open_system(store: &Store, organization_id: OrganizationId) -> Result<Self, StoreError> {
        let (connection, tenant) = store.open_system(organization_id).await?;
        Ok(Self { connection, tenant, happened: Vec::new(), search: search::Pending::default(), discarded: Vec::new() })
    }

    /// Notes what happened. It is written in this transaction, in the round trip of the commit; if it cannot be written, nothing is.
    pub fn note(&mut self, happened: NewActivity) {
        self.happened.push(happened);
    }

    /// What was noted so far.
    pub(crate) fn noted(&mut self) -> impl Iterator<Item = &mut NewActivity> {
        self.happened.iter_mut()
    }

    /// Notes how the index of search is to have a row; `before` is how it had it. It is written as [`note`](Self::note) says.
    pub fn index(&mut self, before: Option<Indexed>, now: Indexed) {
        self.search.set(before, now);
    }

    /// Notes that a row is gone from the index of search.
    pub fn unindex(&mut self, id: Uuid) {
        self.search.remove(id);
    }

    /// Notes that no row refers to the bytes at this key of the storage of files any more. They are deleted after the commit.
    pub fn discard(&mut self, key: String) {
        self.discarded.push(key);
    }

    /// What changes in the index of search so far.
    pub(crate) fn search(&mut self) -> &mut search::Pending {
        &mut self.search
    }

    /// Makes everything that was written durable and visible to others.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when a concurrent transaction won; [`StoreError::OutcomeUnknown`] when the connection broke or
    /// the answer took longer than ten seconds.
    pub async fn commit(self) -> Result<(), StoreError> {
        let mut last: Vec<_> = activity::insert(&self.tenant, &self.happened).into_iter().collect();
        last.extend(self.search.statements(&self.tenant));
        match tokio::time::timeout(COMMIT_TIMEOUT, self.connection.commit_with(last)).await {
            // The entries were cut off, so there was no commit.
            Ok(Err((StoreError::Timeout(error), false))) => Err(StoreError::Timeout(error)),
            // Cancelled while it waits for a standby, the server has committed already.
            Ok(Err((StoreError::Unavailable(error) | StoreError::Timeout(error), _))) => {
                Err(StoreError::OutcomeUnknown(error))
            }
            Ok(result) => result.map_err(|(error, _)| error),
            Err(_) => Err(StoreError::OutcomeUnknown(Error::TimedOut)),
        }
    }
}

/// Runs `work` in a [`WriteScope`] and commits; starts over, a bounded number of times, when it lost against a concurrent
/// transaction.
///
/// `work` must have no effect outside the scope, because it may run more than once.
///
/// # Errors
/// What `work` returns, in which case nothing was written; or the failure of opening or committing.
pub async fn in_write_scope<T, E>(
    store: &Store,
    identity: Identity,
    work: impl for<'s> FnMut(&'s mut WriteScope) -> BoxFuture<'s, Result<T, E>> + Send,
) -> Result<T, E>
where
    E: From<StoreError> + AsStoreError,
{
    in_write_scope_until(store, identity, WriteOptions::default(), work).await
}

/// What a [`WriteScope`] takes into account beside its work.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteOptions<'r> {
    /// When the work is given up and rolled back. A commit that has begun by then is waited for, because cutting it off would leave
    /// open whether it happened.
    pub deadline: Option<Instant>,
    /// The request that the work is a part of, if it may come again, and what the part is called in it. Together with the work
    /// it is noted that this part is carried out.
    pub part_of: Option<(Claim, &'r str)>,
    /// Takes the keys of the bytes that no row refers to after the commit.
    pub discarded: Option<&'r Mutex<Vec<String>>>,
}

/// As [`in_write_scope`], with options.
///
/// # Errors
/// As [`in_write_scope`]; [`StoreError::OutOfTime`] when the deadline passed, and [`StoreError::Superseded`] when another attempt has
/// the claim. In both cases nothing was written.
pub async fn in_write_scope_until<T, E>(
    store: &Store,
    identity: Identity,
    options: WriteOptions<'_>,
    mut work: impl for<'s> FnMut(&'s mut WriteScope) -> BoxFuture<'s, Result<T, E>> + Send,
) -> Result<T, E>
where
    E: From<StoreError> + AsStoreError,
{
    let WriteOptions { deadline, part_of, discarded } = options;
    let mut attempt = 1;
    loop {
        let worked = async {
            let mut scope = WriteScope::open(store, identity).await?;
            if let Some((claim, part)) = part_of {
                idempotency::note(&mut scope, claim, part).await?;
            }
            let value = work(&mut scope).await?;
            Ok((scope, value))
        };
        let worked = match deadline {
            None => worked.await,
            Some(deadline) => match tokio::time::timeout_at(deadline, worked).await {
                Ok(worked) => worked,
                Err(_) => return Err(StoreError::OutOfTime.into()),
            },
        };
        let result = match worked {
            Ok((mut scope, value)) => {
                let keys = std::mem::take(&mut scope.discarded);
                let committed = scope.commit().await.map_err(E::from);
                if let (Ok(()), Some(discarded)) = (&committed, discarded) {
                    discarded.lock().extend(keys);
                }
                committed.map(|()| value)
            }
            Err(error) => Err(error),
        };
        match result {
            Err(error) if attempt < ATTEMPTS && error.as_store_error().is_some_and(StoreError::is_retryable) => {
                tracing::debug!(attempt, "a write conflicted with a concurrent one and is retried");
                attempt += 1;
            }
            result => return result,
        }
    }
}

/// An error that may be one of the store's.
pub trait AsStoreError {
    /// The store's error, if it is one.
    fn as_store_error(&self) -> Option<&StoreError>;
}

impl AsStoreError for StoreError {
    fn as_store_error(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl sealed::Sealed for WriteScope {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Scope for WriteScope {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }
}
