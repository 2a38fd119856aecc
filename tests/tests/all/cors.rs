//! Pages of other origins: only those in the settings may call the API, and none gets credentials.

use reqwest::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, ORIGIN, VARY,
};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::json;
use tenantry_server::http::HttpOptions;
use tenantry_tests::{Answer, TestApp};

const PAGE: &str = "https://app.example";

async fn allowing(origins: &str) -> TestApp {
    let http = HttpOptions { cors: origins.parse().unwrap(), ..HttpOptions::default() };
    TestApp::builder().http(http).start().await
}

fn preflight(app: &TestApp, path: &str, origin: &str) -> RequestBuilder {
    app.http()
        .request(Method::OPTIONS, app.server().url(path))
        .header(ORIGIN, origin)
        .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type,apollographql-client-name")
}

fn names(answer: &Answer, header: reqwest::header::HeaderName) -> Vec<String> {
    let text = answer.headers[header].to_str().unwrap().to_lowercase();
    text.split(',').map(|name| name.trim().to_owned()).collect()
}

#[tokio::test]
async fn a_page_of_a_listed_origin_may_call_the_api() {
    let app = allowing("https://app.example,https://admin.example").await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    for path in ["/graphql", "/export", "/files/uploads/x"] {
        let answer = owner.send(preflight(&app, path, PAGE)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
        assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert_eq!(names(&answer, ACCESS_CONTROL_ALLOW_METHODS), ["get", "head", "post", "put"]);
        let headers = names(&answer, ACCESS_CONTROL_ALLOW_HEADERS);
        assert_eq!(headers, ["authorization", "content-type", "apollographql-client-name"]);
        assert!(names(&answer, VARY).contains(&"origin".to_owned()));
    }

    // The answer itself, executed or refused.
    let query = json!({ "query": "{ organization { name } }" });
    let executed = owner.send(owner.post().header(ORIGIN, PAGE).json(&query)).await;
    assert_eq!(executed.text_at("organization.name"), "The acme");
    let stranger = app.with_token(None);
    let refused = stranger.send(stranger.post().header(ORIGIN, PAGE).json(&query)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    for answer in [executed, refused] {
        assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], PAGE);
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let mut exposed = names(&answer, ACCESS_CONTROL_EXPOSE_HEADERS);
        exposed.sort();
        assert_eq!(
            exposed,
            [
                "idempotency-replayed",
                "ratelimit-limit",
                "ratelimit-remaining",
                "ratelimit-reset",
                "retry-after",
                "x-request-id"
            ]
        );
    }
}

#[tokio::test]
async fn no_other_page_may() {
    let app = allowing(PAGE).await;
    for origin in ["http://app.example", "https://app.example.evil.example", "https://evil.example", "null"] {
        let stranger = app.with_token(None);
        let answer = stranger.send(preflight(&app, "/graphql", origin)).await;
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
        // A cache must not give one origin's answer to another.
        assert!(names(&answer, VARY).contains(&"origin".to_owned()), "{origin}");
    }
    let stranger = app.with_token(None);
    for path in ["/metrics", "/healthz", "/webhooks/stripe"] {
        let answer = stranger.send(preflight(&app, path, PAGE)).await;
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{path}");
    }
}

#[tokio::test]
async fn without_the_setting_no_origin_is_allowed_and_options_lists_the_methods() {
    for app in [TestApp::start().await, allowing(PAGE).await] {
        let stranger = app.with_token(None);
        let options = app.http().request(Method::OPTIONS, app.server().url("/graphql"));
        let answer = stranger.send(options.header(ORIGIN, "https://evil.example")).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(answer.headers[ALLOW], "GET, HEAD, POST, OPTIONS");
        assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    }
    let app = TestApp::start().await;
    let stranger = app.with_token(None);
    let answer = stranger.send(preflight(&app, "/graphql", PAGE)).await;
    assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}
