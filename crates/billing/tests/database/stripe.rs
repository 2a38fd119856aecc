//! Stripe's events against a database: each is applied once, whatever the order, the repetitions and the crashes.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_billing::stripe::{PriceTable, ReceiveError, Received, receive};
use tenantry_domain::{Clock, OrganizationId};
use tenantry_store::Store;

use crate::fixture::{Fixture, Tenant, connect};

pub(crate) const START: i64 = 1_790_000_000;
pub(crate) const MONTH: i64 = 30 * 86_400;

pub(crate) fn prices() -> PriceTable {
    "price_pro=pro,price_solo=solo".parse().unwrap()
}

/// A database, a worker store, and names for Stripe's objects.
pub(crate) struct Stripe {
    fixture: Fixture,
    pub(crate) worker: Store,
    next: AtomicUsize,
}

/// One customer's six events, from first to last.
pub(crate) struct Life {
    pub(crate) tenant: Tenant,
    pub(crate) name: String,
}

impl Stripe {
    pub(crate) async fn new() -> Self {
        let fixture = Fixture::new().await;
        let worker = connect(&fixture.database.worker_url(), Clock::system()).await;
        Self { fixture, worker, next: AtomicUsize::new(0) }
    }

    pub(crate) async fn life(&self) -> Life {
        let name = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        Life { tenant: self.fixture.tenant("free").await, name }
    }

    pub(crate) async fn receive(&self, event: &Value) -> Result<Received, ReceiveError> {
        receive(&self.worker, event.to_string().as_bytes(), &prices()).await
    }

    /// The organization's whole billing row, without names and times of our own.
    pub(crate) async fn state(&self, life: &Life) -> String {
        let query = format!(
            "SELECT concat_ws(' ', plan, status, extract(epoch FROM period_start)::bigint,
                 extract(epoch FROM period_end)::bigint, cancel_at_period_end,
                 extract(epoch FROM past_due_since)::bigint, extract(epoch FROM canceled_at)::bigint,
                 stripe_customer_id = 'cus_{0}', stripe_subscription_id = 'sub_{0}', stripe_price_id,
                 extract(epoch FROM stripe_event_at)::bigint)
             FROM billing.organization_billing WHERE organization_id = '{1}'",
            life.name,
            life.tenant.id(),
        );
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.fixture.admin).await.unwrap()
    }

    pub(crate) async fn run(&self, script: &str) {
        self.fixture.run(script).await;
    }

    pub(crate) async fn number(&self, what: &str) -> i64 {
        self.fixture.number(&format!("SELECT count(*) FROM billing.stripe_events WHERE {what}")).await
    }
}

impl Life {
    pub(crate) fn event(&self, n: u32, kind: &str, created: i64, object: &Value) -> Value {
        json!({ "id": format!("evt_{}_{n}", self.name), "type": kind, "created": created, "data": { "object": object } })
    }

    pub(crate) fn subscription(&self, n: u32, verb: &str, created: i64, status: &str, month: i64) -> Value {
        let object = json!({
            "id": format!("sub_{}", self.name), "customer": format!("cus_{}", self.name), "status": status,
            "start_date": START, "current_period_start": START + month * MONTH,
            "current_period_end": START + (month + 1) * MONTH, "metadata": {},
            "items": { "data": [{ "price": { "id": "price_pro" } }] },
        });
        self.event(n, &format!("customer.subscription.{verb}"), created, &object)
    }

    pub(crate) fn invoice(&self, n: u32, verb: &str, created: i64, month: i64) -> Value {
        let line = json!({ "period": { "start": START + month * MONTH, "end": START + (month + 1) * MONTH } });
        let object = json!({
            "customer": format!("cus_{}", self.name), "subscription": format!("sub_{}", self.name),
            "billing_reason": "subscription_cycle", "lines": { "data": [line] },
        });
        self.event(n, &format!("invoice.{verb}"), created, &object)
    }

    /// The only one of the six that identifies the organization.
    pub(crate) fn checkout(&self) -> Value {
        let organization = self.tenant.identity.organization_id;
        let object = json!({
            "customer": format!("cus_{}", self.name), "subscription": format!("sub_{}", self.name),
            "client_reference_id": organization.to_string(),
        });
        self.event(0, "checkout.session.completed", START, &object)
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        vec![
            self.checkout(),
            self.subscription(1, "created", START, "incomplete", 0),
            self.invoice(2, "paid", START, 0),
            self.subscription(3, "updated", START, "active", 0),
            self.invoice(4, "payment_failed", START + MONTH + 60, 1),
            self.subscription(5, "updated", START + MONTH + 60, "past_due", 1),
        ]
    }
}

/// The state after the six events.
pub(crate) fn expected() -> String {
    let (end, late) = (START + MONTH, START + MONTH + 60);
    format!("pro past_due {START} {end} f {late} t t price_pro {late}")
}

/// The `n`th order of six items (Lehmer code).
pub(crate) fn nth_order<T: Clone>(items: &[T], mut n: usize) -> Vec<T> {
    let mut left = items.to_vec();
    let mut order = Vec::new();
    while !left.is_empty() {
        let choices = left.len();
        order.push(left.remove(n % choices));
        n /= choices;
    }
    order
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sampled_order_with_repetitions_ends_in_one_state() {
    let stripe = Stripe::new().await;
    // 19 and 720 have no common divisor, so the sample covers all of them evenly.
    for sample in 0..48 {
        let life = stripe.life().await;
        let events = nth_order(&life.events(), sample * 19 % 720);
        for (n, event) in events.iter().enumerate() {
            stripe.receive(event).await.unwrap();
            // Each arrives again, at once or after another.
            stripe.receive(&events[n / 2]).await.unwrap();
        }
        assert_eq!(stripe.state(&life).await, expected(), "order {sample}");
        for event in &events {
            assert_eq!(stripe.receive(event).await.unwrap(), Received::Repeated);
        }
    }
    assert_eq!(stripe.number("true").await, 48 * 6);
    assert_eq!(stripe.number("applied_at IS NULL").await, 0);
}

/// Polls a future this many times, then drops it, like a crash of the process.
pub(crate) async fn crash_after<T>(steps: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut done = 0;
    poll_fn(|context| {
        if done == steps {
            return Poll::Ready(None);
        }
        done += 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_any_step_neither_loses_nor_duplicates_anything() {
    let stripe = Stripe::new().await;
    let (mut lives, mut crashes) = (0_u32, 0);
    // How often a future has to wait depends on the machine, so there are as many lives as needed.
    while crashes < 12 && lives < 60 {
        let life = stripe.life().await;
        for event in nth_order(&life.events(), 400 + lives as usize) {
            crashes += crash_at_every_step(&stripe, &life, &event).await;
        }
        lives += 1;
        assert_eq!(stripe.state(&life).await, expected());
    }
    assert!(crashes >= 12, "only {crashes} crashes");
    assert_eq!(stripe.number("true").await, i64::from(6 * lives));
}

/// Crashes after one step of an event, after two, and so on until it completes; returns the number of crashes.
async fn crash_at_every_step(stripe: &Stripe, life: &Life, event: &Value) -> usize {
    let before = stripe.state(life).await;
    let (body, prices) = (event.to_string(), prices());
    let mut crashes = 0;
    loop {
        match crash_after(crashes + 1, receive(&stripe.worker, body.as_bytes(), &prices)).await {
            Some(done) => {
                done.unwrap();
                return crashes;
            }
            None => crashes += 1,
        }
        let (state, id) = (stripe.state(life).await, event["id"].as_str().unwrap());
        // Either everything happened (the crash came between the commit and its answer), or nothing.
        let kept = stripe.number(&format!("id = '{id}'")).await;
        assert!(kept == 1 || state == before, "{state} after {crashes} steps without the event");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_simultaneous_deliveries_have_one_effect() {
    let stripe = Stripe::new().await;
    let life = stripe.life().await;
    stripe.receive(&life.checkout()).await.unwrap();
    let event = life.subscription(3, "updated", START, "active", 0);
    let results = join_all((0..50).map(|_| stripe.receive(&event))).await;
    let count = |wanted: Received| results.iter().filter(|result| *result.as_ref().unwrap() == wanted).count();
    let organization = life.tenant.identity.organization_id;
    assert_eq!((count(Received::Applied(organization)), count(Received::Repeated)), (1, 49));
    assert_eq!(stripe.number("type = 'customer.subscription.updated'").await, 1);
}

#[tokio::test]
async fn a_byte_order_mark_and_a_newline_around_an_event_are_ignored() {
    let stripe = Stripe::new().await;
    let life = stripe.life().await;
    let body = format!("\u{feff}{}\r\n", life.checkout());
    assert!(tenantry_stripe::Event::parse(body.as_bytes()).is_ok());
    let received = receive(&stripe.worker, body.as_bytes(), &prices()).await.unwrap();
    assert_eq!(received, Received::Applied(life.tenant.identity.organization_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_event_that_arrives_together_with_its_owner_is_not_missed() {
    let stripe = Stripe::new().await;
    for round in 0..20 {
        let life = stripe.life().await;
        let results = join_all(life.events().iter().map(|event| stripe.receive(event))).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        assert_eq!(stripe.state(&life).await, expected(), "round {round}");
    }
    assert_eq!(stripe.number("applied_at IS NULL OR organization_id IS NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_without_an_owner_wait_and_events_without_effect_are_stored() {
    let stripe = Stripe::new().await;
    let life = stripe.life().await;
    let before = stripe.state(&life).await;
    let created = life.subscription(1, "created", START, "active", 0);
    assert_eq!(stripe.receive(&created).await.unwrap(), Received::Waiting);
    assert_eq!(stripe.receive(&created).await.unwrap(), Received::Waiting);
    let charge = life.event(7, "charge.succeeded", START, &json!({ "customer": format!("cus_{}", life.name) }));
    assert_eq!(stripe.receive(&charge).await.unwrap(), Received::Kept);
    let odd = life.event(8, "invoice.paid", START, &json!({ "customer": null, "lines": "many\0" }));
    assert_eq!(stripe.receive(&odd).await.unwrap(), Received::Kept);
    let balance = life.event(9, "balance.available", START, &json!({ "note": "a\0b" }));
    assert_eq!(stripe.receive(&balance).await.unwrap(), Received::Kept);
    assert_eq!(stripe.state(&life).await, before);
    assert_eq!(stripe.number("applied_at IS NULL").await, 4);

    let organization = life.tenant.identity.organization_id;
    assert_eq!(stripe.receive(&life.checkout()).await.unwrap(), Received::Applied(organization));
    assert!(stripe.state(&life).await.starts_with("pro active"));
    assert_eq!(stripe.receive(&created).await.unwrap(), Received::Repeated);
    assert_eq!(stripe.number("applied_at IS NULL").await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_subscriptions_metadata_identifies_the_organization() {
    let stripe = Stripe::new().await;
    let (one, other) = (stripe.life().await, stripe.life().await);
    for (life, name) in
        [(&one, one.tenant.identity.organization_id.to_string()), (&other, other.tenant.id().to_string())]
    {
        let mut event = life.subscription(1, "created", START, "active", 0);
        event["data"]["object"]["metadata"]["organization_id"] = name.into();
        let organization = life.tenant.identity.organization_id;
        assert_eq!(stripe.receive(&event).await.unwrap(), Received::Applied(organization));
    }
    // A known customer keeps its organization, whatever a later event says.
    let mut event = one.subscription(2, "updated", START + 9, "past_due", 0);
    event["data"]["object"]["metadata"]["organization_id"] = other.tenant.id().to_string().into();
    let organization = one.tenant.identity.organization_id;
    assert_eq!(stripe.receive(&event).await.unwrap(), Received::Applied(organization));
    assert!(stripe.state(&other).await.starts_with("pro active"));
    // An id that does not exist, or is not an id at all, is ignored.
    for name in [Clock::system().new_id::<OrganizationId>().to_string(), "'; DROP TABLE".to_owned()] {
        let life = stripe.life().await;
        let mut event = life.subscription(1, "created", START, "active", 0);
        event["data"]["object"]["metadata"]["organization_id"] = name.into();
        assert_eq!(stripe.receive(&event).await.unwrap(), Received::Waiting);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_with_an_unknown_price_is_stored_until_the_price_has_a_plan() {
    let stripe = Stripe::new().await;
    let life = stripe.life().await;
    stripe.receive(&life.checkout()).await.unwrap();
    let event = life.subscription(1, "created", START, "active", 0).to_string();
    for table in ["price_solo=solo", "price_pro=platinum"] {
        let refused = receive(&stripe.worker, event.as_bytes(), &table.parse().unwrap()).await;
        assert!(
            matches!(refused, Err(ReceiveError::UnknownPrice { ref price, .. }) if price == "price_pro"),
            "{refused:?}"
        );
        assert!(stripe.state(&life).await.starts_with("free active"));
        assert_eq!(stripe.number("applied_at IS NULL").await, 1);
    }
    let applied = receive(&stripe.worker, event.as_bytes(), &prices()).await.unwrap();
    assert_eq!(applied, Received::Applied(life.tenant.identity.organization_id));
    assert!(stripe.state(&life).await.starts_with("pro active"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_worker_may_receive_and_only_events() {
    let stripe = Stripe::new().await;
    let life = stripe.life().await;
    let body = life.checkout().to_string();
    let refused = receive(&stripe.fixture.store, body.as_bytes(), &prices()).await;
    assert!(matches!(refused, Err(ReceiveError::Store(_))), "{refused:?}");
    for body in ["", "{}", "[]", "{\"id\":\"evt_1\",\"type\":\"t\",\"created\":-1,\"data\":{\"object\":{}}}"] {
        let refused = receive(&stripe.worker, body.as_bytes(), &prices()).await;
        assert!(matches!(refused, Err(ReceiveError::Malformed(_))), "{body}");
    }
    assert_eq!(stripe.number("true").await, 0);
}
