//! Billing: root fields that lead to the payment provider's pages. They write nothing; what was paid comes back as an event.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_service::{Service, payment as service};

use super::OptionalPortal;
use crate::batch::Reads;
use crate::error::sort;
use crate::mutation::payload;
use crate::object::Ordered;

/// What to subscribe to.
#[derive(InputObject)]
pub(crate) struct CreateCheckoutSessionInput {
    /// The plan, as in `upgradeTo` of a limit that was reached.
    plan: String,
}

payload! {
    /// What came of beginning a checkout.
    CreateCheckoutSessionPayload {
        /// The address of the page where the purchase goes on; send the browser there.
        url: String
    }
}

payload! {
    /// What came of asking for the billing portal.
    CreateBillingPortalSessionPayload {
        /// The address of the page where the subscription is changed or ended; send the browser there at once, it is not good for
        /// long.
        url: String
    }
}

/// Root fields that lead to the payment provider.
#[derive(Default)]
pub(crate) struct BillingMutation;

#[Object]
impl BillingMutation {
    /// Begins the purchase of a plan, for an organization that has no running subscription. For owners.
    async fn create_checkout_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to subscribe to.")] input: CreateCheckoutSessionInput,
    ) -> Result<Ordered<CreateCheckoutSessionPayload>> {
        let service = context.data_unchecked::<Service>();
        let caller = context.data_unchecked::<Arc<Reads>>().identity();
        let portal = context.data_unchecked::<OptionalPortal>().0.as_deref();
        let made = service::checkout(service.store(), service.billing(), portal, caller, input.plan).await;
        Ok(sort(made)?.into())
    }

    /// Leads to where the organization's subscription is changed, paid or ended. For owners.
    async fn create_billing_portal_session(
        &self,
        context: &Context<'_>,
    ) -> Result<Ordered<CreateBillingPortalSessionPayload>> {
        let service = context.data_unchecked::<Service>();
        let caller = context.data_unchecked::<Arc<Reads>>().identity();
        let portal = context.data_unchecked::<OptionalPortal>().0.as_deref();
        Ok(sort(service::manage(service.store(), portal, caller).await)?.into())
    }
}
