//! Billing: what an owner does about the organization's subscription. What the plan allows is in `entitlement`.

mod mutation;

use std::sync::Arc;

use tenantry_service::payment::PaymentPortal;

pub(crate) use mutation::BillingMutation;

/// The payment portal, if there is one, among the schema's data.
#[derive(Clone, Default)]
pub(crate) struct OptionalPortal(pub(crate) Option<Arc<dyn PaymentPortal>>);
