//! Tokens as identity providers issue them: other names of claims, other ids, no `nbf`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::*;
use crate::claim_name::ClaimNames;
use crate::error::{SetupError, TokenError};
use crate::verifier::{VerifiedToken, Verifier, VerifierConfig};

/// A verifier with settings of its own, and the key that signs for it.
struct Provider {
    manual: ManualClock,
    signer: Signer,
    folder: tempfile::TempDir,
    names: ClaimNames,
    id_map: Option<Value>,
}

impl Provider {
    fn new() -> Self {
        let manual = ManualClock::new();
        let signer = Signer::new("k", &manual);
        Self { signer, manual, folder: must(tempfile::tempdir()), names: ClaimNames::default(), id_map: None }
    }

    fn with_names(user: &str, organization: &str, audience: &str) -> Self {
        let read = |text: &str| must(text.parse());
        let names = ClaimNames { user: read(user), organization: read(organization), audience: read(audience) };
        Self { names, ..Self::new() }
    }

    fn map_path(&self) -> PathBuf {
        self.folder.path().join("ids.json")
    }

    fn write_map(&self, map: &Value) {
        must(std::fs::write(self.map_path(), map.to_string()));
    }

    fn open(&self) -> Result<Verifier, SetupError> {
        let keys = self.folder.path().join("keys.json");
        must(std::fs::write(&keys, json!({ "keys": [self.signer.jwk] }).to_string()));
        if let Some(map) = &self.id_map {
            self.write_map(map);
        }
        Verifier::new(VerifierConfig {
            claims: self.names.clone(),
            id_map: self.id_map.is_some().then(|| self.map_path()),
            ..verifier_config(crate::KeySource::JwksFile(keys), &self.manual)
        })
    }

    /// A token with these claims, in addition to the issuer and the time at which it expires.
    fn token(&self, claims: &Value) -> String {
        let mut all = json!({ "iss": ISSUER, "exp": self.manual.clock().now().timestamp() + 3600 });
        for (name, value) in claims.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        must(self.signer.issuer.sign(&json!({ "alg": "EdDSA", "kid": "k" }).to_string(), &all.to_string()))
    }

    async fn verify(&self, verifier: &Verifier, claims: &Value) -> Result<VerifiedToken, TokenError> {
        verifier.verify(&self.token(claims)).await
    }
}

#[track_caller]
fn is_ours(outcome: &Result<VerifiedToken, TokenError>) {
    let token = outcome.as_ref().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((token.user_id, token.organization_id), (user(), organization()));
}

#[tokio::test]
async fn a_token_without_nbf_and_iat_is_accepted() {
    let provider = Provider::new();
    let claims = json!({ "sub": user(), "org": organization(), "aud": AUDIENCE });
    let outcome = provider.verify(&must(provider.open()), &claims).await;
    is_ours(&outcome);
    let token = must(outcome);
    assert_eq!((token.not_before, token.issued_at), (None, None));
}

#[tokio::test]
async fn claims_may_have_the_names_that_providers_give_them() {
    let (user, organization) = (user(), organization());
    for (names, claims) in [
        (
            ("sub", "org_id", "aud"),
            json!({ "sub": user, "org_id": organization, "aud": [AUDIENCE, "https://x/userinfo"] }),
        ),
        (("sub", "/o/id", "azp"), json!({ "sub": user, "o": { "id": organization, "rol": "admin" }, "azp": AUDIENCE })),
        (
            ("https://x/user", "custom:tenant", "client_id"),
            json!({ "sub": "4f1", "https://x/user": user, "custom:tenant": organization, "client_id": AUDIENCE }),
        ),
    ] {
        let provider = Provider::with_names(names.0, names.1, names.2);
        is_ours(&provider.verify(&must(provider.open()), &claims).await);
    }
    // Our own names mean nothing then.
    let provider = Provider::with_names("sub", "org_id", "aud");
    let verifier = must(provider.open());
    let claims = json!({ "sub": user, "org": organization, "aud": AUDIENCE });
    assert_eq!(provider.verify(&verifier, &claims).await, Err(TokenError::Claim("org_id".to_owned())));
    let claims = json!({ "sub": user, "org_id": [organization], "aud": AUDIENCE });
    assert_eq!(provider.verify(&verifier, &claims).await, Err(TokenError::Claim("org_id".to_owned())));
}

#[tokio::test]
async fn foreign_ids_are_translated_and_no_others_are_accepted() {
    let map = json!({
        "users": { "auth0|602c0dcab993d10073daf680": user() },
        "organizations": { "org_9ybsU1dN2dKfDkBi": organization().as_uuid() },
    });
    let provider = Provider { id_map: Some(map), ..Provider::with_names("sub", "org_id", "aud") };
    let verifier = must(provider.open());
    let with = |sub: &str, org: &str| json!({ "sub": sub, "org_id": org, "aud": AUDIENCE });
    let (sub, org) = ("auth0|602c0dcab993d10073daf680", "org_9ybsU1dN2dKfDkBi");
    is_ours(&provider.verify(&verifier, &with(sub, org)).await);
    // A provider that lets people choose a claim must not let them choose who they are.
    for (sub, org, claim) in [
        (user().to_string().as_str(), org, "sub"),
        (sub, organization().to_string().as_str(), "org_id"),
        ("auth0|602C0DCAB993D10073DAF680", org, "sub"),
        (sub, "", "org_id"),
    ] {
        match provider.verify(&verifier, &with(sub, org)).await {
            Err(TokenError::Unmapped { claim: found, .. }) => assert_eq!(found, claim),
            other => panic!("{sub} {org}: {other:?}"),
        }
    }

    // A kind of id that the map leaves out is not translated.
    let map = json!({ "organizations": { org: organization() } });
    let provider = Provider { id_map: Some(map), ..Provider::with_names("sub", "org_id", "aud") };
    let verifier = must(provider.open());
    is_ours(&provider.verify(&verifier, &with(&user().to_string(), org)).await);
}

#[tokio::test]
async fn a_changed_map_is_read_without_a_restart() {
    let all = json!({ "users": { "a": user(), "b": user() } });
    let provider = Provider { id_map: Some(all.clone()), ..Provider::new() };
    let verifier = must(provider.open());
    let claims = |sub: &str| json!({ "sub": sub, "org": organization(), "aud": AUDIENCE });
    let (a, b) = (provider.token(&claims("a")), provider.token(&claims("b")));
    is_ours(&verifier.verify(&a).await);
    is_ours(&verifier.verify(&b).await);

    provider.write_map(&json!({ "users": { "a": user() } }));
    provider.manual.advance(Duration::from_secs(9));
    is_ours(&verifier.verify(&b).await);
    // Tokens that were verified before are verified again after a minute at the latest.
    provider.manual.advance(Duration::from_secs(61));
    assert!(matches!(verifier.verify(&b).await, Err(TokenError::Unmapped { .. })));
    is_ours(&verifier.verify(&a).await);

    // A map that is being written, or is gone, changes nothing.
    for content in ["{\"users\":", "{\"users\":{\"a\":\"nobody\"}}", "{\"people\":{}}"] {
        must(std::fs::write(provider.map_path(), content));
        provider.manual.advance(Duration::from_secs(70));
        is_ours(&verifier.verify(&a).await);
    }
    must(std::fs::remove_file(provider.map_path()));
    provider.manual.advance(Duration::from_secs(70));
    is_ours(&verifier.verify(&a).await);
    provider.write_map(&all);
    provider.manual.advance(Duration::from_secs(70));
    is_ours(&verifier.verify(&b).await);
}

#[test]
fn a_map_with_a_repeated_name_is_refused() {
    let provider = Provider { id_map: Some(json!({})), ..Provider::new() };
    must(provider.open());
    let repeated = format!("{{\"users\": {{ \"a\": \"{}\", \"a\": \"{}\" }} }}", user(), user());
    must(std::fs::write(provider.map_path(), repeated));
    let keys = crate::KeySource::JwksFile(provider.folder.path().join("keys.json"));
    let config = VerifierConfig { id_map: Some(provider.map_path()), ..verifier_config(keys, &provider.manual) };
    assert!(matches!(Verifier::new(config), Err(SetupError::IdMap(_))));
}

#[test]
fn a_map_that_cannot_be_right_is_refused_at_the_start() {
    for map in [
        json!([]),
        json!({ "user": {} }),
        json!({ "users": { "a": "admin" } }),
        json!({ "users": { "a": organization() } }),
        json!({ "users": { "a": "00000000-0000-0000-0000-000000000000" } }),
        json!({ "organizations": { "a": user() } }),
    ] {
        let provider = Provider { id_map: Some(map.clone()), ..Provider::new() };
        let error = provider.open().err().unwrap_or_else(|| panic!("{map}"));
        assert!(matches!(error, SetupError::IdMap(_) | SetupError::MappedId(_)), "{map}: {error}");
    }
}

#[tokio::test]
async fn the_log_says_what_does_not_fit() {
    let provider = Provider::with_names("sub", "org_id", "aud");
    let verifier = must(provider.open());
    let good = json!({ "sub": user(), "org_id": organization(), "aud": AUDIENCE });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let long = "x".repeat(1000);
    for (claims, expected) in [
        (with("org_id", Value::Null), "the claim `org_id` is missing or not acceptable".to_owned()),
        (with("sub", json!("auth0|1")), "the claim `sub` is missing or not acceptable".to_owned()),
        (
            with("iss", json!(format!("{ISSUER}/"))),
            format!("the issuer is \"{ISSUER}/\", expected is \"{ISSUER}\"; they differ only in the slash at the end"),
        ),
        (with("iss", json!("a\nb")), format!("the issuer is \"a\\nb\", expected is \"{ISSUER}\"")),
        (with("aud", json!(["x", "y"])), format!("the audience is \"x, y\", expected is \"{AUDIENCE}\"")),
        (with("aud", json!(long)), format!("the audience is \"{}\"…, expected is \"{AUDIENCE}\"", &long[..200])),
    ] {
        let error = provider.verify(&verifier, &claims).await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.may_be_settings());
        assert_eq!(error.public_message(), TokenError::Signature.public_message());
    }
}
