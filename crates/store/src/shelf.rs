//! The idle connections of the pool.
//!
//! A connection that has ended its transaction, or whose transaction only read, is kept here for the next scope. The
//! first round trip of that scope shows whether the connection still works.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tenantry_wire::{Address, Command, Connection, Error, Parameters};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;

/// The maximum age of a connection that is reused. The server's memory for it grows with every prepared statement, and
/// a proxy in between may have its own limits.
const MAX_AGE: Duration = Duration::from_mins(20);

/// How long a finished read transaction may stay open on an idle connection. The next scope ends it in its own first
/// round trip; if none comes, it is ended after this time.
const LINGER: Duration = Duration::from_millis(2);

/// How long ending a transaction may take before its connection is closed. It waits for the statements that were sent before.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often the server looks whether the client is still there while it runs a statement.
pub(crate) const CLIENT_CHECK: Duration = Duration::from_millis(500);

/// The pause before connecting again to a server that refuses connections: the first one, and the longest.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// The pool of connections.
#[derive(Debug)]
pub(crate) struct Shelf {
    address: Address,
    /// One for each connection that may be in use.
    permits: Arc<Semaphore>,
    limit: u32,
    patience: Duration,
    waiting: Mutex<Waiting>,
    /// How many connections are open.
    open: Arc<AtomicU32>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The most recently used one is last.
    idle: Vec<Idle>,
    /// Whether a task is ending finished read transactions.
    is_swept: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Counted,
    /// Since when a finished read transaction has been open on it.
    lingering: Option<Instant>,
}

/// A connection that counts as open as long as it exists.
#[derive(Debug)]
struct Counted {
    connection: Connection,
    since: Instant,
    _count: Count,
}

#[derive(Debug)]
struct Count(Arc<AtomicU32>);

impl Counted {
    /// Closes the connection. The server rolls back an open transaction. If the server is gone, there is nothing to do.
    async fn close(self) {
        let _ = self.connection.close().await;
    }
}

impl Count {
    fn up(of: &Arc<AtomicU32>) -> Self {
        of.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(of))
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shelf {
    /// An empty pool, for at most `limit` connections to this address.
    pub(crate) fn new(address: Address, limit: u32, patience: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(limit as usize));
        Self { address, permits, limit, patience, waiting: Mutex::default(), open: Arc::default() }
    }

    /// Takes an idle connection, or opens a new one. Waits a limited time if all are in use, or if the server refuses
    /// connections.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Lease, StoreError> {
        self.take_within(self.patience).await
    }

    /// As [`take`](Self::take), with this timeout.
    pub(crate) async fn take_within(self: &Arc<Self>, patience: Duration) -> Result<Lease, StoreError> {
        // One deadline for both: the permit, and opening a connection.
        let deadline = Instant::now() + patience;
        let permit = tokio::time::timeout_at(deadline.into(), Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| Error::TimedOut)?.map_err(|_| Error::Closed)?;
        if let Some(idle) = self.pop()? {
            return Ok(self.lease(idle, permit));
        }
        let connection = self.connect(deadline).await?;
        Ok(self.lease(Idle { connection, lingering: None }, permit))
    }

    /// The most recently used connection, because its caches are warm. Connections that are too old are closed.
    fn pop(&self) -> Result<Option<Idle>, StoreError> {
        let mut waiting = self.waiting.lock();
        if waiting.is_closed {
            return Err(Error::Closed.into());
        }
        while let Some(idle) = waiting.idle.pop() {
            if idle.connection.since.elapsed() < MAX_AGE {
                return Ok(Some(idle));
            }
            tokio::spawn(idle.connection.close());
        }
        Ok(None)
    }

    /// Opens a connection. While the server is starting or unreachable, it retries until the deadline.
    async fn connect(&self, deadline: Instant) -> Result<Counted, StoreError> {
        let mut pause = RETRY.0;
        loop {
            let opening = tokio::time::timeout_at(deadline.into(), self.open_one()).await;
            let failed = match opening.unwrap_or_else(|_| Err(Error::TimedOut.into())) {
                Ok(connection) => {
                    return Ok(Counted { connection, since: Instant::now(), _count: Count::up(&self.open) });
                }
                Err(error) => error,
            };
            let may_pass = matches!(failed, StoreError::Unavailable(_));
            if !may_pass || Instant::now() + pause >= deadline {
                return Err(failed);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// Opens a connection, and checks that a plain `BEGIN` on it starts a read-only snapshot, as readers expect: a
    /// proxy in between may have dropped the session's settings.
    #[expect(clippy::disallowed_methods, reason = "this is where scopes get their connection from")]
    async fn open_one(&self) -> Result<Connection, StoreError> {
        let mut connection = Connection::open(&self.address).await?;
        let none = Parameters::default();
        let answers =
            connection.exchange(&[BEGIN, IS_READ, ROLLBACK].map(|text| Command::prepared(text, &none))).await?;
        let is_read: bool = answers[1].first().ok_or(Error::NoRow)?.get(0)?;
        // Connecting again would not help, so this does not count as unavailable.
        let lost = || StoreError::Database(Error::Protocol("the session's settings did not reach the server"));
        is_read.then_some(connection).ok_or_else(lost)
    }

    fn lease(self: &Arc<Self>, idle: Idle, permit: OwnedSemaphorePermit) -> Lease {
        Lease { connection: Some(idle.connection), shelf: Arc::clone(self), _permit: permit }
    }

    /// How many connections are open, and how many of them are idle.
    pub(crate) fn counts(&self) -> (u32, usize) {
        (self.open.load(Ordering::Relaxed), self.waiting.lock().idle.len())
    }

    /// Closes every connection, waiting for those in use.
    pub(crate) async fn close(&self) {
        let idle = {
            let mut waiting = self.waiting.lock();
            // From here on nothing is returned to the pool.
            waiting.is_closed = true;
            std::mem::take(&mut waiting.idle)
        };
        for idle in idle {
            idle.connection.close().await;
        }
        // Nobody else closes the semaphore earlier, and it has this many permits.
        let _ = self.permits.acquire_many(self.limit).await;
        self.permits.close();
    }

    /// Ends finished read transactions, until there are none.
    async fn sweep(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LINGER).await;
            // Each in a task of its own, so that one that does not answer does not delay the others.
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

    /// Takes a connection whose transaction has been finished for long enough. `None` while every permit is taken,
    /// because then the next scope will take it soon.
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

/// A connection in use. If it is dropped in a transaction, or before its last answer was read, it is closed.
#[derive(Debug)]
pub(crate) struct Lease {
    /// `None` only while it is returned to the pool.
    connection: Option<Counted>,
    shelf: Arc<Shelf>,
    /// Released after the connection, because fields are dropped in order.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Whether a transaction is open that has to be ended before anything else is sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_idle()
    }

    /// Returns the connection to the pool. A connection in a transaction, or with an outstanding answer, is closed.
    pub(crate) fn put_back(self) {
        if self.is_idle() {
            self.shelve(None);
        }
    }

    /// Returns the connection to the pool with its open transaction, which only read. A connection with an outstanding
    /// answer is closed.
    pub(crate) fn linger(self) {
        if self.is_owing() {
            return;
        }
        let sweeper = Arc::clone(&self.shelf);
        // Without a runtime no task could end the transaction.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.shelve(Some(Instant::now())) {
            runtime.spawn(sweeper.sweep());
        }
    }

    /// Returns the connection to the pool; returns whether a task has to be started that ends finished transactions.
    fn shelve(mut self, lingering: Option<Instant>) -> bool {
        let Some(connection) = self.connection.take() else { return false };
        let mut waiting = self.shelf.waiting.lock();
        // Checked under the lock: `close` empties the pool afterwards.
        if waiting.is_closed {
            return false;
        }
        waiting.idle.push(Idle { connection, lingering });
        lingering.is_some() && !std::mem::replace(&mut waiting.is_swept, true)
    }

    /// Ends the transaction, and only then returns the connection to the pool. A connection that does not answer is
    /// closed, and the server stops what it was doing.
    pub(crate) async fn roll_back(mut self) {
        match tokio::time::timeout(ROLLBACK_TIMEOUT, self.end()).await {
            Ok(Ok(())) => self.put_back(),
            Ok(Err(error)) => tracing::debug!(%error, "a connection was closed because it did not roll back"),
            Err(_) => {
                tracing::debug!("a connection was closed because it did not roll back in time");
                drop(self.connection.take());
                // Until the server has noticed, another connection would be one too many for it.
                tokio::time::sleep(CLIENT_CHECK + CLIENT_CHECK / 2).await;
            }
        }
    }

    /// Ends the transaction, if one is open.
    pub(crate) async fn end(&mut self) -> Result<(), Error> {
        if self.is_open() {
            self.exchange(&[Command::prepared(ROLLBACK, &Parameters::default())]).await?;
        }
        Ok(())
    }
}

/// Begins a transaction with the session's settings.
pub(crate) const BEGIN: &str = "BEGIN";

/// Whether the transaction is a read-only snapshot.
const IS_READ: &str = "SELECT current_setting('transaction_isolation') = 'repeatable read' \
                       AND current_setting('transaction_read_only') = 'on'";

/// Discards a transaction.
pub(crate) const ROLLBACK: &str = "ROLLBACK";

impl Deref for Lease {
    type Target = Connection;

    #[expect(clippy::expect_used, reason = "the connection is taken only by methods that consume the lease")]
    fn deref(&self) -> &Connection {
        &self.connection.as_ref().expect("a lease has its connection until it ends").connection
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "the connection is taken only by methods that consume the lease")]
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection.as_mut().expect("a lease has its connection until it ends").connection
    }
}
