//! The JSON form of Stripe's events, with the fields of all API versions in use.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::{CheckoutSession, Invoice, Price, Status, Subscription};

/// The metadata key that holds the organization.
const ORGANIZATION: &str = "organization_id";

/// A time that both we and the database can represent: between 1970 and the end of the year 9999.
pub(super) fn time(seconds: i64) -> Option<DateTime<Utc>> {
    const END: i64 = 253_402_300_800;
    (0..END).contains(&seconds).then(|| DateTime::from_timestamp(seconds, 0)).flatten()
}

/// The customer that an object belongs to.
pub(super) fn customer(kind: &str, object: &Value) -> Option<String> {
    let own = matches!(kind, "customer.created" | "customer.updated" | "customer.deleted");
    let customer = if own { object.get("id") } else { object.get("customer") }?;
    let id = customer.get("id").unwrap_or(customer).as_str()?;
    is_id(id).then(|| id.to_owned())
}

/// The limits of an id. Stripe creates no longer ones, and a longer one could not be indexed.
fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 255 && !id.contains('\0')
}

#[derive(Deserialize)]
pub(super) struct RawEvent {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) created: i64,
    pub(super) data: RawData,
}

#[derive(Deserialize)]
pub(super) struct RawData {
    pub(super) object: Value,
}

/// Another object: its id, or the whole object if the endpoint expands it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reference {
    Id(String),
    Object { id: String },
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        match reference {
            Reference::Id(id) | Reference::Object { id } => id,
        }
    }
}

fn id_of(reference: Option<Reference>) -> Option<String> {
    reference.map(String::from).filter(|id| is_id(id))
}

type Metadata = Option<HashMap<String, Value>>;

fn named(metadata: &Metadata) -> Option<String> {
    Some(metadata.as_ref()?.get(ORGANIZATION)?.as_str()?.to_owned())
}

#[derive(Deserialize)]
pub(super) struct RawSession {
    subscription: Option<Reference>,
    client_reference_id: Option<String>,
    metadata: Metadata,
}

impl From<RawSession> for CheckoutSession {
    fn from(raw: RawSession) -> Self {
        let organization = named(&raw.metadata).or(raw.client_reference_id);
        Self { subscription: id_of(raw.subscription), organization }
    }
}

#[derive(Deserialize)]
pub(super) struct RawSubscription {
    id: String,
    status: String,
    metadata: Metadata,
    #[serde(default)]
    items: List<RawItem>,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
    start_date: Option<i64>,
    created: Option<i64>,
    trial_end: Option<i64>,
    #[serde(default)]
    cancel_at_period_end: bool,
    cancel_at: Option<i64>,
    ended_at: Option<i64>,
}

#[derive(Deserialize)]
struct List<T> {
    data: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { data: Vec::new() }
    }
}

#[derive(Deserialize)]
struct RawItem {
    price: Option<RawPrice>,
    current_period_start: Option<i64>,
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
struct RawPrice {
    id: String,
    lookup_key: Option<String>,
}

fn span(start: Option<i64>, end: Option<i64>) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let (start, end) = (time(start?)?, time(end?)?);
    (start < end).then_some((start, end))
}

impl From<RawSubscription> for Subscription {
    fn from(raw: RawSubscription) -> Self {
        // In older versions the period belongs to the subscription. In newer ones each item has its own. They agree
        // unless the operator mixes intervals; then access depends on the longest.
        let of_items =
            raw.items.data.iter().filter_map(|item| span(item.current_period_start, item.current_period_end));
        let period = span(raw.current_period_start, raw.current_period_end).or(of_items.max_by_key(|period| period.1));
        // A subscription may be set to end at a given time instead of with its period.
        let ends_at = raw.cancel_at.and_then(time);
        let ends_with_period =
            raw.cancel_at_period_end || ends_at.zip(period).is_some_and(|(at, period)| at <= period.1);
        let prices = raw.items.data.into_iter().filter_map(|item| item.price);
        Self {
            organization: named(&raw.metadata),
            status: Status::parse(&raw.status),
            prices: prices.map(|price| Price { id: price.id, lookup_key: price.lookup_key }).collect(),
            period,
            started_at: raw.start_date.or(raw.created).and_then(time),
            trial_ends_at: raw.trial_end.and_then(time),
            ends_with_period,
            ended_at: raw.ended_at.and_then(time),
            id: raw.id,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RawInvoice {
    subscription: Option<Reference>,
    subscription_details: Option<RawDetails>,
    parent: Option<RawParent>,
    billing_reason: Option<String>,
    #[serde(default)]
    lines: List<RawLine>,
}

#[derive(Deserialize)]
struct RawParent {
    subscription_details: Option<RawDetails>,
}

#[derive(Deserialize)]
struct RawDetails {
    subscription: Option<Reference>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct RawLine {
    #[serde(rename = "type")]
    kind: Option<String>,
    period: Option<RawPeriod>,
    #[serde(default)]
    proration: bool,
    parent: Option<RawLineParent>,
}

#[derive(Deserialize)]
struct RawLineParent {
    subscription_item_details: Option<RawItemDetails>,
    invoice_item_details: Option<Value>,
}

#[derive(Deserialize)]
struct RawItemDetails {
    #[serde(default)]
    proration: bool,
}

#[derive(Deserialize)]
struct RawPeriod {
    start: i64,
    end: i64,
}

impl RawLine {
    /// Whether the line charges for a whole period of the subscription. Not if it settles a change in the middle of
    /// one, or was added to the bill next to the subscription.
    fn is_for_a_period(&self) -> bool {
        let parent = self.parent.as_ref();
        let details = parent.and_then(|parent| parent.subscription_item_details.as_ref());
        let is_proration = self.proration || details.is_some_and(|details| details.proration);
        let is_extra = self.kind.as_deref() == Some("invoiceitem")
            || parent.is_some_and(|parent| parent.invoice_item_details.is_some());
        !is_proration && !is_extra
    }
}

impl From<RawInvoice> for Invoice {
    fn from(raw: RawInvoice) -> Self {
        let details = raw.parent.and_then(|parent| parent.subscription_details).or(raw.subscription_details);
        let organization = details.as_ref().and_then(|details| named(&details.metadata));
        let subscription = id_of(raw.subscription).or(details.and_then(|details| id_of(details.subscription)));
        let reason = raw.billing_reason.as_deref();
        let is_renewal = matches!(reason, None | Some("subscription_create" | "subscription_cycle" | "subscription"));
        // A change of interval begins a period in the middle of another; its invoice charges for the whole new one.
        // Bills at a threshold or by hand begin none.
        let begins_a_period = is_renewal || reason == Some("subscription_update");
        let periods =
            raw.lines.data.iter().filter(|line| line.is_for_a_period()).filter_map(|line| line.period.as_ref());
        let periods = periods.filter_map(|period| span(Some(period.start), Some(period.end)));
        let period = if begins_a_period { periods.max() } else { None };
        Self { subscription, organization, is_renewal, period }
    }
}
