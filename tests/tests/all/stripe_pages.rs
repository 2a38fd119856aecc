//! Links to Stripe's pages, checkouts and the billing portal, against a small fake of its API.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tenantry_domain::{Clock, Role};
use tenantry_server::settings::{Secret, StripeSettings};
use tenantry_tests::{Answer, Session, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::payments::{START, app, checkout, deliver_at, deliver_signed, settings, subscription};

const PAGE: &str = "https://pay.example/page/";

/// A fake of Stripe's API. It answers each request with a new page and a repeated request with the same page. It
/// refuses an idempotency key that is reused with other parameters. It records the requests.
async fn fake_api() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let remembered = Arc::clone(&asked);
    tokio::spawn(async move {
        let mut wishes: BTreeMap<String, (String, usize)> = BTreeMap::new();
        while let Ok((stream, _)) = listener.accept().await {
            answer_wish(stream, &mut wishes, &remembered).await;
        }
    });
    (url, asked)
}

async fn answer_wish(
    mut stream: TcpStream,
    wishes: &mut BTreeMap<String, (String, usize)>,
    remembered: &Mutex<Vec<String>>,
) {
    let mut request = Vec::new();
    let is_whole = |request: &[u8]| {
        let text = String::from_utf8_lossy(request).to_lowercase();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (body.len() >= length.parse().unwrap()).then_some(())
    };
    while is_whole(&request).is_none() && stream.read_buf(&mut request).await.unwrap() > 0 {}
    let request = String::from_utf8(request).unwrap();
    let (head, form) = request.split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    let key = head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).expect("every call has a key");
    let next = wishes.len();
    let (first, page) = wishes.entry(key.to_owned()).or_insert((form.to_owned(), next));
    let (status, body) = if first == form {
        ("200 OK", json!({ "id": "cs_1", "url": format!("{PAGE}{page}") }))
    } else {
        ("400 Bad Request", json!({ "error": { "type": "idempotency_error" } }))
    };
    remembered.lock().unwrap().push(request);
    let body = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}

/// The settings with a key, and the API at this address.
fn selling_at(url: String) -> StripeSettings {
    StripeSettings { stripe_secret_key: Some(Secret::from("sk_test_1".to_owned())), stripe_api_url: url, ..settings() }
}

fn page(n: usize) -> Value {
    format!("{PAGE}{n}").into()
}

async fn buy(session: &Session, plan: &str) -> Answer {
    session.mutate("createCheckoutSession", json!({ "plan": plan }), "url").await
}

async fn manage(session: &Session, input: Value) -> Answer {
    session.mutate("createBillingPortalSession", input, "url").await
}

#[tokio::test]
async fn an_owner_gets_links_to_the_payment_providers_pages() {
    let (url, asked) = fake_api().await;
    let app = TestApp::builder().stripe(selling_at(url)).start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);

    manage(&owner, json!({})).await.expect_refused(&[("NOT_FOUND", "")]);
    buy(&owner, "platinum").await.expect_refused(&[("NOT_FOUND", "plan")]);
    for not_for_sale in ["free", "enterprise"] {
        buy(&owner, not_for_sale).await.expect_refused(&[("INVALID", "plan")]);
    }
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(buy(&owner, "solo").await.expect_done(), &page(0));
    let request = asked.lock().unwrap().remove(0);
    assert!(request.contains(&format!("client_reference_id={}", org.id)), "{request}");
    assert!(request.contains("price_solo") && request.contains("tab%3Dplan%26checkout%3Dsuccess"), "{request}");
    assert!(request.to_lowercase().contains("\r\nidempotency-key: "), "{request}");

    app.sql("UPDATE billing.organization_billing SET stripe_customer_id = 'cus_1'").await;
    assert_eq!(manage(&owner, json!({ "page": "PAYMENT_METHOD" })).await.expect_done(), &page(1));
    let request = asked.lock().unwrap().remove(0);
    assert!(request.contains("customer=cus_1") && request.contains("payment_method_update"), "{request}");
    // The page is optional.
    let answer =
        owner.query("mutation { createBillingPortalSession(input: {}) { url userErrors { code } } }", json!({})).await;
    assert_eq!(answer.expect_done(), &page(2));

    // Only owners get a link, whether payments are configured or not.
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
    // An unreachable provider is a different case.
    let app = TestApp::builder().stripe(selling_at(settings().stripe_api_url)).start().await;
    let org = app.organization("acme").create().await;
    let answer = buy(&app.as_owner(&org), "solo").await;
    assert_eq!(answer.error_code(), "UNAVAILABLE");
    assert!(!answer.text.contains("127.0.0.1"), "{}", answer.text);
}

/// An app that sells, with a clock that can be advanced.
async fn selling_app() -> (TestApp, Arc<AtomicI64>, Arc<Mutex<Vec<String>>>) {
    let (url, asked) = fake_api().await;
    let seconds = Arc::new(AtomicI64::new(START));
    let told = Arc::clone(&seconds);
    let clock = Clock::from_fn(move || DateTime::from_timestamp(told.load(Ordering::Relaxed), 0).unwrap());
    (TestApp::builder().stripe(selling_at(url)).clock(clock).start().await, seconds, asked)
}

#[tokio::test]
async fn clicking_twice_leads_to_the_same_page() {
    let (app, seconds, asked) = selling_app().await;
    let (one, other) =
        (app.organization("acme").plan("free").create().await, app.organization("other").plan("free").create().await);
    let owner = app.as_owner(&one);
    // From any of several servers, and at the same time.
    let another = app.another_server().await;
    let second = owner.at(&another);
    let clicks = join_all([buy(&owner, "solo"), buy(&second, "solo"), buy(&owner, "solo")]).await;
    assert!(clicks.iter().all(|click| *click.expect_done() == page(0)), "{clicks:?}");
    assert_eq!(asked.lock().unwrap().len(), 3);
    // Another plan or another organization is another request.
    assert_eq!(*buy(&owner, "pro").await.expect_done(), page(1));
    assert_eq!(*buy(&app.as_owner(&other), "solo").await.expect_done(), page(2));
    assert_eq!(*buy(&owner, "solo").await.expect_done(), page(0));
    // So is the same request some time later, or after a new event from Stripe: the page may have been used up.
    seconds.fetch_add(600, Ordering::Relaxed);
    assert_eq!(*buy(&owner, "solo").await.expect_done(), page(3));
    for event in [checkout(&one), subscription("evt_2", "deleted", "canceled", "price_solo")] {
        assert_eq!(deliver_at(&app, &event, START + 600).await, StatusCode::OK);
    }
    assert_eq!(*buy(&owner, "solo").await.expect_done(), page(4));
    let mut again = subscription("evt_3", "updated", "canceled", "price_solo");
    again["created"] = (START + 1).into();
    assert_eq!(deliver_at(&app, &again, START + 600).await, StatusCode::OK);
    assert_eq!(*buy(&owner, "solo").await.expect_done(), page(5));
}

#[tokio::test]
async fn an_organization_with_a_live_subscription_is_sent_to_the_portal() {
    let (app, _, asked) = selling_app().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    // As soon as the checkout is done, whatever the later events about the subscription are.
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    buy(&owner, "pro").await.expect_refused(&[("ALREADY_SUBSCRIBED", "")]);
    let mut told = 1;
    for status in ["incomplete", "trialing", "active", "past_due", "unpaid", "paused", "a_status_of_tomorrow"] {
        told += 1;
        let mut event = subscription(&format!("evt_{told}"), "updated", status, "price_solo");
        event["created"] = (START + told).into();
        assert_eq!(deliver_signed(&app, &event).await, StatusCode::OK, "{status}");
        let refused = buy(&owner, "pro").await;
        refused.expect_refused(&[("ALREADY_SUBSCRIBED", "")]);
        assert!(asked.lock().unwrap().is_empty(), "{status}");
    }
    // The portal is available to all of them.
    assert_eq!(*manage(&owner, json!({ "page": "PAYMENT_METHOD" })).await.expect_done(), page(0));
    for (status, verb) in [("incomplete_expired", "updated"), ("canceled", "deleted")] {
        let org = app.organization(&format!("over-{verb}")).plan("free").create().await;
        let (mut bought, mut over) = (checkout(&org), subscription("evt_1", verb, status, "price_solo"));
        for (n, event) in [&mut bought, &mut over].into_iter().enumerate() {
            event["id"] = format!("evt_{verb}_{n}").into();
            let object = &mut event["data"]["object"];
            object["customer"] = format!("cus_{verb}").into();
            let subscription = if n == 0 { "subscription" } else { "id" };
            object[subscription] = format!("sub_{verb}").into();
        }
        for event in [bought, over] {
            assert_eq!(deliver_signed(&app, &event).await, StatusCode::OK, "{status}");
        }
        assert!(buy(&app.as_owner(&org), "pro").await.user_errors().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn a_subscription_with_an_unknown_price_still_counts() {
    let (app, _, asked) = selling_app().await;
    let org = app.organization("acme").plan("free").create().await;
    let mut odd = subscription("evt_2", "created", "active", "price_unheard_of");
    odd["data"]["object"]["metadata"] = json!({ "organization_id": org.id.to_string() });
    assert_eq!(deliver_signed(&app, &odd).await, StatusCode::INTERNAL_SERVER_ERROR);
    buy(&app.as_owner(&org), "pro").await.expect_refused(&[("ALREADY_SUBSCRIBED", "")]);
    assert!(asked.lock().unwrap().is_empty());
}
