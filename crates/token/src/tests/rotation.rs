//! The key set over time: caching, rotation under load, removal, outages, and limits on fetching.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use serde_json::json;

use super::support::*;
use crate::error::{SetupError, TokenError};
use crate::issuer::Issuer;
use crate::source::KeySource;
use crate::testing::Ed25519Pem;
use crate::verifier::Verifier;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Waits for something that happens in the background.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..500 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// A server that publishes key `a`, a primed verifier for it, and a token signed with `a`.
async fn start(manual: &ManualClock) -> (KeyServer, Verifier, Signer, String) {
    let server = KeyServer::start().await;
    let signer = Signer::new("a", manual);
    server.publish(&[&signer]);
    let verifier = verifier(server.source(), manual);
    must(verifier.prime().await);
    let token = signer.token();
    (server, verifier, signer, token)
}

#[tokio::test]
async fn keys_are_fetched_once_within_the_cache_time() {
    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    let signer = Signer::new("a", &manual);
    server.publish(&[&signer]);
    let verifier = verifier(server.source(), &manual);
    assert_eq!(server.fetches(), 0, "nothing is fetched before it is needed");
    let token = signer.token();
    let all = join_all((0..50).map(|_| verifier.verify(&token))).await;
    assert!(all.iter().all(Result::is_ok));
    manual.advance(seconds(200));
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(server.fetches(), 1);
}

#[tokio::test]
async fn old_keys_are_used_while_they_are_read_again() {
    let manual = ManualClock::new();
    let (server, verifier, _signer, token) = start(&manual).await;
    server.slow_down(Duration::from_millis(300));
    manual.advance(seconds(250));
    let started = std::time::Instant::now();
    for _ in 0..100 {
        assert!(verifier.verify(&token).await.is_ok());
    }
    assert!(started.elapsed() < Duration::from_millis(250), "a request waited for the periodic reading");
    eventually("the set is read again", || server.fetches() == 2).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(server.fetches(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rotation_under_load_refuses_nobody() {
    let manual = ManualClock::new();
    let (server, verifier, old, old_token) = start(&manual).await;
    let new = Signer::new("b", &manual);
    let new_token = Arc::new(new.token());
    server.slow_down(Duration::from_millis(100));

    let rotated = Arc::new(AtomicBool::new(false));
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = Vec::new();
    for index in 0..32 {
        let (verifier, old_token, new_token) = (verifier.clone(), old_token.clone(), Arc::clone(&new_token));
        let (rotated, stop) = (Arc::clone(&rotated), Arc::clone(&stop));
        load.push(tokio::spawn(async move {
            let mut refused = Vec::new();
            let mut verified_new = 0;
            while !stop.load(Ordering::SeqCst) {
                let use_new = index % 2 == 0 && rotated.load(Ordering::SeqCst);
                let token = if use_new { new_token.as_str() } else { &old_token };
                match verifier.verify(token).await {
                    Ok(_) => verified_new += usize::from(use_new),
                    Err(error) => refused.push(error),
                }
                tokio::task::yield_now().await;
            }
            (refused, verified_new)
        }));
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.publish(&[&old, &new]);
    rotated.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(400)).await;
    stop.store(true, Ordering::SeqCst);
    let mut verified_new = 0;
    for task in load {
        let (refused, count) = must(task.await);
        assert!(refused.is_empty(), "{refused:?}");
        verified_new += count;
    }
    assert!(verified_new > 0);
    assert_eq!(server.fetches(), 2, "one fetch at the start, one for the new key");
}

#[tokio::test]
async fn a_fetch_started_before_the_rotation_does_not_refuse_the_new_key() {
    let manual = ManualClock::new();
    let (server, verifier, old, old_token) = start(&manual).await;
    let new = Signer::new("b", &manual);
    server.slow_down(Duration::from_millis(150));
    manual.advance(seconds(250));
    assert!(verifier.verify(&old_token).await.is_ok());
    eventually("the periodic reading is under way", || server.fetches() == 2).await;
    server.publish(&[&old, &new]);
    assert!(verifier.verify(&new.token()).await.is_ok());
    assert_eq!(server.fetches(), 3);
}

#[tokio::test]
async fn unknown_keys_cause_a_bounded_number_of_fetches() {
    let manual = ManualClock::new();
    let (server, verifier, good, _) = start(&manual).await;
    let stranger = Signer::new("stranger", &manual);
    let token = stranger.token();
    let all = join_all((0..100).map(|_| verifier.verify(&token))).await;
    assert!(all.iter().all(|result| *result == Err(TokenError::UnknownKey)));
    assert_eq!(server.fetches(), 2);
    for _ in 0..20 {
        let other = Signer::new(&format!("stranger {:?}", manual.clock().now()), &manual);
        assert_eq!(verifier.verify(&other.token()).await, Err(TokenError::UnknownKey));
    }
    assert_eq!(server.fetches(), 2, "asked again within ten seconds");
    manual.advance(seconds(10));
    server.publish(&[&good, &stranger]);
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(server.fetches(), 3);
    // If the token is invalid whatever the keys are, nothing is fetched.
    manual.advance(seconds(10));
    let unsupported = must(good.issuer.sign(r#"{"alg":"none","kid":"x"}"#, "{}"));
    assert_eq!(verifier.verify(&unsupported).await, Err(TokenError::Algorithm));
    assert_eq!(server.fetches(), 3);
}

#[tokio::test]
async fn a_cancelled_request_does_not_cancel_the_fetch_for_others() {
    let manual = ManualClock::new();
    let (server, verifier, old, _) = start(&manual).await;
    let new = Signer::new("b", &manual);
    server.publish(&[&old, &new]);
    server.slow_down(Duration::from_millis(200));
    let token = new.token();
    let cancelled = tokio::time::timeout(Duration::from_millis(50), verifier.verify(&token)).await;
    assert!(cancelled.is_err());
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(server.fetches(), 2);
}

#[tokio::test]
async fn a_removed_key_stops_working_within_the_cache_time() {
    let manual = ManualClock::new();
    let (server, verifier, _old, old_token) = start(&manual).await;
    let new = Signer::new("b", &manual);
    assert!(verifier.verify(&old_token).await.is_ok());
    server.publish(&[&new]);
    assert!(verifier.verify(&old_token).await.is_ok(), "the cache time has not passed");
    assert_eq!(verifier.remembered(), 1);
    // No request came in the meantime, so nothing was read in the background: this request has to wait.
    manual.advance(seconds(300));
    assert_eq!(verifier.verify(&old_token).await, Err(TokenError::UnknownKey));
    assert_eq!(verifier.remembered(), 0);
    assert!(verifier.verify(&new.token()).await.is_ok());
    server.publish(&[]);
    manual.advance(seconds(300));
    assert_eq!(verifier.verify(&new.token()).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn a_cached_token_becomes_invalid_with_its_key() {
    let manual = ManualClock::new();
    let (server, verifier, _old, old_token) = start(&manual).await;
    let new = Signer::new("b", &manual);
    assert!(verifier.verify(&old_token).await.is_ok());
    server.publish(&[&new]);
    assert!(verifier.verify(&new.token()).await.is_ok(), "an unknown key brings the new set");
    assert_eq!(verifier.verify(&old_token).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn an_outage_is_bridged_for_the_grace_period_and_then_everything_is_refused() {
    let manual = ManualClock::new();
    let (server, verifier, _signer, token) = start(&manual).await;
    server.answer(500, String::new());
    for _ in 0..59 {
        manual.advance(seconds(10));
        let believed = verifier.verify(&token).await;
        assert!(believed.is_ok(), "{believed:?} at {}", manual.clock().now());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    manual.advance(seconds(10));
    assert_eq!(verifier.verify(&token).await, Err(TokenError::KeysUnavailable));
    let fetches = server.fetches();
    assert_eq!(verifier.verify(&token).await, Err(TokenError::KeysUnavailable));
    assert_eq!(server.fetches(), fetches, "a failing source is not hammered");
    assert!(fetches <= 1 + 1 + 60);
}

#[tokio::test]
async fn after_a_failed_start_keys_are_fetched_again() {
    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    let signer = Signer::new("a", &manual);
    server.answer(503, String::new());
    let verifier = verifier(server.source(), &manual);
    assert_eq!(verifier.prime().await, Err(TokenError::KeysUnavailable));
    server.publish(&[&signer]);
    assert_eq!(verifier.verify(&signer.token()).await, Err(TokenError::KeysUnavailable));
    manual.advance(seconds(10));
    assert!(verifier.verify(&signer.token()).await.is_ok());
}

#[tokio::test]
async fn a_clock_set_back_does_not_keep_old_keys() {
    let manual = ManualClock::new();
    let (server, verifier, _signer, token) = start(&manual).await;
    server.publish(&[]);
    manual.back(seconds(5));
    assert_eq!(verifier.verify(&token).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn an_invalid_document_does_not_replace_the_key_set() {
    let manual = ManualClock::new();
    let (server, verifier, signer, token) = start(&manual).await;
    let keys = json!({ "keys": [signer.jwk] }).to_string();
    for (status, body) in [
        (200, "<html>".to_owned()),
        (200, format!("{}{keys}", " ".repeat(300_000))),
        (302, keys.clone()),
        (404, keys.clone()),
        (204, String::new()),
    ] {
        server.answer(status, body);
        manual.advance(seconds(10));
        let fetches = server.fetches();
        let stranger = Signer::new("stranger", &manual);
        assert_eq!(verifier.verify(&stranger.token()).await, Err(TokenError::UnknownKey));
        assert_eq!(server.fetches(), fetches + 1, "{status} was followed");
        assert!(verifier.verify(&token).await.is_ok());
    }
}

#[tokio::test]
async fn a_faulty_key_does_not_disable_the_others() {
    let manual = ManualClock::new();
    let (server, verifier, old, old_token) = start(&manual).await;
    let new = Signer::new("b", &manual);
    let weak = json!({ "kty": "RSA", "kid": "weak", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode([0xff; 128]) });
    for keys in [
        json!({ "keys": [old.jwk, old.jwk, new.jwk, new.jwk] }),
        json!({ "keys": [weak, old.jwk, null, new.jwk, { "kty": "RSA", "kid": "none" }] }),
    ] {
        server.answer(200, keys.to_string());
        manual.advance(seconds(300));
        assert!(verifier.verify(&old_token).await.is_ok(), "{keys}");
        assert!(verifier.verify(&new.token()).await.is_ok(), "{keys}");
    }
    let first = Verifier::new(verifier_config(server.source(), &manual));
    assert!(must(first).load().await.is_ok(), "and the server starts with it");
}

#[tokio::test]
async fn all_keys_with_the_same_id_are_tried() {
    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    let (first, second) = (Signer::new("same", &manual), Signer::new("same", &manual));
    server.publish(&[&first, &second]);
    let verifier = verifier(server.source(), &manual);
    assert!(verifier.verify(&first.token()).await.is_ok());
    assert!(verifier.verify(&second.token()).await.is_ok());
    let third = Signer::new("same", &manual);
    assert_eq!(verifier.verify(&third.token()).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn keys_without_ids_can_be_rotated() {
    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    let unnamed = || {
        let pair = must(Ed25519Pem::generate());
        let mut jwk = pair.jwk("");
        jwk.as_object_mut().and_then(|members| members.remove("kid"));
        (must(Issuer::from_ed25519_pem(pair.private.as_bytes(), issuer_config(None, &manual))), jwk)
    };
    let ((old, old_jwk), (new, new_jwk)) = (unnamed(), unnamed());
    server.answer(200, json!({ "keys": [old_jwk, new_jwk] }).to_string());
    let verifier = verifier(server.source(), &manual);
    for issuer in [&old, &new] {
        let token = must(issuer.issue(user(), organization(), HOUR)).token;
        assert!(verifier.verify(&token).await.is_ok());
    }
    let (stranger, _) = unnamed();
    let token = must(stranger.issue(user(), organization(), HOUR)).token;
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Signature));
}

#[tokio::test]
async fn a_set_without_a_usable_key_neither_replaces_another_nor_starts_a_server() {
    let manual = ManualClock::new();
    let (server, verifier, signer, token) = start(&manual).await;
    let mut private = signer.jwk.clone();
    private["d"] = json!("AAAA");
    let unusable = json!({ "keys": [{ "kty": "EC", "crv": "P-384" }, private] }).to_string();
    server.answer(200, unusable);
    // After the cache time the old keys are used for the grace period and no longer: they may have been withdrawn.
    manual.advance(seconds(300));
    assert!(verifier.verify(&token).await.is_ok());
    manual.advance(seconds(300));
    assert_eq!(verifier.verify(&token).await, Err(TokenError::KeysUnavailable));
    let first = must(Verifier::new(verifier_config(server.source(), &manual)));
    assert!(matches!(first.load().await, Err(SetupError::NoUsableKey)));
    server.publish(&[]);
    assert!(matches!(first.load().await, Err(SetupError::NoUsableKey)), "an empty set does not start one either");
    server.answer(404, String::new());
    assert!(matches!(first.load().await, Err(SetupError::Status(404))));
    server.publish(&[&signer]);
    assert!(first.load().await.is_ok());
    assert!(first.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_slow_fetch_times_out() {
    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    server.slow_down(seconds(30));
    let mut config = verifier_config(server.source(), &manual);
    config.caching.fetch_timeout = Duration::from_millis(200);
    let verifier = must(Verifier::new(config));
    let started = std::time::Instant::now();
    assert_eq!(verifier.prime().await, Err(TokenError::KeysUnavailable));
    assert!(started.elapsed() < seconds(10));
}

#[tokio::test]
async fn a_key_set_in_a_file_is_read_again() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("keys.json");
    let (old, new) = (Signer::new("a", &manual), Signer::new("b", &manual));
    let write = |keys: &[&Signer]| {
        let keys: Vec<_> = keys.iter().map(|signer| &signer.jwk).collect();
        must(std::fs::write(&path, json!({ "keys": keys }).to_string()));
    };
    write(&[&old]);
    let verifier = verifier(KeySource::JwksFile(path.clone()), &manual);
    assert!(verifier.verify(&old.token()).await.is_ok());
    write(&[&new]);
    assert!(verifier.verify(&new.token()).await.is_ok());
    assert_eq!(verifier.verify(&old.token()).await, Err(TokenError::UnknownKey));
}
