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
use std::time::Duration;

use tenantry_domain::plan::PlanTable;
use tenantry_domain::subscription::SubscriptionRules;
use tenantry_store::Scope;

pub use entitlement::{Entitlement, Source};
pub use error::BillingError;
pub use meter::{Belonging, Decision, Flushed, Meter, MeterError, MeterOptions, Reservation};
pub use plan_file::{PlanFault, PlanFile, PlanFileError};
pub use throttle::{Burst, Throttle, ThrottleOptions};

use plan_cache::PlanCache;

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
    pub async fn plans(&self, scope: &impl Scope) -> Result<Arc<PlanTable>, BillingError> {
        Ok(self.plans.get(scope).await?.table)
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
