//! What the plan allows, and how much of it is left.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use tenantry_billing::{Billing, BillingError, Entitlement as Record, Source};
use tenantry_domain::feature as domain;
use tenantry_domain::permission::{Decision, Operation, Place, decide};
use tenantry_executor::dataloader::{Found, Loader};
use tenantry_executor::error::{ErrorCode, coded, internal};
use tenantry_executor::loaders::{WhoAmI, load};
use tenantry_executor::scalar::Timestamp;
use tenantry_service::Service;
use tenantry_store::{Read, ReadScope};

use crate::enumeration::enumeration;

enumeration! {
    /// Something that a plan limits.
    Feature = domain::Feature {
        /// Clients whose status is active.
        ActiveClients,
        /// API calls a month.
        ApiCallsPerMonth,
        /// Invoices a month.
        InvoicesPerMonth,
        /// All projects, whatever their status.
        Projects,
        /// Members of the organization.
        TeamMembers,
        /// Items in the vault. There is none yet, so nothing is counted.
        VaultItems,
    }
}

enumeration! {
    /// How a feature is counted.
    FeatureKind = domain::FeatureKind {
        /// How many exist at a time.
        Level,
        /// How many were created or used in a billing period.
        Monthly,
    }
}

enumeration! {
    /// Where a limit comes from.
    EntitlementSource = Source {
        /// The organization's plan.
        Plan,
        /// An individual agreement with the organization.
        Override,
    }
}

/// What the organization may use of one feature.
#[derive(SimpleObject)]
pub(crate) struct Entitlement {
    /// The limited feature.
    feature: Feature,
    /// How it is counted.
    kind: FeatureKind,
    /// The limit; null if unlimited.
    limit: Option<i64>,
    /// How much is in use, or was used in the current period; null if unlimited, because then nothing is counted.
    used: Option<i64>,
    /// How much is left; null if unlimited.
    remaining: Option<i64>,
    /// Whether one more may be used.
    can_use: bool,
    /// When a monthly count starts over; null for a level.
    resets_at: Option<Timestamp>,
    /// Where the limit comes from.
    source: EntitlementSource,
}

impl From<&Record> for Entitlement {
    fn from(record: &Record) -> Self {
        Self {
            feature: record.feature.into(),
            kind: record.kind().into(),
            limit: record.limit,
            used: record.used,
            remaining: record.remaining(),
            can_use: record.can_use(),
            resets_at: record.resets_at.map(Timestamp),
            source: record.source.into(),
        }
    }
}

/// The plans, as the key of a read that needs them. A request has one, so all are equal.
#[derive(Clone)]
pub(super) struct Plans(pub(super) Billing);

impl PartialEq for Plans {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Plans {}

impl Hash for Plans {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The organization's entitlements.
struct Entitlements;

impl Loader for Entitlements {
    type Key = Plans;
    type Value = Arc<std::result::Result<Vec<Record>, BillingError>>;

    fn read<'s>(scope: &'s ReadScope, keys: &[Plans]) -> Read<'s, Found<Self>> {
        let Some(plans) = keys.first().cloned() else { return Read::ready(scope, HashMap::new()) };
        plans.0.entitlements(scope).then(|result| match result {
            Err(BillingError::Store(error)) => Err(error),
            result => Ok(HashMap::from([(plans, Ok(Arc::new(result)))])),
        })
    }
}

/// Root fields about the plan.
#[derive(Default)]
pub(crate) struct EntitlementQuery;

#[Object]
impl EntitlementQuery {
    /// What the organization may use, and how much of it is left: one entry for every feature. Use it to warn the user early;
    /// the limit itself is checked by the mutation. Guests may not read it.
    async fn entitlements(&self, context: &Context<'_>) -> Result<Option<Vec<Entitlement>>> {
        let actor = load::<WhoAmI>(context, ()).await?;
        let role = actor.map(|actor| actor.role);
        if role.is_none_or(|role| decide(role, Operation::ReadEntitlements, Place::OPEN) != Decision::Allowed) {
            return Err(coded(ErrorCode::Forbidden, "Your role does not allow this."));
        }
        let billing = context.data_unchecked::<Service>().billing().clone();
        match load::<Entitlements>(context, Plans(billing)).await?.as_deref() {
            Some(Ok(entitlements)) => Ok(Some(entitlements.iter().map(Entitlement::from).collect())),
            Some(Err(error)) => Err(internal(error)),
            None => Ok(Some(Vec::new())),
        }
    }
}
