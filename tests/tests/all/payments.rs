//! Payments through Stripe: the webhook endpoint, and the way to Stripe's pages.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tenantry_domain::{Clock, Role};
use tenantry_server::settings::{Secret, StripeSettings};
use tenantry_tests::{Answer, Org, Session, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "whsec_of_the_tests";
const NEW_SECRET: &str = "whsec_that_replaces_it";
const START: i64 = 1_790_000_000;
const MONTH: i64 = 30 * 86_400;
const PAGE: &str = "https://pay.example/page";

fn settings() -> StripeSettings {
    StripeSettings {
        stripe_webhook_secrets: Some(Secret::from(format!("{SECRET},{NEW_SECRET}"))),
        stripe_secret_key: None,
        stripe_prices: "price_solo=solo,price_pro=pro".parse().unwrap(),
        stripe_return_url: Some("https://app.example/billing?tab=plan".to_owned()),
        stripe_api_url: "http://127.0.0.1:9".to_owned(),
        stripe_timeout: Duration::from_secs(3),
    }
}

/// An app that receives webhooks, at a time that stands still.
async fn app() -> TestApp {
    let now: DateTime<Utc> = DateTime::from_timestamp(START, 0).unwrap();
    // Tokens are made and verified by the same clock.
    TestApp::builder().stripe(settings()).clock(Clock::fixed(now)).start().await
}

fn signature(secret: &str, time: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mac = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    mac.as_ref().iter().fold(format!("t={time},v1="), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn deliver(app: &TestApp, body: &str, signature: Option<&str>) -> (StatusCode, Value) {
    let mut request = app.http().post(app.server().url("/webhooks/stripe")).body(body.to_owned());
    if let Some(signature) = signature {
        request = request.header("Stripe-Signature", signature);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap())
}

async fn deliver_signed(app: &TestApp, event: &Value) -> StatusCode {
    let body = event.to_string();
    deliver(app, &body, Some(&signature(SECRET, START, &body))).await.0
}

fn event(id: &str, kind: &str, object: &Value) -> Value {
    json!({ "id": id, "object": "event", "type": kind, "created": START, "data": { "object": object } })
}

fn checkout(org: &Org) -> Value {
    let object = json!({
        "id": "cs_1", "customer": "cus_1", "subscription": "sub_1", "client_reference_id": org.id.to_string(),
    });
    event("evt_1", "checkout.session.completed", &object)
}

fn subscription(id: &str, verb: &str, status: &str, price: &str) -> Value {
    let object = json!({
        "id": "sub_1", "customer": "cus_1", "status": status, "start_date": START,
        "current_period_start": START, "current_period_end": START + MONTH,
        "items": { "data": [{ "price": { "id": price } }] },
    });
    event(id, &format!("customer.subscription.{verb}"), &object)
}

/// How many projects the organization may have, as it is told.
async fn project_limit(session: &Session) -> Value {
    let data = session.data("{ entitlements { feature limit } }").await;
    let entitlements = data["entitlements"].as_array().unwrap();
    entitlements.iter().find(|entitlement| entitlement["feature"] == "PROJECTS").unwrap()["limit"].clone()
}

#[tokio::test]
async fn what_is_paid_for_holds_at_once() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    assert_eq!(project_limit(&owner).await, 5);
    // The subscription is heard of before anybody knows whose it is.
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
    // What is of no interest is acknowledged as well, or it would be sent for days.
    assert_eq!(deliver_signed(&app, &event_of_no_interest()).await, StatusCode::OK);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events WHERE applied_at IS NULL").await, 1);
}

fn event_of_no_interest() -> Value {
    event("evt_9", "charge.succeeded", &json!({ "customer": "cus_1" }))
}

#[tokio::test]
async fn what_is_not_genuine_is_refused_and_leaves_nothing() {
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
        assert_eq!(answer["errors"][0]["message"], "The signature is missing or not valid.");
    }
    let twice = app.http().post(app.server().url("/webhooks/stripe")).body(body.clone());
    let twice = twice.header("Stripe-Signature", &good).header("Stripe-Signature", &good).send().await.unwrap();
    assert_eq!(twice.status(), StatusCode::BAD_REQUEST);
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(256 * 1024));
    assert_eq!(deliver(&app, &huge, Some(&signature(SECRET, START, &huge))).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let odd = "{\"id\":1}";
    assert_eq!(deliver(&app, odd, Some(&signature(SECRET, START, odd))).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events").await, 0);
    // Both secrets are good while one replaces the other.
    assert_eq!(deliver(&app, &body, Some(&signature(NEW_SECRET, START, &body))).await.0, StatusCode::OK);
    assert_eq!(deliver(&app, &body, Some(&good)).await.0, StatusCode::OK);
    assert_eq!(app.number("SELECT count(*) FROM billing.stripe_events").await, 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_applied_is_kept_and_asked_for_again() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    let odd = subscription("evt_2", "created", "active", "price_unheard_of");
    assert_eq!(deliver_signed(&app, &odd).await, StatusCode::INTERNAL_SERVER_ERROR);
    let kept = "SELECT count(*) FROM billing.stripe_events WHERE id = 'evt_2' AND applied_at IS NULL";
    assert_eq!(app.number(kept).await, 1);
}

#[tokio::test]
async fn the_endpoint_is_there_only_where_it_is_set_up_and_only_for_post() {
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

/// What stands for Stripe's API: answers every request with a page, and remembers what it was asked.
async fn fake_api() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let is_whole = |request: &[u8]| {
                let text = String::from_utf8_lossy(request).to_lowercase();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
                (body.len() >= length.parse().unwrap()).then_some(())
            };
            while is_whole(&request).is_none() && stream.read_buf(&mut request).await.unwrap() > 0 {}
            remembered.lock().unwrap().push(String::from_utf8(request).unwrap());
            let body = json!({ "id": "cs_1", "url": PAGE }).to_string();
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all((head + &body).as_bytes()).await.unwrap();
        }
    });
    (url, asked)
}

async fn buy(session: &Session, plan: &str) -> Answer {
    session.mutate("createCheckoutSession", json!({ "plan": plan }), "url").await
}

async fn manage(session: &Session, input: Value) -> Answer {
    session.mutate("createBillingPortalSession", input, "url").await
}

#[tokio::test]
async fn an_owner_is_led_to_the_pages_of_the_payment_provider() {
    let (url, asked) = fake_api().await;
    let settings = StripeSettings {
        stripe_secret_key: Some(Secret::from("sk_test_1".to_owned())),
        stripe_api_url: url,
        ..settings()
    };
    let app = TestApp::builder().stripe(settings).start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);

    manage(&owner, json!({})).await.expect_refused(&[("NOT_FOUND", "")]);
    buy(&owner, "platinum").await.expect_refused(&[("NOT_FOUND", "plan")]);
    for not_for_sale in ["free", "enterprise"] {
        buy(&owner, not_for_sale).await.expect_refused(&[("INVALID", "plan")]);
    }
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(buy(&owner, "solo").await.expect_done(), PAGE);
    let request = asked.lock().unwrap().remove(0);
    assert!(request.contains(&format!("client_reference_id={}", org.id)), "{request}");
    assert!(request.contains("price_solo") && request.contains("tab%3Dplan%26checkout%3Dsuccess"), "{request}");
    assert!(request.to_lowercase().contains("\r\nidempotency-key: "), "{request}");

    app.sql(&format!(
        "UPDATE billing.organization_billing SET stripe_customer_id = 'cus_1', stripe_subscription_id = 'sub_1'
             WHERE organization_id = '{}'",
        org.id.as_uuid()
    ))
    .await;
    buy(&owner, "pro").await.expect_refused(&[("CONFLICT", "")]);
    assert_eq!(manage(&owner, json!({ "page": "PAYMENT_METHOD" })).await.expect_done(), PAGE);
    let request = asked.lock().unwrap().remove(0);
    assert!(request.contains("customer=cus_1") && request.contains("payment_method_update"), "{request}");
    // The input may be left out.
    let answer = owner.query("mutation { createBillingPortalSession { url userErrors { code } } }", json!({})).await;
    assert_eq!(answer.expect_done(), PAGE);

    // Whoever does not own the organization is not led anywhere, set up or not.
    asked.lock().unwrap().clear();
    for role in [Role::Admin, Role::Member, Role::Viewer, Role::Guest] {
        let session = app.as_role(&org, role).await;
        assert_eq!(buy(&session, "pro").await.error_code(), "FORBIDDEN", "{role}");
        assert_eq!(manage(&session, json!({})).await.error_code(), "FORBIDDEN", "{role}");
    }
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn without_a_provider_owners_are_told_so() {
    let app = app().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    buy(&owner, "solo").await.expect_refused(&[("NOT_CONFIGURED", "")]);
    manage(&owner, json!({})).await.expect_refused(&[("NOT_CONFIGURED", "")]);
    // A provider that cannot be reached is another matter.
    let closed = StripeSettings { stripe_secret_key: Some(Secret::from("sk_test_1".to_owned())), ..settings() };
    let app = TestApp::builder().stripe(closed).start().await;
    let org = app.organization("acme").create().await;
    let answer = buy(&app.as_owner(&org), "solo").await;
    assert_eq!(answer.error_code(), "UNAVAILABLE");
    assert!(!answer.text.contains("127.0.0.1"), "{}", answer.text);
}
