//! Stripe when it does not know or does not accept something, and the cancellation of a deleted organization's
//! subscriptions, against a small fake of its API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_server::settings::{Secret, StripeSettings};
use tenantry_service::payment::SubscriptionEnd;
use tenantry_service::{Purged, purge_due, purge_due_and_end};
use tenantry_store::{Store, StoreSettings};
use tenantry_tests::{Answer, Org, Session, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::payments::{START, checkout, deliver_signed, settings, subscription};

/// The state and behaviour of the fake.
#[derive(Default)]
struct Known {
    customers: BTreeSet<String>,
    /// Each customer's subscriptions that have not ended.
    subscriptions: BTreeMap<String, Vec<String>>,
    /// The created customers, by idempotency key.
    made: BTreeMap<String, String>,
    has_no_prices: bool,
    refuses_the_key: bool,
    is_down: bool,
    asked: Vec<String>,
}

#[derive(Clone)]
struct Fake {
    url: String,
    known: Arc<Mutex<Known>>,
}

impl Fake {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self { url, known: Arc::default() };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                tokio::spawn(async move { fake.answer(stream).await });
            }
        });
        fake
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut request = Vec::new();
        while !is_whole(&request) && stream.read_buf(&mut request).await.unwrap() > 0 {}
        let request = String::from_utf8(request).unwrap();
        let (status, body) = self.known.lock().unwrap().answer(&request);
        let body = body.to_string();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.known.lock().unwrap());
    }

    fn asked(&self, of: &str) -> usize {
        self.known.lock().unwrap().asked.iter().filter(|line| line.contains(of)).count()
    }

    fn settings(&self) -> StripeSettings {
        let stripe_secret_key = Some(Secret::from("sk_test_1".to_owned()));
        StripeSettings { stripe_secret_key, stripe_api_url: self.url.clone(), ..settings() }
    }

    fn end(&self) -> Arc<dyn SubscriptionEnd> {
        tenantry_server::portal::end_of(&self.settings()).unwrap().unwrap()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

impl Known {
    fn answer(&mut self, request: &str) -> (u16, Value) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let mut line = head.lines().next().unwrap().split(' ');
        let (method, target) = (line.next().unwrap(), line.next().unwrap());
        self.asked.push(format!("{method} {target} {body}"));
        let refused = |code: &str, param: &str| json!({ "error": { "type": "invalid_request_error", "code": code, "param": param, "message": "sesame" } });
        if self.is_down {
            return (503, json!({}));
        }
        if self.refuses_the_key {
            return (401, json!({ "error": { "type": "invalid_request_error", "message": "sesame" } }));
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(format!("{query}&{body}").as_bytes()).into_owned().collect();
        let customer = form.get("customer").cloned();
        if customer.as_ref().is_some_and(|customer| !self.customers.contains(customer)) {
            return (400, refused("resource_missing", "customer"));
        }
        match (method, path) {
            ("POST", "/v1/customers") => {
                let lower = head.to_lowercase();
                let key = lower.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap().to_owned();
                let next = format!("cus_new_{}", self.made.len());
                let made = self.made.entry(key).or_insert(next).clone();
                self.customers.insert(made.clone());
                (200, json!({ "id": made, "object": "customer" }))
            }
            ("POST", "/v1/checkout/sessions") if self.has_no_prices => {
                (400, refused("resource_missing", "line_items[0][price]"))
            }
            ("POST", _) => {
                (200, json!({ "id": "cs_1", "url": format!("https://pay.example/{}", customer.unwrap_or_default()) }))
            }
            ("GET", "/v1/subscriptions") => {
                let ids = self.subscriptions.get(&customer.unwrap()).cloned().unwrap_or_default();
                let data: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "status": "past_due" })).collect();
                (200, json!({ "object": "list", "data": data, "has_more": false }))
            }
            ("DELETE", path) => {
                let id = path.strip_prefix("/v1/subscriptions/").unwrap();
                let before: usize = self.subscriptions.values().map(Vec::len).sum();
                self.subscriptions.values_mut().for_each(|ids| ids.retain(|known| known != id));
                let after: usize = self.subscriptions.values().map(Vec::len).sum();
                if before == after {
                    (404, refused("resource_missing", "id"))
                } else {
                    (200, json!({ "id": id, "status": "canceled" }))
                }
            }
            _ => (404, json!({})),
        }
    }
}

async fn selling() -> (TestApp, Fake) {
    let fake = Fake::start().await;
    let now: DateTime<Utc> = DateTime::from_timestamp(START, 0).unwrap();
    (TestApp::builder().stripe(fake.settings()).clock(Clock::fixed(now)).start().await, fake)
}

async fn buy(session: &Session) -> Answer {
    session.mutate("createCheckoutSession", json!({ "plan": "solo" }), "url").await
}

async fn manage(session: &Session) -> Answer {
    session.mutate("createBillingPortalSession", json!({}), "url").await
}

async fn delete(session: &Session) -> Answer {
    session.mutate("deleteOrganization", json!({}), "organization { deletionDueAt }").await
}

async fn customer_is(app: &TestApp, org: &Org, customer: &str) -> bool {
    let query = format!(
        "SELECT count(*) FROM billing.organization_billing WHERE organization_id = '{}' AND stripe_customer_id = '{customer}'",
        org.uuid()
    );
    app.number(&query).await == 1
}

#[tokio::test]
async fn a_customer_that_stripe_no_longer_knows_is_replaced_by_a_stored_one() {
    let (app, fake) = selling().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    app.sql("UPDATE billing.organization_billing SET stripe_customer_id = 'cus_gone'").await;
    let another = app.another_server().await;
    let second = owner.at(&another);
    let clicks = join_all([buy(&owner), buy(&second), buy(&owner), buy(&second)]).await;
    for click in &clicks {
        assert_eq!(click.expect_done(), "https://pay.example/cus_new_0");
    }
    assert_eq!(fake.known.lock().unwrap().made.len(), 1, "one, whoever found out first");
    assert!(customer_is(&app, &org, "cus_new_0").await);
    assert!(fake.asked(&format!("metadata%5Borganization_id%5D={}", org.id)) > 0);

    // From then on this is the customer.
    let made = fake.asked("POST /v1/customers");
    assert_eq!(buy(&owner).await.expect_done(), "https://pay.example/cus_new_0");
    assert_eq!(manage(&owner).await.expect_done(), "https://pay.example/cus_new_0");
    assert_eq!(fake.asked("POST /v1/customers"), made);

    // The same when that one disappears, but not while Stripe is unreachable.
    fake.change(|known| known.customers.clear());
    fake.change(|known| known.is_down = true);
    assert_eq!(buy(&owner).await.error_code(), "UNAVAILABLE");
    assert!(customer_is(&app, &org, "cus_new_0").await);
    fake.change(|known| known.is_down = false);
    assert_eq!(buy(&owner).await.expect_done(), "https://pay.example/cus_new_1");
    assert!(customer_is(&app, &org, "cus_new_1").await);
}

#[tokio::test]
async fn a_refusal_by_stripe_is_not_reported_as_an_outage() {
    let (app, fake) = selling().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    fake.change(|known| known.has_no_prices = true);
    let refused = buy(&owner).await;
    refused.expect_refused(&[("NOT_CONFIGURED", "plan")]);
    assert!(!refused.text.contains("sesame") && !refused.text.contains("price_solo"), "{}", refused.text);
    assert_eq!(fake.asked("POST /v1/checkout"), 1, "once is enough");
    fake.change(|known| (known.has_no_prices, known.refuses_the_key) = (false, true));
    buy(&owner).await.expect_refused(&[("NOT_CONFIGURED", "")]);
    fake.change(|known| (known.refuses_the_key, known.is_down) = (false, true));
    assert_eq!(buy(&owner).await.error_code(), "UNAVAILABLE");
    fake.change(|known| known.is_down = false);
    assert!(buy(&owner).await.user_errors().is_empty());

    // The portal of an unknown customer would be empty, so it is refused.
    app.sql("UPDATE billing.organization_billing SET stripe_customer_id = 'cus_gone'").await;
    manage(&owner).await.expect_refused(&[("NOT_FOUND", "")]);
    app.sql("UPDATE billing.organization_billing SET stripe_has_live_subscription = true").await;
    manage(&owner).await.expect_refused(&[("NOT_CONFIGURED", "")]);
    assert_eq!(fake.asked("POST /v1/customers"), 0);
}

#[tokio::test]
async fn deletion_is_refused_with_a_subscription_and_checkout_during_a_deletion() {
    let (app, _fake) = selling().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    let mut told = 1;
    let mut hear = async |status: &str, ends: bool| {
        told += 1;
        let mut event = subscription(&format!("evt_{told}"), "updated", status, "price_solo");
        event["created"] = (START + told).into();
        event["data"]["object"]["cancel_at_period_end"] = ends.into();
        assert_eq!(deliver_signed(&app, &event).await, StatusCode::OK, "{status}");
    };
    for status in ["incomplete", "trialing", "active", "past_due", "unpaid", "paused"] {
        hear(status, false).await;
        delete(&owner).await.expect_refused(&[("ALREADY_SUBSCRIBED", "")]);
    }
    hear("active", true).await;
    assert!(delete(&owner).await.user_errors().is_empty(), "it will not be renewed");
    owner.mutate("cancelOrganizationDeletion", json!({}), "organization { id }").await.expect_done();
    hear("active", false).await;
    delete(&owner).await.expect_refused(&[("ALREADY_SUBSCRIBED", "")]);
    hear("canceled", false).await;
    assert!(delete(&owner).await.user_errors().is_empty(), "it has ended");

    buy(&owner).await.expect_refused(&[("INVALID", "")]);
    owner.mutate("cancelOrganizationDeletion", json!({}), "organization { id }").await.expect_done();
    assert!(buy(&owner).await.user_errors().is_empty());
}

#[tokio::test]
async fn a_deleted_organizations_subscriptions_are_cancelled_before_it_is_deleted() {
    let (app, fake) = selling().await;
    let org = app.organization("acme").plan("free").create().await;
    let kept = app.organization("kept").plan("free").create().await;
    // A checkout that began before the deletion was requested and finished afterwards; and an old customer.
    assert!(delete(&app.as_owner(&org)).await.user_errors().is_empty());
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    app.sql(&format!(
        "INSERT INTO billing.stripe_events (id, type, created, organization_id, customer_id, payload)
         VALUES ('evt_old', 'invoice.paid', now(), '{}', 'cus_old', '{{}}');
         UPDATE billing.organization_billing SET stripe_customer_id = 'cus_kept' WHERE organization_id = '{}';
         UPDATE app.organizations SET deletion_due_at = now() - interval '1 hour' WHERE slug = 'acme'",
        org.uuid(),
        kept.uuid(),
    ))
    .await;
    fake.change(|known| {
        known.customers = ["cus_1", "cus_old", "cus_kept"].map(str::to_owned).into();
        known.subscriptions.insert("cus_1".into(), vec!["sub_1".into(), "sub_2".into()]);
        known.subscriptions.insert("cus_old".into(), vec!["sub_3".into()]);
        known.subscriptions.insert("cus_kept".into(), vec!["sub_4".into()]);
        known.is_down = true;
    });
    let left = || fake.known.lock().unwrap().subscriptions.values().flatten().cloned().collect::<Vec<_>>();
    let worker = Store::connect(&StoreSettings::new(app.urls().worker_url()), Clock::system()).await.unwrap();
    let now = Clock::system().now();
    let is_there = async || app.number("SELECT count(*) FROM app.organizations WHERE slug = 'acme'").await == 1;
    let failed = |purged: &Purged| purged.failed.iter().map(|(id, _)| *id).collect::<Vec<_>>();

    // Without a key nothing can be cancelled, so nothing is deleted. The same while Stripe is down or refuses the key.
    let without = purge_due(&worker, now).await.unwrap();
    assert_eq!((failed(&without), without.deleted.len()), (vec![org.id], 0));
    for refuses in [false, true] {
        let down = purge_due_and_end(&worker, Some(&*fake.end()), None, now).await.unwrap();
        assert_eq!((failed(&down), down.deleted.len()), (vec![org.id], 0));
        assert!(is_there().await);
        fake.change(|known| (known.is_down, known.refuses_the_key) = (false, !refuses));
    }
    assert_eq!(left().len(), 4);

    // For a deletion that was called off, nothing is cancelled.
    fake.change(|known| known.refuses_the_key = false);
    app.sql("UPDATE app.organizations SET deletion_due_at = now() + interval '1 hour' WHERE slug = 'acme'").await;
    let later = now + chrono::Duration::days(1);
    let off = purge_due_and_end(&worker, Some(&*fake.end()), None, now).await.unwrap();
    assert!(off.deleted.is_empty() && off.failed.is_empty() && left().len() == 4, "{off:?}");

    // Another process, later, and two at a time.
    app.sql("UPDATE app.organizations SET deletion_due_at = now() - interval '1 hour' WHERE slug = 'acme'").await;
    let (one, other) = (fake.end(), fake.end());
    let both =
        [purge_due_and_end(&worker, Some(&*one), None, later), purge_due_and_end(&worker, Some(&*other), None, later)];
    let deleted: Vec<_> = join_all(both).await.into_iter().flat_map(|purged| purged.unwrap().deleted).collect();
    assert_eq!(deleted, [org.id]);
    assert!(!is_there().await);
    assert_eq!(left(), ["sub_4"], "all of it was ended, and nothing of another organization");

    // Later events from Stripe about it are stored and have no effect.
    let mut late = subscription("evt_9", "deleted", "canceled", "price_solo");
    late["data"]["object"]["metadata"] = json!({ "organization_id": org.id.to_string() });
    assert_eq!(deliver_signed(&app, &late).await, StatusCode::OK);
    worker.close().await;
}
