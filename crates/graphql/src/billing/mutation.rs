//! Billing: root fields that lead to the payment provider's pages. They write nothing; what was paid comes back as an event.

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_executor::mutation::{caller, membership};
use tenantry_executor::object::Ordered;
use tenantry_service::Service;
use tenantry_service::payment::{self as service, PortalPage};

use super::OptionalPortal;
use crate::enumeration::enumeration;
use crate::error::sort;
use crate::mutation::payload;

/// What to subscribe to.
#[derive(InputObject)]
pub(crate) struct CreateCheckoutSessionInput {
    /// The plan, as in `upgradeTo` of a limit that was reached.
    plan: String,
}

enumeration! {
    /// Where a visit to the billing portal begins.
    BillingPortalPage = PortalPage {
        /// With everything there is.
        Overview,
        /// With another way to pay, for a subscription that is past due.
        PaymentMethod,
    }
}

/// Where to go in the billing portal.
#[derive(InputObject, Default)]
pub(crate) struct CreateBillingPortalSessionInput {
    /// Where the visit begins; with everything when not given.
    page: Option<BillingPortalPage>,
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
    /// Begins the purchase of a plan, for an organization that has no subscription. For owners.
    ///
    /// One that has one, be it unpaid, paused or not yet paid for the first time, is refused with `ALREADY_SUBSCRIBED` and belongs
    /// in the billing portal. Asked again within a few minutes, this gives the same page.
    async fn create_checkout_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What to subscribe to.")] input: CreateCheckoutSessionInput,
    ) -> Result<Option<Ordered<CreateCheckoutSessionPayload>>> {
        let service = context.data_unchecked::<Service>();
        let caller = caller(context)?;
        let portal = context.data_unchecked::<OptionalPortal>().0.as_deref();
        let made = service::checkout(service.store(), service.billing(), portal, caller, input.plan).await;
        if made.is_ok() {
            membership(context).prove();
        }
        Ok(Some(sort(made)?.into()))
    }

    /// Leads to where the organization's subscription is changed, paid or ended. For owners.
    async fn create_billing_portal_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where to go; may be left out.")] input: Option<CreateBillingPortalSessionInput>,
    ) -> Result<Option<Ordered<CreateBillingPortalSessionPayload>>> {
        let service = context.data_unchecked::<Service>();
        let caller = caller(context)?;
        let portal = context.data_unchecked::<OptionalPortal>().0.as_deref();
        let page = input.unwrap_or_default().page.map(Into::into).unwrap_or_default();
        let made = service::manage(service.store(), portal, caller, page).await;
        if made.is_ok() {
            membership(context).prove();
        }
        Ok(Some(sort(made)?.into()))
    }
}
