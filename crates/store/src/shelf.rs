//! Connections between two scopes.
//!
//! The driver's pool makes and counts connections. A connection that has just ended its transaction is known to be alive, so it
//! waits here for the next scope: the pool would ask it first, which is a round trip and a task for every request.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;

/// How long a connection stays away from the pool, which closes it when it is too old.
const MAX_STAY: Duration = Duration::from_mins(20);

/// How long a transaction that only read, and that is over for us, may stay open on a connection that waits here. The next
/// scope ends it in its own first round trip; when none comes, it is ended after this time.
const LINGER: Duration = Duration::from_millis(2);

/// How long it may take to end a transaction before its connection is thrown away. Longer than a statement may take by
/// default: the server would go on with it, and another connection beside it would be one too many.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(6);

/// Connections that are at hand.
#[derive(Debug)]
pub(crate) struct Shelf {
    pool: PgPool,
    /// One for each connection that may be in use; so whoever holds one finds a connection here, or the pool can make one.
    permits: Arc<Semaphore>,
    patience: Duration,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The one that was used last is the last.
    idle: Vec<Idle>,
    /// Whether somebody looks after those that linger.
    is_swept: bool,
}

#[derive(Debug)]
struct Idle {
    connection: PoolConnection<Postgres>,
    since: Instant,
    /// Since when a transaction that is over for us has been open on it.
    lingering: Option<Instant>,
}

impl Shelf {
    /// An empty shelf over this pool.
    pub(crate) fn new(pool: PgPool) -> Self {
        let options = pool.options();
        let permits = Arc::new(Semaphore::new(options.get_max_connections() as usize));
        Self { permits, patience: options.get_acquire_timeout(), waiting: Mutex::default(), pool }
    }

    /// Takes a connection: one that is at hand, or a new one. Waits a bounded time when all are in use.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Lease, StoreError> {
        // One deadline for both: a permit, and a connection that the pool may have to make.
        let taken = tokio::time::timeout(self.patience, self.take_now()).await;
        taken.unwrap_or(Err(StoreError::Unavailable(sqlx::Error::PoolTimedOut)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is where scopes get their connection from")]
    async fn take_now(self: &Arc<Self>) -> Result<Lease, StoreError> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let Ok(permit) = permit else { return Err(StoreError::Unavailable(sqlx::Error::PoolClosed)) };
        loop {
            // The one that was used last: its caches are warm.
            let Some(idle) = self.waiting.lock().idle.pop() else { break };
            if idle.since.elapsed() < MAX_STAY {
                return Ok(self.lease(idle, permit));
            }
            idle.retire();
        }
        let connection = self.pool.acquire().await?;
        Ok(self.lease(Idle { connection, since: Instant::now(), lingering: None }, permit))
    }

    fn lease(self: &Arc<Self>, idle: Idle, permit: OwnedSemaphorePermit) -> Lease {
        Lease {
            connection: Some(idle.connection),
            since: idle.since,
            is_open: idle.lingering.is_some(),
            shelf: Arc::clone(self),
            _permit: permit,
        }
    }

    /// How many connections are open, and how many of them are not in use.
    pub(crate) fn counts(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle() + self.waiting.lock().idle.len())
    }

    /// Closes every connection, waiting for those in use.
    pub(crate) async fn close(&self) {
        // The pool is closed from this call on, so nothing is put back behind the emptied shelf.
        let closing = self.pool.close();
        let idle = std::mem::take(&mut self.waiting.lock().idle);
        idle.into_iter().for_each(Idle::retire);
        closing.await;
    }

    /// Ends the transactions that linger, until there are none.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LINGER).await;
            // Each by itself: one that does not answer keeps no other from its end.
            while let Some(lease) = self.take_lingering() {
                tokio::spawn(lease.roll_back());
            }
            let mut waiting = self.waiting.lock();
            if waiting.idle.iter().all(|idle| idle.lingering.is_none()) {
                waiting.is_swept = false;
                return;
            }
        }
    }

    /// Takes a connection that has lingered long enough. None while every permit is taken: then none lingers for long.
    fn take_lingering(self: &Arc<Self>) -> Option<Lease> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let mut waiting = self.waiting.lock();
        let is_due = |idle: &Idle| idle.lingering.is_some_and(|since| since.elapsed() >= LINGER);
        let due = waiting.idle.iter().position(is_due)?;
        let idle = waiting.idle.remove(due);
        drop(waiting);
        Some(self.lease(idle, permit))
    }
}

impl Idle {
    /// Gives the connection back to the pool, unless a transaction is open on it.
    fn retire(mut self) {
        if self.lingering.is_some() {
            self.connection.close_on_drop();
        }
    }
}

/// A connection in use. Dropped, it goes back to the pool, which finds out whether it still works.
#[derive(Debug)]
pub(crate) struct Lease {
    /// `None` only while it is being put back.
    connection: Option<PoolConnection<Postgres>>,
    since: Instant,
    /// Whether a transaction is open on it.
    is_open: bool,
    shelf: Arc<Shelf>,
    /// Given back after the connection, fields being dropped in order.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// What has to be sent before anything else, so that no transaction is open.
    pub(crate) fn opening(&self) -> &'static str {
        if self.is_open { "ROLLBACK;" } else { "" }
    }

    /// A transaction is about to begin on the connection.
    pub(crate) fn begin(&mut self) {
        self.is_open = true;
    }

    /// Ends a transaction that lingers.
    pub(crate) async fn end(&mut self) -> Result<(), StoreError> {
        if self.is_open {
            sqlx::raw_sql("ROLLBACK").execute(&mut **self).await?;
            self.is_open = false;
        }
        Ok(())
    }

    /// Puts the connection back for the next scope. Only one that is in no transaction and has answered its last statement.
    pub(crate) fn put_back(mut self) {
        self.is_open = false;
        self.shelve(None);
    }

    /// Puts the connection back in its transaction, which only read and has answered its last statement.
    pub(crate) fn linger(self) {
        let sweeper = Arc::clone(&self.shelf);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return self.abandon() };
        if self.shelve(Some(Instant::now())) {
            runtime.spawn(sweeper.sweep());
        }
    }

    /// Gives the connection to the shelf; tells whether somebody has to be found who looks after those that linger.
    fn shelve(mut self, lingering: Option<Instant>) -> bool {
        let Some(connection) = self.connection.take() else { return false };
        let idle = Idle { connection, since: self.since, lingering };
        let mut waiting = self.shelf.waiting.lock();
        // Asked under the lock: whoever closes empties the shelf afterwards.
        if self.shelf.pool.is_closed() {
            idle.retire();
            return false;
        }
        waiting.idle.push(idle);
        lingering.is_some() && !std::mem::replace(&mut waiting.is_swept, true)
    }

    /// Ends the transaction, and only then lets anyone else have the connection. One that does not answer is thrown away.
    pub(crate) async fn roll_back(mut self) {
        let rollback = sqlx::raw_sql("ROLLBACK").execute(&mut *self);
        match tokio::time::timeout(ROLLBACK_TIMEOUT, rollback).await {
            Ok(Ok(_)) => self.put_back(),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection is thrown away because it did not roll back");
                self.discard();
            }
            Err(_) => {
                tracing::debug!("a connection is thrown away because it did not roll back in time");
                self.discard();
            }
        }
    }

    /// Throws the connection away.
    fn discard(mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }

    /// Closes the socket at once, where there is no runtime to do it properly.
    pub(crate) fn abandon(mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Nobody else gets a connection with a transaction that is not theirs.
        if let Some(connection) = self.connection.as_mut().filter(|_| self.is_open) {
            connection.close_on_drop();
        }
    }
}

impl Deref for Lease {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "the connection is taken only by methods that consume the lease")]
    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect("a lease has its connection until it ends")
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "the connection is taken only by methods that consume the lease")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect("a lease has its connection until it ends")
    }
}
