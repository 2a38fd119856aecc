//! Only members' calls count. A token may outlive a membership.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::join_all;
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde_json::json;
use tenantry_tests::{Answer, Session, TestApp};

use crate::metering::{allow, told, written};

const LIST: &str = "{ clients { nodes { id } } }";

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// One of every kind of request that a token holder can send.
async fn everything(session: &Session) -> Vec<Answer> {
    let write = "mutation { createClient(input: { name: \"No\" }) { client { id } } }";
    let none = json!({});
    vec![
        session.query(LIST, none.clone()).await,
        session.query(write, none.clone()).await,
        session.query("{ __typename }", none.clone()).await,
        session.query("{ organizations { slug } }", none.clone()).await,
        session.query("{ nonsense }", none).await,
        session.send(session.get().query(&[("query", LIST)])).await,
        session.send(session.post().header(CONTENT_TYPE, "application/json").body("{")).await,
    ]
}

#[tokio::test]
async fn removed_and_banned_users_use_up_nothing_and_are_told_nothing() {
    let app = TestApp::builder().metering(Duration::from_hours(1)).start().await;
    let org = app.organization("acme").plan("free").create().await;
    allow(&app, &org, 20).await;
    let (owner, ada) = (app.as_owner(&org), app.as_member(&org, "ada").await);
    let bob = app.as_member(&org, "bob").await;
    let stranger = app.sign_in(&org, &app.organization("other").create().await.owner);
    // The server knows them as members when it ends.
    for session in [&ada, &bob] {
        assert!(told(&session.query(LIST, json!({})).await).1.is_some());
    }
    app.sql(
        "DELETE FROM app.organization_members WHERE user_id = (SELECT id FROM auth.users WHERE email = 'ada@acme.test');
         UPDATE auth.users SET banned_at = now() WHERE email = 'bob@acme.test';",
    )
    .await;
    for session in [&ada, &bob, &stranger] {
        // The server may know them as members until they have been refused once.
        assert_eq!(session.query(LIST, json!({})).await.status, StatusCode::FORBIDDEN);
        for _ in 0..10 {
            for answer in everything(session).await {
                assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS);
                assert_eq!(told(&answer), (None, None, None), "{}", answer.text);
            }
        }
    }
    assert_eq!(told(&owner.query(LIST, json!({})).await).1, Some(17));
    assert_eq!(app.server().flush_calls().await, 3);
    assert_eq!(written(&app, &org).await, 3);
}

#[tokio::test]
async fn a_flood_by_non_members_uses_up_neither_the_quota_nor_the_rate_limit() {
    let app = TestApp::builder()
        .metering(Duration::from_hours(1))
        .throttle(number(1), number(30))
        .acquire_timeout(Duration::from_mins(1))
        .start()
        .await;
    let org = app.organization("acme").plan("free").create().await;
    allow(&app, &org, 12).await;
    let owner = app.as_owner(&org);
    owner.query(LIST, json!({})).await.expect_data();
    let outsiders = [("a", "a"), ("b", "b"), ("c", "c")].map(|(slug, _)| slug);
    let mut sessions = Vec::new();
    for slug in outsiders {
        sessions.push(app.sign_in(&org, &app.organization(slug).create().await.owner));
    }
    // More at once than the organization has calls, or its burst.
    let flood = join_all((0..180).map(|n| sessions[n % 3].query(LIST, json!({}))));
    let members = async {
        let mut answers = Vec::new();
        for _ in 0..11 {
            answers.push(owner.query(LIST, json!({})).await);
        }
        answers
    };
    let (flood, members) = tokio::join!(flood, members);
    for answer in &members {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    }
    // Each of them is slowed down by a limit of their own.
    let slowed = flood.iter().filter(|answer| answer.status == StatusCode::TOO_MANY_REQUESTS).count();
    assert!(slowed >= 180 - 3 * 30 - 10, "{slowed}");
    assert!(flood.iter().all(|answer| answer.status != StatusCode::OK));
    app.server().flush_calls().await;
    assert_eq!(written(&app, &org).await, 12);
}

#[tokio::test]
async fn a_member_who_disconnects_is_counted_and_a_former_member_counts_once() {
    let app = TestApp::builder().metering(Duration::from_hours(1)).start().await;
    let org = app.organization("acme").create().await;
    let (owner, ada) = (app.as_owner(&org), app.as_member(&org, "ada").await);
    for session in [&owner, &ada] {
        session.query(LIST, json!({})).await.expect_data();
    }
    assert_eq!(app.server().flush_calls().await, 2);
    app.sql("DELETE FROM app.organization_members WHERE user_id = (SELECT id FROM auth.users WHERE email = 'ada@acme.test')")
        .await;
    // A lock blocks reading clients, so no request is answered before its client gives up.
    let mut lock = app.admin().begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE app.clients IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let hang_up = async |session: &Session| {
        let patience = Duration::from_millis(300);
        assert!(tokio::time::timeout(patience, session.query(LIST, json!({}))).await.is_err());
        // The server notices that they disconnected.
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    // Cached, then read, then cached again.
    for _ in 0..3 {
        hang_up(&owner).await;
    }
    hang_up(&ada).await;
    for _ in 0..3 {
        assert_eq!(ada.query(LIST, json!({})).await.status, StatusCode::FORBIDDEN);
    }
    lock.rollback().await.unwrap();
    assert_eq!(app.server().flush_calls().await, 3 + 1);
}
