//! Changes in the middle of a period: of the interval, of the plan, and the bills for them; in every order.

use chrono::Duration;
use serde_json::{Value, json};
use tenantry_domain::subscription::SubscriptionRules;

use super::tests::{DAY, MONTH, START, at, event, every_order, invoice, period, prices, snapshot, told};
use super::*;

const YEAR: i64 = 365 * DAY;
/// When the interval or the plan changes: ten days into the first month.
const CHANGE: i64 = START + 10 * DAY;

fn span(start: i64, end: i64) -> Period {
    Period::new(at(start), at(end)).unwrap()
}

/// A snapshot of the subscription in a period that is not a month.
fn shown(id: &str, created: i64, status: &str, start: i64, end: i64, price: &str) -> Event {
    let more = json!({
        "current_period_start": start, "current_period_end": end, "items": { "data": [{ "price": { "id": price } }] },
    });
    snapshot(id, "updated", created, "sub_1", status, 0, &more)
}

/// An event about an invoice for this reason, with these lines.
fn billed(id: &str, verb: &str, created: i64, reason: &str, lines: &[Value]) -> Event {
    let object = json!({
        "id": "in_2", "customer": "cus_1", "subscription": "sub_1", "billing_reason": reason, "lines": { "data": lines },
    });
    event(id, &format!("invoice.{verb}"), created, &object)
}

fn whole(start: i64, end: i64) -> Value {
    json!({ "type": "subscription", "period": { "start": start, "end": end } })
}

/// The credit or charge for the rest of a period.
fn rest(start: i64, end: i64) -> Value {
    json!({ "type": "invoiceitem", "proration": true, "period": { "start": start, "end": end } })
}

/// The bill of a change from months to years.
fn yearly() -> [Value; 2] {
    [rest(CHANGE, START + MONTH), whole(CHANGE, CHANGE + YEAR)]
}

fn begun() -> [Event; 2] {
    [snapshot("evt_a", "created", START, "sub_1", "active", 0, &json!({})), invoice("evt_b", "paid", START, 0)]
}

/// Asserts that all orders of the events, each with repetitions, end in the same state; returns that state.
#[track_caller]
fn end(events: &[Event]) -> Subscription {
    let expected = conclude(events, &prices());
    let mut orders = 0;
    every_order(&mut events.to_vec(), 0, &mut |events| {
        orders += 1;
        assert_eq!(conclude(events, &prices()), expected);
        assert_eq!(conclude(&[events, &events[1..], events].concat(), &prices()), expected);
    });
    assert_eq!(orders, (1..=events.len()).product::<usize>());
    expected.subscribed.unwrap().subscription
}

fn access_ends(subscription: &Subscription) -> Option<i64> {
    subscription.access_ends_at(SubscriptionRules::default()).map(|end| end.timestamp())
}

const GRACE: i64 = 7 * DAY;

#[test]
fn after_a_change_to_years_the_grace_period_runs_from_the_end_of_the_year() {
    let renewal = CHANGE + YEAR;
    let mut events = begun().to_vec();
    events.extend([
        billed("evt_c", "paid", CHANGE, "subscription_update", &yearly()),
        shown("evt_d", CHANGE, "active", CHANGE, CHANGE + YEAR, "price_pro"),
        billed("evt_e", "payment_failed", renewal + 60, "subscription_cycle", &[whole(renewal, renewal + YEAR)]),
        shown("evt_f", renewal + 60, "past_due", renewal, renewal + YEAR, "price_pro"),
    ]);
    let late = end(&events);
    assert_eq!((late.status, late.period), (SubscriptionStatus::PastDue, Some(span(CHANGE, CHANGE + YEAR))));
    assert_eq!(access_ends(&late), Some(renewal + GRACE));
    assert_eq!(told(&events[..4]).period, Some(span(CHANGE, CHANGE + YEAR)));
}

#[test]
fn an_unpaid_year_leaves_the_rest_of_the_month_and_the_grace_period() {
    let mut events = begun().to_vec();
    events.extend([
        billed("evt_c", "payment_failed", CHANGE, "subscription_update", &yearly()),
        shown("evt_d", CHANGE, "past_due", CHANGE, CHANGE + YEAR, "price_pro"),
    ]);
    let late = end(&events);
    assert_eq!((late.status, late.period), (SubscriptionStatus::PastDue, Some(period(0))));
    assert_eq!(access_ends(&late), Some(START + MONTH + GRACE));
    events.extend([
        billed("evt_e", "paid", CHANGE + 2 * DAY, "subscription_update", &yearly()),
        shown("evt_f", CHANGE + 2 * DAY, "active", CHANGE, CHANGE + YEAR, "price_pro"),
    ]);
    // The bill alone shows that it is paid, and so does the subscription alone.
    for known in [&events[..5], &[&events[..4], &events[5..]].concat(), &events] {
        let paid = end(known);
        assert_eq!((paid.status, paid.period), (SubscriptionStatus::Active, Some(span(CHANGE, CHANGE + YEAR))));
        assert_eq!((paid.past_due_since, access_ends(&paid)), (None, None));
    }
    // Whether an invoice or the operator has settled it, the next grace period runs from the year's end.
    let renewal = CHANGE + YEAR;
    for known in [&events[..], &[&events[..4], &events[5..]].concat()] {
        let next = shown("evt_g", renewal + 60, "past_due", renewal, renewal + YEAR, "price_pro");
        let late = told(&[known, &[next]].concat());
        assert_eq!(access_ends(&late), Some(renewal + GRACE));
    }
}

#[test]
fn after_a_change_to_months_the_refunded_year_no_longer_counts() {
    let next = CHANGE + MONTH;
    let bill = [rest(CHANGE, START + YEAR), whole(CHANGE, CHANGE + MONTH)];
    let events = [
        shown("evt_a", START, "active", START, START + YEAR, "price_pro"),
        billed("evt_b", "paid", START, "subscription_create", &[whole(START, START + YEAR)]),
        billed("evt_c", "paid", CHANGE, "subscription_update", &bill),
        shown("evt_d", CHANGE, "active", CHANGE, CHANGE + MONTH, "price_pro"),
        billed("evt_e", "payment_failed", next + 60, "subscription_cycle", &[whole(next, next + MONTH)]),
        shown("evt_f", next + 60, "past_due", next, next + MONTH, "price_pro"),
    ];
    let late = end(&events);
    assert_eq!((late.status, late.period), (SubscriptionStatus::PastDue, Some(span(CHANGE, CHANGE + MONTH))));
    assert_eq!(access_ends(&late), Some(next + GRACE));
    // Even if all of it happened within one second, the month that began later would be the current period.
    let as_one = [
        shown("evt_z", CHANGE, "active", START, START + YEAR, "price_pro"),
        shown("evt_y", CHANGE, "active", CHANGE, CHANGE + MONTH, "price_pro"),
    ];
    assert_eq!(end(&as_one).period, Some(span(CHANGE, CHANGE + MONTH)));
    // The bill shows the change before the subscription does.
    assert_eq!(told(&events[..3]).period, Some(span(CHANGE, CHANGE + MONTH)));
}

#[test]
fn a_change_of_the_plan_is_settled_within_the_period() {
    let bill = [rest(CHANGE, START + MONTH), rest(CHANGE, START + MONTH)];
    let month = |id, created, status, price| shown(id, created, status, START, START + MONTH, price);
    let mut events = vec![
        month("evt_a", START, "active", "price_solo"),
        invoice("evt_b", "paid", START, 0),
        billed("evt_c", "payment_failed", CHANGE, "subscription_update", &bill),
        month("evt_d", CHANGE, "past_due", "price_pro"),
        billed("evt_e", "paid", CHANGE + DAY, "subscription_update", &bill),
        month("evt_f", CHANGE + DAY, "active", "price_pro"),
    ];
    let late = end(&events[..4]);
    assert_eq!((late.plan.as_str(), access_ends(&late)), ("pro", Some(START + MONTH + GRACE)));
    let changed = end(&events);
    assert_eq!((changed.plan.as_str(), changed.status), ("pro", SubscriptionStatus::Active));
    assert_eq!(changed.period, Some(period(0)));
    // A change that takes effect only when it is paid for has not happened: Stripe still shows the old plan.
    events.truncate(3);
    events.push(month("evt_g", CHANGE, "active", "price_solo"));
    let pending = end(&events);
    assert_eq!(
        (pending.plan.as_str(), pending.status, pending.past_due_since),
        ("solo", SubscriptionStatus::Active, None)
    );
    events.pop();
    assert_eq!(told(&events).status, SubscriptionStatus::Active);
}

#[test]
fn bills_at_a_threshold_or_by_hand_change_no_period() {
    let mut events = begun().to_vec();
    let before = told(&events);
    for (n, reason) in ["subscription_threshold", "manual", "quote_accept"].iter().enumerate() {
        for (m, verb) in ["payment_failed", "paid"].iter().enumerate() {
            let created = CHANGE + i64::try_from(n).unwrap();
            let id = format!("evt_{n}{m}");
            events.push(billed(&id, verb, created, reason, &[whole(CHANGE, START + 2 * MONTH)]));
        }
    }
    assert_eq!(told(&events), before);
    let renewal = START + MONTH;
    events.push(billed("evt_x", "payment_failed", renewal, "subscription_cycle", &[whole(renewal, renewal + MONTH)]));
    assert_eq!(access_ends(&told(&events)), Some(renewal + GRACE));
}

#[test]
fn paying_an_older_bill_does_not_pay_for_the_current_period() {
    let mut events = begun().to_vec();
    events.extend([
        snapshot("evt_c", "updated", START + MONTH + 60, "sub_1", "past_due", 1, &json!({})),
        snapshot("evt_d", "updated", START + 2 * MONTH, "sub_1", "past_due", 2, &json!({})),
        invoice("evt_e", "paid", START + 2 * MONTH + DAY, 1),
    ]);
    let late = end(&events);
    assert_eq!((late.status, late.period), (SubscriptionStatus::PastDue, Some(period(1))));
    assert_eq!(late.access_ends_at(SubscriptionRules::default()), Some(period(1).end() + Duration::days(7)));
    events.push(invoice("evt_f", "paid", START + 2 * MONTH + 2 * DAY, 2));
    let paid = end(&events);
    assert_eq!((paid.status, paid.period), (SubscriptionStatus::Active, Some(period(2))));
}

#[test]
fn an_unpaid_period_ends_with_the_subscription() {
    let mut events = begun().to_vec();
    events.extend([
        // The bill of a renewal is paid about an hour after the renewal.
        snapshot("evt_c", "updated", START + MONTH, "sub_1", "active", 1, &json!({})),
        snapshot("evt_d", "deleted", START + MONTH + 600, "sub_1", "canceled", 1, &json!({})),
    ]);
    assert_eq!(end(&events).period, Some(period(0)));
    events.insert(3, invoice("evt_e", "paid", START + MONTH + 500, 1));
    assert_eq!(end(&events).period, Some(period(1)));
}
