//! The payment portal, implemented by Stripe's pages.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tenantry_billing::stripe::PriceTable;
use tenantry_service::payment::{
    CheckoutOrder, CustomerOrder, PaymentPortal, PortalError, PortalPage, PortalVisit, SubscriptionEnd,
};
use tenantry_stripe::client::{ApiError, Client, Customer, Fault, NewCheckoutSession, NewCustomer, NewPortalSession};
use url::Url;
use uuid::Uuid;

use crate::settings::{SettingsError, StripeSettings};

/// Stripe's pages.
#[derive(Debug)]
struct StripePortal {
    client: Client,
    prices: PriceTable,
    return_url: Url,
}

/// The portal, if it is configured.
///
/// # Errors
/// When the settings are incomplete.
pub fn of(settings: &StripeSettings) -> Result<Option<Arc<dyn PaymentPortal>>, SettingsError> {
    let Some((client, return_url)) = settings.client()? else { return Ok(None) };
    Ok(Some(Arc::new(StripePortal { client, prices: settings.stripe_prices.clone(), return_url })))
}

/// Cancels subscriptions at Stripe.
#[derive(Debug)]
struct StripeEnd(Client);

/// Cancels the subscriptions of deleted organizations, if an API key is configured.
///
/// # Errors
/// When the settings are malformed.
pub fn end_of(settings: &StripeSettings) -> Result<Option<Arc<dyn SubscriptionEnd>>, SettingsError> {
    let client = settings.api_client()?;
    Ok(client.map(|client| Arc::new(StripeEnd(client)) as Arc<dyn SubscriptionEnd>))
}

impl SubscriptionEnd for StripeEnd {
    fn end(&self, customer: String) -> BoxFuture<'_, Result<(), PortalError>> {
        async move { self.0.end_subscriptions(&customer).await.map_err(failed) }.boxed()
    }
}

impl StripePortal {
    /// The URL that the browser returns to, with the outcome.
    fn back(&self, outcome: &str) -> Url {
        let mut url = self.return_url.clone();
        url.query_pairs_mut().append_pair("checkout", outcome);
        url
    }
}

impl PaymentPortal for StripePortal {
    fn sells(&self, plan: &str) -> bool {
        self.prices.price_of(plan).is_some()
    }

    fn checkout(&self, order: CheckoutOrder) -> BoxFuture<'_, Result<String, PortalError>> {
        async move {
            let price = self
                .prices
                .price_of(&order.plan)
                .ok_or_else(|| PortalError::Refused("the plan has no price".into()))?;
            let new = NewCheckoutSession {
                customer: order.customer.clone().map_or(Customer::New { email: None }, Customer::Known),
                price: price.to_owned(),
                organization: order.organization_id.to_string(),
                success_url: self.back("success"),
                cancel_url: self.back("canceled"),
            };
            let made = self.client.create_checkout_session(&new, &new.idempotency_key(&occasion(&order))).await;
            made.map(String::from).map_err(failed)
        }
        .boxed()
    }

    fn create_customer(&self, order: CustomerOrder) -> BoxFuture<'_, Result<String, PortalError>> {
        async move {
            let new = NewCustomer { organization: order.organization_id.to_string(), replaces: order.replaces };
            let occasion = order.asked_at.timestamp().div_euclid(SAME_WISH).to_string();
            self.client.create_customer(&new, &new.idempotency_key(&occasion)).await.map_err(failed)
        }
        .boxed()
    }

    fn manage(&self, visit: PortalVisit) -> BoxFuture<'_, Result<String, PortalError>> {
        async move {
            let flow = match visit.page {
                PortalPage::Overview => None,
                PortalPage::PaymentMethod => Some("payment_method_update"),
            };
            let new = NewPortalSession { customer: visit.customer, return_url: self.return_url.clone(), flow };
            // A visit lasts only minutes, so each gets a page of its own.
            let made = self.client.create_billing_portal_session(&new, &Uuid::new_v4().to_string()).await;
            made.map(String::from).map_err(failed)
        }
        .boxed()
    }
}

/// How long a repeated order counts as the same one, in seconds. Someone who clicks twice, or comes back from the page
/// and looks at it again, gets the page that was created first, and cannot pay on two pages.
const SAME_WISH: i64 = 300;

/// Distinguishes an order from a later one: the time window, and the newest event from Stripe, because an earlier page
/// may have been used by then.
fn occasion(order: &CheckoutOrder) -> String {
    let heard = order.heard_at.map_or(0, |at| at.timestamp());
    format!("{} {heard}", order.asked_at.timestamp().div_euclid(SAME_WISH))
}

fn failed(error: ApiError) -> PortalError {
    match error.fault() {
        Fault::Unavailable => PortalError::Unavailable(Box::new(error)),
        Fault::UnknownCustomer => PortalError::UnknownCustomer(Box::new(error)),
        Fault::NotAccepted => PortalError::NotAccepted(Box::new(error)),
        Fault::Refused => PortalError::Refused(Box::new(error)),
    }
}
