//! Stripe's events: each is stored and applied in one transaction, once, in whatever order and however often they
//! arrive.
//!
//! No single event changes the state of a subscription. The state is computed each time from all stored events of the
//! organization, in the order in which they happened. So the order in which they arrive cannot matter.

mod prices;
mod replay;
mod standing;

use serde_json::Value;
use tenantry_domain::OrganizationId;
use tenantry_domain::byte_order_mark::without_byte_order_mark;
use tenantry_store::billing::stripe as store;
use tenantry_store::{Store, StoreError, WorkerScope};
use tenantry_stripe::{Content, Event, EventError};

pub use prices::{PriceTable, PriceTableError};
pub use replay::{Replayed, Waiting, replay};
pub use standing::{Standing, Subscribed, conclude};

/// The types of event that have an effect.
const KINDS: [&str; 7] = [
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.trial_will_end",
    "customer.subscription.updated",
    "invoice.paid",
    "invoice.payment_failed",
];

/// The number of an organization's newest events that its state is computed from. One month has about five, and each
/// month's events repeat everything.
const REMEMBERED: i64 = 500;

/// How often a transaction is tried before a conflict is reported.
const ATTEMPTS: u32 = 5;

/// The result of an event. It is safe to acknowledge in each case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It was applied to this organization.
    Applied(OrganizationId),
    /// It was applied before.
    Repeated,
    /// It is stored, and its organization is not known yet.
    Waiting,
    /// It is stored and has no effect: its type does not matter here, or its content cannot be parsed.
    Kept,
}

/// Why an event could not be processed. It should be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is not an event; sending it again will not help.
    #[error("the payload is not an event")]
    Malformed(#[source] EventError),
    /// It is stored, but its price has no plan. It can be applied once the operator has configured one.
    #[error("the price {price} of the subscription {subscription} has no plan")]
    UnknownPrice {
        /// The price at Stripe.
        price: String,
        /// The subscription at Stripe.
        subscription: String,
    },
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
}

impl From<StoreError> for ReceiveError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Stores an event whose signature was verified, and applies it, in one transaction. `worker` is connected with the
/// role of the worker.
///
/// # Errors
/// [`ReceiveError`]. After any but [`ReceiveError::Malformed`] the event should be sent again.
pub async fn receive(worker: &Store, body: &[u8], prices: &PriceTable) -> Result<Received, ReceiveError> {
    let malformed = |error| ReceiveError::Malformed(EventError::Malformed(error));
    // The signature covers the byte order mark as well, if there is one.
    let payload = serde_json::from_slice(without_byte_order_mark(body)).map_err(malformed)?;
    receive_value(worker, payload, prices).await
}

async fn receive_value(worker: &Store, mut payload: Value, prices: &PriceTable) -> Result<Received, ReceiveError> {
    make_storable(&mut payload);
    let event = Event::from_value(payload.clone()).map_err(ReceiveError::Malformed)?;
    let mut attempt = 1;
    loop {
        match receive_once(worker, &event, &payload, prices).await {
            Err(ReceiveError::Store(error)) if attempt < ATTEMPTS && error.is_retryable() => attempt += 1,
            result => return result,
        }
    }
}

async fn receive_once(
    worker: &Store,
    event: &Event,
    payload: &Value,
    prices: &PriceTable,
) -> Result<Received, ReceiveError> {
    let mut scope = WorkerScope::open(worker).await?;
    let received = receive_in(&mut scope, event, payload, prices).await;
    match &received {
        // An event that cannot be applied is stored all the same, so that it is not lost when the sender gives up.
        Ok(_) | Err(ReceiveError::UnknownPrice { .. }) => scope.commit().await?,
        Err(_) => {}
    }
    received
}

async fn receive_in(
    scope: &mut WorkerScope,
    event: &Event,
    payload: &Value,
    prices: &PriceTable,
) -> Result<Received, ReceiveError> {
    let customer = event.customer.as_deref();
    if let Some(customer) = customer {
        store::lock_customer(scope, customer).await?;
    }
    let (id, kind) = (&event.id, &event.kind);
    let new = store::NewEvent { id, kind, created: event.created, customer, payload };
    let is_new = store::insert(scope, &new).await?;
    if !is_new && store::is_applied(scope, id).await? {
        return Ok(Received::Repeated);
    }
    let named = event.organization().and_then(organization_id);
    let reference = store::Reference { customer, subscription: event.subscription(), named };
    let found = store::find_organization(scope, reference).await?;
    let has_effect = !matches!(event.content, Content::Other | Content::NotUnderstood);
    let Some(organization) = found else {
        if let Some(organization) = named {
            tracing::warn!(%organization, event = id, "an event names an organization that does not exist; was it deleted?");
        }
        return Ok(if has_effect { Received::Waiting } else { Received::Kept });
    };
    store::attribute(scope, organization, id, customer).await?;
    if !has_effect {
        return Ok(Received::Kept);
    }
    apply(scope, organization, prices).await
}

/// Computes the organization's state and writes it.
async fn apply(
    scope: &mut WorkerScope,
    organization: OrganizationId,
    prices: &PriceTable,
) -> Result<Received, ReceiveError> {
    // The lock is taken before the events are read, so that the later of two deliveries sees both events.
    let Some(before) = store::account_for_update(scope, organization).await? else { return Ok(Received::Waiting) };
    let kept = store::list(scope, organization, &KINDS, REMEMBERED).await?;
    // Everything stored was a valid event when it arrived.
    let events: Vec<Event> = kept.into_iter().filter_map(|payload| Event::from_value(payload).ok()).collect();
    let standing = conclude(&events, prices);
    let mut after = before.clone();
    after.customer_id = standing.customer.or(after.customer_id);
    after.event_at = standing.event_at.max(after.event_at);
    after.has_live_subscription = standing.has_live_subscription;
    if let Some(subscribed) = standing.subscribed {
        let plan = &subscribed.subscription.plan;
        if subscribed.is_unknown_price || !store::has_plan(scope, plan).await? {
            let price = subscribed.price.unwrap_or_else(|| "(none)".to_owned());
            // It is known all the same that there is a subscription, and whose it is.
            store::update_account(scope, organization, &after).await?;
            return Err(ReceiveError::UnknownPrice { price, subscription: subscribed.id });
        }
        after.subscription = subscribed.subscription;
        after.subscription_id = Some(subscribed.id);
        after.price_id = subscribed.price;
    }
    if after != before {
        store::update_account(scope, organization, &after).await?;
    }
    let without_effect = events.into_iter().filter(|event| event.content == Content::NotUnderstood);
    let without_effect: Vec<String> = without_effect.map(|event| event.id).collect();
    store::mark_applied(scope, organization, &KINDS, &without_effect).await?;
    Ok(Received::Applied(organization))
}

/// The organization id in a text: in the API's form or in the database's.
fn organization_id(text: &str) -> Option<OrganizationId> {
    text.parse().ok().or_else(|| text.parse().ok().map(OrganizationId::from_uuid))
}

/// Removes what JSON can contain and the database cannot: the character NUL, which nobody sends on purpose.
fn make_storable(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => text.retain(|c| c != '\0'),
        Value::Array(values) => values.iter_mut().for_each(make_storable),
        Value::Object(members) => {
            if members.keys().any(|key| key.contains('\0')) {
                *members = std::mem::take(members).into_iter().filter(|(key, _)| !key.contains('\0')).collect();
            }
            members.values_mut().for_each(make_storable);
        }
        _ => {}
    }
}
