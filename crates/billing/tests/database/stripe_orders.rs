//! Longer subscription histories, in a sample of their orders, with repetitions and crashes: each ends in one state.

use serde_json::{Value, json};
use tenantry_billing::stripe::{Received, receive};

use crate::stripe::{Life, MONTH, START, Stripe, crash_after, expected, nth_order, prices};

const YEAR: i64 = 365 * 86_400;
const CHANGE: i64 = START + 10 * 86_400;

/// The subscription in the year that begins with the change.
fn year(life: &Life, n: u32, created: i64, status: &str, start: i64) -> Value {
    let mut event = life.subscription(n, "updated", created, status, 0);
    event["data"]["object"]["current_period_start"] = start.into();
    event["data"]["object"]["current_period_end"] = (start + YEAR).into();
    event
}

/// The bill of such a year. The bill of a change includes a credit for the rest of the month.
fn bill(life: &Life, n: u32, verb: &str, created: i64, reason: &str, start: i64) -> Value {
    let mut event = life.invoice(n, verb, created, 0);
    event["data"]["object"]["billing_reason"] = reason.into();
    event["data"]["object"]["lines"]["data"] = json!([
        { "type": "invoiceitem", "proration": true, "period": { "start": start, "end": start + 2 * YEAR } },
        { "type": "subscription", "period": { "start": start, "end": start + YEAR } },
    ]);
    event
}

/// A month becomes a year, which is paid for; its renewal is not paid.
fn changed_to_years(life: &Life) -> (Vec<Value>, String) {
    let (renewal, late) = (CHANGE + YEAR, CHANGE + YEAR + 60);
    let events = vec![
        life.checkout(),
        life.subscription(1, "created", START, "active", 0),
        bill(life, 2, "paid", CHANGE, "subscription_update", CHANGE),
        year(life, 3, CHANGE, "active", CHANGE),
        bill(life, 4, "payment_failed", late, "subscription_cycle", renewal),
        year(life, 5, late, "past_due", renewal),
    ];
    (events, format!("pro past_due {CHANGE} {renewal} f {late} t t price_pro {late}"))
}

/// A month becomes a year, whose first payment fails and is made later.
fn paid_later(life: &Life) -> (Vec<Value>, String) {
    let later = CHANGE + 86_400;
    let events = vec![
        life.checkout(),
        life.subscription(1, "created", START, "active", 0),
        bill(life, 2, "payment_failed", CHANGE, "subscription_update", CHANGE),
        year(life, 3, CHANGE, "past_due", CHANGE),
        bill(life, 4, "paid", later, "subscription_update", CHANGE),
        year(life, 5, later, "active", CHANGE),
    ];
    (events, format!("pro active {CHANGE} {} f t t price_pro {later}", CHANGE + YEAR))
}

/// A trial that is paid for and ends.
fn tried_and_ended(life: &Life) -> (Vec<Value>, String) {
    let (began, end) = (START + MONTH, START + 2 * MONTH);
    let events = vec![
        life.checkout(),
        life.subscription(1, "created", START, "trialing", 0),
        life.subscription(2, "trial_will_end", began - 3 * 86_400, "trialing", 0),
        life.subscription(3, "updated", began, "active", 1),
        life.invoice(4, "paid", began + 3_600, 1),
        life.subscription(5, "deleted", end, "canceled", 1),
    ];
    (events, format!("pro canceled {began} {end} f {end} t t price_pro {end}"))
}

type Story = fn(&Life) -> (Vec<Value>, String);

const STORIES: [Story; 4] = [|life| (life.events(), expected()), changed_to_years, paid_later, tried_and_ended];

#[tokio::test(flavor = "multi_thread")]
async fn every_sampled_order_of_every_history_ends_in_one_state() {
    let stripe = Stripe::new().await;
    for (n, story) in STORIES.into_iter().enumerate() {
        // 37 and 720 have no common divisor, so the sample covers all orders evenly.
        for sample in 0..24 {
            let life = stripe.life().await;
            let (events, end) = story(&life);
            let events = nth_order(&events, (sample * 37 + n) % 720);
            for (n, event) in events.iter().enumerate() {
                stripe.receive(event).await.unwrap();
                stripe.receive(&events[n / 2]).await.unwrap();
            }
            assert_eq!(stripe.state(&life).await, end, "story {n}, order {sample}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_with_a_crash_at_each_event_ends_in_one_state() {
    let stripe = Stripe::new().await;
    let (prices, mut crashes) = (prices(), 0);
    for (n, story) in STORIES.into_iter().enumerate() {
        // All orders of the first, a sample of the others.
        for sample in 0..if n == 0 { 720 } else { 16 } {
            let life = stripe.life().await;
            let (events, end) = story(&life);
            for (m, event) in nth_order(&events, (sample * 43 + n) % 720).iter().enumerate() {
                let body = event.to_string();
                // A different step each time, so that the sample covers all steps. After a crash the event is sent
                // again.
                let answer =
                    crash_after(1 + (sample + m) % 12, receive(&stripe.worker, body.as_bytes(), &prices)).await;
                crashes += usize::from(answer.is_none());
                stripe.receive(event).await.unwrap();
            }
            assert_eq!(stripe.state(&life).await, end, "story {n}, order {sample}");
            for event in &events {
                assert_eq!(stripe.receive(event).await.unwrap(), Received::Repeated);
            }
        }
    }
    assert_eq!(stripe.number("applied_at IS NULL").await, 0);
    assert!(crashes > 100, "only {crashes} crashes");
}
