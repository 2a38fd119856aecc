//! Parses the events that matter here from the JSON of a webhook. It only reads what Stripe says and draws no
//! conclusions.
//!
//! Fields have moved between versions of the API (a period from the subscription to its items, an invoice's
//! subscription to its parent). Both places are read, so the version that the endpoint was created with does not
//! matter.

mod raw;

use chrono::{DateTime, Utc};
use serde_json::Value;

use raw::{RawEvent, RawInvoice, RawSession, RawSubscription};

/// Why something is not an event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// It is not JSON, or lacks something that every event has.
    #[error("this is not an event")]
    Malformed(#[source] serde_json::Error),
    /// A field that every event has is out of bounds.
    #[error("this is not an event: {0}")]
    OutOfBounds(&'static str),
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id, the same in every delivery.
    pub id: String,
    /// Its type, e.g. `invoice.paid`.
    pub kind: String,
    /// When it happened at Stripe, in whole seconds.
    pub created: DateTime<Utc>,
    /// Its customer, whatever its type.
    pub customer: Option<String>,
    /// Its content.
    pub content: Content,
}

/// The content of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A customer completed a checkout.
    CheckoutCompleted(CheckoutSession),
    /// A subscription began.
    SubscriptionCreated(Subscription),
    /// A subscription changed.
    SubscriptionUpdated(Subscription),
    /// A subscription ended.
    SubscriptionDeleted(Subscription),
    /// A trial ends in three days.
    TrialWillEnd(Subscription),
    /// An invoice was paid.
    InvoicePaid(Invoice),
    /// A payment of an invoice failed.
    InvoicePaymentFailed(Invoice),
    /// The type matters here, but its object cannot be parsed.
    NotUnderstood,
    /// Any other type.
    Other,
}

/// A completed checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckoutSession {
    /// The subscription that it created, if any.
    pub subscription: Option<String>,
    /// The text that identifies the organization, set by whoever created the session.
    pub organization: Option<String>,
}

/// A subscription as it was at the time of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// The text that identifies the organization, set by whoever created the subscription.
    pub organization: Option<String>,
    /// Its status.
    pub status: Status,
    /// The prices that are subscribed to.
    pub prices: Vec<Price>,
    /// The current period: start and end.
    pub period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When its trial ends or ended.
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// Whether it will not renew.
    pub ends_with_period: bool,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

/// A price that is subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Its id.
    pub id: String,
    /// A name given by the operator, who may move it to another price.
    pub lookup_key: Option<String>,
}

/// The status of a subscription at Stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The first payment is open.
    Incomplete,
    /// The first payment was never made.
    IncompleteExpired,
    /// In its trial.
    Trialing,
    /// Paid for, or about to be.
    Active,
    /// A payment failed and is being retried.
    PastDue,
    /// A payment failed and is not retried.
    Unpaid,
    /// The trial ended without a payment method.
    Paused,
    /// Ended.
    Canceled,
    /// None of these.
    Unknown,
}

impl Status {
    fn parse(text: &str) -> Self {
        match text {
            "incomplete" => Self::Incomplete,
            "incomplete_expired" => Self::IncompleteExpired,
            "trialing" => Self::Trialing,
            "active" => Self::Active,
            "past_due" => Self::PastDue,
            "unpaid" => Self::Unpaid,
            "paused" => Self::Paused,
            "canceled" => Self::Canceled,
            _ => Self::Unknown,
        }
    }
}

/// An invoice of Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoice {
    /// The subscription that it is for; `None` for a standalone invoice.
    pub subscription: Option<String>,
    /// The text that identifies the organization, set by whoever created the subscription.
    pub organization: Option<String>,
    /// Whether it was created because the subscription renewed, and not for something in between, such as a change of
    /// plan.
    pub is_renewal: bool,
    /// The period that it charges for as a whole, start and end, if it says so. A change to another interval begins
    /// such a period as well. An invoice that only settles the rest of a period has none.
    pub period: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Event {
    /// Reads the body of a webhook.
    ///
    /// # Errors
    /// [`EventError`] when it is not an event. If only the event's object cannot be parsed, it is still an event.
    pub fn parse(body: &[u8]) -> Result<Self, EventError> {
        Self::from_raw(
            serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body))
                .map_err(EventError::Malformed)?,
        )
    }

    /// Reads a stored event.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_value(value: Value) -> Result<Self, EventError> {
        Self::from_raw(serde_json::from_value(value).map_err(EventError::Malformed)?)
    }

    fn from_raw(raw: RawEvent) -> Result<Self, EventError> {
        for (text, problem) in [(&raw.id, "its id"), (&raw.kind, "its type")] {
            if text.is_empty() || text.len() > 255 || text.contains('\0') {
                return Err(EventError::OutOfBounds(problem));
            }
        }
        let created = raw::time(raw.created).ok_or(EventError::OutOfBounds("its time"))?;
        let object = raw.data.object;
        let customer = raw::customer(&raw.kind, &object);
        let content = content(&raw.kind, object);
        Ok(Self { id: raw.id, kind: raw.kind, created, customer, content })
    }

    /// The subscription that it is about.
    pub fn subscription(&self) -> Option<&str> {
        match &self.content {
            Content::CheckoutCompleted(session) => session.subscription.as_deref(),
            Content::InvoicePaid(invoice) | Content::InvoicePaymentFailed(invoice) => invoice.subscription.as_deref(),
            _ => self.snapshot().map(|subscription| subscription.id.as_str()),
        }
    }

    /// The subscription as it was at the time of the event, for events that contain it.
    pub fn snapshot(&self) -> Option<&Subscription> {
        match &self.content {
            Content::SubscriptionCreated(subscription)
            | Content::SubscriptionUpdated(subscription)
            | Content::SubscriptionDeleted(subscription)
            | Content::TrialWillEnd(subscription) => Some(subscription),
            _ => None,
        }
    }

    /// The text that identifies an organization, if there is one.
    pub fn organization(&self) -> Option<&str> {
        match &self.content {
            Content::CheckoutCompleted(session) => session.organization.as_deref(),
            Content::InvoicePaid(invoice) | Content::InvoicePaymentFailed(invoice) => invoice.organization.as_deref(),
            _ => self.snapshot()?.organization.as_deref(),
        }
    }
}

fn content(kind: &str, object: Value) -> Content {
    fn read<R: serde::de::DeserializeOwned, T: From<R>>(object: Value, content: fn(T) -> Content) -> Content {
        serde_json::from_value::<R>(object).map_or(Content::NotUnderstood, |raw| content(raw.into()))
    }
    match kind {
        "checkout.session.completed" => read::<RawSession, _>(object, Content::CheckoutCompleted),
        "customer.subscription.created" => read::<RawSubscription, _>(object, Content::SubscriptionCreated),
        "customer.subscription.updated" => read::<RawSubscription, _>(object, Content::SubscriptionUpdated),
        "customer.subscription.deleted" => read::<RawSubscription, _>(object, Content::SubscriptionDeleted),
        "customer.subscription.trial_will_end" => read::<RawSubscription, _>(object, Content::TrialWillEnd),
        "invoice.paid" => read::<RawInvoice, _>(object, Content::InvoicePaid),
        "invoice.payment_failed" => read::<RawInvoice, _>(object, Content::InvoicePaymentFailed),
        _ => Content::Other,
    }
}

#[cfg(test)]
mod tests;
