//! The limits, checked inside the transaction that writes, so that concurrent requests cannot exceed them.

use std::sync::Arc;

use tenantry_domain::feature::{Feature, FeatureKind, LimitReached};
use tenantry_domain::plan::PlanTable;
use tenantry_domain::subscription::Subscription;
use tenantry_store::billing::subscription::{self, Standing};
use tenantry_store::billing::usage;
use tenantry_store::{Read, Scope, WriteScope, client, member, project};

use crate::{Billing, BillingError, Source};

/// How far beyond the limit a refusal counts, to report how much is in use. This counts everything, unless a downgrade
/// has left very many. It is limited because the count runs under the lock.
const COUNTED_BEYOND: i64 = 1_000;

impl Billing {
    /// Allows `adding` more of a level feature, or refuses. What is then written in this scope is within the limit: the
    /// organization's billing row stays locked until the transaction ends, and everyone who adds something takes that
    /// lock.
    ///
    /// The count stops at the limit (for a refusal, at 1,000 more), so it costs the same at any size. An unlimited
    /// feature takes no lock and counts nothing.
    ///
    /// # Errors
    /// [`BillingError::LimitReached`] when the plan does not allow it; [`BillingError::WrongKind`] for a monthly
    /// feature; [`BillingError::NoAccount`] when the billing row is missing; [`BillingError::Store`] when the database
    /// fails.
    pub async fn check_level(&self, scope: &mut WriteScope, feature: Feature, adding: i64) -> Result<(), BillingError> {
        if feature.kind() != FeatureKind::Level {
            return Err(BillingError::WrongKind(feature));
        }
        if adding <= 0 {
            return Ok(());
        }
        let plans = self.plans(scope).await?;
        let unlimited: Vec<&str> = plans.unlimited(feature).collect();
        let mut standing = standing_for_update(scope, feature, &unlimited).await?;
        let (mut limit, mut source, mut plans) = self.limit(scope, plans.clone(), &standing, feature).await?;
        if limit.is_some() && !standing.is_locked {
            // It was unlimited before we requested the lock, and is limited now. Without a list, the lock is taken in
            // any case.
            standing = standing_for_update(scope, feature, &[]).await?;
            (limit, source, plans) = self.limit(scope, plans, &standing, feature).await?;
        }
        let Some(limit) = limit else { return Ok(()) };
        // Counted in a separate statement: a statement that began before we had the lock would not see what its last
        // holder wrote.
        let room = limit.saturating_sub(adding);
        if room >= 0 && count(scope, feature, room.saturating_add(1)).await? <= room {
            return Ok(());
        }
        let used = count(scope, feature, limit.saturating_add(COUNTED_BEYOND)).await?;
        Err(refusal(&plans, source, feature, limit, used, adding).into())
    }

    /// Uses `n` of a monthly feature, or refuses. A rollback of the scope returns them.
    ///
    /// One statement checks and counts. An unlimited feature is not counted.
    ///
    /// # Errors
    /// [`BillingError::LimitReached`] when the plan does not allow it; [`BillingError::WrongKind`] for a level feature;
    /// [`BillingError::NoAccount`] when the billing row is missing; [`BillingError::Store`] when the database fails.
    pub async fn use_monthly(&self, scope: &mut WriteScope, feature: Feature, n: i64) -> Result<(), BillingError> {
        if feature.kind() != FeatureKind::Monthly {
            return Err(BillingError::WrongKind(feature));
        }
        if n <= 0 {
            return Ok(());
        }
        let plans = self.plans(scope).await?;
        let standing = subscription::standing(scope, feature).await?.ok_or(BillingError::NoAccount)?;
        let (limit, source, plans) = self.limit(scope, plans, &standing, feature).await?;
        let Some(limit) = limit else { return Ok(()) };
        let period = standing.subscription.usage_period(scope.tenant().clock.now(), self.options.rules);
        if usage::add_within(scope, feature, period, n, limit).await?.is_some() {
            return Ok(());
        }
        let used = usage::get(scope, feature, period).await?;
        Err(refusal(&plans, source, feature, limit, used, n).into())
    }

    /// The current limit (`None`: unlimited), its source, and plans that include the subscription's.
    pub(crate) async fn limit(
        &self,
        scope: &impl Scope,
        plans: Arc<PlanTable>,
        standing: &Standing,
        feature: Feature,
    ) -> Result<(Option<i64>, Source, Arc<PlanTable>), BillingError> {
        let plans = self.plans_that_know(scope, plans, &standing.subscription).await?;
        let now = scope.tenant().clock.now();
        let (allowance, source) = self.allowance(&plans, &standing.subscription, standing.exception, feature, now);
        Ok((allowance.effective(), source, plans))
    }

    /// The plans, read again if the subscription's plan is not among them: it may be newer than the cache.
    pub(crate) fn plans_that_know<'s>(
        &self,
        scope: &'s impl Scope,
        plans: Arc<PlanTable>,
        subscription: &Subscription,
    ) -> Read<'s, Arc<PlanTable>, BillingError> {
        let plan = subscription.effective_plan(scope.tenant().clock.now(), self.options.rules).to_owned();
        if plans.get(&plan).is_some() {
            return Read::ready(scope, plans).then(|plans| Ok(plans?));
        }
        self.read_plans(scope).then(|plans| {
            let plans = plans?.table;
            if plans.get(&plan).is_some() { Ok(plans) } else { Err(BillingError::UnknownPlan(plan)) }
        })
    }
}

async fn standing_for_update(
    scope: &mut WriteScope,
    feature: Feature,
    unlimited: &[&str],
) -> Result<Standing, BillingError> {
    subscription::standing_for_update(scope, feature, unlimited).await?.ok_or(BillingError::NoAccount)
}

/// How many there are, counting no further than `up_to`.
async fn count(scope: &impl Scope, feature: Feature, up_to: i64) -> Result<i64, BillingError> {
    let counted = match feature {
        Feature::ActiveClients => client::count_active(scope, up_to).await?,
        Feature::Projects => project::count_all(scope, up_to).await?,
        Feature::TeamMembers => member::count_all(scope, up_to).await?,
        // There is no vault yet.
        Feature::VaultItems => 0,
        Feature::ApiCallsPerMonth | Feature::InvoicesPerMonth => return Err(BillingError::WrongKind(feature)),
    };
    Ok(counted)
}

fn refusal(plans: &PlanTable, source: Source, feature: Feature, limit: i64, used: i64, adding: i64) -> LimitReached {
    // An override would take precedence over any plan, so no upgrade would help.
    let upgrade = match source {
        Source::Plan => plans.cheapest_allowing(feature, used.saturating_add(adding)),
        Source::Override => None,
    };
    LimitReached { feature, limit, used, upgrade_to: upgrade.map(|plan| plan.id.clone()) }
}
