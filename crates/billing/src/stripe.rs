//! Stripe's events: each is kept and has its effect in one transaction, once, in whatever order and however often it comes.
//!
//! The state of a subscription is never changed by one event. It is concluded, each time, from all the events that are kept of
//! the organization, in the order in which they happened; so the order in which they arrive cannot matter.

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

/// From how many of its newest events an organization's state is concluded. One month brings about five, and each month's say
/// everything again.
const REMEMBERED: i64 = 500;

/// How often a transaction is tried before a lost race is reported.
const ATTEMPTS: u32 = 5;

/// What became of an event. In each case it is safe to acknowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It has had its effect on this organization.
    Applied(OrganizationId),
    /// It was applied before.
    Repeated,
    /// It is kept, and nobody knows yet whose it is.
    Waiting,
    /// It is kept, and has no effect: its type is none of those that matter, or its content is not understood.
    Kept,
}

/// Why an event could not be taken. It should be sent again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// It is no event; sending it again will not help.
    #[error("the payload is no event")]
    Malformed(#[source] EventError),
    /// It is kept, but its price stands for no plan. It can be applied once the operator has said for which.
    #[error("the price {price} of the subscription {subscription} stands for no plan")]
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

/// Keeps an event whose signature was verified, and applies it: one transaction. `worker` is connected as the role of the worker.
///
/// # Errors
/// [`ReceiveError`]. After any but [`ReceiveError::Malformed`] the event should be sent again.
pub async fn receive(worker: &Store, body: &[u8], prices: &PriceTable) -> Result<Received, ReceiveError> {
    let malformed = |error| ReceiveError::Malformed(EventError::Malformed(error));
    // The signature was over the mark as well, if there is one.
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
        // What cannot be applied is kept all the same, so that it is not lost when the sender gives up.
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
            tracing::warn!(%organization, event = id, "an event names an organization that is not there; was it deleted?");
        }
        return Ok(if has_effect { Received::Waiting } else { Received::Kept });
    };
    store::attribute(scope, organization, id, customer).await?;
    if !has_effect {
        return Ok(Received::Kept);
    }
    apply(scope, organization, prices).await
}

/// Concludes where the organization stands and writes it down.
async fn apply(
    scope: &mut WorkerScope,
    organization: OrganizationId,
    prices: &PriceTable,
) -> Result<Received, ReceiveError> {
    // The lock comes before the events are read, so that of two deliveries the later one sees both.
    let Some(before) = store::account_for_update(scope, organization).await? else { return Ok(Received::Waiting) };
    let kept = store::list(scope, organization, &KINDS, REMEMBERED).await?;
    // What is kept was an event when it came.
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
            // That there is one, and whose, is known nonetheless.
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

/// The organization that a text names: as the API spells its ids, or as the database does.
fn organization_id(text: &str) -> Option<OrganizationId> {
    text.parse().ok().or_else(|| text.parse().ok().map(OrganizationId::from_uuid))
}

/// Takes out what JSON can hold and the database cannot: the character NUL, which nobody means to send.
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
