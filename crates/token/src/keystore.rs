//! The trusted key set over time: when it is read again, which requests wait for that, and when it is too old to use.
//!
//! Ages are measured with the given clock. `ttl` is the cache time. From four fifths of it on, the set is read again in
//! the background while the old one is still used. After `ttl`, requests wait for the reading. The old set is used
//! longer only if the reading fails, for a limited grace period. So a withdrawn key stops working within `ttl`, except
//! during an outage.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use chrono::{DateTime, TimeDelta, Utc};
use tenantry_domain::Clock;
use tenantry_domain::causes::causes;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::cache::VerifiedCache;
use crate::error::{SetupError, TokenError};
use crate::key::KeySet;
use crate::source::Source;

/// The key set at one point in time.
pub(crate) struct Snapshot {
    pub(crate) keys: Arc<KeySet>,
    /// Incremented when the keys change. A token verified under an older generation has to be verified again.
    pub(crate) generation: u64,
    /// Incremented by every successful reading, changed or not.
    version: u64,
    /// When the source last confirmed these keys.
    checked_at: Option<DateTime<Utc>>,
}

/// The limits on [`KeyStore`]'s reading.
pub(crate) struct Timing {
    pub(crate) ttl: TimeDelta,
    pub(crate) grace: TimeDelta,
    /// The minimum time between two readings for an unknown key, and between two failed attempts.
    pub(crate) interval: TimeDelta,
}

/// The holder of this lock is the one that reads.
#[derive(Default)]
struct Gate {
    attempted_at: Option<DateTime<Utc>>,
    /// Tracked separately from the periodic readings. Otherwise the first token after a rotation could be refused
    /// because the set happened to be read a moment before.
    unknown_key_at: Option<DateTime<Utc>>,
}

/// Keeps the current [`Snapshot`].
pub(crate) struct KeyStore {
    source: Source,
    timing: Timing,
    clock: Clock,
    verified: Arc<VerifiedCache>,
    snapshot: ArcSwap<Snapshot>,
    gate: Arc<Mutex<Gate>>,
    /// The time of the last failed attempt, in microseconds since 1970.
    failed_at: AtomicI64,
}

impl KeyStore {
    /// A store that has read its file, or that will fetch its document on first use.
    pub(crate) fn new(
        source: Source,
        timing: Timing,
        clock: Clock,
        verified: Arc<VerifiedCache>,
    ) -> Result<Self, SetupError> {
        let (keys, checked_at) = match source.load_file() {
            Some(keys) => (keys?, Some(clock.now())),
            None => (KeySet::default(), None),
        };
        let snapshot = ArcSwap::from_pointee(Snapshot { keys: Arc::new(keys), generation: 0, version: 0, checked_at });
        let failed_at = AtomicI64::new(i64::MIN);
        Ok(Self { source, timing, clock, verified, snapshot, gate: Arc::default(), failed_at })
    }

    /// The keys to verify with now. Waits only if there are no usable keys.
    pub(crate) async fn current(self: &Arc<Self>) -> Result<Arc<Snapshot>, TokenError> {
        let now = self.clock.now();
        let snapshot = self.snapshot.load_full();
        match self.age(&snapshot, now) {
            Some(age) if age < self.timing.ttl * 4 / 5 => Ok(snapshot),
            Some(age) if age < self.timing.ttl || (self.in_grace(age) && self.failed_recently(now)) => {
                self.read_in_background(now);
                Ok(snapshot)
            }
            _ => self.read_and_wait().await,
        }
    }

    /// Reads keys for the first time; here an empty set is an error.
    pub(crate) async fn load_first(&self) -> Result<(), SetupError> {
        let mut gate = self.gate.lock().await;
        if self.snapshot.load().checked_at.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        gate.attempted_at = Some(now);
        let keys = self.source.load().await?;
        if keys.is_empty() {
            return Err(SetupError::NoUsableKey);
        }
        self.install(keys, now);
        Ok(())
    }

    /// Looks for keys newer than those of `seen`, which lack a token's key id. Returns `seen` if there are none and it
    /// is too early to read again.
    pub(crate) async fn newer_than(self: &Arc<Self>, seen: Arc<Snapshot>) -> Arc<Snapshot> {
        if !self.source.holds_a_set() {
            return seen;
        }
        // If a reading is in progress, wait here for its end and use its result.
        let mut gate = Arc::clone(&self.gate).lock_owned().await;
        let snapshot = self.snapshot.load_full();
        if snapshot.version != seen.version {
            return snapshot;
        }
        let now = self.clock.now();
        if !self.is_due(gate.unknown_key_at, now) {
            return seen;
        }
        gate.unknown_key_at = Some(now);
        self.read(gate, now).await;
        self.snapshot.load_full()
    }

    async fn read_and_wait(self: &Arc<Self>) -> Result<Arc<Snapshot>, TokenError> {
        let gate = Arc::clone(&self.gate).lock_owned().await;
        let now = self.clock.now();
        let snapshot = self.snapshot.load_full();
        if self.age(&snapshot, now).is_some_and(|age| age < self.timing.ttl) {
            return Ok(snapshot);
        }
        if self.is_due(gate.attempted_at, now) {
            self.read(gate, now).await;
        }
        let now = self.clock.now();
        let snapshot = self.snapshot.load_full();
        let usable = self.age(&snapshot, now).is_some_and(|age| age < self.timing.ttl || self.in_grace(age));
        if usable { Ok(snapshot) } else { Err(TokenError::KeysUnavailable) }
    }

    fn read_in_background(self: &Arc<Self>, now: DateTime<Utc>) {
        if let Ok(gate) = Arc::clone(&self.gate).try_lock_owned()
            && self.is_due(gate.attempted_at, now)
        {
            drop(self.read(gate, now));
        }
    }

    /// Reads the source in a task of its own, so that a cancelled request does not cancel what others wait for.
    fn read(self: &Arc<Self>, mut gate: OwnedMutexGuard<Gate>, now: DateTime<Utc>) -> impl Future<Output = ()> + use<> {
        gate.attempted_at = Some(now);
        let store = Arc::clone(self);
        let task = tokio::spawn(async move {
            match store.source.load().await {
                Ok(keys) => store.install(keys, now),
                Err(error) => {
                    store.failed_at.store(now.timestamp_micros(), Ordering::Relaxed);
                    tracing::warn!(error = causes(&error), "the key set could not be read again");
                }
            }
            drop(gate);
        });
        async move {
            // Fails only if the runtime is shutting down. The caller then finds the snapshot unchanged.
            let _ = task.await;
        }
    }

    /// Only the holder of the lock calls this, so nothing can happen between the load and the store.
    fn install(&self, keys: KeySet, asked_at: DateTime<Utc>) {
        let old = self.snapshot.load_full();
        let changed = !old.keys.same_as(&keys);
        if changed {
            tracing::info!(keys = keys.len(), "the key set has changed");
        }
        if keys.is_empty() {
            tracing::warn!("the key set is empty; every token is refused");
        }
        self.snapshot.store(Arc::new(Snapshot {
            keys: if changed { Arc::new(keys) } else { Arc::clone(&old.keys) },
            generation: old.generation + u64::from(changed),
            version: old.version + 1,
            // The time of the request, not of the answer: the document may be that old.
            checked_at: Some(asked_at),
        }));
        if changed {
            self.verified.clear();
        }
    }

    /// The set's age; `None` if it was never read, or if the clock went back and the age is unknown.
    fn age(&self, snapshot: &Snapshot, now: DateTime<Utc>) -> Option<TimeDelta> {
        let _ = self;
        snapshot.checked_at.map(|at| now - at).filter(|age| *age >= TimeDelta::zero())
    }

    fn in_grace(&self, age: TimeDelta) -> bool {
        age < self.timing.ttl + self.timing.grace
    }

    /// Whether attempts are currently failing; if so, the next request need not wait for another failure.
    fn failed_recently(&self, now: DateTime<Utc>) -> bool {
        let since = now.timestamp_micros().saturating_sub(self.failed_at.load(Ordering::Relaxed));
        self.timing.interval.num_microseconds().is_some_and(|interval| since < interval.saturating_mul(3))
    }

    fn is_due(&self, last: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        last.is_none_or(|last| now < last || now - last >= self.timing.interval)
    }
}
