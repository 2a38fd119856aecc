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

/// Connections that are at hand.
#[derive(Debug)]
pub(crate) struct Shelf {
    pool: PgPool,
    /// One for each connection that may be in use; so whoever holds one finds a connection here, or the pool can make one.
    permits: Arc<Semaphore>,
    patience: Duration,
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

impl Shelf {
    /// An empty shelf over this pool.
    pub(crate) fn new(pool: PgPool) -> Self {
        let options = pool.options();
        let permits = Arc::new(Semaphore::new(options.get_max_connections() as usize));
        Self { permits, patience: options.get_acquire_timeout(), idle: Mutex::default(), pool }
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
        let (connection, since) = loop {
            // The one that was used last: its caches are warm.
            let Some(idle) = self.idle.lock().pop() else { break (self.pool.acquire().await?, Instant::now()) };
            if idle.since.elapsed() < MAX_STAY {
                break (idle.connection, idle.since);
            }
        };
        Ok(Lease { connection: Some(connection), since, shelf: Arc::clone(self), _permit: permit })
    }

    /// How many connections are open, and how many of them are not in use.
    pub(crate) fn counts(&self) -> (u32, usize) {
        (self.pool.size(), self.pool.num_idle() + self.idle.lock().len())
    }

    /// Closes every connection, waiting for those in use.
    pub(crate) async fn close(&self) {
        // The pool is closed from this call on, so nothing is put back behind the emptied shelf.
        let closing = self.pool.close();
        let idle = std::mem::take(&mut *self.idle.lock());
        drop(idle);
        closing.await;
    }
}

/// A connection in use. Dropped, it goes back to the pool, which finds out whether it still works.
#[derive(Debug)]
pub(crate) struct Lease {
    /// `None` only while it is being put back.
    connection: Option<PoolConnection<Postgres>>,
    since: Instant,
    shelf: Arc<Shelf>,
    /// Given back after the connection, fields being dropped in order.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Puts the connection back for the next scope. Only one that is in no transaction and has answered its last statement.
    pub(crate) fn put_back(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut idle = self.shelf.idle.lock();
        // Asked under the lock: whoever closes empties the shelf afterwards.
        if !self.shelf.pool.is_closed() {
            idle.push(Idle { connection, since: self.since });
        }
    }

    /// Throws the connection away.
    pub(crate) fn discard(mut self) {
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
