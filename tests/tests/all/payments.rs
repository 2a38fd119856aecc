//! Payments through Stripe: the webhook endpoint.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_server::settings::{Secret, StripeSettings};
use tenantry_tests::{Org, Session, TestApp};

pub(crate) const SECRET: &str = "whsec_of_the_tests";
pub(crate) const NEW_SECRET: &str = "whsec_that_replaces_it";
pub(crate) const START: i64 = 1_790_000_000;
const MONTH: i64 = 30 * 86_400;

pub(crate) fn settings() -> StripeSettings {
    StripeSettings {
        stripe_webhook_secrets: Some(Secret::from(format!("{SECRET},{NEW_SECRET}"))),
        stripe_secret_key: None,
        stripe_prices: "price_solo=solo,price_pro=pro".parse().unwrap(),
        stripe_return_url: Some("https://app.example/billing?tab=plan".to_owned()),
        stripe_api_url: "http://127.0.0.1:9".to_owned(),
        stripe_timeout: Duration::from_secs(3),
    }
}

/// An app that receives webhooks, with a fixed clock.
pub(crate) async fn app() -> TestApp {
    let now: DateTime<Utc> = DateTime::from_timestamp(START, 0).unwrap();
    // Tokens are issued and verified with the same clock.
    TestApp::builder().stripe(settings()).clock(Clock::fixed(now)).start().await
}

pub(crate) fn signature(secret: &str, time: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    mac.as_ref().iter().fold(format!("t={time},v1="), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) async fn deliver(app: &TestApp, body: &str, signature: Option<&str>) -> (StatusCode, Value) {
    let mut request = app.http().post(app.server().url("/webhooks/stripe")).body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("Stripe-Signature", signature);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

pub(crate) async fn deliver_signed(app: &TestApp, event: &Value) -> StatusCode {
    deliver_at(app, event, START).await
}

/// As [`deliver_signed`], signed at this time.
pub(crate) async fn deliver_at(app: &TestApp, event: &Value, time: i64) -> StatusCode {
    let body = event.to_string();
    deliver(app, &body, Some(&signature(SECRET, time, &body))).await.0
}

fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({ "id": id, "object": "event", "type": kind, "created": START, "data": { "object": object } })
}

pub(crate) fn checkout(org: &Org) -> Value {
    let object = json!({
        "id": "cs_1", "customer": "cus_1", "subscription": "sub_1", "client_reference_id": org.id.to_string(),
    });
    event("evt_1", "checkout.session.completed", &object)
}

pub(crate) fn subscription(id: &str, verb: &str, status: &str, price: &str) -> Value {
    let object = json!({
        "id": "sub_1", "customer": "cus_1", "status": status, "start_date": START,
        "current_period_start": START, "current_period_end": START + MONTH,
        "items": { "data": [{ "price": { "id": price } }] },
    });
    event(id, &format!("customer.subscription.{verb}"), &object)
}

/// The project limit that the organization is told.
pub(crate) async fn project_limit(session: &Session) -> Value {
    let data = session.data("{ entitlements { feature limit } }").await;
    let entitlements = data["entitlements"].as_array().unwrap();
    entitlements.iter().find(|entitlement| entitlement["feature"] == "PROJECTS").unwrap()["limit"].clone()
}

#[tokio::test]
async fn a_paid_plan_takes_effect_at_once() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    assert_eq!(project_limit(&owner).await, 5);
    // The subscription's event arrives before its organization is known.
    assert_eq!(deliver_signed(&app, &subscription("evt_2", "created", "active", "price_solo")).await, StatusCode::OK);
    assert_eq!(project_limit(&owner).await, 5);
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    assert_eq!(project_limit(&owner).await, 50);
    for _ in 0..3 {
        assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    }
    let event = subscription("evt_3", "updated", "active", "price_pro");
    assert_eq!(deliver_signed(&app, &event).await, StatusCode::OK);
    assert_eq!(project_limit(&owner).await, Value::Null);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events").await, 3);
    // Irrelevant events are acknowledged as well, or Stripe would resend them for days.
    assert_eq!(deliver_signed(&app, &event_of_no_interest()).await, StatusCode::OK);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events WHERE applied_at IS NULL").await, 1);
}

fn event_of_no_interest() -> Value {
    event("evt_9", "charge.succeeded", &json!({ "customer": "cus_1" }))
}

#[tokio::test]
async fn forged_webhooks_are_refused_and_leave_nothing() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    let body = checkout(&org).to_string();
    let good = signature(SECRET, START, &body);
    let other = signature("whsec_of_somebody_else", START, &body);
    let old = signature(SECRET, START - 301, &body);
    let early = signature(SECRET, START + 301, &body);
    let moved = good.replacen(&START.to_string(), &(START + 1).to_string(), 1);
    for (body, signature) in [
        (body.as_str(), None),
        (&body, Some("")),
        (&body, Some("t=1,v1=00")),
        (&body, Some(other.as_str())),
        (&body, Some(&old)),
        (&body, Some(&early)),
        (&body, Some(&moved)),
        (&body[..body.len() - 1], Some(&good)),
        (&format!("{body} "), Some(&good)),
    ] {
        let (status, answer) = deliver(&app, body, signature).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{signature:?}");
        // All of them look the same from outside.
        assert_eq!(answer["errors"][0]["message"], "The signature is missing or invalid.");
    }
    let twice = app.http().post(app.server().url("/webhooks/stripe")).body(body.clone());
    let twice = twice.header("Stripe-Signature", &good).header("Stripe-Signature", &good).send().await.unwrap();
    assert_eq!(twice.status(), StatusCode::BAD_REQUEST);
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(256 * 1024));
    assert_eq!(deliver(&app, &huge, Some(&signature(SECRET, START, &huge))).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let odd = "{\"id\":1}";
    assert_eq!(deliver(&app, odd, Some(&signature(SECRET, START, odd))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events").await, 0);
    // Both secrets are valid during rotation.
    assert_eq!(deliver(&app, &body, Some(&signature(NEW_SECRET, START, &body))).await.0, StatusCode::OK);
    assert_eq!(deliver(&app, &body, Some(&good)).await.0, StatusCode::OK);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events").await, 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_is_stored_and_requested_again() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    let odd = subscription("evt_2", "created", "active", "price_unheard_of");
    assert_eq!(deliver_signed(&app, &odd).await, StatusCode::INTERNAL_SERVER_ERROR);
    let kept = "SELECT count(*) FROM billing.stripe_events WHERE id = 'evt_2' AND applied_at IS NULL";
    assert_eq!(app.number(kept).await, 1);
}

#[tokio::test]
async fn the_endpoint_exists_only_if_configured_and_only_for_post() {
    let without = TestApp::start().await;
    let (status, _) = deliver(&without, "{}", Some("t=1,v1=00")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let with = app().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let url = with.server().url("/webhooks/stripe");
        let response = with.http().request(method.clone(), url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()["allow"], "POST");
    }
}
