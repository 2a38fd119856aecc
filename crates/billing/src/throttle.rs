//! The rate limit of an organization, or of one caller in it, whatever its plan. It protects the service; it is not
//! part of a plan.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use tenantry_domain::OrganizationId;

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// The allowed rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleOptions {
    /// Requests per second, on average.
    pub per_second: NonZeroU32,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
    /// When more keys than this are in memory, idle ones are removed.
    pub remembered: usize,
}

impl Default for ThrottleOptions {
    /// A hundred requests per second, two hundred at once.
    fn default() -> Self {
        const PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
        const BURST: NonZeroU32 = NonZeroU32::new(200).unwrap();
        Self { per_second: PER_SECOND, burst: BURST, remembered: 10_000 }
    }
}

/// Whether a request is within the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burst {
    /// It may proceed.
    Allowed {
        /// How many more could be sent at once.
        remaining: u32,
    },
    /// It is too fast.
    Refused {
        /// After how long the next request is allowed.
        retry_after: Duration,
    },
}

/// The rate limit per organization, or per other key: with an [`Identity`](tenantry_domain::Identity), per user in an
/// organization. Cheap to clone; all clones share the counts. Each process counts on its own.
pub struct Throttle<K: Hash + Eq + Copy = OrganizationId> {
    limiter: Arc<Limiter<K>>,
    clock: DefaultClock,
    remembered: usize,
    /// When idle keys were last removed.
    tidied: Arc<Mutex<Option<std::time::Instant>>>,
}

/// Removing goes through all keys, so it runs at most this often.
const TIDY_EVERY: Duration = Duration::from_secs(1);

impl<K: Hash + Eq + Copy> Throttle<K> {
    /// A throttle without any requests yet.
    pub fn new(options: ThrottleOptions) -> Self {
        let quota = Quota::per_second(options.per_second).allow_burst(options.burst);
        let limiter = RateLimiter::hashmap_with_clock(quota, DefaultClock::default());
        Self {
            limiter: Arc::new(limiter.with_middleware()),
            clock: DefaultClock::default(),
            remembered: options.remembered,
            tidied: Arc::default(),
        }
    }

    /// Counts a request, unless its key is too fast.
    pub fn check(&self, key: K) -> Burst {
        let burst = match self.limiter.check_key(&key) {
            Ok(state) => Burst::Allowed { remaining: state.remaining_burst_capacity() },
            Err(refused) => Burst::Refused { retry_after: refused.wait_time_from(self.clock.now()) },
        };
        self.tidy();
        burst
    }

    /// How many keys are in memory.
    pub fn len(&self) -> usize {
        self.limiter.len()
    }

    /// Whether no key is in memory.
    pub fn is_empty(&self) -> bool {
        self.limiter.is_empty()
    }

    /// Removes keys that could send a full burst again; removing them changes nothing for them.
    fn tidy(&self) {
        if self.limiter.len() <= self.remembered {
            return;
        }
        // If it is locked, its holder does the work.
        let Some(mut tidied) = self.tidied.try_lock() else { return };
        if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            *tidied = Some(std::time::Instant::now());
        }
    }
}

impl<K: Hash + Eq + Copy> Clone for Throttle<K> {
    fn clone(&self) -> Self {
        Self {
            limiter: Arc::clone(&self.limiter),
            clock: self.clock.clone(),
            remembered: self.remembered,
            tidied: Arc::clone(&self.tidied),
        }
    }
}

impl<K: Hash + Eq + Copy> fmt::Debug for Throttle<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").field("remembered", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn organization(n: u128) -> OrganizationId {
        OrganizationId::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn number(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).expect("a literal")
    }

    #[test]
    fn a_burst_is_allowed_and_then_refused_for_one_organization_only() {
        let throttle = Throttle::new(ThrottleOptions { per_second: number(1), burst: number(3), remembered: 10 });
        for left in [2, 1, 0] {
            assert_eq!(throttle.check(organization(1)), Burst::Allowed { remaining: left });
        }
        let Burst::Refused { retry_after } = throttle.check(organization(1)) else { panic!("the burst was used up") };
        assert!(retry_after > Duration::ZERO && retry_after <= Duration::from_secs(1));
        assert_eq!(throttle.check(organization(2)), Burst::Allowed { remaining: 2 });
    }

    #[test]
    fn quiet_organizations_are_forgotten() {
        let throttle = Throttle::new(ThrottleOptions { per_second: number(10_000), burst: number(1), remembered: 10 });
        for n in 0..10 {
            throttle.check(organization(n));
        }
        std::thread::sleep(Duration::from_millis(50));
        throttle.check(organization(10));
        assert!(throttle.len() <= 2, "{throttle:?}");
    }
}
