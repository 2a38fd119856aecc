//! The RFCs on tokens and key sets, section by section: valid input is accepted, invalid input is refused.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

use super::support::*;
use crate::issuer::Issuer;
use crate::jwks::{self, Origin};
use crate::source::KeySource;
use crate::testing::Ed25519Pem;
use crate::verifier::Verifier;

/// A verifier with one Ed25519 key without an id, and an issuer that signs with it.
struct Setup {
    verifier: Verifier,
    issuer: Issuer,
    public: String,
    now: i64,
}

impl Setup {
    fn new() -> Self {
        let (manual, folder) = (ManualClock::new(), must(tempfile::tempdir()));
        let path = folder.path().join("public.pem");
        let pair = must(Ed25519Pem::generate());
        must(std::fs::write(&path, &pair.public));
        let issuer = must(Issuer::from_ed25519_pem(pair.private.as_bytes(), issuer_config(None, &manual)));
        let verifier = verifier(KeySource::PublicKeyFile { path, key_id: None }, &manual);
        Self { verifier, issuer, public: pair.public, now: manual.clock().now().timestamp() }
    }

    /// The minimum content of a token.
    fn claims(&self) -> Value {
        json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": user(), "org": organization(), "exp": self.now + 60 })
    }

    async fn code(&self, header: &str, claims: &str) -> &'static str {
        self.code_of(&must(self.issuer.sign(header, claims))).await
    }

    async fn code_of(&self, token: &str) -> &'static str {
        self.verifier.verify(token).await.map_or_else(|error| error.code(), |_| "believed")
    }
}

fn changed(object: &Value, name: &str, value: Value) -> String {
    let mut object = object.clone();
    object[name] = value;
    object.to_string()
}

#[tokio::test]
async fn headers_follow_the_rfcs() {
    let setup = Setup::new();
    let plain = json!({ "alg": "EdDSA" });
    let claims = setup.claims().to_string();
    for (rule, name, value, expected) in [
        ("RFC 7519 section 5.1: usual", "typ", json!("JWT"), "believed"),
        ("RFC 7519 section 5.1: media type names are not case-sensitive", "typ", json!("jwt"), "believed"),
        ("RFC 7515 section 4.1.9: `application/` may be left out", "typ", json!("application/jwt"), "believed"),
        ("RFC 7515 section 4.1.9", "typ", json!("APPLICATION/JWT"), "believed"),
        ("RFC 9068 section 4", "typ", json!("at+jwt"), "believed"),
        ("RFC 9068 section 4", "typ", json!("AT+JWT"), "believed"),
        ("RFC 9068 section 4", "typ", json!("application/at+jwt"), "believed"),
        ("RFC 8725 section 3.11: not an access token", "typ", json!("logout+jwt"), "header"),
        ("RFC 7515 section 4.1.9: another tree", "typ", json!("text/jwt"), "header"),
        ("RFC 7515 section 4.1.9: a string", "typ", json!(["JWT"]), "header"),
        ("RFC 9864 section 2.2: the name that fully specifies it", "alg", json!("Ed25519"), "believed"),
        ("RFC 7515 section 4.1.1: case-sensitive", "alg", json!("eddsa"), "algorithm"),
        ("RFC 7515 section 4.1.1: case-sensitive", "alg", json!("ed25519"), "algorithm"),
        ("RFC 8037 section 3.1: another curve", "alg", json!("Ed448"), "algorithm"),
        ("RFC 8725 section 3.2", "alg", json!("none"), "algorithm"),
        ("RFC 7515 section 4: what is not understood is ignored", "x-note", json!({ "a": [1] }), "believed"),
        ("RFC 7515 section 4.1.7", "x5t", json!("a hint"), "believed"),
        ("RFC 7515 section 4.1.11: no extension is understood", "crit", json!(["exp"]), "header"),
        ("RFC 7515 section 4.1.11: not empty", "crit", json!([]), "header"),
        ("RFC 8725 section 3.10", "jku", json!("https://id.example/keys"), "header"),
        ("RFC 7516: an encrypted token", "enc", json!("A128GCM"), "header"),
        ("RFC 7515 section 4.1.4: of no key here", "kid", json!("another"), "unknown_key"),
        ("RFC 7515 section 4.1.4: a string", "kid", json!(1), "header"),
    ] {
        assert_eq!(
            setup.code(&changed(&plain, name, value.clone()), &claims).await,
            expected,
            "{rule}: {name} = {value}"
        );
    }
    assert_eq!(setup.code(r#"{"alg":"EdDSA","alg":"EdDSA"}"#, &claims).await, "malformed", "RFC 7515 section 4: once");
    assert_eq!(setup.code(" { \"alg\" : \"EdDSA\" } \n", &claims).await, "believed", "RFC 8259 section 2");
}

#[tokio::test]
async fn claims_follow_the_rfcs() {
    let setup = Setup::new();
    let (header, least, now) = (r#"{"alg":"EdDSA"}"#, setup.claims(), setup.now);
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact")]
    let at = now as f64;
    assert_eq!(setup.code(header, &least.to_string()).await, "believed", "RFC 7519 sections 4.1.5 and 4.1.6: optional");
    for (rule, name, value, expected) in [
        ("RFC 7519 section 2: a fraction", "exp", json!(at + 0.5), "believed"),
        ("RFC 7519 section 2: a number", "exp", json!(at + 60.0), "believed"),
        ("RFC 7519 section 4.1.4: on or after", "exp", json!(at - 10.0), "expired"),
        ("RFC 7519 section 4.1.4: within the leeway", "exp", json!(at - 9.5), "believed"),
        ("RFC 7519 section 2: a number", "exp", json!((now + 60).to_string()), "claim"),
        ("RFC 7519 section 2: a fraction", "nbf", json!(at - 0.5), "believed"),
        ("RFC 7519 section 2: a fraction", "nbf", json!(1.5), "believed"),
        ("RFC 7519 section 4.1.5: within the leeway", "nbf", json!(at + 10.0), "believed"),
        ("RFC 7519 section 4.1.5: not before", "nbf", json!(at + 10.5), "not_yet_valid"),
        ("RFC 7519 section 4.1.5: not before", "nbf", json!(now + 11), "not_yet_valid"),
        ("RFC 7519 section 4.1.5: a number", "nbf", json!(null), "claim"),
        ("RFC 7519 section 4.1.6", "iat", json!(at + 0.25), "believed"),
        ("RFC 7519 section 4.1.3: several", "aud", json!(["another", AUDIENCE]), "believed"),
        ("RFC 7519 section 4.1.3: one in an array", "aud", json!([AUDIENCE]), "believed"),
        ("RFC 7519 section 4.1.3: case-sensitive", "aud", json!(AUDIENCE.to_uppercase()), "audience"),
        ("RFC 7519 section 4.1.3: strings", "aud", json!([AUDIENCE, 1]), "claim"),
        ("RFC 7519 section 4.1.1: case-sensitive", "iss", json!(ISSUER.to_uppercase()), "issuer"),
        ("RFC 8725 section 3.8", "iss", json!("https://id.example"), "issuer"),
        ("RFC 7519 section 4: what is not understood is ignored", "scope", json!("openid a:b"), "believed"),
        ("RFC 7519 section 4: what is not understood is ignored", "cnf", json!({ "jkt": "x" }), "believed"),
        ("RFC 9068 section 2.2: client_id and jti", "client_id", json!("s6BhdRkqt3"), "believed"),
    ] {
        assert_eq!(
            setup.code(header, &changed(&least, name, value.clone())).await,
            expected,
            "{rule}: {name} = {value}"
        );
    }
    let text = least.to_string();
    let rest = &text[1..];
    for (rule, claims, expected) in [
        ("RFC 7519 section 4: once", format!("{{\"jti\":\"a\",\"jti\":\"b\",{rest}"), "malformed"),
        ("RFC 7519 section 2: an exponent", text.replace(&(now + 60).to_string(), "1.90000006e9"), "believed"),
        ("RFC 7519 section 2: an exponent", text.replace(&(now + 60).to_string(), "19000000600e-1"), "believed"),
        ("RFC 7519 section 7.2: an object", format!("[{text}]"), "malformed"),
    ] {
        assert_eq!(setup.code(header, &claims).await, expected, "{rule}: {claims}");
    }
    // RFC 9068 section 2.2: the full content of an OAuth access token.
    let mut full = setup.claims();
    for (name, value) in [
        ("jti", json!("dbe39bf3a3ba4238a513f51d6e1691c4")),
        ("client_id", json!("s6BhdRkqt3")),
        ("iat", json!(now)),
        ("auth_time", json!(now - 100)),
        ("acr", json!("urn:mace:incommon:iap:silver")),
        ("amr", json!(["pwd", "otp"])),
        ("scope", json!("openid profile")),
    ] {
        full[name] = value;
    }
    assert_eq!(setup.code(r#"{"typ":"at+jwt","alg":"EdDSA"}"#, &full.to_string()).await, "believed");
}

#[tokio::test]
async fn signatures_and_encodings_follow_the_rfcs() {
    let setup = Setup::new();
    let claims = setup.claims().to_string();
    let header = r#"{"alg":"EdDSA"}"#;
    let token = must(setup.issuer.sign(header, &claims));
    let (message, signature) = token.rsplit_once('.').unwrap_or_default();
    assert_eq!(setup.code_of(&token).await, "believed");
    assert_eq!(setup.code_of(&format!("{token}==")).await, "signature", "RFC 7515 section 2: no padding");
    let (header_part, payload_part) = message.split_once('.').unwrap_or_default();
    for padded in
        [format!("{header_part}=.{payload_part}.{signature}"), format!("{header_part}.{payload_part}=.{signature}")]
    {
        assert_ne!(setup.code_of(&padded).await, "believed", "RFC 7515 section 2: no padding");
    }
    assert_ne!(
        setup.code_of(&format!("{header_part}\n.{payload_part}.{signature}")).await,
        "believed",
        "no white space"
    );
    // A header whose base64 contains characters that differ between the two alphabets.
    let odd = r#"{"alg":"EdDSA","x":"???>>>~~~"}"#;
    assert_ne!(URL_SAFE.encode(odd), STANDARD.encode(odd));
    assert_eq!(setup.code(odd, &claims).await, "believed");
    let other_alphabet = must(setup.issuer.sign(odd, &claims))
        .replace(&URL_SAFE_NO_PAD.encode(odd), STANDARD.encode(odd).trim_end_matches('='));
    assert_eq!(setup.code_of(&other_alphabet).await, "malformed", "RFC 7515 section 2: base64url");

    // RFC 8725 sections 2.1 and 3.1: the public key is not an HMAC secret, whatever the header says.
    let body: String = setup.public.lines().filter(|line| !line.starts_with("-----")).collect();
    for secret in
        [setup.public.as_bytes(), setup.public.trim().as_bytes(), body.as_bytes(), &must(STANDARD.decode(&body))]
    {
        for algorithm in ["HS256", "EdDSA", "Ed25519"] {
            let forger =
                Issuer::with_key(EncodingKey::from_secret(secret), Algorithm::HS256, setup.issuer.config().clone());
            let token = must(forger.sign(&json!({ "alg": algorithm }).to_string(), &claims));
            let expected = if algorithm == "HS256" { "algorithm" } else { "signature" };
            assert_eq!(setup.code_of(&token).await, expected, "{algorithm}");
        }
    }
}

#[test]
fn keys_follow_the_rfcs() {
    let pair = must(Ed25519Pem::generate());
    let good = pair.jwk("good");
    let with = |name: &str, value: Value| {
        let mut key = pair.jwk("other");
        key[name] = value;
        key
    };
    let without = |name: &str| {
        let mut key = pair.jwk("other");
        if let Some(members) = key.as_object_mut() {
            members.remove(name);
        }
        key
    };
    let modulus = |bytes: usize, first: u8| {
        let mut modulus = vec![0xff; bytes];
        modulus[0] = first;
        URL_SAFE_NO_PAD.encode(modulus)
    };
    let rsa = |n: String| json!({ "kty": "RSA", "kid": "rsa", "n": n, "e": "AQAB" });
    // The point from RFC 7517 appendix A.1.
    let (x, y) = ("MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM");
    let p256 = |x: &str, y: &str| json!({ "kty": "EC", "crv": "P-256", "kid": "ec", "x": x, "y": y });
    let padded_x = format!("{x}=");
    for (rule, key, is_taken) in [
        ("RFC 7517 section 4.5: optional", without("kid"), true),
        ("RFC 7517 section 4.2: optional", without("use"), true),
        ("RFC 7517 section 4.4: optional", without("alg"), true),
        ("RFC 7517 section 4: what is not understood is ignored", with("x-note", json!([1])), true),
        ("RFC 7517 section 4.7", with("x5c", json!(["MIIB"])), true),
        ("RFC 7517 section 4.3", with("key_ops", json!(["verify"])), true),
        ("RFC 7517 section 4.3: for something else", with("key_ops", json!(["encrypt"])), false),
        ("RFC 7517 section 4.2: for something else", with("use", json!("enc")), false),
        ("RFC 7517 section 4.1: case-sensitive", with("kty", json!("okp")), false),
        ("RFC 7517 section 4.5: a string", with("kid", json!(7)), false),
        ("RFC 8037 section 2: a member is missing", without("x"), false),
        ("RFC 8037 section 2: private", with("d", json!("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")), false),
        ("RFC 7518 section 6.2", p256(x, y), true),
        ("RFC 7518 section 6.2.1.2: no padding", p256(&padded_x, y), false),
        ("RFC 7518 section 6.2.1.2: the full length", p256(&x[..42], y), false),
        ("RFC 8725 section 3.4: on the curve", p256(x, x), false),
        ("RFC 7518 section 6.3.1: a member is missing", json!({ "kty": "RSA", "kid": "rsa", "e": "AQAB" }), false),
        ("RFC 7518 section 3.3: 2048 bits", rsa(modulus(256, 0xff)), true),
        ("RFC 7518 section 3.3: 2048 bits", rsa(modulus(128, 0xff)), false),
        ("RFC 7518 section 3.3: 2048 bits", rsa(modulus(256, 0x7f)), false),
        ("RFC 7518 section 6.3.1.1: no octet too many", rsa(modulus(257, 0)), false),
        (
            "RFC 8725 section 3.1: a published secret",
            json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode([7; 32]) }),
            false,
        ),
    ] {
        let document = json!({ "keys": [good, key], "x-note": "RFC 7517 section 5: ignored" }).to_string();
        let taken = must(jwks::parse(document.as_bytes(), Origin::Fetched)).len();
        assert_eq!(taken, 1 + usize::from(is_taken), "{rule}: {key}");
    }
    // RFC 7517 section 4: with a duplicate member, the last one counts. This is one of the two ways that the RFC
    // allows.
    let twice = good.to_string().replacen('{', "{\"use\":\"enc\",", 1);
    assert_eq!(must(jwks::parse(format!("{{\"keys\":[{twice}]}}").as_bytes(), Origin::Fetched)).len(), 1);
}
