//! Where an organization pays: pages of the payment provider, for owners. What was paid comes back as the provider's events.

use std::error::Error;
use std::fmt;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tenantry_billing::Billing;
use tenantry_domain::permission::Operation;
use tenantry_domain::plan::FREE_PLAN;
use tenantry_domain::{FieldError, FieldErrorCode, Identity, OrganizationId};
use tenantry_store::billing::stripe as store;
use tenantry_store::{ReadScope, Scope, Store, StoreError};

use crate::authorize::authorize_anywhere;
use crate::error::ServiceError;

/// A payment provider's pages.
pub trait PaymentPortal: fmt::Debug + Send + Sync {
    /// Whether a plan can be bought.
    fn sells(&self, plan: &str) -> bool;

    /// Makes a page where an organization subscribes; gives its address. The same order, asked for again within a few minutes,
    /// is the same wish and gives the same page.
    fn checkout(&self, order: CheckoutOrder) -> BoxFuture<'_, Result<String, PortalError>>;

    /// Makes a page where a customer of the provider changes what it has subscribed to; gives its address.
    fn manage(&self, visit: PortalVisit) -> BoxFuture<'_, Result<String, PortalError>>;
}

/// What an organization wants to subscribe to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutOrder {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The plan, which the portal sells.
    pub plan: String,
    /// The customer as whom the provider knows the organization, if it does.
    pub customer: Option<String>,
    /// When it is asked for.
    pub asked_at: DateTime<Utc>,
    /// When the provider was last heard of. A page that was made before that may have been used up.
    pub heard_at: Option<DateTime<Utc>>,
}

/// A visit to where a subscription is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalVisit {
    /// The customer as whom the provider knows the organization.
    pub customer: String,
    /// Where it begins.
    pub page: PortalPage,
}

/// Where a visit to the portal begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PortalPage {
    /// With everything there is.
    #[default]
    Overview,
    /// With another way to pay, for whoever is past due.
    PaymentMethod,
}

/// The payment provider did not make a page.
#[derive(Debug)]
pub struct PortalError(pub Box<dyn Error + Send + Sync>);

impl fmt::Display for PortalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payment provider made no page")
    }
}

impl Error for PortalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}

/// Begins the purchase of a plan; gives the address of the page where it goes on.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] without a portal, for a plan that is not there or not for sale, or when
/// there is a subscription that has not ended; [`ServiceError::Portal`] when the provider fails.
pub async fn checkout(
    store: &Store,
    billing: &Billing,
    portal: Option<&dyn PaymentPortal>,
    caller: Identity,
    plan: String,
) -> Result<String, ServiceError> {
    // No transaction stays open while somebody else's server is asked.
    let (portal, account, asked_at) = {
        let scope = ReadScope::open(store, caller).await?;
        let (portal, account) = account(&scope, portal).await?;
        let plans = billing.plans(&scope).await?;
        if plans.get(&plan).is_none_or(|plan| !plan.is_public) {
            return Err(FieldError::not_found("plan", "plan").into());
        }
        (portal, account, scope.tenant().clock.now())
    };
    if plan == FREE_PLAN || !portal.sells(&plan) {
        return Err(FieldError::new(FieldErrorCode::Invalid, "plan", "This plan is not for sale.").into());
    }
    if account.has_live_subscription {
        let message = "There is a subscription already; pay or change it in the billing portal.";
        return Err(refused(FieldErrorCode::AlreadySubscribed, message));
    }
    let order = CheckoutOrder {
        organization_id: caller.organization_id,
        plan,
        customer: account.customer_id,
        asked_at,
        heard_at: account.event_at,
    };
    portal.checkout(order).await.map_err(ServiceError::Portal)
}

/// Gives the address of a page where the organization changes or ends what it has subscribed to.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] without a portal, or when the organization has never bought anything;
/// [`ServiceError::Portal`] when the provider fails.
pub async fn manage(
    store: &Store,
    portal: Option<&dyn PaymentPortal>,
    caller: Identity,
    page: PortalPage,
) -> Result<String, ServiceError> {
    let (portal, account) = account(&ReadScope::open(store, caller).await?, portal).await?;
    let Some(customer) = account.customer_id else {
        return Err(refused(FieldErrorCode::NotFound, "Nothing was bought yet; begin with a checkout."));
    };
    portal.manage(PortalVisit { customer, page }).await.map_err(ServiceError::Portal)
}

/// The organization's account, for an owner, if there is a portal at all.
async fn account<'p>(
    scope: &ReadScope,
    portal: Option<&'p dyn PaymentPortal>,
) -> Result<(&'p dyn PaymentPortal, store::Account), ServiceError> {
    authorize_anywhere(scope, Operation::ManageBilling)?;
    let Some(portal) = portal else {
        return Err(refused(FieldErrorCode::NotConfigured, "This server is not set up to take payments."));
    };
    // Every organization has an account for as long as it is there.
    let account = store::account(scope).await?.ok_or(StoreError::NotAMember)?;
    Ok((portal, account))
}

/// A refusal that is about no field of the input.
fn refused(code: FieldErrorCode, message: &str) -> ServiceError {
    FieldError { code, field: Vec::new(), message: message.to_owned() }.into()
}
