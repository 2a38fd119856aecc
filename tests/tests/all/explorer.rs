//! What a browser meets: the explorer where it is switched on, and else a page that says what this is.

use reqwest::header::{ACCEPT, HOST};
use reqwest::{RequestBuilder, StatusCode};
use tenantry_server::http::{Explorer, ExplorerExample, ExplorerPerson, HttpOptions};
use tenantry_tests::{Answer, TestApp};

/// What a browser sends when someone opens a page.
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn with(explorer: Option<Explorer>) -> TestApp {
    TestApp::builder().http(HttpOptions { explorer, ..HttpOptions::default() }).start().await
}

fn explorer() -> Explorer {
    let examples = vec![ExplorerExample { query: "{ viewer { role } }".to_owned(), variables: None }];
    Explorer::new(examples)
        .with_people(|| vec![ExplorerPerson { name: "Ada".to_owned(), token: "secret-token".to_owned() }])
}

fn get(app: &TestApp, path: &str) -> RequestBuilder {
    app.http().get(app.server().url(path)).header(ACCEPT, NAVIGATION)
}

async fn send(app: &TestApp, request: RequestBuilder) -> Answer {
    app.with_token(None).send(request).await
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_gets_json() {
    for (explorer, has) in [(None, "This is a GraphQL API"), (Some(explorer()), "/explorer/assets/")] {
        let app = with(explorer).await;
        for path in ["/", "/graphql"] {
            let page = send(&app, get(&app, path)).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
            assert!(page.text.contains(has), "{path}: {}", page.text);
            let policy = page.headers["content-security-policy"].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("script-src 'unsafe") && !policy.contains("http"), "{policy}");
        }
        // A query in the address is a request, and so is what asks for JSON.
        for request in [get(&app, "/graphql?query={__typename}"), app.http().get(app.server().url("/graphql"))] {
            assert_eq!(send(&app, request).await.error_code(), "UNAUTHENTICATED");
        }
    }
}

#[tokio::test]
async fn the_explorers_files_are_served_with_their_types() {
    let app = with(Some(explorer())).await;
    let page = send(&app, get(&app, "/")).await;
    let files = page.text.split('"').filter(|text| text.starts_with("/explorer/assets/"));
    let mut seen = 0;
    for path in files {
        let file = send(&app, app.http().get(app.server().url(path))).await;
        assert_eq!(file.status, StatusCode::OK, "{path}");
        let expected = if path.rsplit('.').next() == Some("js") { "text/javascript" } else { "text/css" };
        assert!(file.headers["content-type"].to_str().unwrap().starts_with(expected), "{path}");
        assert_eq!(file.headers["x-content-type-options"], "nosniff");
        // A worker's own policy is that of its file.
        assert!(file.headers.contains_key("content-security-policy"), "{path}");
        seen += 1;
    }
    assert!(seen >= 2, "{}", page.text);
    // What is bundled asks for its licences to be shown.
    assert!(send(&app, get(&app, "/explorer/licenses.md")).await.text.contains("MIT"));
    for path in ["/explorer/assets/none.js", "/explorer/index.html", "/explorer/assets/..%2findex.html", "/explorer/"] {
        assert_eq!(send(&app, get(&app, path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let off = with(None).await;
    for path in ["/explorer/session.json", "/explorer/licenses.md"] {
        assert_eq!(send(&off, get(&off, path)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn only_a_page_of_this_machine_gets_the_tokens() {
    let app = with(Some(explorer())).await;
    let session = send(&app, get(&app, "/explorer/session.json")).await;
    assert_eq!(session.json["people"][0]["token"], "secret-token");
    assert_eq!(session.json["examples"][0]["query"], "{ viewer { role } }");
    assert_eq!(session.headers["cache-control"], "no-store");
    assert!(!session.headers.contains_key("access-control-allow-origin"));
    // A name that was made to point here after its page was loaded.
    let rebound = send(&app, get(&app, "/explorer/session.json").header(HOST, "evil.example")).await;
    assert!(!rebound.text.contains("secret-token"), "{}", rebound.text);
}
