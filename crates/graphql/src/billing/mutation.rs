//! Billing: root fields that lead to the payment provider's pages. They write nothing; what was paid comes back as an event.

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_executor::mutation::{caller, has_secret, membership};
use tenantry_executor::object::Ordered;
use tenantry_service::Service;
use tenantry_service::payment::{self as service, PortalPage};

use super::OptionalPortal;
use crate::enumeration::enumeration;
use crate::error::sort;
use crate::mutation::payload;

/// The plan to subscribe to.
#[derive(InputObject)]
pub(crate) struct CreateCheckoutSessionInput {
    /// The plan's id, such as the `upgradeTo` of a `LIMIT_REACHED` error.
    plan: String,
}

enumeration! {
    /// The page of the billing portal to open.
    BillingPortalPage = PortalPage {
        /// The overview.
        Overview,
        /// The payment method, for a subscription that is past due.
        PaymentMethod,
    }
}

/// The page to open in the billing portal.
#[derive(InputObject)]
pub(crate) struct CreateBillingPortalSessionInput {
    /// The page to open.
    #[graphql(default_with = "Some(BillingPortalPage::Overview)")]
    page: Option<BillingPortalPage>,
}

payload! {
    /// The result of beginning a checkout.
    CreateCheckoutSessionPayload {
        /// The URL of the page where the purchase continues; redirect the browser there.
        url: String
    }
}

payload! {
    /// The result of asking for the billing portal.
    CreateBillingPortalSessionPayload {
        /// The address of the page where the subscription is changed or ended. It expires soon, so send the browser there at
        /// once.
        url: String
    }
}

/// Root fields that lead to the payment provider.
#[derive(Default)]
pub(crate) struct BillingMutation;

#[Object]
impl BillingMutation {
    /// Starts the purchase of a plan, for an organization without a subscription. For owners.
    ///
    /// An organization that has a subscription, even an unpaid, a paused or an incomplete one, is refused with
    /// `ALREADY_SUBSCRIBED`; it uses the billing portal instead. The same call within a few minutes returns the same page.
    async fn create_checkout_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The plan to subscribe to.")] input: CreateCheckoutSessionInput,
    ) -> Result<Option<Ordered<CreateCheckoutSessionPayload>>> {
        let service = context.data_unchecked::<Service>();
        let caller = caller(context)?;
        let portal = context.data_unchecked::<OptionalPortal>().0.as_deref();
        let made = service::checkout(service.store(), service.billing(), portal, caller, input.plan).await;
        if made.is_ok() {
            membership(context).prove();
            // The address is enough to use the page.
            has_secret(context);
        }
        Ok(Some(sort(made)?.into()))
    }

    /// Returns the page where the organization's subscription is changed, paid or cancelled. For owners.
    async fn create_billing_portal_session(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The page to open.")] input: CreateBillingPortalSessionInput,
    ) -> Result<Option<Ordered<CreateBillingPortalSessionPayload>>> {
        let service = context.data_unchecked::<Service>();
        let caller = caller(context)?;
        let portal = context.data_unchecked::<OptionalPortal>().0.as_deref();
        let page = input.page.map(Into::into).unwrap_or_default();
        let made = service::manage(service.store(), portal, caller, page).await;
        if made.is_ok() {
            membership(context).prove();
            // The address is enough to use the page.
            has_secret(context);
        }
        Ok(Some(sort(made)?.into()))
    }
}
