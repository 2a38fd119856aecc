//! What verifying a token costs: one that was verified before, and a new one.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::time::Duration;

use divan::{Bencher, black_box};
use tenantry_domain::{Clock, OrganizationId, UserId};
use tenantry_token::testing::Ed25519Pem;
use tenantry_token::{ClaimNames, Issuer, IssuerConfig, KeySource, Verifier, VerifierConfig};
use uuid::Uuid;

fn main() {
    divan::main();
}

/// A verifier that caches this many tokens, and a token for it.
fn verifier(remembered: usize) -> (Verifier, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("public.pem");
    let keys = Ed25519Pem::generate().expect("a key pair");
    std::fs::write(&path, &keys.public).expect("a file");
    let source = KeySource::PublicKeyFile { path, key_id: None };
    let config = VerifierConfig { remembered_tokens: remembered, ..VerifierConfig::new("bench", "bench", source) };
    let issuer = IssuerConfig {
        issuer: "bench".into(),
        audience: "bench".into(),
        key_id: None,
        claims: ClaimNames::default(),
        clock: Clock::system(),
    };
    let issuer = Issuer::from_ed25519_pem(keys.private.as_bytes(), issuer).expect("a usable key");
    let (user, organization) = (UserId::from_uuid(Uuid::from_u128(1)), OrganizationId::from_uuid(Uuid::from_u128(2)));
    let token = issuer.issue(user, organization, Duration::from_hours(1)).expect("a token").token;
    (Verifier::new(config).expect("a usable configuration"), token, folder)
}

fn verify(bencher: Bencher<'_, '_>, remembered: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (verifier, token, _folder) = verifier(remembered);
    bencher.bench_local(|| runtime.block_on(verifier.verify(black_box(&token))).expect("a good token"));
}

#[divan::bench]
fn seen_before(bencher: Bencher<'_, '_>) {
    verify(bencher, 10_000);
}

#[divan::bench]
fn new(bencher: Bencher<'_, '_>) {
    verify(bencher, 0);
}
