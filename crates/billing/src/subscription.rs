//! The subscription's life cycle: the domain decides which changes are allowed; this writes them under the lock.
//!
//! The caller (a payment provider's events, an operator, a timer) uses a scope of its own.

use std::sync::Arc;

use tenantry_domain::plan::PlanTable;
use tenantry_domain::subscription::{Subscription, SubscriptionChange};
use tenantry_store::billing::subscription as store;
use tenantry_store::{ConstraintKind, Read, Scope, StoreError, WriteScope};

use crate::{Billing, BillingError};

impl Billing {
    /// Gives a new organization its billing row, on the free plan. Call it in the transaction that creates the
    /// organization.
    ///
    /// # Errors
    /// [`BillingError::Store`] when the database fails, or the organization has one already.
    pub async fn open_account(&self, scope: &mut WriteScope) -> Result<Subscription, BillingError> {
        let subscription = Subscription::free();
        store::create(scope, &subscription).await?;
        Ok(subscription)
    }

    /// The organization's subscription.
    ///
    /// # Errors
    /// [`BillingError::NoAccount`] when the billing row is missing; [`BillingError::Store`] when the database fails.
    pub async fn subscription(&self, scope: &impl Scope) -> Result<Subscription, BillingError> {
        store::get(scope).await?.ok_or(BillingError::NoAccount)
    }

    /// The plans, and the organization's subscription; in one round trip if the plans are in memory.
    ///
    /// # Errors
    /// As [`subscription`](Self::subscription).
    pub fn plans_and_subscription<'s>(
        &self,
        scope: &'s impl Scope,
    ) -> Read<'s, (Arc<PlanTable>, Subscription), BillingError> {
        self.read_with_plans(scope, move |plans| {
            store::get(scope).then(|found| Ok((plans, found?.ok_or(BillingError::NoAccount)?)))
        })
    }

    /// Changes the organization's subscription as of now, and returns the new state. Nothing is deleted: after a
    /// downgrade, what exceeds the new limits stays, and only adding more is refused.
    ///
    /// # Errors
    /// [`BillingError::Transition`] when the state does not allow the change; [`BillingError::UnknownPlan`] when there
    /// is no such plan; [`BillingError::NoAccount`] when the billing row is missing; [`BillingError::Store`] when the
    /// database fails.
    pub async fn change_subscription(
        &self,
        scope: &mut WriteScope,
        change: SubscriptionChange,
    ) -> Result<Subscription, BillingError> {
        let before = store::get_for_update(scope).await?.ok_or(BillingError::NoAccount)?;
        let after = before.apply(change, scope.tenant().clock.now())?;
        if after != before {
            store::update(scope, &after).await.map_err(|error| name_plan(error, &after.plan))?;
        }
        Ok(after)
    }

    /// Stores that the subscription has ended by the passing of time, if it has; returns the new state. Nothing depends
    /// on a timely call, because access is always decided by the clock.
    ///
    /// # Errors
    /// [`BillingError::NoAccount`] when the billing row is missing; [`BillingError::Store`] when the database fails.
    pub async fn record_lapse(&self, scope: &mut WriteScope) -> Result<Option<Subscription>, BillingError> {
        let before = store::get_for_update(scope).await?.ok_or(BillingError::NoAccount)?;
        let lapsed = before.lapsed(scope.tenant().clock.now(), self.options.rules);
        if let Some(lapsed) = &lapsed {
            store::update(scope, lapsed).await?;
        }
        Ok(lapsed)
    }
}

fn name_plan(error: StoreError, plan: &str) -> BillingError {
    match error.constraint() {
        Some((ConstraintKind::ForeignKey, _)) => BillingError::UnknownPlan(plan.to_owned()),
        _ => error.into(),
    }
}
