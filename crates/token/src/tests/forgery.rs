//! Every forgery against every kind of key, and variants that must be accepted.

use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;

use super::support::*;
use crate::error::TokenError;
use crate::issuer::{Issuer, generate_dev_key};
use crate::source::KeySource;
use crate::testing::{Ed25519Pem, forgeries, pem};

/// Runs all forgeries, after making sure that the original token is accepted.
async fn assert_all_refused(issuer: &Issuer, keys: KeySource, public_key: Option<&str>, manual: &ManualClock) {
    let mut config = verifier_config(keys, manual);
    config.leeway = std::time::Duration::from_secs(30);
    let verifier = must(crate::Verifier::new(config));
    let valid = must(issuer.issue(user(), organization(), HOUR));
    let believed = must(verifier.verify(&valid.token).await);
    assert_eq!((believed.user_id, believed.organization_id), (user(), organization()));
    assert_eq!((believed.issued_at, believed.expires_at), (Some(valid.issued_at), valid.expires_at));

    let list = must(forgeries(issuer, user(), organization(), public_key));
    assert!(list.len() > 250, "only {} forgeries", list.len());
    assert!(list.iter().filter(|forgery| forgery.fits_a_header()).count() > 240);
    let mut wrong = Vec::new();
    for forgery in &list {
        let refusal = verifier.verify(&forgery.token).await.map_err(|error| error.code());
        if refusal != Err(forgery.code) {
            wrong.push((&forgery.name, refusal.map(drop), forgery.code));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(verifier.remembered(), 1, "a forgery was remembered");
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    must(std::fs::write(path, content));
}

#[tokio::test]
async fn forgeries_against_a_secret_are_refused() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("secret");
    must(generate_dev_key(&path));
    for key_id in [None, Some("dev")] {
        let issuer = must(Issuer::from_secret_file(&path, issuer_config(key_id, &manual)));
        let keys = KeySource::SecretFile { path: path.clone(), key_id: key_id.map(Into::into) };
        assert_all_refused(&issuer, keys, None, &manual).await;
    }
}

#[tokio::test]
async fn forgeries_against_an_ed25519_key_are_refused() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("public.pem");
    let pair = must(Ed25519Pem::generate());
    write(&path, &pair.public);
    for key_id in [None, Some("first")] {
        let issuer = must(Issuer::from_ed25519_pem(pair.private.as_bytes(), issuer_config(key_id, &manual)));
        let keys = KeySource::PublicKeyFile { path: path.clone(), key_id: key_id.map(Into::into) };
        assert_all_refused(&issuer, keys, Some(&pair.public), &manual).await;
    }
}

#[tokio::test]
async fn forgeries_against_a_p256_key_are_refused() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("public.pem");
    let pair = must(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING));
    let public = pem("PUBLIC KEY", must(pair.public_key().as_der()).as_ref());
    write(&path, &public);
    let key = EncodingKey::from_ec_der(must(pair.to_pkcs8v1()).as_ref());
    let issuer = Issuer::with_key(key, Algorithm::ES256, issuer_config(Some("p"), &manual));
    let keys = KeySource::PublicKeyFile { path, key_id: Some("p".into()) };
    assert_all_refused(&issuer, keys, Some(&public), &manual).await;
}

#[tokio::test]
async fn forgeries_against_an_rsa_key_are_refused() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let pair = must(RsaKeyPair::generate(KeySize::Rsa2048));
    let key = EncodingKey::from_rsa_pem(pem("PRIVATE KEY", must(pair.as_der()).as_ref()).as_bytes());
    let issuer = Issuer::with_key(must(key), Algorithm::RS256, issuer_config(Some("r"), &manual));

    let path = folder.path().join("public.pem");
    let public = pem("PUBLIC KEY", must(pair.public_key().as_der()).as_ref());
    write(&path, &public);
    let keys = KeySource::PublicKeyFile { path, key_id: Some("r".into()) };
    assert_all_refused(&issuer, keys, Some(&public), &manual).await;

    // The same key in a key set.
    let path = folder.path().join("keys.json");
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = pair.public_key();
    let (n, e) = (key.modulus(), key.exponent());
    let (n, e) = (encode(n.big_endian_without_leading_zero()), encode(e.big_endian_without_leading_zero()));
    let document = json!({ "keys": [{ "kty": "RSA", "kid": "r", "n": n, "e": e }] }).to_string();
    write(&path, &document);
    assert_all_refused(&issuer, KeySource::JwksFile(path), Some(&document), &manual).await;
}

#[tokio::test]
async fn forgeries_against_a_fetched_key_set_are_refused() {
    let manual = ManualClock::new();
    let server = KeyServer::start().await;
    let (first, second) = (Signer::new("first", &manual), Signer::new("second", &manual));
    server.publish(&[&first, &second]);
    let document = json!({ "keys": [first.jwk, second.jwk] }).to_string();
    assert_all_refused(&first.issuer, server.source(), Some(&document), &manual).await;
}

#[tokio::test]
async fn valid_variants_are_accepted() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("secret");
    must(generate_dev_key(&path));
    let issuer = must(Issuer::from_secret_file(&path, issuer_config(None, &manual)));
    let verifier = verifier(KeySource::SecretFile { path, key_id: None }, &manual);
    let now = manual.clock().now().timestamp();
    let base = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": user(), "org": organization(), "nbf": now, "exp": now + 60
    });
    let header = json!({ "alg": "HS256" });
    let mut typed = header.clone();
    typed["typ"] = json!("at+jwt");
    typed["x5t"] = json!("a hint that is ignored");
    let mut several = base.clone();
    several["aud"] = json!(["another", AUDIENCE]);
    let mut uuids = base.clone();
    uuids["sub"] = json!(user().as_uuid().to_string());
    uuids["org"] = json!(organization().as_uuid().to_string());
    let mut late = base.clone();
    late["exp"] = json!(now - 9);
    let mut early = base.clone();
    early["nbf"] = json!(now + 10);
    early["iat"] = json!(now + 10);
    for (header, claims) in
        [(&header, &base), (&typed, &base), (&header, &several), (&header, &uuids), (&header, &late), (&header, &early)]
    {
        let token = must(issuer.sign(&header.to_string(), &claims.to_string()));
        let believed = verifier.verify(&token).await;
        assert!(believed.is_ok_and(|token| token.user_id == user()), "{claims}");
    }
    // White space is allowed inside the JSON.
    let spaced = must(serde_json::to_string_pretty(&base));
    assert!(verifier.verify(&must(issuer.sign(&header.to_string(), &spaced))).await.is_ok());
}

#[tokio::test]
async fn the_times_of_a_cached_token_are_checked_at_every_use() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("secret");
    must(generate_dev_key(&path));
    let issuer = must(Issuer::from_secret_file(&path, issuer_config(None, &manual)));
    let verifier = verifier(KeySource::SecretFile { path, key_id: None }, &manual);
    let seconds = std::time::Duration::from_secs;
    let token = must(issuer.issue(user(), organization(), seconds(20))).token;
    assert!(verifier.verify(&token).await.is_ok());
    assert_eq!(verifier.remembered(), 1);
    manual.advance(seconds(29));
    assert!(verifier.verify(&token).await.is_ok(), "within the leeway");
    manual.advance(seconds(1));
    assert_eq!(verifier.verify(&token).await, Err(TokenError::Expired));
    manual.back(seconds(60));
    assert_eq!(verifier.verify(&token).await, Err(TokenError::NotYetValid));
}

#[tokio::test]
async fn the_token_cache_is_bounded() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("secret");
    must(generate_dev_key(&path));
    let issuer = must(Issuer::from_secret_file(&path, issuer_config(None, &manual)));
    let mut config = verifier_config(KeySource::SecretFile { path, key_id: None }, &manual);
    config.remembered_tokens = 64;
    let verifier = must(crate::Verifier::new(config));
    for ttl in 1..=1000 {
        let token = must(issuer.issue(user(), organization(), std::time::Duration::from_secs(ttl))).token;
        assert!(verifier.verify(&token).await.is_ok());
        assert!(verifier.remembered() <= 64);
    }
}

#[test]
fn all_refusals_but_expiry_read_the_same() {
    let alike = TokenError::Signature.public_message();
    for error in [
        TokenError::TooLong(9000),
        TokenError::Malformed("x"),
        TokenError::Header("crit"),
        TokenError::Algorithm,
        TokenError::UnknownKey,
        TokenError::Claim("sub".into()),
        TokenError::Issuer { found: "a".into(), expected: "b".into() },
        TokenError::Audience { found: "a".into(), expected: "b".into() },
        TokenError::Unmapped { claim: "sub".into(), found: "a".into() },
        TokenError::NotYetValid,
        TokenError::KeysUnavailable,
    ] {
        assert_eq!(error.public_message(), alike);
        assert!(!error.is_expired());
    }
    assert_ne!(TokenError::Expired.public_message(), alike);
}
