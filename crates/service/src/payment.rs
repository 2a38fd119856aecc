//! Where an organization pays: pages of the payment provider, for owners. What was paid comes back as the provider's events.

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

    /// Makes a page where an organization subscribes; gives its address. The same order, asked for again within a few minutes,
    /// is the same wish and gives the same page.
    fn checkout(&self, order: CheckoutOrder) -> BoxFuture<'_, Result<String, PortalError>>;

    /// Makes a customer; gives its id. The same order, asked for again within a few minutes, gives the same customer.
    fn create_customer(&self, order: CustomerOrder) -> BoxFuture<'_, Result<String, PortalError>>;

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

/// A customer of the provider to be made in another's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerOrder {
    /// Whom it stands for.
    pub organization_id: OrganizationId,
    /// The customer that the provider does not know any more.
    pub replaces: String,
    /// When it is asked for.
    pub asked_at: DateTime<Utc>,
}

/// What ends the subscriptions of an organization that is deleted.
pub trait SubscriptionEnd: fmt::Debug + Send + Sync {
    /// Ends at once whatever the customer has subscribed to and has not ended; harmless when there is nothing, and when repeated.
    fn end(&self, customer: String) -> BoxFuture<'_, Result<(), PortalError>>;
}

/// What the payment provider or its operator said, for the log.
type Cause = Box<dyn Error + Send + Sync>;

/// The payment provider did not do what it was asked for.
#[derive(Debug)]
pub enum PortalError {
    /// It cannot be reached, or is busy; it may do so in a moment.
    Unavailable(Cause),
    /// It does not know the customer, or not any more.
    UnknownCustomer(Cause),
    /// It does not accept the key or the settings of this server. An operator has to act.
    NotAccepted(Cause),
    /// It refuses what was asked for, such as a price that it does not know. An operator has to act.
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

/// Begins the purchase of a plan; gives the address of the page where it goes on.
///
/// When the provider does not know the organization's customer any more, a new one is made and kept. Several that find this out
/// at a time keep one between them.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] without a portal, for a plan that is not there or not for sale, when
/// there is a subscription that has not ended, when the organization is to be deleted, or when the provider refuses the purchase,
/// which an operator is told; [`ServiceError::Portal`] when the provider cannot be reached.
pub async fn checkout(
    store: &Store,
    billing: &Billing,
    portal: Option<&dyn PaymentPortal>,
    caller: Identity,
    plan: String,
) -> Result<String, ServiceError> {
    // No transaction stays open while somebody else's server is asked.
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
        let message = "There is a subscription already; pay or change it in the billing portal.";
        return Err(refused(FieldErrorCode::AlreadySubscribed, message));
    }
    if deletion.is_some() {
        let message = "This organization is about to be deleted; cancel the deletion first.";
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

/// Makes a new customer and keeps it, unless another request was faster; gives the one that is kept.
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

/// Gives the address of a page where the organization changes or ends what it has subscribed to.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] without a portal, when the organization has never bought anything, or
/// its customer is not known to the provider, or when the provider refuses, which an operator is told; [`ServiceError::Portal`]
/// when the provider cannot be reached.
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
    portal.manage(PortalVisit { customer, page }).await.map_err(|error| match error {
        // A new customer would have nothing to manage.
        PortalError::UnknownCustomer(cause) if !account.has_live_subscription => {
            let (organization, error) = (caller.organization_id, &*cause);
            tracing::warn!(%organization, error, "the payment provider does not know the customer");
            refused(FieldErrorCode::NotFound, "There is nothing to manage any more; begin with a checkout.")
        }
        error => failed(error, &[]),
    })
}

/// What the caller is told when the provider did not do as it was asked. What will not pass by itself is the operator's to set
/// right, who finds it in the log; to try again in a moment would not help the caller.
fn failed(error: PortalError, field: &[&str]) -> ServiceError {
    let (field, message) = match &error {
        PortalError::Unavailable(_) => return ServiceError::Portal(error),
        PortalError::NotAccepted(_) => {
            (&[][..], "The payment provider does not accept this server; its operator has to set that right.")
        }
        PortalError::Refused(_) | PortalError::UnknownCustomer(_) => {
            (field, "The payment provider refuses this; the operator of this server has to set that right.")
        }
    };
    tracing::error!(error = causes(&error), "the payment provider refuses a call; the operator has to set that right");
    let field = field.iter().map(|part| (*part).to_owned()).collect();
    FieldError { code: FieldErrorCode::NotConfigured, field, message: message.to_owned() }.into()
}

/// The organization's account, for an owner, if there is a portal at all.
async fn account<'p>(
    scope: &ReadScope,
    portal: Option<&'p dyn PaymentPortal>,
) -> Result<(&'p dyn PaymentPortal, payments::Account), ServiceError> {
    authorize_anywhere(scope, Operation::ManageBilling)?;
    let Some(portal) = portal else {
        return Err(refused(FieldErrorCode::NotConfigured, "This server is not set up to take payments."));
    };
    // Every organization has an account for as long as it is there.
    let account = payments::account(scope).await?.ok_or(StoreError::NotAMember)?;
    Ok((portal, account))
}

/// A refusal that is about no field of the input.
fn refused(code: FieldErrorCode, message: &str) -> ServiceError {
    FieldError { code, field: Vec::new(), message: message.to_owned() }.into()
}
