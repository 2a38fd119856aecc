//! Forged tokens over HTTP, against each kind of key: every one is refused, and none reaches the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_server::http::HttpOptions;
use tenantry_store::StoreSettings;
use tenantry_tests::{Answer, Org, TestApp};
use tenantry_token::testing::{Ed25519Pem, Forgery, forgeries};
use tenantry_token::{
    ClaimNames, Issuer, IssuerConfig, KeyCaching, KeySource, Verifier, VerifierConfig, generate_dev_key,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::custom_server::{CustomServer, Sender, client, code};

const ISSUER: &str = "https://id.tenantry.test";
const AUDIENCE: &str = "tenantry";
const DOCUMENT: &str = "{ organization { name } clients { totalCount } }";

fn config(key_id: Option<&str>) -> IssuerConfig {
    let key_id = key_id.map(Into::into);
    IssuerConfig {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        key_id,
        claims: ClaimNames::default(),
        clock: Clock::system(),
    }
}

fn signer(pair: &Ed25519Pem, key_id: Option<&str>) -> Issuer {
    Issuer::from_ed25519_pem(pair.private.as_bytes(), config(key_id)).unwrap()
}

async fn server(app: &TestApp, verifier: VerifierConfig) -> CustomServer {
    let settings =
        StoreSettings { acquire_timeout: Duration::from_secs(20), ..StoreSettings::new(app.urls().app_url()) };
    CustomServer::start(&settings, Clock::system(), Verifier::new(verifier).unwrap(), HttpOptions::default()).await
}

fn token(issuer: &Issuer, org: &Org) -> String {
    issuer.issue(org.owner.user_id, org.id, Duration::from_hours(1)).unwrap().token
}

#[track_caller]
fn expect_refused(name: &str, answer: &Answer) {
    let found = (answer.status.as_u16(), code(answer));
    assert_eq!(found, (401, Some("UNAUTHENTICATED")), "{name}: {}", answer.text);
    assert!(answer.headers[WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"), "{name}");
    assert!(answer.json.get("data").is_none(), "{name}: {}", answer.text);
}

/// Sends every forgery to a server whose database is gone, so an accepted token would be answered with 503 instead of
/// 401.
async fn expect_all_refused(
    app: &TestApp,
    org: &Org,
    server: &CustomServer,
    issuer: &Issuer,
    public_key: Option<&str>,
) {
    let (http, begun) = (client(), Instant::now());
    let believed = Sender::new(&http, server.url(), token(issuer, org));
    believed.ask(DOCUMENT, json!({})).await.unwrap().expect_data();
    server.store().close().await;
    let (user, organization) = (org.owner.user_id, org.id);
    let list = forgeries(issuer, user, organization, public_key).unwrap();
    let list: Vec<Forgery> = list.into_iter().filter(Forgery::fits_a_header).collect();
    assert!(list.len() > 240, "only {} forgeries", list.len());
    let answers = stream::iter(&list).map(async |forgery| {
        let answer = Sender::new(&http, server.url(), &forgery.token).ask(DOCUMENT, json!({})).await;
        (forgery, answer.unwrap_or_else(|error| panic!("{}: {error}", forgery.name)))
    });
    let answers: Vec<_> = answers.buffer_unordered(8).collect().await;
    for (forgery, answer) in &answers {
        expect_refused(&forgery.name, answer);
    }
    let still = believed.ask(DOCUMENT, json!({})).await.unwrap();
    assert_eq!(still.status.as_u16(), 503, "only the true token asks the database: {}", still.text);
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 0);
    let key_id = issuer.config().key_id.as_deref();
    println!("{} forgeries against the key {key_id:?} in {:?}", list.len(), begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_against_a_secret_are_refused() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let folder = tempfile::tempdir().unwrap();
    for key_id in [None, Some("dev")] {
        let path = folder.path().join(key_id.unwrap_or("unnamed"));
        generate_dev_key(&path).unwrap();
        let issuer = Issuer::from_secret_file(&path, config(key_id)).unwrap();
        let keys = KeySource::SecretFile { path, key_id: key_id.map(Into::into) };
        let server = server(&app, VerifierConfig::new(ISSUER, AUDIENCE, keys)).await;
        expect_all_refused(&app, &org, &server, &issuer, None).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_against_a_public_key_are_refused() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let folder = tempfile::tempdir().unwrap();
    let (pair, path) = (Ed25519Pem::generate().unwrap(), folder.path().join("public.pem"));
    std::fs::write(&path, &pair.public).unwrap();
    for key_id in [None, Some("first")] {
        let keys = KeySource::PublicKeyFile { path: path.clone(), key_id: key_id.map(Into::into) };
        let server = server(&app, VerifierConfig::new(ISSUER, AUDIENCE, keys)).await;
        expect_all_refused(&app, &org, &server, &signer(&pair, key_id), Some(&pair.public)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_against_a_fetched_key_set_are_refused_and_fetch_next_to_nothing() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let pairs = [Ed25519Pem::generate().unwrap(), Ed25519Pem::generate().unwrap()];
    let keys = KeyServer::start(vec![pairs[0].jwk("first"), pairs[1].jwk("second")]).await;
    let begun = Instant::now();
    let config = VerifierConfig::new(ISSUER, AUDIENCE, keys.source());
    let interval = config.caching.unknown_key_interval;
    let server = server(&app, config).await;
    let document = keys.document();
    expect_all_refused(&app, &org, &server, &signer(&pairs[0], Some("first")), Some(&document)).await;
    // Once for the first token, and once per interval for unknown key ids, however many requests there are.
    let allowed = 2 + begun.elapsed().as_secs() / interval.as_secs();
    assert!(keys.fetches() as u64 <= allowed, "{} fetches in {:?}", keys.fetches(), begun.elapsed());
    assert!(keys.fetches() >= 2, "an unknown key id is looked for");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_megabyte_is_refused() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let (http, url) = (client(), app.server().url("/graphql"));
    let valid = app.token(org.owner.user_id, org.id);
    app.server().store().close().await;
    for length in [8 * 1024 + 1, 64 * 1024, 256 * 1024, 1 << 20] {
        for (name, token) in [
            ("letters", "a".repeat(length)),
            ("a valid token that goes on", format!("{valid}{}", "A".repeat(length - valid.len()))),
        ] {
            // If a header is far too long, the connection is closed: with an answer, or before it can be read.
            let Ok(answer) = Sender::new(&http, &url, token).ask(DOCUMENT, json!({})).await else {
                assert!(length > 256 * 1024, "{length} {name}: the connection broke");
                continue;
            };
            if answer.status.as_u16() != 431 {
                expect_refused(&format!("{length} {name}"), &answer);
            }
        }
    }
    let next = Sender::new(&http, &url, valid).ask(DOCUMENT, json!({})).await.unwrap();
    assert_eq!(next.status.as_u16(), 503, "the server is there, its database is not: {}", next.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_under_load_refuses_nobody_and_ends_the_removed_key() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let (old, new) = (Ed25519Pem::generate().unwrap(), Ed25519Pem::generate().unwrap());
    let keys = KeyServer::start(vec![old.jwk("old")]).await;
    let second = Duration::from_secs(1);
    let caching = KeyCaching { time_to_live: 2 * second, unknown_key_interval: second, ..KeyCaching::default() };
    let server = server(&app, VerifierConfig { caching, ..VerifierConfig::new(ISSUER, AUDIENCE, keys.source()) }).await;
    let (signing, signed_by) = watch::channel(signer(&old, Some("old")));
    let (stopped, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let http = client();
    let load: Vec<_> = (0..4)
        .map(|_| {
            let (http, url, org, signed_by) = (http.clone(), server.url().to_owned(), org.clone(), signed_by.clone());
            let (stopped, sent) = (Arc::clone(&stopped), Arc::clone(&sent));
            tokio::spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    // Each token is new, so that none is cached.
                    let count = sent.fetch_add(1, Ordering::Relaxed) as u64;
                    let issuer = signed_by.borrow().clone();
                    let made = issuer.issue(org.owner.user_id, org.id, Duration::from_secs(60 + count)).unwrap();
                    let answer = Sender::new(&http, &url, made.token).ask(DOCUMENT, json!({})).await.unwrap();
                    assert_eq!(answer.text_at("organization.name"), "The acme");
                }
            })
        })
        .collect();
    tokio::time::sleep(second).await;
    // The usual order: the new key is published, then it signs, then the old one is removed.
    keys.publish(vec![old.jwk("old"), new.jwk("new")]);
    signing.send(signer(&new, Some("new"))).unwrap();
    tokio::time::sleep(2 * second).await;
    keys.publish(vec![new.jwk("new")]);
    let removed = Instant::now();
    let retired = Sender::new(&http, server.url(), token(&signer(&old, Some("old")), &org));
    while retired.ask(DOCUMENT, json!({})).await.unwrap().status.is_success() {
        assert!(removed.elapsed() < 3 * second, "the removed key still works after {:?}", removed.elapsed());
        tokio::time::sleep(second / 20).await;
    }
    let ended = removed.elapsed();
    expect_refused("a removed key", &retired.ask(DOCUMENT, json!({})).await.unwrap());
    stopped.store(true, Ordering::Relaxed);
    for task in load {
        task.await.unwrap();
    }
    println!("{} tokens through a rotation; the removed key ended after {ended:?}", sent.load(Ordering::Relaxed));
}

/// A key set served over HTTP on a loopback port.
struct KeyServer {
    url: String,
    document: watch::Sender<String>,
    fetches: Arc<AtomicUsize>,
}

impl KeyServer {
    async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let (document, published) = watch::channel(String::new());
        let server = Self { url, document, fetches: Arc::default() };
        server.publish(keys);
        let fetches = Arc::clone(&server.fetches);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 2048]).await;
                fetches.fetch_add(1, Ordering::SeqCst);
                let body = published.borrow().clone();
                let length = body.len();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        server
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make them on the spot")]
    fn publish(&self, keys: Vec<Value>) {
        self.document.send_replace(json!({ "keys": keys }).to_string());
    }

    fn document(&self) -> String {
        self.document.borrow().clone()
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    fn source(&self) -> KeySource {
        KeySource::JwksUrl(self.url.parse().unwrap())
    }
}
