//! What an organization may use and how much of it is left, for callers that ask before they act.

use chrono::{DateTime, Utc};
use tenantry_domain::feature::{Feature, FeatureKind};
use tenantry_domain::plan::{Allowance, PlanTable};
use tenantry_domain::subscription::Subscription;
use tenantry_store::billing::entitlement::{self as store, Asked, Usage};
use tenantry_store::{Read, Scope};

use crate::{Billing, BillingError};

/// Where a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// The organization's plan.
    Plan,
    /// An individual agreement with the organization. It takes precedence over the plan.
    Override,
}

/// What the organization may use of one feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// The limited feature.
    pub feature: Feature,
    /// How much is allowed; `None` means unlimited.
    pub limit: Option<i64>,
    /// How much is in use, or was used in the current period; `None` when the feature is unlimited and therefore not
    /// counted. May exceed the limit after a downgrade.
    pub used: Option<i64>,
    /// When a monthly count starts over; `None` for a level.
    pub resets_at: Option<DateTime<Utc>>,
    /// Where the limit comes from.
    pub source: Source,
}

impl Entitlement {
    /// How the feature is counted.
    pub fn kind(&self) -> FeatureKind {
        self.feature.kind()
    }

    /// How much more may be used; `None` means unlimited.
    pub fn remaining(&self) -> Option<i64> {
        self.limit.map(|limit| limit.saturating_sub(self.used.unwrap_or(0)).max(0))
    }

    /// Whether one more may be used.
    pub fn can_use(&self) -> bool {
        self.remaining().is_none_or(|remaining| remaining > 0)
    }
}

impl Billing {
    /// What the organization may use, feature by feature, read in one statement.
    ///
    /// This is information only; it reserves nothing. Only [`check_level`](Self::check_level) and
    /// [`use_monthly`](Self::use_monthly) decide, in the transaction that writes.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails; [`BillingError::NoAccount`] when the billing row is missing.
    pub fn entitlements<'s>(&self, scope: &'s impl Scope) -> Read<'s, Vec<Entitlement>, BillingError> {
        self.entitlements_to(scope, Feature::ALL.to_vec())
    }

    /// What the organization may use of one feature. Call [`Entitlement::can_use`] on the result.
    ///
    /// # Errors
    /// As [`entitlements`](Self::entitlements).
    pub async fn can_use(&self, scope: &impl Scope, feature: Feature) -> Result<Entitlement, BillingError> {
        let entitlement = self.entitlements_to(scope, vec![feature]).await?.pop();
        // One feature was requested, so there is one.
        entitlement.ok_or(BillingError::NoAccount)
    }

    fn entitlements_to<'s>(
        &self,
        scope: &'s impl Scope,
        features: Vec<Feature>,
    ) -> Read<'s, Vec<Entitlement>, BillingError> {
        let billing = self.clone();
        self.read_with_plans(scope, move |plans| {
            let unlimited = |feature: &Feature| plans.unlimited(*feature).collect();
            let asked: Vec<Asked<'_>> =
                features.iter().map(|feature| Asked { feature: *feature, unlimited: unlimited(feature) }).collect();
            store::usage(scope, &asked).then(|usage| usage?.ok_or(BillingError::NoAccount)).and_then(move |usage| {
                billing
                    .plans_that_know(scope, plans, &usage.subscription)
                    .map(move |plans| billing.entitlements_of(&plans, &usage, &features, scope.tenant().clock.now()))
            })
        })
    }

    fn entitlements_of(
        &self,
        plans: &PlanTable,
        usage: &Usage,
        features: &[Feature],
        now: DateTime<Utc>,
    ) -> Vec<Entitlement> {
        let period = usage.subscription.usage_period(now, self.options.rules);
        let entitlement = |feature: Feature| {
            let exception = usage.exceptions.get(&feature).copied();
            let (allowance, source) = self.allowance(plans, &usage.subscription, exception, feature, now);
            let limit = allowance.effective();
            let (used, resets_at) = match feature.kind() {
                FeatureKind::Level => (usage.levels.get(&feature).copied(), None),
                FeatureKind::Monthly => {
                    let counted = usage.counters.get(&(feature, period.start())).copied();
                    (counted.or(Some(0)), Some(period.end()))
                }
            };
            Entitlement { feature, limit, used: used.filter(|_| limit.is_some()), resets_at, source }
        };
        features.iter().copied().map(entitlement).collect()
    }

    /// What applies to a feature at this time: the individual agreement if there is one, else the plan.
    pub(crate) fn allowance(
        &self,
        plans: &PlanTable,
        subscription: &Subscription,
        exception: Option<Allowance>,
        feature: Feature,
        now: DateTime<Utc>,
    ) -> (Allowance, Source) {
        if let Some(exception) = exception {
            return (exception, Source::Override);
        }
        let plan = plans.get(subscription.effective_plan(now, self.options.rules));
        (plan.map_or(Allowance::NONE, |plan| plan.allowance(feature)), Source::Plan)
    }
}
