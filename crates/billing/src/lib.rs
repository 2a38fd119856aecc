//! Plans, entitlements, limits, usage and the state of subscriptions, for any service. There is no GraphQL and no HTTP
//! here; the SQL is in `tenantry-store`.
//!
//! * [`Billing`] decides: [`check_level`](Billing::check_level) and [`use_monthly`](Billing::use_monthly) inside the
//!   transaction that writes, [`can_use`](Billing::can_use) and [`entitlements`](Billing::entitlements) for callers
//!   that ask before they act.
//! * [`Meter`] counts API calls in memory and writes them in batches; [`Throttle`] limits the request rate.
//! * [`stripe::receive`] takes a payment provider's events. Each has its effect once, in whatever order they arrive.
//! * [`PlanFile`] is a file of plans, validated before it is loaded.
//!
//! *Invariant:* a limit is never checked against a count that a concurrent transaction can change. A level is counted
//! under the lock on the organization's billing row. A monthly counter is incremented in the same statement that checks
//! it.
//!
//! *Invariant:* what a plan allows is stored in rows, never in code.

mod entitlement;
mod error;
mod limit;
mod meter;
mod plan_cache;
mod plan_file;
mod subscription;
mod throttle;

pub mod stripe;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tenantry_domain::plan::PlanTable;
use tenantry_domain::subscription::SubscriptionRules;
use tenantry_store::billing::plans;
use tenantry_store::{Read, Scope};

pub use entitlement::{Entitlement, Source};
pub use error::BillingError;
pub use meter::{Belonging, Decision, Flushed, Meter, MeterError, MeterOptions, Reservation};
pub use plan_file::{PlanFault, PlanFile, PlanFileError};
pub use throttle::{Burst, Throttle, ThrottleOptions};

use plan_cache::{Known, PlanCache};

/// The settings of billing.
#[derive(Debug, Clone, Copy)]
pub struct BillingOptions {
    /// How long plans are cached.
    pub plans_cached_for: Duration,
    /// How long access continues after a failed payment.
    pub rules: SubscriptionRules,
}

impl Default for BillingOptions {
    /// Plans are cached for ten seconds.
    fn default() -> Self {
        Self { plans_cached_for: Duration::from_secs(10), rules: SubscriptionRules::default() }
    }
}

/// Decides what an organization may do. Caches the plans. Cheap to clone; all clones share the cache.
#[derive(Debug, Clone)]
pub struct Billing {
    plans: Arc<PlanCache>,
    options: BillingOptions,
}

impl Billing {
    /// Billing with an empty cache.
    pub fn new(options: BillingOptions) -> Self {
        Self { plans: Arc::new(PlanCache::new(options.plans_cached_for)), options }
    }

    /// The settings.
    pub fn options(&self) -> &BillingOptions {
        &self.options
    }

    /// The plans, not older than the cache time.
    ///
    /// # Errors
    /// [`BillingError::Store`] when they have to be read and the database fails.
    pub fn plans<'s>(&self, scope: &'s impl Scope) -> Read<'s, Arc<PlanTable>, BillingError> {
        self.known_plans(scope).map(|known| known.table)
    }

    /// As [`plans`](Self::plans), with the time that they are of.
    pub(crate) fn known_plans<'s>(&self, scope: &'s impl Scope) -> Read<'s, Known, BillingError> {
        match self.plans.fresh(Instant::now()) {
            Some(known) => Read::ready(scope, known).then(|known| Ok(known?)),
            None => self.read_plans(scope),
        }
    }

    /// Reads something that takes the plans: in one round trip if they are in memory.
    pub(crate) fn read_with_plans<'s, T: Send + 's>(
        &self,
        scope: &'s impl Scope,
        read: impl FnOnce(Arc<PlanTable>) -> Read<'s, T, BillingError> + Send + 's,
    ) -> Read<'s, T, BillingError> {
        match self.plans.fresh(Instant::now()) {
            Some(known) => read(known.table),
            None => self.read_plans(scope).and_then(|known| read(known.table)),
        }
    }

    /// Reads the plans, whether those in memory are too old or not.
    pub(crate) fn read_plans<'s>(&self, scope: &'s impl Scope) -> Read<'s, Known, BillingError> {
        let (plans, asked_at) = (Arc::clone(&self.plans), Instant::now());
        plans::list(scope).then(move |read| Ok(plans.note(read?, asked_at)))
    }

    /// Drops the cached plans, so that this process sees a change immediately. Others see it after their cache time.
    pub fn invalidate(&self) {
        self.plans.invalidate();
    }
}

impl Default for Billing {
    fn default() -> Self {
        Self::new(BillingOptions::default())
    }
}
