//! Shared helpers: a clock that the test moves, and a key set served on a loopback address.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use chrono::DateTime;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tenantry_domain::{Clock, OrganizationId, UserId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;
use uuid::Uuid;

use crate::claim_name::ClaimNames;
use crate::issuer::{Issuer, IssuerConfig};
use crate::source::KeySource;
use crate::testing::Ed25519Pem;
use crate::verifier::{Verifier, VerifierConfig};

pub(super) const ISSUER: &str = "https://id.tenantry.test";
pub(super) const AUDIENCE: &str = "tenantry";
pub(super) const HOUR: Duration = Duration::from_hours(1);

/// The value, or a failed test that shows the error.
#[track_caller]
pub(super) fn must<T, E: Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

pub(super) fn user() -> UserId {
    UserId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00a1))
}

pub(super) fn organization() -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_00b2))
}

/// A clock that the test moves. It starts at a fixed time, in milliseconds.
#[derive(Clone)]
pub(super) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_900_000_000_000)))
    }

    pub(super) fn advance(&self, by: Duration) {
        self.0.fetch_add(must(i64::try_from(by.as_millis())), Ordering::SeqCst);
    }

    pub(super) fn back(&self, by: Duration) {
        self.0.fetch_sub(must(i64::try_from(by.as_millis())), Ordering::SeqCst);
    }

    pub(super) fn clock(&self) -> Clock {
        let millis = Arc::clone(&self.0);
        Clock::from_fn(move || DateTime::from_timestamp_millis(millis.load(Ordering::SeqCst)).unwrap_or_default())
    }
}

pub(super) fn issuer_config(key_id: Option<&str>, manual: &ManualClock) -> IssuerConfig {
    IssuerConfig {
        issuer: ISSUER.into(),
        audience: AUDIENCE.into(),
        key_id: key_id.map(Into::into),
        claims: ClaimNames::default(),
        clock: manual.clock(),
    }
}

pub(super) fn verifier_config(keys: KeySource, manual: &ManualClock) -> VerifierConfig {
    VerifierConfig { clock: manual.clock(), ..VerifierConfig::new(ISSUER, AUDIENCE, keys) }
}

pub(super) fn verifier(keys: KeySource, manual: &ManualClock) -> Verifier {
    must(Verifier::new(verifier_config(keys, manual)))
}

/// A signing key and its entry in a key set.
pub(super) struct Signer {
    pub(super) issuer: Issuer,
    pub(super) jwk: Value,
}

impl Signer {
    pub(super) fn new(key_id: &str, manual: &ManualClock) -> Self {
        let pair = must(Ed25519Pem::generate());
        let issuer = must(Issuer::from_ed25519_pem(pair.private.as_bytes(), issuer_config(Some(key_id), manual)));
        Self { issuer, jwk: pair.jwk(key_id) }
    }

    pub(super) fn token(&self) -> String {
        must(self.issuer.issue(user(), organization(), HOUR)).token
    }
}

/// A key set served over HTTP on a loopback port.
#[derive(Clone)]
pub(super) struct KeyServer {
    pub(super) url: Url,
    answer: Arc<Mutex<(u16, String)>>,
    delay: Arc<Mutex<Duration>>,
    fetches: Arc<AtomicUsize>,
}

impl KeyServer {
    pub(super) async fn start() -> Self {
        let listener = must(TcpListener::bind("127.0.0.1:0").await);
        let address = must(listener.local_addr());
        let server = Self {
            url: must(format!("http://{address}/keys").parse()),
            answer: Arc::new(Mutex::new((200, r#"{"keys":[]}"#.into()))),
            delay: Arc::default(),
            fetches: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let server = serving.clone();
                tokio::spawn(async move {
                    let mut request = [0; 2048];
                    let _ = stream.read(&mut request).await;
                    server.fetches.fetch_add(1, Ordering::SeqCst);
                    // Read before the delay, so later changes are not in this answer.
                    let (status, body) = server.answer.lock().clone();
                    let delay = *server.delay.lock();
                    tokio::time::sleep(delay).await;
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nlocation: /keys\r\nconnection: close\r\n\r\n{body}",
                        body.len()
                    );
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        server
    }

    pub(super) fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk.clone()).collect();
        self.answer(200, json!({ "keys": keys }).to_string());
    }

    pub(super) fn answer(&self, status: u16, body: String) {
        *self.answer.lock() = (status, body);
    }

    pub(super) fn slow_down(&self, delay: Duration) {
        *self.delay.lock() = delay;
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub(super) fn source(&self) -> KeySource {
        KeySource::JwksUrl(self.url.clone())
    }
}
