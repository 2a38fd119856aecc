//! What a browser gets: the explorer, or a page that says what this is.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde::Serialize;
use tenantry_explorer::{PAGE, file};

use super::AppState;

/// What the page and its workers may do: run their own files, and ask this server. The editor writes styles into the page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' 'unsafe-inline'; \
     font-src 'self' data:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// What a page may do that only says something.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The page of a server without the explorer.
const ABOUT: &str = "<!doctype html>
<html lang=\"en\">
<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Tenantry</title></head>
<body>
<h1>Tenantry</h1>
<p>This is a GraphQL API. Send requests to <code>/graphql</code> by POST, with a token in the header <code>Authorization</code>.</p>
<p>The explorer is switched off here. The setting <code>TENANTRY_EXPLORER</code> switches it on.</p>
</body>
</html>
";

/// Someone to ask as.
#[derive(Debug, Clone, Serialize)]
pub struct ExplorerPerson {
    /// What they are called in the choice.
    pub name: String,
    /// A token of theirs.
    pub token: String,
}

/// A document to begin with.
#[derive(Debug, Clone, Serialize)]
pub struct ExplorerExample {
    /// Its text.
    pub query: String,
    /// The values of its variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<serde_json::Value>,
}

/// What the explorer begins with.
#[derive(Clone, Default)]
pub struct Explorer {
    /// Makes new tokens for the people to ask as; without it, the token is pasted.
    people: Option<Arc<dyn Fn() -> Vec<ExplorerPerson> + Send + Sync>>,
    examples: Vec<ExplorerExample>,
}

impl Explorer {
    /// With these documents.
    pub fn new(examples: Vec<ExplorerExample>) -> Self {
        Self { people: None, examples }
    }

    /// With these people. Only for development: the page hands out their tokens.
    #[must_use]
    pub fn with_people(self, people: impl Fn() -> Vec<ExplorerPerson> + Send + Sync + 'static) -> Self {
        Self { people: Some(Arc::new(people)), ..self }
    }
}

impl fmt::Debug for Explorer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explorer").field("people", &self.people.is_some()).finish_non_exhaustive()
    }
}

/// Whether a browser asks for a page, and not a program for data.
pub(super) fn wants_page(method: &Method, headers: &HeaderMap, query: Option<&str>) -> bool {
    if !matches!(*method, Method::GET | Method::HEAD) || query.is_some_and(|query| !query.is_empty()) {
        return false;
    }
    headers.get(ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accepts| accepts.contains("text/html"))
}

/// The first page.
pub(super) async fn page(State(state): State<AppState>) -> Response<Body> {
    first_page(&state)
}

/// The explorer, or what is there in its place.
pub(super) fn first_page(state: &AppState) -> Response<Body> {
    let page = state.explorer().and_then(|_| file(PAGE));
    let (content, policy) = match page {
        Some(page) => (Body::from(page.content.into_owned()), POLICY),
        None => (Body::from(ABOUT), NOTHING),
    };
    let mut response = respond(content, HTML, policy);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    response
}

/// A file of the explorer.
pub(super) async fn asset(State(state): State<AppState>, Path(path): Path<String>) -> Response<Body> {
    let found = state.explorer().and_then(|_| file(&path)).filter(|_| path != PAGE);
    let Some(found) = found else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let media_type = HeaderValue::from_static(found.media_type);
    let content = match found.content {
        std::borrow::Cow::Borrowed(content) => Body::from(content),
        std::borrow::Cow::Owned(content) => Body::from(content),
    };
    let mut response = respond(content, media_type, POLICY);
    let caching = if found.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// The people and the examples.
#[derive(Serialize)]
struct Session<'a> {
    people: Vec<ExplorerPerson>,
    examples: &'a [ExplorerExample],
}

/// What the explorer begins with. The tokens are only given if the request names this machine. So neither a page of another origin
/// gets them, nor a page whose host name was later pointed at this machine (DNS rebinding).
pub(super) async fn session(State(state): State<AppState>, headers: HeaderMap) -> Response<Body> {
    let Some(explorer) = state.explorer() else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let people = explorer.people.as_ref().filter(|_| names_this_machine(&headers));
    let session = Session { people: people.map(|people| people()).unwrap_or_default(), examples: &explorer.examples };
    // A struct of texts can always be serialised.
    let content = serde_json::to_vec(&session).unwrap_or_default();
    let mut response = respond(Body::from(content), HeaderValue::from_static("application/json"), NOTHING);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether the request names a loopback address, or `localhost`.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let host = host.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    })
}

fn respond(content: Body, media_type: HeaderValue, policy: HeaderValue) -> Response<Body> {
    let mut response = Response::new(content);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_names_get_tokens() {
        let names = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            names_this_machine(&headers)
        };
        for host in ["localhost", "localhost:8080", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080"] {
            assert!(names(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", ""]
        {
            assert!(!names(host), "{host}");
        }
        assert!(!names_this_machine(&HeaderMap::new()));
    }
}
