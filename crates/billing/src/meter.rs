//! API calls: counted in memory, written in batches. No request waits for a write, and a crash loses at most the calls
//! since the last batch.
//!
//! Several processes may count the same organization. Each adds its own count to the counter in the database and reads
//! the total back. So the counter is exact, and each process sees the calls of the others one batch later.

mod account;
mod reservation;
mod tally;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tenantry_domain::OrganizationId;
use tenantry_domain::feature::Feature;
use tenantry_domain::subscription::Period;
use tenantry_store::billing::{subscription, usage};
use tenantry_store::{Scope, Store, StoreError, WriteScope};

pub use account::MeterError;
pub use reservation::{Belonging, Reservation};

use crate::{Billing, BillingError};
use account::Account;
use tally::{Known, Taking, Validity};

/// The metered feature.
const FEATURE: Feature = Feature::ApiCallsPerMonth;

/// The meter's settings.
#[derive(Debug, Clone, Copy)]
pub struct MeterOptions {
    /// How often counted calls are written; also the most that a crash loses.
    pub flush_every: Duration,
    /// How many organizations are written at the same time, each on its own connection.
    pub flush_connections: usize,
    /// How long an organization without calls stays in memory.
    pub forget_after: Duration,
    /// The longest that a call waits for the database to report what is left. After that, the last known count decides.
    pub patience: Duration,
}

impl Default for MeterOptions {
    /// Writes every five seconds, on two connections; waits at most half a second.
    fn default() -> Self {
        Self {
            flush_every: Duration::from_secs(5),
            flush_connections: 2,
            forget_after: Duration::from_mins(5),
            patience: Duration::from_millis(500),
        }
    }
}

/// Whether an organization may call, and the numbers to report to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may call.
    Allowed {
        /// The calls that its plan allows per period; `None` means unlimited.
        limit: Option<i64>,
        /// How many of them are left; `None` means unlimited.
        remaining: Option<i64>,
        /// When the count starts over.
        resets_at: DateTime<Utc>,
    },
    /// It has used up its plan's calls.
    Refused {
        /// The calls that its plan allows per period.
        limit: i64,
        /// When the count starts over.
        resets_at: DateTime<Utc>,
    },
}

impl Decision {
    /// Whether the call may proceed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// When the count starts over.
    pub fn resets_at(&self) -> DateTime<Utc> {
        match self {
            Self::Allowed { resets_at, .. } | Self::Refused { resets_at, .. } => *resets_at,
        }
    }
}

/// The result of writing a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushed {
    /// Calls that are now in the database.
    pub calls: i64,
    /// Organizations whose calls could not be written. They are retried with the next batch.
    pub failed: usize,
}

/// Counts the API calls of all organizations. Cheap to clone; all clones share the counts.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    billing: Billing,
    options: MeterOptions,
    accounts: Mutex<HashMap<OrganizationId, Arc<Account>>>,
}

/// What the database knows about an organization.
struct Standing {
    limit: Option<i64>,
    period: Period,
    /// When the plans behind the limit were read.
    plans_as_of: Instant,
}

impl Meter {
    /// A meter that has counted nothing yet. Nothing is written unless [`run`](Self::run) is running or
    /// [`flush`](Self::flush) is called.
    pub fn new(store: Store, billing: Billing, options: MeterOptions) -> Self {
        Self(Arc::new(Inner { store, billing, options, accounts: Mutex::default() }))
    }

    /// Counts a call if the organization may make it. Asks the database only about an organization of which nothing, or
    /// nothing recent, is known, and once for all waiting calls. Never writes. While the database does not answer, the
    /// last known count decides.
    ///
    /// # Errors
    /// [`MeterError::Failed`] when nothing is known and the database fails, or there is no such organization;
    /// [`MeterError::Unanswered`] when nothing is known and the database has not answered within
    /// [`patience`](MeterOptions::patience).
    pub async fn admit(&self, organization: OrganizationId) -> Result<Decision, MeterError> {
        self.decide(organization, Taking::Count).await.0
    }

    /// As [`admit`](Self::admit), without counting the call.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub async fn allowed(&self, organization: OrganizationId) -> Result<Decision, MeterError> {
        self.decide(organization, Taking::Nothing).await.0
    }

    /// As [`admit`](Self::admit), for a caller whose membership is not proven yet: the call is counted when the
    /// reservation is. A refused call has no reservation. If nothing is known there is one, so that a caller who is let
    /// through all the same can still be counted.
    pub async fn reserve(
        &self,
        organization: OrganizationId,
        caller: Belonging,
    ) -> (Result<Decision, MeterError>, Option<Reservation>) {
        let (decision, account) = self.decide(organization, Taking::Hold(caller)).await;
        let held = match &decision {
            Ok(Decision::Refused { .. }) => return (decision, None),
            Ok(Decision::Allowed { .. }) => Some(caller),
            Err(_) => None,
        };
        let reservation = Reservation::new(account, self.0.store.clock().clone(), held);
        (decision, Some(reservation))
    }

    /// Counts a call regardless of the limit: one that was let through without asking [`admit`](Self::admit).
    pub fn record(&self, organization: OrganizationId) {
        let now = self.0.store.clock().now();
        self.account(organization).tally.lock().count(now);
    }

    /// Writes the counted calls. Also reads what other processes have counted for the same organizations, and removes
    /// organizations without recent calls from memory.
    pub async fn flush(&self) -> Flushed {
        let accounts: Vec<(OrganizationId, Arc<Account>)> = {
            let mut accounts = self.0.accounts.lock();
            let oldest = Instant::now().checked_sub(self.0.options.forget_after);
            // An account that someone else holds is in use, although its tally may not show it yet.
            accounts.retain(|_, account| Arc::strong_count(account) > 1 || !account.tally.lock().is_idle_since(oldest));
            accounts.iter().map(|(id, account)| (*id, Arc::clone(account))).collect()
        };
        let counted = accounts.into_iter().filter(|(_, account)| account.tally.lock().has_pending());
        stream::iter(counted)
            .map(async |(organization, account)| self.flush_one(organization, &account).await)
            .buffer_unordered(self.0.options.flush_connections.max(1))
            .fold(Flushed::default(), async |sum, one| Flushed {
                calls: sum.calls + one.calls,
                failed: sum.failed + one.failed,
            })
            .await
    }

    /// Flushes repeatedly until `stop` completes, and once more after that.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut ticks = tokio::time::interval(self.0.options.flush_every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                _ = ticks.tick() => drop(self.flush().await),
            }
        }
        let last = self.flush().await;
        if last.failed > 0 {
            tracing::error!(
                organizations = last.failed,
                "API calls of the last seconds are lost: they could not be written"
            );
        }
    }

    fn account(&self, organization: OrganizationId) -> Arc<Account> {
        Arc::clone(self.0.accounts.lock().entry(organization).or_default())
    }

    async fn decide(
        &self,
        organization: OrganizationId,
        taking: Taking,
    ) -> (Result<Decision, MeterError>, Arc<Account>) {
        let account = self.account(organization);
        // The limit may be as old as the plans, and no older.
        let oldest = self.0.billing.plans.oldest_valid(Instant::now());
        if let Some(decision) = self.decide_from_memory(&account, Validity::After(oldest), taking) {
            return (Ok(decision), account);
        }
        let loaded = account.loaded(self.0.options.patience, || {
            let (meter, account) = (self.clone(), Arc::clone(&account));
            async move { meter.load_in_turn(organization, &account).await }
        });
        let decision = match loaded.await {
            // A fresh result is used even if the cache time is zero, or if the period has just ended.
            Ok(()) => self.decide_from_memory(&account, Validity::Any, taking).ok_or(MeterError::Unanswered),
            Err(MeterError::Failed(error)) if is_gone(&error) => Err(MeterError::Failed(error)),
            Err(error) => self.decide_from_memory(&account, Validity::After(None), taking).ok_or(error),
        };
        (decision, account)
    }

    fn decide_from_memory(&self, account: &Account, validity: Validity, taking: Taking) -> Option<Decision> {
        let now = self.0.store.clock().now();
        account.tally.lock().decide(now, validity, taking)
    }

    async fn load_in_turn(&self, organization: OrganizationId, account: &Account) -> Result<(), BillingError> {
        let _at_database = account.at_database.lock().await;
        let result = self.load(organization, account).await;
        if let Err(error) = &result {
            tracing::debug!(%organization, %error, "the organization's remaining calls could not be read");
            self.forget_if_gone(organization, error);
        }
        result
    }

    /// Reads what the organization may call and has called.
    async fn load(&self, organization: OrganizationId, account: &Account) -> Result<(), BillingError> {
        let asked_at = Instant::now();
        let scope = WriteScope::open_system(&self.0.store, organization).await?;
        let Standing { limit, period, plans_as_of } = self.standing(&scope).await?;
        let written = usage::get(&scope, FEATURE, period).await?;
        scope.commit().await?;
        account.tally.lock().learn(Known { limit, period, written, as_of: asked_at.min(plans_as_of) });
        Ok(())
    }

    async fn standing(&self, scope: &WriteScope) -> Result<Standing, BillingError> {
        let billing = &self.0.billing;
        let plans = billing.known_plans(scope).await?;
        let standing = subscription::standing(scope, FEATURE).await?.ok_or(BillingError::NoAccount)?;
        let (limit, ..) = billing.limit(scope, plans.table, &standing, FEATURE).await?;
        let period = standing.subscription.usage_period(scope.tenant().clock.now(), billing.options().rules);
        Ok(Standing { limit, period, plans_as_of: plans.as_of })
    }

    async fn flush_one(&self, organization: OrganizationId, account: &Account) -> Flushed {
        let _at_database = account.at_database.lock().await;
        match self.write(organization, account).await {
            Ok(calls) => Flushed { calls, failed: 0 },
            Err(error) => {
                tracing::warn!(%organization, %error, "API calls could not be written");
                self.forget_if_gone(organization, &error);
                Flushed { calls: 0, failed: 1 }
            }
        }
    }

    /// Adds the counted calls to the counters in the database, in one transaction, and reads the total back.
    async fn write(&self, organization: OrganizationId, account: &Account) -> Result<i64, BillingError> {
        let asked_at = Instant::now();
        let mut scope = WriteScope::open_system(&self.0.store, organization).await?;
        let Standing { limit, period, plans_as_of } = self.standing(&scope).await?;
        // From here on, the taken calls are returned if anything fails or this is cancelled.
        let taken = tally::Taken::of(&account.tally, period);
        let mut written = None;
        for (counted_in, calls) in taken.calls() {
            let total = usage::add_unchecked(&mut scope, FEATURE, counted_in, calls).await?;
            if counted_in == period {
                written = Some(total);
            }
        }
        let written = match written {
            Some(total) => total,
            None => usage::get(&scope, FEATURE, period).await?,
        };
        // If the answer to the commit is lost, it is unknown whether it happened. Lost calls cost less trust than calls
        // that are charged twice.
        let calls = taken.settle();
        scope.commit().await?;
        account.tally.lock().learn(Known { limit, period, written, as_of: asked_at.min(plans_as_of) });
        Ok(calls)
    }

    /// An organization that no longer exists has nothing to count.
    fn forget_if_gone(&self, organization: OrganizationId, error: &BillingError) {
        if is_gone(error) {
            self.0.accounts.lock().remove(&organization);
        }
    }
}

fn is_gone(error: &BillingError) -> bool {
    matches!(error, BillingError::Store(StoreError::NotAMember))
}
