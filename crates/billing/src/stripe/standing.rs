//! The state that follows from an organization's events. It is a function of the set of events, so neither the order of
//! arrival nor repetitions matter.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use tenantry_domain::plan::FREE_PLAN;
use tenantry_domain::subscription::{Period, Subscription, SubscriptionChange, SubscriptionStatus};
use tenantry_stripe::event::{self, Invoice, Status};
use tenantry_stripe::{Content, Event};

use super::PriceTable;

/// The state that follows from all events of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its subscription; `None` while no event has shown one.
    pub subscribed: Option<Subscribed>,
    /// Its customer at Stripe.
    pub customer: Option<String>,
    /// The time of the newest event.
    pub event_at: Option<DateTime<Utc>>,
    /// Whether any subscription has begun and not ended, whatever access it gives: unpaid and paused ones count.
    pub has_live_subscription: bool,
}

/// A subscription at Stripe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Its id.
    pub id: String,
    /// The price that is paid for.
    pub price: Option<String>,
    /// Its state.
    pub subscription: Subscription,
    /// Whether the price has no plan that we know of, so that nothing can be stored.
    pub is_unknown_price: bool,
}

/// Computes the state of one organization from its events.
///
/// They are applied in the order in which they happened. Stripe's times are whole seconds, and several things happen in
/// the second of a checkout. Within one second, events that begin something come before those that continue it and
/// those that end it.
pub fn conclude(events: &[Event], prices: &PriceTable) -> Standing {
    let mut ordered: Vec<&Event> = events.iter().collect();
    ordered.sort_by_cached_key(|event| order(event));
    ordered.dedup_by(|a, b| a.id == b.id);
    let mut tracks: BTreeMap<&str, Track<'_>> = BTreeMap::new();
    let mut customer = None;
    for event in &ordered {
        customer = event.customer.as_deref().or(customer);
        if let Some(id) = event.subscription() {
            tracks.entry(id).or_default().follow(event, prices);
        }
    }
    let has_live_subscription = tracks.values().any(|track| track.has_begun && !track.has_ended);
    // Of several subscriptions, the one that gives access counts; of several such, the one that began last.
    let told = tracks.into_iter().filter(|(_, track)| track.state.is_some());
    let chosen = told.max_by_key(|(id, track)| (track.weight(), track.started_at, *id));
    let customer = chosen.as_ref().and_then(|(_, track)| track.customer).or(customer);
    Standing {
        customer: customer.map(str::to_owned),
        event_at: ordered.last().map(|event| event.created),
        has_live_subscription,
        subscribed: chosen.and_then(|(id, track)| track.into_subscribed(id)),
    }
}

/// The position of an event among the others.
fn order(event: &Event) -> impl Ord + use<> {
    let rank = match &event.content {
        Content::CheckoutCompleted(_) => 0,
        Content::SubscriptionCreated(_) => 1,
        Content::InvoicePaymentFailed(_) => 2,
        Content::InvoicePaid(_) => 3,
        Content::TrialWillEnd(_) => 4,
        Content::SubscriptionUpdated(_) => 5,
        Content::SubscriptionDeleted(_) => 6,
        Content::NotUnderstood | Content::Other => 7,
    };
    let snapshot = event.snapshot();
    // A later period starts later, although after a change of interval it may end earlier.
    let period = snapshot.and_then(|snapshot| snapshot.period);
    let progress = snapshot.map_or(0, |snapshot| match snapshot.status {
        Status::Unknown => 0,
        Status::Incomplete => 1,
        Status::Trialing => 2,
        Status::Paused => 3,
        Status::Active => 4,
        Status::PastDue => 5,
        Status::Unpaid => 6,
        Status::IncompleteExpired | Status::Canceled => 7,
    });
    (event.created, rank, period, progress, event.id.clone())
}

/// One subscription, followed through its events.
#[derive(Debug, Default)]
struct Track<'e> {
    customer: Option<&'e str>,
    price: Option<String>,
    is_unknown_price: bool,
    started_at: Option<DateTime<Utc>>,
    /// Its state; `None` while only invoices have mentioned it.
    state: Option<Subscription>,
    /// Stripe's current period, paid for or not.
    current: Option<Period>,
    /// The periods that were paid for or are trials.
    paid: Vec<Period>,
    /// The period that Stripe last reported as past due or unpaid.
    due: Option<Period>,
    /// Whether anything other than a bill has mentioned it.
    has_begun: bool,
    /// Stripe never reactivates a subscription that has ended.
    has_ended: bool,
}

impl<'e> Track<'e> {
    fn follow(&mut self, event: &'e Event, prices: &PriceTable) {
        self.customer = event.customer.as_deref().or(self.customer);
        if self.has_ended {
            return;
        }
        self.has_begun |= event.snapshot().is_some() || matches!(event.content, Content::CheckoutCompleted(_));
        match &event.content {
            Content::InvoicePaid(invoice) => self.pay(invoice, event.created),
            Content::InvoicePaymentFailed(invoice) => self.fail_payment(invoice, event.created),
            Content::SubscriptionDeleted(snapshot) => self.end(snapshot, event.created, prices),
            _ => {
                if let Some(snapshot) = event.snapshot() {
                    self.adopt(snapshot, event.created, prices);
                }
            }
        }
    }

    /// Applies a snapshot of the subscription.
    fn adopt(&mut self, snapshot: &event::Subscription, at: DateTime<Utc>, prices: &PriceTable) {
        use SubscriptionStatus as S;
        let status = match snapshot.status {
            // A status that is new at Stripe. Its meaning is not guessed.
            Status::Unknown => return,
            Status::IncompleteExpired | Status::Canceled => return self.end(snapshot, at, prices),
            // The trial ended without a payment method: nothing is paid for, and nothing has ended.
            Status::Incomplete | Status::Paused => S::Incomplete,
            Status::Trialing => S::Trialing,
            Status::Active => S::Active,
            Status::PastDue => S::PastDue,
            // Stripe has given up on a payment; the subscription continues if it is paid after all.
            Status::Unpaid => S::Canceled,
        };
        let plan = self.note(snapshot, prices);
        let before = self.state.take();
        let period = self.current.or(before.as_ref().and_then(|before| before.period));
        let was_open = before.as_ref().is_none_or(|before| before.status == S::Incomplete);
        // The first period counts as paid when Stripe begins it. Each later one counts when an invoice says so, or when
        // Stripe no longer waits for the payment because the operator has settled it otherwise.
        let is_settled = period.is_some() && self.due == period;
        if status == S::Trialing || status == S::Active && (was_open || is_settled) {
            self.paid.extend(period);
        }
        self.due = period.filter(|_| matches!(status, S::PastDue | S::Canceled));
        let past_due_since = before.and_then(|before| before.past_due_since);
        self.state = Some(Subscription {
            plan,
            status,
            period: match status {
                S::Incomplete => None,
                S::Active | S::Trialing => period,
                S::PastDue | S::Canceled => self.paid_period().or(period),
            },
            trial_ends_at: if status == S::Trialing {
                snapshot.trial_ends_at.or(period.map(Period::end))
            } else {
                None
            },
            cancel_at_period_end: snapshot.ends_with_period && status != S::Canceled,
            past_due_since: if status == S::PastDue { past_due_since.or(Some(at)) } else { None },
            canceled_at: if status == S::Canceled { Some(at) } else { None },
        });
    }

    /// Records what a snapshot contains apart from the status; returns the plan.
    fn note(&mut self, snapshot: &event::Subscription, prices: &PriceTable) -> String {
        self.started_at = snapshot.started_at.or(self.started_at);
        self.current = snapshot.period.and_then(|(start, end)| Period::new(start, end)).or(self.current);
        let found = prices.plan_of(&snapshot.prices);
        self.is_unknown_price = found.is_none();
        let price = found.map(|(price, _)| price).or(snapshot.prices.first());
        self.price = price.map(|price| price.id.clone());
        let before = || self.state.as_ref().map(|state| state.plan.clone());
        found.map(|(_, plan)| plan.to_owned()).or_else(before).unwrap_or_else(|| FREE_PLAN.to_owned())
    }

    fn end(&mut self, snapshot: &event::Subscription, at: DateTime<Utc>, prices: &PriceTable) {
        use SubscriptionStatus as S;
        let plan = self.note(snapshot, prices);
        let never_paid = snapshot.status == Status::IncompleteExpired;
        let before = self.state.take().unwrap_or_else(|| Subscription {
            status: if never_paid { S::Incomplete } else { S::Active },
            ..Subscription::free()
        });
        let period = match before.status {
            // A period that has begun and is not paid for does not count yet.
            S::Active | S::Trialing => self.paid_period().or(before.period),
            S::PastDue | S::Canceled | S::Incomplete => before.period,
        };
        let before = Subscription { plan, period, ..before };
        let at = snapshot.ended_at.unwrap_or(at);
        // Refused only if there never was a period; then there is nothing to continue.
        self.state = Some(before.apply(SubscriptionChange::End, at).unwrap_or(Subscription {
            status: S::Canceled,
            canceled_at: Some(at),
            cancel_at_period_end: false,
            ..before
        }));
        self.has_ended = true;
    }

    fn pay(&mut self, invoice: &Invoice, at: DateTime<Utc>) {
        let told = invoice.period.and_then(|(start, end)| Period::new(start, end));
        let Some(period) = told.or(self.current.filter(|_| invoice.is_renewal)) else { return };
        self.paid.push(period);
        let paid_period = self.paid_period();
        let Some(state) = &mut self.state else { return };
        // A late payment for an earlier period does not pay for the current one.
        if self.current.is_some_and(|current| period.start() < current.start()) {
            if matches!(state.status, SubscriptionStatus::PastDue | SubscriptionStatus::Canceled) {
                state.period = paid_period;
            }
        } else if let Ok(paid) = state.apply(SubscriptionChange::Pay { period }, at) {
            self.state = Some(paid);
        }
    }

    /// Applies a renewal that was not paid. What a failed payment in the middle of a period means depends on how the
    /// change was requested; Stripe shows that in the subscription.
    fn fail_payment(&mut self, invoice: &Invoice, at: DateTime<Utc>) {
        let Some(state) = self.state.as_ref().filter(|_| invoice.is_renewal) else { return };
        if let Ok(mut failed) = state.apply(SubscriptionChange::FailPayment, at) {
            if failed.status == SubscriptionStatus::PastDue {
                failed.period = self.paid_period().or(failed.period);
            }
            self.state = Some(failed);
        }
    }

    /// The period whose end access depends on while a payment is missing: the current one if it is paid for, else the
    /// last one that was. The last one is the one that started last, because a change from years to months gives back
    /// the rest of the year.
    fn paid_period(&self) -> Option<Period> {
        let is_paid = |present: &Period| {
            self.paid.iter().any(|paid| paid.start() == present.start() && paid.end() >= present.end())
        };
        let last = || self.paid.iter().copied().max_by_key(|period| (period.start(), period.end()));
        self.current.filter(is_paid).or_else(last).or(self.current)
    }

    /// Its priority among the organization's subscriptions.
    fn weight(&self) -> u8 {
        use SubscriptionStatus as S;
        match &self.state {
            Some(state) => match (state.status, state.period) {
                (S::Active | S::Trialing | S::PastDue, _) => 3,
                (S::Canceled, Some(_)) => 2,
                (S::Incomplete, _) => 1,
                (S::Canceled, None) => 0,
            },
            None => 0,
        }
    }

    fn into_subscribed(self, id: &str) -> Option<Subscribed> {
        let subscription = self.state?;
        // An end is stored whatever was paid for.
        let is_unknown_price = self.is_unknown_price && subscription.status != SubscriptionStatus::Canceled;
        Some(Subscribed { id: id.to_owned(), price: self.price, subscription, is_unknown_price })
    }
}

#[cfg(test)]
mod changes;
#[cfg(test)]
mod tests;
