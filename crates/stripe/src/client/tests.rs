//! The client against a small fake of the API on loopback.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

const URL: &str = "https://checkout.example/c/1";

/// A server that answers each request with the next prepared answer and records the requests.
struct Fake {
    base_url: Url,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    async fn start(answers: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&asked);
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                // The client's forms are short and arrive together with the head, or right after it.
                while !is_whole(&request) && stream.read_buf(&mut request).await.unwrap() > 0 {}
                remembered.lock().unwrap().push(String::from_utf8(request).unwrap());
                // If the client hangs up early, that is what the test is about.
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
            // Then it is silent: the system accepts a connection, and nobody answers.
            std::future::pending::<()>().await;
            drop(listener);
        });
        Self { base_url, asked }
    }

    fn client(&self, timeout: Duration) -> Client {
        Client::new("sk_test_1", ClientOptions { base_url: self.base_url.clone(), timeout }).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

fn good() -> Vec<u8> {
    answer("200 OK", &format!(r#"{{"id":"cs_1","object":"checkout.session","url":"{URL}"}}"#))
}

fn order() -> NewCheckoutSession {
    NewCheckoutSession {
        customer: Customer::Known("cus_1".into()),
        price: "price_1".into(),
        organization: "org_1".into(),
        success_url: Url::parse("https://app.example/?checkout=success").unwrap(),
        cancel_url: Url::parse("https://app.example/").unwrap(),
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_checkout_request_contains_what_identifies_the_organization_in_events() {
    let fake = Fake::start(vec![good()]).await;
    let url = fake.client(PATIENCE).create_checkout_session(&order(), "wish-1").await.unwrap();
    assert_eq!(url.as_str(), URL);
    let asked = fake.asked().remove(0);
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/checkout/sessions HTTP/1.1"), "{head}");
    let head = head.to_lowercase();
    for header in ["authorization: bearer sk_test_1", "idempotency-key: wish-1"] {
        assert!(head.contains(header), "{head}");
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    for (name, value) in [
        ("mode", "subscription"),
        ("line_items[0][price]", "price_1"),
        ("client_reference_id", "org_1"),
        ("metadata[organization_id]", "org_1"),
        ("subscription_data[metadata][organization_id]", "org_1"),
        ("customer", "cus_1"),
        ("success_url", "https://app.example/?checkout=success"),
    ] {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name}: {form:?}");
    }
}

#[test]
fn only_the_same_checkout_on_the_same_occasion_has_the_same_idempotency_key() {
    let key = order().idempotency_key("now");
    assert_eq!(key, order().idempotency_key("now"));
    assert!(key.len() < 255 && key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
    let elsewhere = Url::parse("https://app.example/elsewhere").unwrap();
    let mut keys = vec![
        key,
        order().idempotency_key("later"),
        NewCheckoutSession { price: "price_2".into(), ..order() }.idempotency_key("now"),
        NewCheckoutSession { organization: "org_2".into(), ..order() }.idempotency_key("now"),
        NewCheckoutSession { customer: Customer::Known("cus_2".into()), ..order() }.idempotency_key("now"),
        NewCheckoutSession { customer: Customer::New { email: None }, ..order() }.idempotency_key("now"),
        NewCheckoutSession { customer: Customer::New { email: Some("cus_1".into()) }, ..order() }
            .idempotency_key("now"),
        NewCheckoutSession { success_url: elsewhere.clone(), ..order() }.idempotency_key("now"),
        NewCheckoutSession { cancel_url: elsewhere, ..order() }.idempotency_key("now"),
        NewCheckoutSession { customer: Customer::Known("cus_1now".into()), ..order() }.idempotency_key(""),
    ];
    let made = keys.len();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), made);
}

#[tokio::test]
async fn the_portal_request_names_the_customer() {
    let fake = Fake::start(vec![good()]).await;
    let back = Url::parse("https://app.example/").unwrap();
    let new = NewPortalSession { customer: "cus_1".into(), return_url: back, flow: None };
    fake.client(PATIENCE).create_billing_portal_session(&new, "wish-2").await.unwrap();
    let asked = fake.asked().remove(0);
    assert!(asked.starts_with("POST /v1/billing_portal/sessions"), "{asked}");
    assert!(asked.ends_with("customer=cus_1&return_url=https%3A%2F%2Fapp.example%2F"), "{asked}");
}

#[tokio::test]
async fn temporary_failures_are_retried_with_the_same_key() {
    let busy = answer("429 Too Many Requests", r#"{"error":{"type":"rate_limit"}}"#);
    let fake = Fake::start(vec![busy, answer("500 Internal Server Error", ""), good()]).await;
    fake.client(PATIENCE).create_checkout_session(&order(), "wish-3").await.unwrap();
    let asked = fake.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|asked| asked.to_lowercase().contains("idempotency-key: wish-3")));
}

#[tokio::test]
async fn a_refusal_is_final_and_reported_without_its_message() {
    let body = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","message":"secret"}}"#;
    let fake = Fake::start(vec![answer("400 Bad Request", body)]).await;
    let error = fake.client(PATIENCE).create_checkout_session(&order(), "wish").await.unwrap_err();
    assert_eq!(error.to_string(), "Stripe refused the call with 400 (invalid_request_error, resource_missing)");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn refusals_are_distinguished_from_failures() {
    let missing = |param: &str| {
        format!(r#"{{"error":{{"type":"invalid_request_error","code":"resource_missing","param":"{param}"}}}}"#)
    };
    let kind = |kind: &str| format!(r#"{{"error":{{"type":"{kind}"}}}}"#);
    let in_use = r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use"}}"#.to_owned();
    let locked = r#"{"error":{"type":"invalid_request_error","code":"lock_timeout"}}"#.to_owned();
    for (status, body, expected, calls) in [
        ("400 Bad Request", missing("customer"), Fault::UnknownCustomer, 1),
        ("404 Not Found", missing("customer"), Fault::UnknownCustomer, 1),
        ("400 Bad Request", missing("line_items[0][price]"), Fault::Refused, 1),
        ("400 Bad Request", kind("invalid_request_error"), Fault::Refused, 1),
        ("400 Bad Request", kind("idempotency_error"), Fault::Refused, 1),
        ("401 Unauthorized", kind("invalid_request_error"), Fault::NotAccepted, 1),
        ("403 Forbidden", kind("invalid_request_error"), Fault::NotAccepted, 1),
        ("402 Payment Required", kind("card_error"), Fault::Refused, 1),
        ("404 Not Found", missing("id"), Fault::Refused, 1),
        ("404 Not Found", "<html>".to_owned(), Fault::Refused, 1),
        ("409 Conflict", kind("idempotency_error"), Fault::Refused, 1),
        ("409 Conflict", in_use, Fault::Unavailable, 3),
        ("424 Failed Dependency", kind("api_error"), Fault::Refused, 1),
        ("429 Too Many Requests", kind("rate_limit_error"), Fault::Unavailable, 3),
        ("429 Too Many Requests", locked, Fault::Unavailable, 3),
        ("500 Internal Server Error", kind("api_error"), Fault::Unavailable, 3),
        ("503 Service Unavailable", String::new(), Fault::Unavailable, 3),
        ("301 Moved Permanently", String::new(), Fault::NotAccepted, 1),
    ] {
        let fake = Fake::start(vec![answer(status, &body); 3]).await;
        let error = fake.client(PATIENCE).create_checkout_session(&order(), "wish").await.unwrap_err();
        assert_eq!(error.fault(), expected, "{status} {body}");
        assert_eq!(fake.asked().len(), calls, "{status} {body}");
    }
    assert_eq!(ApiError::TimedOut.fault(), Fault::Unavailable);
    assert_eq!(ApiError::Setting("x").fault(), Fault::NotAccepted);
}

#[tokio::test]
async fn a_refusal_names_the_parameter_and_stripes_request_id() {
    let body = r#"{"error":{"type":"invalid_request_error","code":"resource_missing","param":"line_items[0][price]","message":"secret"}}"#;
    let with_id = format!(
        "HTTP/1.1 400 Bad Request\r\nrequest-id: req_1\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let fake = Fake::start(vec![with_id.into_bytes()]).await;
    let error = fake.client(PATIENCE).create_checkout_session(&order(), "wish").await.unwrap_err().to_string();
    let expected = "(invalid_request_error, resource_missing, parameter line_items[0][price], request req_1)";
    assert!(error.ends_with(expected), "{error}");
}

#[tokio::test]
async fn a_customer_is_created_with_the_name_of_its_organization() {
    let fake = Fake::start(vec![answer("200 OK", r#"{"id":"cus_2","object":"customer"}"#)]).await;
    let new = NewCustomer { organization: "org_1".into(), replaces: "cus_1".into() };
    let key = new.idempotency_key("now");
    assert_eq!(fake.client(PATIENCE).create_customer(&new, &key).await.unwrap(), "cus_2");
    let asked = fake.asked().remove(0);
    assert!(asked.starts_with("POST /v1/customers HTTP/1.1"), "{asked}");
    assert!(asked.ends_with("metadata%5Borganization_id%5D=org_1"), "{asked}");
    assert!(asked.to_lowercase().contains(&format!("idempotency-key: {key}")), "{asked}");
    let other = NewCustomer { replaces: "cus_3".into(), ..new.clone() };
    assert_eq!(key, new.idempotency_key("now"));
    assert!(key != new.idempotency_key("later") && key != other.idempotency_key("now") && key.len() < 255);
}

#[tokio::test]
async fn all_subscriptions_that_have_not_ended_are_cancelled() {
    let list = |ids: &[&str]| {
        let data: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
        answer("200 OK", &format!(r#"{{"object":"list","data":[{}]}}"#, data.join(",")))
    };
    let ended = || answer("200 OK", r#"{"id":"sub_1","status":"canceled"}"#);
    let missing = |param: &str| {
        format!(r#"{{"error":{{"type":"invalid_request_error","code":"resource_missing","param":"{param}"}}}}"#)
    };
    // Someone else cancelled the second one in the meantime.
    let gone = answer("404 Not Found", &missing("id"));
    let fake = Fake::start(vec![list(&["sub_1", "sub_2"]), ended(), gone, list(&["sub_3"]), ended(), list(&[])]).await;
    fake.client(PATIENCE).end_subscriptions("cus_1").await.unwrap();
    let lines: Vec<String> = fake.asked().iter().map(|asked| asked.lines().next().unwrap().to_owned()).collect();
    let listing = "GET /v1/subscriptions?customer=cus_1&limit=100 HTTP/1.1";
    let ending = |id: &str| format!("DELETE /v1/subscriptions/sub_{id} HTTP/1.1");
    assert_eq!(lines, [listing, &ending("1"), &ending("2"), listing, &ending("3"), listing]);

    // There is nothing to cancel.
    for nothing in
        [list(&[]), answer("400 Bad Request", &missing("customer")), answer("404 Not Found", &missing("customer"))]
    {
        let fake = Fake::start(vec![nothing]).await;
        fake.client(PATIENCE).end_subscriptions("cus_1").await.unwrap();
        assert_eq!(fake.asked().len(), 1);
    }
    // It is unknown whether it was cancelled.
    let refused = answer("403 Forbidden", r#"{"error":{"type":"invalid_request_error"}}"#);
    for answers in
        [vec![refused.clone()], vec![list(&["sub_1"]), refused], vec![answer("200 OK", "{}")], vec![list(&["../x"])]]
    {
        let fake = Fake::start(answers).await;
        assert!(fake.client(PATIENCE).end_subscriptions("cus_1").await.is_err());
    }
    let never = Fake::start((0..ROUNDS).flat_map(|_| [list(&["sub_1"]), ended()]).collect()).await;
    assert!(matches!(never.client(PATIENCE).end_subscriptions("cus_1").await, Err(ApiError::Malformed(_))));
}

#[tokio::test]
async fn an_invalid_answer_is_refused() {
    for odd in [
        answer("200 OK", "<html>"),
        answer("200 OK", r#"{"id":"cs_1","url":null}"#),
        answer("200 OK", r#"{"url":"nowhere"}"#),
        answer("200 OK", &" ".repeat(MAX_ANSWER_BYTES + 1)),
    ] {
        let fake = Fake::start(vec![odd]).await;
        let error = fake.client(PATIENCE).create_checkout_session(&order(), "wish").await.unwrap_err();
        assert!(matches!(error, ApiError::Malformed(_)), "{error:?}");
    }
    // A redirect is not followed, because it would forward the key.
    let away = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec();
    let fake = Fake::start(vec![away, good()]).await;
    let error = fake.client(PATIENCE).create_checkout_session(&order(), "wish").await.unwrap_err();
    assert!(matches!(error, ApiError::Refused { status: 307, .. }), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_causes_a_timeout() {
    let fake = Fake::start(Vec::new()).await;
    let begun = Instant::now();
    let error = fake.client(Duration::from_millis(300)).create_checkout_session(&order(), "wish").await.unwrap_err();
    assert!(matches!(error, ApiError::TimedOut), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_live_key_is_never_sent_unencrypted_and_never_shown() {
    let with = |key: &str, url: &str| {
        Client::new(key, ClientOptions { base_url: Url::parse(url).unwrap(), timeout: PATIENCE })
    };
    assert!(with("sk_live_1", DEFAULT_BASE_URL).is_ok());
    assert!(with("sk_live_1", "http://127.0.0.1:1").is_ok());
    assert!(with("sk_test_1", "http://stripe-mock:12111").is_ok());
    for (key, url) in [("sk_live_1", "http://api.example"), ("sk_live_1", "ftp://api.example"), ("", DEFAULT_BASE_URL)]
    {
        assert!(matches!(with(key, url), Err(ApiError::Setting(_))), "{key} {url}");
    }
    assert!(!format!("{:?}", with("sk_live_1", DEFAULT_BASE_URL).unwrap()).contains("sk_live"));
}
