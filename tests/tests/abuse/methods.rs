//! The form of a request: methods, content types, one request at a time. A refused request has no effect.

use reqwest::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tenantry_tests::{Session, TestApp};

const QUERY: &str = "{ organization { name } }";
const MUTATION: &str = "mutation M { createClient(input: { name: \"Written\" }) { client { id } } }";

struct Fixture {
    app: TestApp,
    owner: Session,
}

impl Fixture {
    async fn new() -> Self {
        let app = TestApp::start().await;
        let org = app.organization("acme").create().await;
        let owner = app.as_owner(&org);
        Self { app, owner }
    }

    async fn written(&self) -> i64 {
        self.app.number("SELECT count(*) FROM app.clients").await
    }

    fn request(&self, method: Method) -> reqwest::RequestBuilder {
        let request = self.app.http().request(method, self.app.server().url("/graphql"));
        request.bearer_auth(self.owner.token().unwrap())
    }
}

#[tokio::test]
async fn only_post_writes() {
    let f = Fixture::new().await;
    let both = format!("query Q {QUERY} {MUTATION}");
    for method in [Method::GET, Method::HEAD] {
        for parameters in [
            vec![("query", MUTATION)],
            vec![("query", both.as_str()), ("operationName", "M")],
            vec![("query", "subscription { organization { name } }")],
        ] {
            let answer = f.owner.send(f.request(method.clone()).query(&parameters)).await;
            assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {parameters:?}: {}", answer.text);
            assert_eq!(answer.headers[ALLOW], "POST", "{method} {parameters:?}");
        }
        // A body does not make it a POST.
        let request = f.request(method.clone()).query(&[("query", QUERY)]).json(&json!({ "query": MUTATION }));
        assert_eq!(f.owner.send(request).await.status, StatusCode::OK, "{method}");
        // With two operations and no name, the operation is ambiguous.
        let answer = f.owner.send(f.request(method.clone()).query(&[("query", &both)])).await;
        if method == Method::GET {
            assert!(answer.json.get("data").is_none(), "{}", answer.text);
            assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{}", answer.text);
        }
    }
    assert_eq!(f.written().await, 0);
    let answer = f.owner.send(f.request(Method::GET).query(&[("query", both.as_str()), ("operationName", "Q")])).await;
    assert_eq!(answer.text_at("organization.name"), "The acme");
    f.owner.query(&both, json!({})).await;
    f.owner.send(f.owner.post().json(&json!({ "query": both, "operationName": "M" }))).await.expect_data();
    assert_eq!(f.written().await, 1, "by POST it is written, and once");
}

#[tokio::test]
async fn bodies_that_a_form_could_send_are_refused_without_parsing() {
    let f = Fixture::new().await;
    let body = json!({ "query": MUTATION }).to_string();
    let multipart = format!(
        "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{body}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"map\"\r\n\r\n{{}}\r\n--x--\r\n"
    );
    let form = reqwest::Url::parse_with_params("http://x/", [("query", MUTATION)]).unwrap();
    let form = form.query().unwrap().to_owned();
    for (content_type, body) in [
        (Some("text/plain"), &body),
        (Some("text/plain;charset=utf-8"), &body),
        (Some("text/plain; application/json"), &body),
        (Some("application/x-www-form-urlencoded"), &body),
        (Some("application/x-www-form-urlencoded"), &form),
        (Some("multipart/form-data; boundary=x"), &multipart),
        (Some("multipart/mixed; boundary=x"), &multipart),
        (Some("application/graphql"), &MUTATION.to_owned()),
        (Some("application/json; charset=utf-16"), &body),
        (Some("application/json, text/plain"), &body),
        (Some("application/jsonp"), &body),
        (Some("application/xml"), &body),
        (Some(""), &body),
        (None, &body),
    ] {
        let mut request = f.owner.post().body(body.clone());
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let answer = f.owner.send(request).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}: {}", answer.text);
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{content_type:?}");
    }
    for encoding in ["gzip", "br", "deflate", "identity, gzip"] {
        let request = f.owner.post().header(CONTENT_TYPE, "application/json").header(CONTENT_ENCODING, encoding);
        let answer = f.owner.send(request.body(body.clone())).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}: {}", answer.text);
    }
    assert_eq!(f.written().await, 0);
}

#[tokio::test]
async fn other_methods_are_answered_with_the_allowed_ones() {
    let f = Fixture::new().await;
    let body = json!({ "query": MUTATION });
    let own = Method::from_bytes(b"QUERY").unwrap();
    for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::TRACE, own] {
        let answer = f.owner.send(f.request(method.clone()).json(&body)).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}: {}", answer.text);
        assert_eq!(answer.headers[ALLOW], "GET, HEAD, POST, OPTIONS", "{method}");
        assert_eq!(answer.error_code(), "METHOD_NOT_ALLOWED", "{method}");
    }
    let answer = f.owner.send(f.request(Method::OPTIONS).json(&body)).await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(answer.headers[ALLOW], "GET, HEAD, POST, OPTIONS");
    // No other origin is allowed, so a page from elsewhere can neither read an answer nor send JSON.
    let preflight = f.request(Method::OPTIONS).header("origin", "https://elsewhere.test");
    let answer = f.owner.send(preflight.header("access-control-request-method", "POST")).await;
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{:?}", answer.headers);

    let whole = f.owner.send(f.request(Method::GET).query(&[("query", QUERY)])).await;
    let head = f.owner.send(f.request(Method::HEAD).query(&[("query", QUERY)])).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.headers[CONTENT_TYPE], whole.headers[CONTENT_TYPE]);
    assert_eq!(f.written().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_arrives_during_the_upload_and_the_connection_stays_usable() {
    let f = Fixture::new().await;
    let nobody = f.app.with_token(None);
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..60_usize {
        let body = |length| json!({ "query": QUERY, "variables": { "text": "x".repeat(length) } }).to_string();
        let (session, content_type, length, expected) = match sender % 3 {
            0 => (&f.owner, "application/json", 256 * 1024, StatusCode::PAYLOAD_TOO_LARGE),
            1 => (&f.owner, "text/plain", 0, StatusCode::UNSUPPORTED_MEDIA_TYPE),
            _ => (&nobody, "application/json", 0, StatusCode::UNAUTHORIZED),
        };
        let body = body(length + 1 + (sender % 8) * 300_000);
        let request = session.post().header(CONTENT_TYPE, content_type).body(body);
        let (session, owner) = (session.clone(), f.owner.clone());
        senders.spawn(async move {
            assert_eq!(session.send(request).await.status, expected);
            // On a connection where a request was refused before.
            assert_eq!(owner.query(QUERY, json!({})).await.text_at("organization.name"), "The acme");
        });
    }
    senders.join_all().await;
}
