//! Connections between two scopes.
//!
//! A connection that has just ended its transaction, or whose transaction only read, waits here for the next scope. Whether it
//! still works is found out by that scope's first round trip.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tenantry_wire::{Address, Command, Connection, Error, Parameters};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::StoreError;

/// How old a connection may be that is taken. The server's memory for it grows with what it has prepared, and what a proxy in
/// between thinks of it is not known.
const MAX_AGE: Duration = Duration::from_mins(20);

/// How long a transaction that only read, and that is over for us, may stay open on a connection that waits here. The next
/// scope ends it in its own first round trip; when none comes, it is ended after this time.
const LINGER: Duration = Duration::from_millis(2);

/// How long it may take to end a transaction before its connection is thrown away. Longer than a statement may take by
/// default: the server would go on with it, and another connection beside it would be one too many.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(6);

/// How long to wait before a server that does not let us in is asked again: the first time, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));

/// Connections that are at hand.
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
    /// The one that was used last is the last.
    idle: Vec<Idle>,
    /// Whether somebody looks after those that linger.
    is_swept: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Counted,
    /// Since when a transaction that is over for us has been open on it.
    lingering: Option<Instant>,
}

/// A connection, which is counted as open as long as it is.
#[derive(Debug)]
struct Counted {
    connection: Connection,
    since: Instant,
    _count: Count,
}

#[derive(Debug)]
struct Count(Arc<AtomicU32>);

impl Counted {
    /// Says goodbye. The server rolls back what lingers; one that is gone already needs no goodbye.
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
    /// An empty shelf, for at most `limit` connections to this address.
    pub(crate) fn new(address: Address, limit: u32, patience: Duration) -> Self {
        let permits = Arc::new(Semaphore::new(limit as usize));
        Self { address, permits, limit, patience, waiting: Mutex::default(), open: Arc::default() }
    }

    /// Takes a connection: one that is at hand, or a new one. Waits a bounded time when all are in use, or the server does not
    /// let us in.
    pub(crate) async fn take(self: &Arc<Self>) -> Result<Lease, StoreError> {
        self.take_within(self.patience).await
    }

    /// As [`take`](Self::take), waiting this long.
    pub(crate) async fn take_within(self: &Arc<Self>, patience: Duration) -> Result<Lease, StoreError> {
        // One deadline for both: a permit, and a connection that has to be made.
        let deadline = Instant::now() + patience;
        let permit = tokio::time::timeout_at(deadline.into(), Arc::clone(&self.permits).acquire_owned()).await;
        let permit = permit.map_err(|_| Error::TimedOut)?.map_err(|_| Error::Closed)?;
        if let Some(idle) = self.pop()? {
            return Ok(self.lease(idle, permit));
        }
        let connection = self.connect(deadline).await?;
        Ok(self.lease(Idle { connection, lingering: None }, permit))
    }

    /// The connection that was used last, whose caches are warm; those too old are thrown away.
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

    /// Makes a connection. While the server is starting or not there, it is asked again, until the deadline.
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

    /// Makes a connection, and makes sure that a plain `BEGIN` on it begins what readers rely on: something in between may have
    /// kept the settings from the server.
    #[expect(clippy::disallowed_methods, reason = "this is where scopes get their connection from")]
    async fn open_one(&self) -> Result<Connection, StoreError> {
        let mut connection = Connection::open(&self.address).await?;
        let none = Parameters::default();
        let answers =
            connection.exchange(&[BEGIN, IS_READ, ROLLBACK].map(|text| Command::prepared(text, &none))).await?;
        let is_read: bool = answers[1].first().ok_or(Error::NoRow)?.get(0)?;
        // Asking again would not help, so it does not count as out of reach.
        let lost = || StoreError::Database(Error::Protocol("the session's settings did not reach the server"));
        is_read.then_some(connection).ok_or_else(lost)
    }

    fn lease(self: &Arc<Self>, idle: Idle, permit: OwnedSemaphorePermit) -> Lease {
        Lease { connection: Some(idle.connection), shelf: Arc::clone(self), _permit: permit }
    }

    /// How many connections are open, and how many of them are not in use.
    pub(crate) fn counts(&self) -> (u32, usize) {
        (self.open.load(Ordering::Relaxed), self.waiting.lock().idle.len())
    }

    /// Closes every connection, waiting for those in use.
    pub(crate) async fn close(&self) {
        let idle = {
            let mut waiting = self.waiting.lock();
            // From here on nothing is put back.
            waiting.is_closed = true;
            std::mem::take(&mut waiting.idle)
        };
        for idle in idle {
            idle.connection.close().await;
        }
        // Nobody else closes the semaphore before, and it has that many permits.
        let _ = self.permits.acquire_many(self.limit).await;
        self.permits.close();
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

/// A connection in use. Dropped in a transaction, or before its last answer was read, it is closed.
#[derive(Debug)]
pub(crate) struct Lease {
    /// `None` only while it is being put back.
    connection: Option<Counted>,
    shelf: Arc<Shelf>,
    /// Given back after the connection, fields being dropped in order.
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Whether a transaction is open that has to be ended before anything else is sent.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_idle()
    }

    /// Puts the connection back for the next scope. One that is in a transaction, or has still to answer, is thrown away.
    pub(crate) fn put_back(self) {
        if self.is_idle() {
            self.shelve(None);
        }
    }

    /// Puts the connection back in its transaction, which only read. One that has still to answer is thrown away.
    pub(crate) fn linger(self) {
        if self.is_owing() {
            return;
        }
        let sweeper = Arc::clone(&self.shelf);
        // Without a runtime nobody would end the transaction.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.shelve(Some(Instant::now())) {
            runtime.spawn(sweeper.sweep());
        }
    }

    /// Gives the connection to the shelf; tells whether somebody has to be found who looks after those that linger.
    fn shelve(mut self, lingering: Option<Instant>) -> bool {
        let Some(connection) = self.connection.take() else { return false };
        let mut waiting = self.shelf.waiting.lock();
        // Asked under the lock: whoever closes empties the shelf afterwards.
        if waiting.is_closed {
            return false;
        }
        waiting.idle.push(Idle { connection, lingering });
        lingering.is_some() && !std::mem::replace(&mut waiting.is_swept, true)
    }

    /// Ends the transaction, and only then lets anyone else have the connection. One that does not answer is thrown away.
    pub(crate) async fn roll_back(mut self) {
        match tokio::time::timeout(ROLLBACK_TIMEOUT, self.end()).await {
            Ok(Ok(())) => self.put_back(),
            Ok(Err(error)) => tracing::debug!(%error, "a connection is thrown away because it did not roll back"),
            Err(_) => tracing::debug!("a connection is thrown away because it did not roll back in time"),
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

/// Begins a transaction as the session's settings say.
pub(crate) const BEGIN: &str = "BEGIN";

/// Whether the transaction only reads, all of it in the same snapshot.
const IS_READ: &str = "SELECT current_setting('transaction_isolation') = 'repeatable read' \
                       AND current_setting('transaction_read_only') = 'on'";

/// Ends a transaction of which nothing is to remain.
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
