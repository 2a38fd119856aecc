//! A server that a test assembles itself, and a client for it that does not rely on getting an answer.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::Client;
use serde_json::{Value, json};
use tenantry_billing::Billing;
use tenantry_domain::{Clock, Identity};
use tenantry_graphql::{Engine, EngineOptions, IssueError, IssuedToken, TokenIssuer};
use tenantry_server::http::{AppState, HttpOptions, serve};
use tenantry_service::Service;
use tenantry_store::{Store, StoreSettings};
use tenantry_tests::Answer;
use tenantry_token::Verifier;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinHandle;

/// Waits until no other test of this process is measuring, and makes the others wait.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

/// A running server. It stops when this is dropped, like a process that was killed.
pub(crate) struct CustomServer {
    url: String,
    store: Store,
    task: JoinHandle<()>,
}

impl CustomServer {
    /// Serves the database named by `settings`.
    pub(crate) async fn start(settings: &StoreSettings, clock: Clock, verifier: Verifier, http: HttpOptions) -> Self {
        let store = Store::connect(settings, clock).await.unwrap();
        let service = Service::new(store.clone(), Billing::default());
        let options = EngineOptions { issuer: Some(Arc::new(Promises)), ..EngineOptions::default() };
        let engine = Engine::new(service, options).unwrap();
        let state = AppState::new(engine, verifier, store.clone(), http);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}/graphql", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            serve(listener, state, std::future::pending()).await;
        });
        Self { url, store, task }
    }

    /// The endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The server's pool.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for CustomServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Issues invalid tokens to callers who switch to another organization.
struct Promises;

impl TokenIssuer for Promises {
    fn issue(&self, _: Identity, _: Option<DateTime<Utc>>) -> Result<IssuedToken, IssueError> {
        Ok(IssuedToken { token: "a promise".into(), expires_at: Clock::system().now() })
    }
}

/// A client without a proxy, with connection reuse, and with timeouts.
pub(crate) fn client() -> Client {
    Client::builder().timeout(Duration::from_mins(1)).no_proxy().build().unwrap()
}

/// Sends requests with one token.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    http: Client,
    url: String,
    token: String,
}

impl Sender {
    /// Sends to the endpoint at `url`.
    pub(crate) fn new(http: &Client, url: &str, token: impl Into<String>) -> Self {
        Self { http: http.clone(), url: url.to_owned(), token: token.into() }
    }

    /// Sends a document, and returns the answer if there is one.
    pub(crate) async fn ask(&self, document: &str, variables: Value) -> reqwest::Result<Answer> {
        let body = json!({ "query": document, "variables": variables });
        self.say(body.to_string().into_bytes()).await
    }

    /// Sends this body.
    pub(crate) async fn say(&self, body: Vec<u8>) -> reqwest::Result<Answer> {
        let request = self.http.post(&self.url).bearer_auth(&self.token).header("content-type", "application/json");
        let request = request.header("accept", "application/graphql-response+json");
        let response = request.body(body).send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, headers, text, json })
    }
}

/// The code of an answer's first error, if it has one.
pub(crate) fn code(answer: &Answer) -> Option<&str> {
    answer.json.pointer("/errors/0/extensions/code")?.as_str()
}
