//! Tokens: which are accepted and which are not; refused ones cost the database nothing.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use serde_json::json;
use tenantry_domain::{Clock, OrganizationId, Role, UserId};
use tenantry_tests::{Answer, TestApp};
use tenantry_token::testing::{Ed25519Pem, forgeries};
use tenantry_token::{Issuer, IssuerConfig};

const DOCUMENT: &str = "{ organization { id } clients { totalCount } }";

#[track_caller]
fn unauthenticated(answer: &Answer, what: &str) {
    assert_eq!((answer.status.as_u16(), answer.error_code()), (401, "UNAUTHENTICATED"), "{what}: {}", answer.text);
    let challenge = answer.headers[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
    assert!(answer.json.get("data").is_none(), "{what}: {}", answer.text);
}

#[tokio::test]
async fn every_forgery_is_refused_and_none_reaches_the_database() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    owner.data(DOCUMENT).await;
    let mark = app.mark().await;
    let list = forgeries(app.issuer(), org.owner.user_id, org.id, Some(&app.keys().public)).unwrap();
    let list: Vec<_> = list.into_iter().filter(tenantry_token::testing::Forgery::fits_a_header).collect();
    for forgery in &list {
        let answer = app.with_token(Some(&forgery.token)).query(DOCUMENT, json!({})).await;
        unauthenticated(&answer, &forgery.name);
    }
    // The database gets only the last request.
    owner.data(DOCUMENT).await;
    let statements = app.statements_since(mark).await;
    let begun = statements.iter().filter(|statement| statement.starts_with("BEGIN")).count();
    assert_eq!(begun, 1, "{} forgeries: {statements:#?}", list.len());
    let names = list.iter().map(|forgery| forgery.name.as_str()).collect::<Vec<_>>().join("\n");
    for kind in ["claim exp", "claim nbf", "claim aud", "claim iss", "claim org = None", "alg \"none\""] {
        assert!(names.contains(kind), "no forgery of {kind} in {names}");
    }
}

#[tokio::test]
async fn no_token_and_malformed_headers_are_refused() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let token = app.token(org.owner.user_id, org.id);
    unauthenticated(&app.with_token(None).query(DOCUMENT, json!({})).await, "no token");
    let nobody = app.with_token(None);
    for header in ["", "Bearer", "Bearer ", &token, &format!("Basic {token}"), &format!("Bearer {token} {token}")] {
        let request = nobody.post().header(AUTHORIZATION, header).json(&json!({ "query": DOCUMENT }));
        unauthenticated(&nobody.send(request).await, header);
    }
    let twice = nobody.post().header(AUTHORIZATION, format!("Bearer {token}"));
    let twice = twice.header(AUTHORIZATION, format!("Bearer {token}")).json(&json!({ "query": DOCUMENT }));
    unauthenticated(&nobody.send(twice).await, "two headers");
    // In the URL a token would end up in logs.
    let request =
        app.http().get(app.server().url("/graphql")).query(&[("access_token", token.as_str()), ("query", DOCUMENT)]);
    unauthenticated(&nobody.send(request).await, "a token in the address");
}

#[tokio::test]
async fn a_token_is_valid_from_its_first_second_to_its_last() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let at = |seconds: i64, ttl: u64| {
        let now = Clock::system().now() + chrono::TimeDelta::seconds(seconds);
        let config = IssuerConfig { clock: Clock::fixed(now), ..app.issuer().config().clone() };
        let issuer = Issuer::from_ed25519_pem(app.keys().private.as_bytes(), config).unwrap();
        issuer.issue(org.owner.user_id, org.id, Duration::from_secs(ttl)).unwrap().token
    };
    for (what, token, good) in [
        ("expired an hour ago", at(-7200, 3600), false),
        ("expired beyond the leeway", at(-60, 20), false),
        ("about to expire", at(-3600, 3660), true),
        ("valid in an hour", at(3600, 3600), false),
        ("valid beyond the leeway", at(45, 3600), false),
    ] {
        let answer = app.with_token(Some(&token)).query(DOCUMENT, json!({})).await;
        if good {
            answer.expect_data();
        } else {
            unauthenticated(&answer, what);
        }
    }
}

#[tokio::test]
async fn a_token_signed_with_another_key_is_refused() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let other = Ed25519Pem::generate().unwrap();
    let issuer = Issuer::from_ed25519_pem(other.private.as_bytes(), app.issuer().config().clone()).unwrap();
    let token = issuer.issue(org.owner.user_id, org.id, Duration::from_mins(1)).unwrap().token;
    unauthenticated(&app.with_token(Some(&token)).query(DOCUMENT, json!({})).await, "another key");
}

#[tokio::test]
async fn without_a_database_a_bad_token_is_refused_and_a_good_one_gets_a_503() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    app.server().store().close().await;
    unauthenticated(&app.with_token(Some("a.b.c")).query(DOCUMENT, json!({})).await, "a bad token");
    unauthenticated(&app.with_token(None).query(DOCUMENT, json!({})).await, "no token");
    let answer = owner.query(DOCUMENT, json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.error_code()), (503, "UNAVAILABLE"), "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn former_members_and_non_members_are_forbidden_at_once() {
    let app = TestApp::start().await;
    let (org, other) = (app.organization("acme").create().await, app.organization("other").create().await);
    let ada = app.person(&org, "ada", Role::Admin).await;
    let session = app.sign_in(&org, &ada);
    session.data(DOCUMENT).await;

    app.sql(&format!("DELETE FROM app.organization_members WHERE user_id = '{}'", ada.user_id.as_uuid())).await;
    let nobody = UserId::from_uuid(uuid::Uuid::from_u128(7));
    let nowhere = OrganizationId::from_uuid(uuid::Uuid::from_u128(7));
    for (what, token) in [
        ("has left", app.token(ada.user_id, org.id)),
        ("of another organization", app.token(other.owner.user_id, org.id)),
        ("unknown", app.token(nobody, org.id)),
        ("an organization that is none", app.token(org.owner.user_id, nowhere)),
    ] {
        for document in
            [DOCUMENT, "mutation { createClient(input: { name: \"A\" }) { client { id } userErrors { code } } }"]
        {
            let answer = app.with_token(Some(&token)).query(document, json!({})).await;
            assert_eq!((answer.status.as_u16(), answer.error_code()), (403, "FORBIDDEN"), "{what}: {}", answer.text);
        }
    }
    let again = session.query(DOCUMENT, json!({})).await;
    assert_eq!(again.error_code(), "FORBIDDEN", "the same session, the next moment");
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 0);
}

#[tokio::test]
async fn a_ban_and_a_change_of_role_apply_from_the_next_request() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.person(&org, "ada", Role::Admin).await;
    let session = app.sign_in(&org, &ada);
    let id = ada.user_id.as_uuid();
    session.create_client("Zoë").await;
    app.sql(&format!("UPDATE auth.users SET banned_at = now() WHERE id = '{id}'")).await;
    assert_eq!(session.query(DOCUMENT, json!({})).await.error_code(), "FORBIDDEN");
    app.sql(&format!("UPDATE auth.users SET ban_expires_at = now() - interval '1 minute' WHERE id = '{id}'")).await;
    session.data(DOCUMENT).await;
    app.sql(&format!("UPDATE app.organization_members SET role = 'viewer' WHERE user_id = '{id}'")).await;
    assert_eq!(session.write("createClient", json!({ "name": "A" })).await.error_code(), "FORBIDDEN");
    assert_eq!(session.data("{ viewer { role } }").await["viewer"]["role"], "VIEWER");
}
