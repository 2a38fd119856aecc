//! A subscription's life in Stripe's events, in every order, and what each step means.

use chrono::Duration;
use serde_json::{Value, json};

use super::*;

pub(super) const DAY: i64 = 86_400;
/// The start of the first period.
pub(super) const START: i64 = 1_790_000_000;
pub(super) const MONTH: i64 = 30 * DAY;

pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

pub(super) fn period(n: i64) -> Period {
    Period::new(at(START + n * MONTH), at(START + (n + 1) * MONTH)).unwrap()
}

pub(super) fn prices() -> PriceTable {
    "price_pro=pro,price_solo=solo".parse().unwrap()
}

pub(super) fn event(id: &str, kind: &str, created: i64, object: &Value) -> Event {
    let data = json!({ "object": object });
    Event::from_value(json!({ "id": id, "type": kind, "created": created, "data": data })).unwrap()
}

/// An event that shows the subscription `sub` in its `n`th month.
pub(super) fn snapshot(id: &str, verb: &str, created: i64, sub: &str, status: &str, n: i64, more: &Value) -> Event {
    let mut object = json!({
        "id": sub, "customer": "cus_1", "status": status, "start_date": START,
        "current_period_start": START + n * MONTH, "current_period_end": START + (n + 1) * MONTH,
        "items": { "data": [{ "price": { "id": "price_pro" } }] },
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    event(id, &format!("customer.subscription.{verb}"), created, &object)
}

/// An event about the invoice for the `n`th month.
pub(super) fn invoice(id: &str, verb: &str, created: i64, n: i64) -> Event {
    let line = json!({ "period": { "start": START + n * MONTH, "end": START + (n + 1) * MONTH } });
    let object = json!({
        "id": "in_1", "customer": "cus_1", "subscription": "sub_1", "billing_reason": "subscription_cycle",
        "lines": { "data": [line] },
    });
    event(id, &format!("invoice.{verb}"), created, &object)
}

fn checkout(id: &str, created: i64) -> Event {
    let object = json!({ "customer": "cus_1", "subscription": "sub_1", "client_reference_id": "org" });
    event(id, "checkout.session.completed", created, &object)
}

pub(super) fn told(events: &[Event]) -> Subscription {
    conclude(events, &prices()).subscribed.expect("a subscription is told of").subscription
}

/// Six events of one subscription. Everything at the beginning happens within one second, as at Stripe.
fn life() -> Vec<Event> {
    vec![
        checkout("evt_a", START),
        snapshot("evt_b", "created", START, "sub_1", "incomplete", 0, &json!({})),
        invoice("evt_c", "paid", START, 0),
        snapshot("evt_d", "updated", START, "sub_1", "active", 0, &json!({})),
        invoice("evt_e", "payment_failed", START + MONTH + 60, 1),
        snapshot("evt_f", "updated", START + MONTH + 60, "sub_1", "past_due", 1, &json!({})),
    ]
}

/// Calls `visit` with every order of the items.
pub(super) fn every_order<T: Clone>(items: &mut Vec<T>, from: usize, visit: &mut impl FnMut(&[T])) {
    if from == items.len() {
        return visit(items);
    }
    for next in from..items.len() {
        items.swap(from, next);
        every_order(items, from + 1, visit);
        items.swap(from, next);
    }
}

#[test]
fn every_order_of_six_events_with_repetitions_ends_in_one_state() {
    let expected = conclude(&life(), &prices());
    let mut orders = 0;
    every_order(&mut life(), 0, &mut |events| {
        orders += 1;
        assert_eq!(conclude(events, &prices()), expected);
        let repeated = [events, &events[..4], &events[2..], events].concat();
        assert_eq!(conclude(&repeated, &prices()), expected);
    });
    assert_eq!(orders, 720);
    let subscribed = expected.subscribed.unwrap();
    assert_eq!(subscribed.subscription.status, SubscriptionStatus::PastDue);
    assert_eq!(subscribed.subscription.period, Some(period(0)));
    assert_eq!((expected.customer.as_deref(), subscribed.id.as_str()), (Some("cus_1"), "sub_1"));
    assert_eq!(expected.event_at, Some(at(START + MONTH + 60)));
}

#[test]
fn the_state_after_each_step_of_a_subscription() {
    use SubscriptionStatus as S;
    let mut events = life();
    let rules = tenantry_domain::subscription::SubscriptionRules::default();
    assert_eq!(conclude(&events[..1], &prices()).subscribed, None);
    assert_eq!(told(&events[..2]).status, S::Incomplete);
    assert_eq!(told(&events[..2]).effective_plan(at(START), rules), FREE_PLAN);
    assert_eq!((told(&events[..3]).status, told(&events[..3]).period), (S::Active, Some(period(0))));
    assert_eq!(told(&events[..4]).plan, "pro");
    // The renewal has begun and is not paid for: the end of the paid period counts.
    let late = told(&events);
    assert_eq!(late.past_due_since, Some(at(START + MONTH + 60)));
    assert_eq!(late.access_ends_at(rules), Some(period(0).end() + Duration::days(7)));
    events.push(invoice("evt_g", "paid", START + MONTH + 3 * DAY, 1));
    let paid = told(&events);
    assert_eq!((paid.status, paid.period, paid.past_due_since), (S::Active, Some(period(1)), None));
    let more = json!({ "cancel_at_period_end": true });
    events.push(snapshot("evt_h", "updated", START + MONTH + 4 * DAY, "sub_1", "active", 1, &more));
    assert!(told(&events).cancel_at_period_end);
    let more = json!({ "ended_at": START + 2 * MONTH });
    events.push(snapshot("evt_i", "deleted", START + 2 * MONTH, "sub_1", "canceled", 1, &more));
    let over = told(&events);
    assert_eq!((over.status, over.period, over.canceled_at), (S::Canceled, Some(period(1)), Some(period(1).end())));
    // Later events about it change nothing.
    events.push(snapshot("evt_j", "updated", START + 2 * MONTH + 1, "sub_1", "active", 2, &json!({})));
    assert_eq!(told(&events), over);
}

#[test]
fn an_unpaid_renewal_gives_no_access() {
    let mut events = life();
    events.push(snapshot("evt_x", "deleted", START + MONTH + 20 * DAY, "sub_1", "canceled", 1, &json!({})));
    let rules = tenantry_domain::subscription::SubscriptionRules::default();
    assert_eq!(told(&events).effective_plan(at(START + MONTH + 20 * DAY), rules), FREE_PLAN);
    let mut events = life();
    events.push(snapshot("evt_y", "updated", START + MONTH + 20 * DAY, "sub_1", "unpaid", 1, &json!({})));
    assert_eq!(told(&events).effective_plan(at(START + MONTH + 20 * DAY), rules), FREE_PLAN);
    // Unlike an end, this is not final.
    events.push(snapshot("evt_z", "updated", START + MONTH + 21 * DAY, "sub_1", "active", 1, &json!({})));
    assert_eq!(told(&events).effective_plan(at(START + MONTH + 21 * DAY), rules), "pro");
}

#[test]
fn a_trial_lasts_until_its_end_and_its_first_invoice_does_not_end_it() {
    let more = json!({ "trial_end": START + MONTH });
    let events = [
        snapshot("evt_a", "created", START, "sub_1", "trialing", 0, &more),
        invoice("evt_b", "paid", START, 0),
        snapshot("evt_c", "trial_will_end", START + 27 * DAY, "sub_1", "trialing", 0, &more),
        snapshot("evt_d", "updated", START + MONTH, "sub_1", "active", 1, &more),
        invoice("evt_e", "payment_failed", START + MONTH + 3_600, 1),
    ];
    for known in 1..=3 {
        let trial = told(&events[..known]);
        assert_eq!((trial.status, trial.trial_ends_at), (SubscriptionStatus::Trialing, Some(at(START + MONTH))));
    }
    assert_eq!(told(&events[..4]).status, SubscriptionStatus::Active);
    let late = told(&events);
    assert_eq!((late.status, late.period), (SubscriptionStatus::PastDue, Some(period(0))));
}

#[test]
fn of_several_subscriptions_the_one_that_gives_access_counts() {
    let ended = snapshot("evt_b", "deleted", START + 9, "sub_1", "canceled", 0, &json!({}));
    let first = snapshot("evt_a", "created", START, "sub_1", "active", 0, &json!({}));
    let solo = json!({ "start_date": START + 5, "items": { "data": [{ "price": { "id": "price_solo" } }] } });
    let second = snapshot("evt_c", "created", START + 5, "sub_2", "active", 0, &solo);
    let chosen = |events: &[Event]| conclude(events, &prices()).subscribed.unwrap().id;
    assert_eq!(chosen(&[first.clone(), second.clone()]), "sub_2");
    assert_eq!(chosen(&[first.clone(), second.clone(), ended.clone()]), "sub_2");
    let second_ended = snapshot("evt_d", "deleted", START + 7, "sub_2", "canceled", 0, &solo);
    assert_eq!(chosen(&[first.clone(), second.clone(), second_ended.clone()]), "sub_1");
    let open = json!({ "start_date": START + 20 });
    let third = snapshot("evt_e", "created", START + 20, "sub_3", "incomplete", 0, &open);
    assert_eq!(chosen(&[first, ended, third]), "sub_1");
}

#[test]
fn a_payment_in_mid_period_or_for_an_old_period_changes_nothing() {
    let begun = [
        snapshot("evt_a", "created", START, "sub_1", "active", 0, &json!({})),
        snapshot("evt_b", "updated", START + MONTH, "sub_1", "past_due", 1, &json!({})),
    ];
    let between = json!({ "subscription": "sub_1", "billing_reason": "subscription_update", "customer": "cus_1" });
    let between = event("evt_c", "invoice.paid", START + MONTH + 5, &between);
    assert_eq!(told(&[&begun[..], &[between]].concat()), told(&begun));
    let running = snapshot("evt_d", "updated", START + 3 * MONTH, "sub_1", "active", 3, &json!({}));
    let of_old = invoice("evt_e", "paid", START + 3 * MONTH + 5, 1);
    let events = [&begun[..], &[running, of_old]].concat();
    assert_eq!(told(&events).period, Some(period(3)));
}

#[test]
fn a_price_without_a_plan_is_reported_unless_the_subscription_has_ended() {
    let odd = json!({ "items": { "data": [{ "price": { "id": "price_9" } }] } });
    let begun = snapshot("evt_a", "created", START, "sub_1", "active", 0, &odd);
    let subscribed = conclude(std::slice::from_ref(&begun), &prices()).subscribed.unwrap();
    assert_eq!((subscribed.is_unknown_price, subscribed.price.as_deref()), (true, Some("price_9")));
    let ended = snapshot("evt_b", "deleted", START + 5, "sub_1", "canceled", 0, &odd);
    assert!(!conclude(&[begun.clone(), ended], &prices()).subscribed.unwrap().is_unknown_price);
    // An upgrade to a known price fixes it.
    let moved = snapshot("evt_c", "updated", START + 5, "sub_1", "active", 0, &json!({}));
    assert!(!conclude(&[begun, moved], &prices()).subscribed.unwrap().is_unknown_price);
}

#[test]
fn a_subscription_known_only_by_its_end_has_ended() {
    let gone = snapshot("evt_a", "deleted", START + 5, "sub_1", "canceled", 0, &json!({}));
    let state = told(&[gone]);
    assert_eq!((state.status, state.period), (SubscriptionStatus::Canceled, Some(period(0))));
    let expired = snapshot("evt_a", "updated", START + DAY, "sub_1", "incomplete_expired", 0, &json!({}));
    let state = told(&[expired]);
    assert_eq!((state.status, state.period), (SubscriptionStatus::Canceled, None));
    let strange = snapshot("evt_a", "updated", START, "sub_1", "hibernating", 0, &json!({}));
    assert_eq!(conclude(&[strange], &prices()).subscribed, None);
}
