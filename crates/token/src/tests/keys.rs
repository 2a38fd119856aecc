//! Which keys and settings are accepted or refused when they are loaded.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::support::*;
use crate::error::SetupError;
use crate::issuer::{Issuer, generate_dev_key};
use crate::jwks::{self, Origin};
use crate::key::{Key, KeySet};
use crate::source::KeySource;
use crate::testing::Ed25519Pem;
use crate::verifier::Verifier;

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn set(keys: &[Value], origin: Origin) -> Result<usize, SetupError> {
    jwks::parse(json!({ "keys": keys }).to_string().as_bytes(), origin).map(|keys| keys.len())
}

/// An odd number with this many bits; from outside, an RSA modulus looks no different.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; bits.div_ceil(8)];
    if !bits.is_multiple_of(8) {
        bytes[0] = (1 << (bits % 8)) - 1;
    }
    bytes
}

#[test]
fn weak_keys_are_refused() {
    assert!(matches!(Key::secret(None, &[7; 31]), Err(SetupError::WeakKey(_))));
    assert!(Key::secret(None, &[7; 32]).is_ok());
    assert!(matches!(Key::rsa(None, &modulus(1024), &[1, 0, 1]), Err(SetupError::WeakKey(_))));
    assert!(matches!(Key::rsa(None, &modulus(2047), &[1, 0, 1]), Err(SetupError::WeakKey(_))));
    assert!(Key::rsa(None, &modulus(2048), &[1, 0, 1]).is_ok());
    assert!(matches!(Key::rsa(None, &modulus(8200), &[1, 0, 1]), Err(SetupError::UnsupportedKey(_))));
    for exponent in [&[][..], &[0], &[1], &[2], &[0, 1, 0, 1], &[1, 0, 0, 0, 1]] {
        assert!(Key::rsa(None, &modulus(2048), exponent).is_err(), "{exponent:?}");
    }
    assert!(Key::ed25519(None, &[1; 31]).is_err());
    assert!(Key::p256(None, &[4; 65]).is_err(), "a point off the curve");
    assert!(Key::p256(None, &[[2].as_slice(), &[1; 32]].concat()).is_err(), "a compressed point");
}

#[test]
fn a_public_key_is_not_accepted_as_a_secret() {
    let pair = must(Ed25519Pem::generate());
    assert!(Key::secret(None, pair.public.as_bytes()).is_err());
    assert!(Key::secret(None, pair.private.as_bytes()).is_err());
    assert!(Key::secret(None, json!({ "keys": [pair.jwk("a")] }).to_string().as_bytes()).is_err());
}

#[test]
fn a_pem_file_must_contain_exactly_one_public_key() {
    let pair = must(Ed25519Pem::generate());
    assert!(Key::pem(None, pair.public.as_bytes()).is_ok());
    assert!(Key::pem(None, pair.public.replace('\n', "\r\n").as_bytes()).is_ok());
    assert!(matches!(Key::pem(None, pair.private.as_bytes()), Err(SetupError::PrivateKey)));
    let both = format!("{}{}", pair.public, pair.private);
    assert!(matches!(Key::pem(None, both.as_bytes()), Err(SetupError::PrivateKey)));
    for text in [
        String::new(),
        "secret".into(),
        pair.public.repeat(2),
        pair.public.replace("PUBLIC KEY", "CERTIFICATE"),
        pair.public.replace("PUBLIC KEY", "RSA PUBLIC KEY"),
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode([0x30; 40])),
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----".into(),
        "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----".into(),
    ] {
        assert!(Key::pem(None, text.as_bytes()).is_err(), "{text}");
    }
    assert!(Key::pem(None, &[0xff, 0xfe]).is_err());
}

#[test]
fn unusable_keys_of_a_set_are_skipped() {
    let pair = must(Ed25519Pem::generate());
    let good = pair.jwk("good");
    let with = |name: &str, value: Value| {
        let mut key = pair.jwk("other");
        key[name] = value;
        key
    };
    let secret = json!({ "kty": "oct", "kid": "s", "k": encode(&[7; 32]) });
    let weak = json!({ "kty": "RSA", "kid": "w", "n": encode(&modulus(1024)), "e": "AQAB" });
    for other in [
        with("use", json!("enc")),
        with("alg", json!("ES256")),
        with("alg", json!("eddsa")),
        with("alg", json!("none")),
        with("crv", json!("Ed448")),
        with("crv", json!("X25519")),
        with("kty", json!("EC")),
        with("kty", json!("xyz")),
        with("key_ops", json!(["encrypt"])),
        with("key_ops", json!([])),
        with("use", json!("SIG")),
        with("d", json!("AAAA")),
        with("d", json!(1)),
        with("x", json!("AAAA")),
        with("x", json!(1)),
        with("x", json!(format!("{}=", pair.x))),
        with("kid", json!(7)),
        json!({ "kty": "EC", "crv": "P-384", "x": "AA", "y": "AA" }),
        json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" }),
        json!({ "kty": "RSA", "n": "AQAB" }),
        json!(null),
        json!([]),
        secret.clone(),
        weak.clone(),
    ] {
        assert_eq!(must(set(&[good.clone(), other.clone()], Origin::Fetched)), 1, "{other}");
        let secret_in_a_file = usize::from(other["kty"] == "oct");
        assert_eq!(must(set(&[other.clone(), good.clone()], Origin::File)), 1 + secret_in_a_file, "{other}");
    }
    assert_eq!(must(set(&[good.clone(), with("alg", json!("Ed25519"))], Origin::Fetched)), 2, "RFC 9864 section 2.2");
    assert_eq!(must(set(&[good.clone(), with("x5t", json!([7]))], Origin::Fetched)), 2, "RFC 7517 section 4: ignored");
    assert_eq!(must(set(&[good.clone(), with("alg", json!("EdDSA"))], Origin::Fetched)), 2);
    assert_eq!(must(set(&[good.clone(), with("key_ops", json!(["verify"]))], Origin::Fetched)), 2);

    // A file may contain a secret.
    assert_eq!(must(set(&[good.clone(), secret], Origin::File)), 2);
    // A set with only faulty keys is an error. An empty set is valid only if the issuer sent it.
    for origin in [Origin::File, Origin::Fetched] {
        assert!(matches!(set(&[weak.clone(), with("use", json!("enc"))], origin), Err(SetupError::NoUsableKey)));
    }
    assert!(matches!(set(&[], Origin::File), Err(SetupError::NoUsableKey)));
    assert_eq!(must(set(&[], Origin::Fetched)), 0);

    // A duplicate counts once; two keys with the same name are both kept.
    assert_eq!(must(set(&[good.clone(), good.clone()], Origin::Fetched)), 1);
    assert_eq!(must(set(&[good.clone(), must(Ed25519Pem::generate()).jwk("good")], Origin::File)), 2);
    assert!(set(&vec![good.clone(); 101], Origin::Fetched).is_err());
    let marked = format!("\u{feff}{}\r\n", json!({ "keys": [good] }));
    assert_eq!(must(jwks::parse(marked.as_bytes(), Origin::File)).len(), 1, "after a byte order mark");
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>", r#"{"keys":[]}x"#] {
        assert!(matches!(jwks::parse(text.as_bytes(), Origin::Fetched), Err(SetupError::Document(_))), "{text}");
    }
}

#[test]
fn a_header_selects_keys_by_algorithm_and_key_id() {
    let (first, second) = (must(Ed25519Pem::generate()), must(Ed25519Pem::generate()));
    let parse = |keys: &[Value]| must(jwks::parse(json!({ "keys": keys }).to_string().as_bytes(), Origin::File));
    let selected = |set: &KeySet, key_id: Option<&str>, algorithm: &str| {
        set.select(key_id, algorithm).map(|found| found.algorithms()).map_err(|error| error.code())
    };
    let secret = |key_id: &str| json!({ "kty": "oct", "kid": key_id, "k": encode(&[7; 32]) });
    let one = parse(&[first.jwk("a")]);
    assert_eq!(selected(&one, None, "EdDSA"), Ok(vec!["EdDSA"]));
    assert_eq!(selected(&one, None, "HS256"), Err("algorithm"));
    assert_eq!(selected(&one, Some("a"), "HS256"), Err("algorithm"));
    assert_eq!(selected(&one, Some("A"), "EdDSA"), Err("unknown_key"), "RFC 7515 section 4.1.4: case-sensitive");
    // The key id is optional (RFC 7515 section 4.1.4). Without it, only the algorithm selects the keys.
    let two = parse(&[first.jwk("a"), second.jwk("b"), secret("c")]);
    assert_eq!(selected(&two, None, "EdDSA"), Ok(vec!["EdDSA", "EdDSA"]));
    assert_eq!(selected(&two, None, "HS256"), Ok(vec!["HS256"]));
    assert_eq!(selected(&two, Some("b"), "EdDSA"), Ok(vec!["EdDSA"]));
    // The algorithm distinguishes two keys with the same id.
    let both = parse(&[first.jwk("a"), secret("a")]);
    assert_eq!(selected(&both, Some("a"), "HS256"), Ok(vec!["HS256"]));
    assert_eq!(selected(&both, Some("a"), "EdDSA"), Ok(vec!["EdDSA"]));
    assert_eq!(selected(&both, Some("a"), "RS256"), Err("algorithm"));
}

#[test]
fn key_files_may_start_with_a_byte_order_mark_and_end_with_a_newline() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let pair = must(Ed25519Pem::generate());
    let path = folder.path().join("file");
    let secret = encode(&[7; 32]);
    for text in [format!("\u{feff}{secret}\r\n"), format!("{secret}\n"), format!(" {secret} \r\n\r\n")] {
        must(std::fs::write(&path, &text));
        let issuer = must(Issuer::from_secret_file(&path, issuer_config(None, &manual)));
        let plain = must(Issuer::from_secret(secret.as_bytes(), issuer_config(None, &manual)));
        assert_eq!(must(issuer.sign("{}", "{}")), must(plain.sign("{}", "{}")), "{text:?}");
    }
    let public = pair.public.replace('\n', "\r\n");
    let set = json!({ "keys": [pair.jwk("a")] });
    for (source, text) in [
        (KeySource::PublicKeyFile { path: path.clone(), key_id: None }, format!("\u{feff}{public}\r\n")),
        (KeySource::JwksFile(path.clone()), format!("\u{feff}{set}\r\n")),
    ] {
        must(std::fs::write(&path, &text));
        assert!(Verifier::new(verifier_config(source, &manual)).is_ok(), "{text:?}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let path = folder.path().join("secret");
    must(generate_dev_key(&path));
    let config = || verifier_config(KeySource::SecretFile { path: path.clone(), key_id: None }, &manual);
    assert!(Verifier::new(config()).is_ok());
    let refused = |change: fn(&mut crate::VerifierConfig)| {
        let mut config = config();
        change(&mut config);
        matches!(Verifier::new(config), Err(SetupError::Setting(_)))
    };
    assert!(refused(|config| config.leeway = Duration::from_secs(31)));
    assert!(refused(|config| config.issuer.clear()));
    assert!(refused(|config| config.audience.clear()));
    assert!(refused(|config| config.caching.time_to_live = Duration::ZERO));
    assert!(refused(|config| config.caching.grace = Duration::from_hours(2)));
    assert!(refused(|config| config.caching.unknown_key_interval = Duration::ZERO));
    assert!(refused(|config| config.caching.fetch_timeout = Duration::MAX));
    assert!(refused(|config| config.keys = KeySource::JwksUrl(must("file:///etc/passwd".parse()))));
    let missing = KeySource::JwksFile(PathBuf::from("/nowhere/keys.json"));
    assert!(matches!(Verifier::new(verifier_config(missing, &manual)), Err(SetupError::File { .. })));
}

#[test]
fn a_development_key_is_private_random_and_never_overwritten() {
    let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    must(generate_dev_key(&first));
    must(generate_dev_key(&second));
    assert_ne!(must(std::fs::read(&first)), must(std::fs::read(&second)));
    assert!(matches!(generate_dev_key(&first), Err(SetupError::File { .. })));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(must(std::fs::metadata(&first)).permissions().mode() & 0o777, 0o600);
    }
    let issuer = must(Issuer::from_secret_file(&first, issuer_config(None, &manual)));
    assert!(issuer.issue(user(), organization(), Duration::ZERO).is_err());
    assert!(issuer.issue(user(), organization(), Duration::MAX).is_err());
    // The secret does not appear in logs.
    let secret = must(std::fs::read_to_string(&first));
    assert!(!format!("{issuer:?}").contains(secret.trim()));
    assert!(Issuer::from_secret(&[7; 31], issuer_config(None, &manual)).is_err());
    assert!(Issuer::from_ed25519_pem(b"nonsense", issuer_config(None, &manual)).is_err());
}
