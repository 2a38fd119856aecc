//! The plans that are offered, and what the organization has subscribed to.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use chrono::{DateTime, Utc};
use tenantry_billing::BillingError;
use tenantry_domain::permission::{Decision, Operation, Place, decide};
use tenantry_domain::plan::{Plan as PlanRecord, PlanTable};
use tenantry_domain::subscription::{Period, Subscription as Record};
use tenantry_domain::{feature as domain, subscription};
use tenantry_executor::dataloader::{Found, Loader};
use tenantry_executor::error::{ErrorCode, coded, internal};
use tenantry_executor::loaders::{WhoAmI, load};
use tenantry_executor::scalar::{Money, Timestamp};
use tenantry_service::Service;
use tenantry_store::{Read, ReadScope, Scope};

use crate::entitlement::{Feature, FeatureKind, Plans};
use crate::enumeration::enumeration;

enumeration! {
    /// The status of a subscription.
    SubscriptionStatus = subscription::SubscriptionStatus {
        /// Paid for, or free.
        Active,
        /// Free of charge for a limited time.
        Trialing,
        /// A payment failed. The plan applies until the end of the period and some days of grace.
        PastDue,
        /// Ended. The limits of the free plan apply from the end of the period.
        Canceled,
        /// The first payment has not arrived.
        Incomplete,
    }
}

/// How much of one feature a plan allows.
#[derive(SimpleObject)]
struct PlanLimit {
    /// The limited feature.
    feature: Feature,
    /// How it is counted.
    kind: FeatureKind,
    /// Whether the plan has the feature at all.
    included: bool,
    /// The limit; null if unlimited. 0 if the plan does not have the feature.
    limit: Option<i64>,
}

/// What an organization can subscribe to.
#[derive(SimpleObject)]
struct Plan {
    /// What `createCheckoutSession` takes as `plan`.
    id: ID,
    /// The name to display.
    name: String,
    /// The price of a month, to display; null if nothing is said about it. The payment provider's price is what is charged.
    monthly_price: Option<Money>,
    /// Whether it is the plan that the organization has chosen.
    is_current: bool,
    /// How much of each feature it allows.
    limits: Vec<PlanLimit>,
}

impl Plan {
    fn new(plan: &PlanRecord, current: &str) -> Self {
        let limit = |feature: &domain::Feature| {
            let allowance = plan.allowance(*feature);
            PlanLimit {
                feature: (*feature).into(),
                kind: feature.kind().into(),
                included: allowance.effective() != Some(0),
                limit: allowance.effective(),
            }
        };
        Self {
            id: ID(plan.id.clone()),
            name: plan.name.clone(),
            monthly_price: plan.monthly_price.map(Money::from),
            is_current: current == plan.id,
            limits: domain::Feature::ALL.iter().map(limit).collect(),
        }
    }
}

/// What the organization has subscribed to.
#[derive(SimpleObject)]
struct PlanSubscription {
    /// The plan that was chosen.
    plan: Plan,
    /// The plan whose limits apply now: the chosen one, or the free one when access to that has ended.
    effective_plan: Plan,
    /// The status.
    status: SubscriptionStatus,
    /// When the current period began; null if nothing was paid for yet.
    period_start: Option<Timestamp>,
    /// When the current period ends; null if nothing was paid for yet.
    period_end: Option<Timestamp>,
    /// When the trial ends; null without one.
    trial_ends_at: Option<Timestamp>,
    /// Whether it ends with the period, and is not renewed.
    cancel_at_period_end: bool,
    /// When a payment first failed; null if none is overdue.
    past_due_since: Option<Timestamp>,
    /// When it ended; null if it has not.
    canceled_at: Option<Timestamp>,
    /// When the plan stops applying if nothing happens; null if it does not stop, or has never applied. It is in the past if it
    /// has stopped.
    access_ends_at: Option<Timestamp>,
}

/// The plans, and the organization's subscription.
struct Subscribed;

/// What was found, and as of when.
type Answer = std::result::Result<(Arc<PlanTable>, Record, DateTime<Utc>), BillingError>;

impl Loader for Subscribed {
    type Key = Plans;
    type Value = Arc<Answer>;

    fn read<'s>(scope: &'s ReadScope, keys: &[Plans]) -> Read<'s, Found<Self>> {
        let Some(plans) = keys.first().cloned() else { return Read::ready(scope, HashMap::new()) };
        plans.0.plans_and_subscription(scope).then(|result| match result {
            Err(BillingError::Store(error)) => Err(error),
            result => {
                let now = scope.tenant().clock.now();
                let answer = result.map(|(table, subscription)| (table, subscription, now));
                Ok(HashMap::from([(plans, Ok(Arc::new(answer)))]))
            }
        })
    }
}

/// Root fields about plans.
#[derive(Default)]
pub(crate) struct PlanQuery;

#[Object]
impl PlanQuery {
    /// The plans that everybody can subscribe to, and the organization's own, cheapest first. Guests may not read them.
    async fn plans(&self, context: &Context<'_>) -> Result<Option<Vec<Plan>>> {
        let found = read(context).await?;
        let (table, subscription, _) = found.as_ref().as_ref().map_err(|error| internal(error))?;
        let current = subscription.plan.as_str();
        let offered = |plan: &&PlanRecord| plan.is_public || current == plan.id;
        Ok(Some(table.plans().iter().filter(offered).map(|plan| Plan::new(plan, current)).collect()))
    }

    /// What the organization has subscribed to. Guests may not read it.
    async fn subscription(&self, context: &Context<'_>) -> Result<Option<PlanSubscription>> {
        let found = read(context).await?;
        let (table, record, now) = found.as_ref().as_ref().map_err(|error| internal(error))?;
        let rules = context.data_unchecked::<Service>().billing().options().rules;
        let plan = |id: &str| table.get(id).map(|plan| Plan::new(plan, &record.plan));
        let (chosen, effective) = (plan(&record.plan), plan(record.effective_plan(*now, rules)));
        let Some((plan, effective_plan)) = chosen.zip(effective) else { return Ok(None) };
        Ok(Some(PlanSubscription {
            plan,
            effective_plan,
            status: record.status.into(),
            period_start: record.period.map(Period::start).map(Timestamp),
            period_end: record.period.map(Period::end).map(Timestamp),
            trial_ends_at: record.trial_ends_at.map(Timestamp),
            cancel_at_period_end: record.cancel_at_period_end,
            past_due_since: record.past_due_since.map(Timestamp),
            canceled_at: record.canceled_at.map(Timestamp),
            access_ends_at: record.access_ends_at(rules).filter(|end| *end != Record::NEVER_APPLIED).map(Timestamp),
        }))
    }
}

/// The plans and the subscription, if the caller's role may read them.
async fn read(context: &Context<'_>) -> Result<Arc<Answer>> {
    let role = load::<WhoAmI>(context, ()).await?.map(|actor| actor.role);
    if role.is_none_or(|role| decide(role, Operation::ReadEntitlements, Place::OPEN) != Decision::Allowed) {
        return Err(coded(ErrorCode::Forbidden, "Your role does not allow this."));
    }
    let billing = context.data_unchecked::<Service>().billing().clone();
    let found = load::<Subscribed>(context, Plans(billing)).await?;
    found.ok_or_else(|| coded(ErrorCode::Forbidden, "You do not belong to this organization."))
}
