//! Payments of an organization: links to the payment provider's pages, for owners. What was paid is reported by the
//! provider's events.

use std::error::Error;
use std::fmt;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use tenantry_billing::Billing;
use tenantry_domain::causes::causes;
use tenantry_domain::permission::Operation;
use tenantry_domain::plan::FREE_PLAN;
use tenantry_domain::{FieldError, FieldErrorCode, Identity, OrganizationId};
use tenantry_store::billing::stripe as payments;
use tenantry_store::{ReadScope, Scope, Store, StoreError, WriteScope, organization};

use crate::authorize::authorize_anywhere;
use crate::error::ServiceError;

/// A payment provider's pages.
pub trait PaymentPortal: fmt::Debug + Send + Sync {
    /// Whether a plan can be bought.
    fn sells(&self, plan: &str) -> bool;

    /// Creates a page where an organization subscribes; returns its URL. The same order, repeated within a few minutes,
    /// returns the same page.
    fn checkout(&self, order: CheckoutOrder) -> BoxFuture<'_, Result<String, PortalError>>;

    /// Creates a customer; returns its id. The same order, repeated within a few minutes, returns the same customer.
    fn create_customer(&self, order: CustomerOrder) -> BoxFuture<'_, Result<String, PortalError>>;

    /// Creates a page where a customer changes its subscription; returns its URL.
    fn manage(&self, visit: PortalVisit) -> BoxFuture<'_, Result<String, PortalError>>;
}

/// An order of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutOrder {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The plan, which the portal sells.
    pub plan: String,
    /// The organization's customer at the provider, if there is one.
    pub customer: Option<String>,
    /// When it was requested.
    pub asked_at: DateTime<Utc>,
    /// The time of the provider's newest event. A page created before that may have been used up.
    pub heard_at: Option<DateTime<Utc>>,
}

/// A visit to the page where a subscription is managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortalVisit {
    /// The organization's customer at the provider.
    pub customer: String,
    /// The page to start with.
    pub page: PortalPage,
}

/// The page that a visit to the portal starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PortalPage {
    /// The overview.
    #[default]
    Overview,
    /// The payment method, for customers who are past due.
    PaymentMethod,
}

/// A new customer at the provider that replaces another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerOrder {
    /// Its organization.
    pub organization_id: OrganizationId,
    /// The customer that the provider no longer knows.
    pub replaces: String,
    /// When it was requested.
    pub asked_at: DateTime<Utc>,
}

/// Cancels the subscriptions of an organization that is deleted.
pub trait SubscriptionEnd: fmt::Debug + Send + Sync {
    /// Immediately cancels all subscriptions of the customer that have not ended. Harmless if there are none, and when
    /// repeated.
    fn end(&self, customer: String) -> BoxFuture<'_, Result<(), PortalError>>;
}

/// What the payment provider or its client reported, for the log.
type Cause = Box<dyn Error + Send + Sync>;

/// The payment provider did not do what was requested.
#[derive(Debug)]
pub enum PortalError {
    /// It is unreachable or busy; a retry may succeed.
    Unavailable(Cause),
    /// It does not know the customer, or no longer knows it.
    UnknownCustomer(Cause),
    /// It does not accept this server's key or settings. An operator has to act.
    NotAccepted(Cause),
    /// It refuses the request, for example because of an unknown price. An operator has to act.
    Refused(Cause),
}

impl fmt::Display for PortalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable(_) => "the payment provider cannot be reached",
            Self::UnknownCustomer(_) => "the payment provider does not know the customer",
            Self::NotAccepted(_) => "the payment provider does not accept this server's settings",
            Self::Refused(_) => "the payment provider refuses what it was asked for",
        })
    }
}

impl Error for PortalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(cause)
            | Self::UnknownCustomer(cause)
            | Self::NotAccepted(cause)
            | Self::Refused(cause) => Some(&**cause),
        }
    }
}

/// Starts the purchase of a plan; returns the URL of the page where it continues.
///
/// If the provider no longer knows the organization's customer, a new one is created and stored. If several requests
/// find this out at the same time, they all use the same new one.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] without a portal, for a plan that does not exist or is not
/// for sale, when there is a subscription that has not ended, when a deletion is scheduled, or when the provider
/// refuses the purchase, which is reported to an operator; [`ServiceError::Portal`] when the provider is unreachable.
pub async fn checkout(
    store: &Store,
    billing: &Billing,
    portal: Option<&dyn PaymentPortal>,
    caller: Identity,
    plan: String,
) -> Result<String, ServiceError> {
    // No transaction stays open during the call to an external server.
    let (portal, account, deletion, asked_at) = {
        let scope = ReadScope::open(store, caller).await?;
        let (portal, account) = account(&scope, portal).await?;
        let organization = organization::get_own(&scope).await?.ok_or(StoreError::NotAMember)?;
        let plans = billing.plans(&scope).await?;
        if plans.get(&plan).is_none_or(|plan| !plan.is_public) {
            return Err(FieldError::not_found("plan", "plan").into());
        }
        (portal, account, organization.deletion(), scope.tenant().clock.now())
    };
    if plan == FREE_PLAN || !portal.sells(&plan) {
        return Err(FieldError::new(FieldErrorCode::Invalid, "plan", "This plan is not for sale.").into());
    }
    if account.has_live_subscription {
        let message = "There is already a subscription; pay or change it in the billing portal.";
        return Err(refused(FieldErrorCode::AlreadySubscribed, message));
    }
    if deletion.is_some() {
        let message = "A deletion of this organization is scheduled; cancel the deletion first.";
        return Err(refused(FieldErrorCode::Invalid, message));
    }
    let mut order = CheckoutOrder {
        organization_id: caller.organization_id,
        plan,
        customer: account.customer_id,
        asked_at,
        heard_at: account.event_at,
    };
    let made = match (portal.checkout(order.clone()).await, order.customer.take()) {
        (Err(PortalError::UnknownCustomer(cause)), Some(unknown)) => {
            let (organization, error) = (caller.organization_id, &*cause);
            tracing::warn!(%organization, error, "the payment provider does not know the customer; a new one is made");
            order.customer = Some(replace_customer(store, portal, caller, unknown, asked_at).await?);
            portal.checkout(order).await
        }
        (made, _) => made,
    };
    made.map_err(|error| failed(error, &["plan"]))
}

/// Creates a new customer and stores it, unless another request was faster; returns the stored one.
async fn replace_customer(
    store: &Store,
    portal: &dyn PaymentPortal,
    caller: Identity,
    unknown: String,
    asked_at: DateTime<Utc>,
) -> Result<String, ServiceError> {
    let organization_id = caller.organization_id;
    let order = CustomerOrder { organization_id, replaces: unknown.clone(), asked_at };
    let made = portal.create_customer(order).await.map_err(|error| failed(error, &[]))?;
    let mut scope = WriteScope::open(store, caller).await?;
    authorize_anywhere(&scope, Operation::ManageBilling)?;
    let kept = payments::replace_customer(&mut scope, &unknown, &made).await?;
    scope.commit().await?;
    Ok(kept.unwrap_or(made))
}

/// Returns the URL of a page where the organization changes or cancels its subscription.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] without a portal, when the organization has never bought
/// anything, or its customer is unknown to the provider, or when the provider refuses, which is reported to an
/// operator; [`ServiceError::Portal`] when the provider is unreachable.
pub async fn manage(
    store: &Store,
    portal: Option<&dyn PaymentPortal>,
    caller: Identity,
    page: PortalPage,
) -> Result<String, ServiceError> {
    let (portal, account) = account(&ReadScope::open(store, caller).await?, portal).await?;
    let Some(customer) = account.customer_id else {
        return Err(refused(FieldErrorCode::NotFound, "Nothing was bought yet; start a checkout."));
    };
    portal.manage(PortalVisit { customer, page }).await.map_err(|error| match error {
        // A new customer would have nothing to manage.
        PortalError::UnknownCustomer(cause) if !account.has_live_subscription => {
            let (organization, error) = (caller.organization_id, &*cause);
            tracing::warn!(%organization, error, "the payment provider does not know the customer");
            refused(FieldErrorCode::NotFound, "There is nothing left to manage; start a checkout.")
        }
        error => failed(error, &[]),
    })
}

/// The error for the caller when the provider did not do what was requested. A permanent problem is for the operator to
/// fix, who finds it in the log; a retry would not help the caller.
fn failed(error: PortalError, field: &[&str]) -> ServiceError {
    let (field, message) = match &error {
        PortalError::Unavailable(_) => return ServiceError::Portal(error),
        PortalError::NotAccepted(_) => {
            (&[][..], "The payment provider does not accept this server's settings; the operator has to fix this.")
        }
        PortalError::Refused(_) | PortalError::UnknownCustomer(_) => {
            (field, "The payment provider refuses this; the operator has to fix it.")
        }
    };
    tracing::error!(error = causes(&error), "the payment provider refuses a call; the operator has to set that right");
    let field = field.iter().map(|part| (*part).to_owned()).collect();
    FieldError { code: FieldErrorCode::NotConfigured, field, message: message.to_owned() }.into()
}

/// The organization's account, for an owner, if there is a portal.
async fn account<'p>(
    scope: &ReadScope,
    portal: Option<&'p dyn PaymentPortal>,
) -> Result<(&'p dyn PaymentPortal, payments::Account), ServiceError> {
    authorize_anywhere(scope, Operation::ManageBilling)?;
    let Some(portal) = portal else {
        return Err(refused(FieldErrorCode::NotConfigured, "Payments are not configured on this server."));
    };
    // Every organization has an account as long as it exists.
    let account = payments::account(scope).await?.ok_or(StoreError::NotAMember)?;
    Ok((portal, account))
}

/// A refusal that concerns no field of the input.
fn refused(code: FieldErrorCode, message: &str) -> ServiceError {
    FieldError { code, field: Vec::new(), message: message.to_owned() }.into()
}
