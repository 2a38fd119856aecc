//! The plans in memory. A request that finds them older than the cache time reads them again and replaces them. Several
//! requests at once may each read them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tenantry_domain::plan::PlanTable;
use tenantry_store::billing::plans::PlansRead;

/// The single plan cache of this process.
#[derive(Debug)]
pub(crate) struct PlanCache {
    time_to_live: Duration,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<Known>,
    /// Anything read before this time may have changed since.
    invalid_before: Option<Instant>,
}

/// Plans, and when they were valid.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) table: Arc<PlanTable>,
    /// The start of the snapshot in which they were read, or earlier.
    pub(crate) as_of: Instant,
}

impl PlanCache {
    pub(crate) fn new(time_to_live: Duration) -> Self {
        Self { time_to_live, state: RwLock::default() }
    }

    /// Keeps plans that were asked for at this time, unless others are newer.
    pub(crate) fn note(&self, read: PlansRead, asked_at: Instant) -> Known {
        // The scope and its snapshot may be older than the question. A snapshot that is too old serves only its own scope.
        let as_of = asked_at.checked_sub(read.age).unwrap_or(asked_at);
        let known = Known { table: Arc::new(read.table), as_of };
        self.keep(&known);
        known
    }

    pub(crate) fn invalidate(&self) {
        let mut state = self.state.write();
        state.known = None;
        state.invalid_before = Some(Instant::now());
    }

    /// Nothing that depends on plans from this time or earlier is valid any more; `None` when everything is valid.
    pub(crate) fn oldest_valid(&self, now: Instant) -> Option<Instant> {
        now.checked_sub(self.time_to_live).max(self.state.read().invalid_before)
    }

    /// The plans, unless they are too old.
    pub(crate) fn fresh(&self, now: Instant) -> Option<Known> {
        let oldest = self.oldest_valid(now);
        self.state.read().known.clone().filter(|known| oldest.is_none_or(|oldest| oldest < known.as_of))
    }

    fn keep(&self, read: &Known) {
        let mut state = self.state.write();
        let outdated = state.invalid_before.is_some_and(|time| read.as_of <= time)
            || state.known.as_ref().is_some_and(|known| read.as_of < known.as_of);
        if !outdated {
            state.known = Some(read.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn known(as_of: Instant) -> Known {
        Known { table: Arc::new(PlanTable::default()), as_of }
    }

    #[test]
    fn plans_are_cached_until_the_cache_time_is_over() {
        let (cache, start) = (PlanCache::new(10 * SECOND), Instant::now());
        assert!(cache.fresh(start).is_none());
        cache.keep(&known(start));
        assert!(cache.fresh(start + 9 * SECOND).is_some());
        assert!(cache.fresh(start + 10 * SECOND).is_none());
    }

    #[test]
    fn an_older_snapshot_does_not_replace_a_newer_one() {
        let (cache, start) = (PlanCache::new(10 * SECOND), Instant::now());
        let newer = known(start + 5 * SECOND);
        cache.keep(&newer);
        cache.keep(&known(start));
        assert!(cache.fresh(start + 6 * SECOND).is_some_and(|kept| Arc::ptr_eq(&kept.table, &newer.table)));
    }

    #[test]
    fn a_snapshot_from_before_a_change_is_not_kept() {
        let cache = PlanCache::new(10 * SECOND);
        let before = Instant::now();
        cache.invalidate();
        cache.keep(&known(before));
        assert!(cache.fresh(before).is_none());
        let after = Instant::now() + SECOND;
        cache.keep(&known(after));
        assert!(cache.fresh(after).is_some());
    }

    #[test]
    fn without_a_cache_time_nothing_is_cached() {
        let cache = PlanCache::new(Duration::ZERO);
        let now = Instant::now();
        cache.keep(&known(now));
        assert!(cache.fresh(now).is_none());
    }
}
