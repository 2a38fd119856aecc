//! The first read of a request: in one round trip, based on the cached membership, and correct for the current one.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::DateTime;
use serde_json::json;
use tenantry_domain::{Clock, Identity};
use tenantry_store::{ReadScope, Store, StoreError, StoreSettings, WriteScope, client};
use tenantry_tests::{Session, TestApp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIST: &str = "{ clients { nodes { id name notes } totalCount } }";

/// The number of round trips of a document, once everything is prepared. An idle transaction may be ended by a round
/// trip of its own, so this is the minimum of several attempts.
async fn round_trips(app: &TestApp, session: &Session, document: &str) -> usize {
    let mut least = usize::MAX;
    for _ in 0..8 {
        let before = app.round_trips();
        session.query(document, json!({})).await.expect_data();
        least = least.min(app.round_trips() - before);
        // Ending the idle transaction does not count for the next request.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    least
}

#[tokio::test]
async fn a_level_is_a_round_trip_and_opening_the_scope_is_none() {
    let app = TestApp::builder().counting_round_trips().max_connections(1).start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    for (document, expected) in [
        ("{ clients { nodes { id } } }", 1),
        ("{ clients { nodes { id } totalCount } projects { nodes { id } } tasks { nodes { id } } }", 1),
        ("{ viewer { role } }", 1),
        ("{ viewer { role } clients { nodes { id } } organization { name } }", 1),
        ("{ clients { nodes { id projects { nodes { id } } invoices { nodes { id } } } } }", 2),
        ("{ clients { nodes { id projects { nodes { id tasks { nodes { id } } } } invoices { nodes { id } } } } }", 3),
    ] {
        assert_eq!(round_trips(&app, &owner, document).await, expected, "{document}");
    }
}

/// A proxy to the database at this port that changes the session's read-only setting to its opposite, like a pooler
/// that drops such settings.
async fn forgetful_proxy(port: u16) -> u16 {
    const WISH: &[u8] = b"default_transaction_read_only\0on\0";
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let database = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_database, mut to_database)) =
                (client.into_split(), database.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_database, &mut to_client).await });
            tokio::spawn(async move {
                let mut piece = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = from_client.read(&mut piece).await {
                    if let Some(at) = piece[..length].windows(WISH.len()).position(|part| part == WISH) {
                        piece[at + WISH.len() - 3..at + WISH.len() - 1].copy_from_slice(b"no");
                    }
                    to_database.write_all(&piece[..length]).await.unwrap();
                }
            });
        }
    });
    own
}

#[tokio::test]
async fn a_session_that_did_not_take_its_settings_is_not_used() {
    let database = TestApp::database().await;
    let port = database.connection().port();
    let url = database.app_url().replace(&format!(":{port}/"), &format!(":{}/", forgetful_proxy(port).await));
    let begun = Instant::now();
    let refused = Store::connect(&StoreSettings::new(url), Clock::system()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Database(_)), "{refused:?}");
    assert!(format!("{refused:?}").contains("settings did not reach"), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(4), "it is not asked again");
    Store::connect(&StoreSettings::new(database.app_url()), Clock::system()).await.unwrap();
}

#[tokio::test]
async fn a_cached_role_decides_nothing() {
    // A request whose cached role is wrong opens its scope anew. It must not wait for a second connection while it holds one.
    let app = TestApp::builder().max_connections(1).start().await;
    let full = app.full_organization("acme").await;
    let person = app.as_member(&full.org, "ada").await;
    let everything = "{ viewer { role } clients { nodes { id name } totalCount } invoices { totalCount }
        projects { nodes { id tasks { totalCount } } totalCount } members { totalCount } }";
    let become_a = async |role: &str| {
        app.sql(&format!(
            "UPDATE app.organization_members m SET role = '{role}' FROM auth.users u
             WHERE u.id = m.user_id AND u.email LIKE 'ada@%' AND m.organization_id = '{}'",
            full.org.uuid(),
        ))
        .await;
    };
    let mut answers = Vec::new();
    for role in ["member", "guest", "admin", "guest", "viewer", "member", "guest"] {
        // The server caches the previous role and its permissions.
        become_a(role).await;
        let answer = person.query(everything, json!({})).await;
        // A server with an empty cache.
        let other = app.another_server().await;
        let fresh = person.at(&other).query(everything, json!({})).await;
        assert_eq!(answer.text, fresh.text, "{role}");
        assert!(answer.text.contains(&role.to_uppercase()), "{}", answer.text);
        answers.push(answer.text);
    }
    assert_eq!(answers[1], answers[3]);
    assert_ne!(answers[1], answers[2], "the role makes a difference here");
}

#[tokio::test]
async fn removed_and_banned_users_are_refused_at_once_whatever_they_request() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let person = app.as_member(&full.org, "ada").await;
    let documents =
        [LIST, "{ viewer { role } }", "{ organization { name } }", "{ nodes(ids: []) { id } clients { totalCount } }"];
    // Refused for another reason, which only members are told.
    let refused = ["{ clients(after: \"x\") { nodes { id } } }", "{ clients(after: \"x\") { totalCount } }"];
    for (refuse, forgive) in [
        (
            "DELETE FROM app.organization_members m USING auth.users u WHERE u.id = m.user_id AND u.email LIKE 'ada@%'",
            None,
        ),
        (
            "UPDATE auth.users SET banned_at = now() WHERE email LIKE 'ada@%'",
            Some("UPDATE auth.users SET banned_at = NULL WHERE email LIKE 'ada@%'"),
        ),
    ]
    .into_iter()
    .rev()
    {
        for document in documents {
            person.query(document, json!({})).await.expect_data();
        }
        for document in refused {
            assert_eq!(person.query(document, json!({})).await.error_code(), "BAD_USER_INPUT", "{document}");
        }
        app.sql(refuse).await;
        // Each time a different request finds out first.
        for document in refused.into_iter().chain(documents) {
            let answer = person.query(document, json!({})).await;
            assert_eq!(answer.error_code(), "FORBIDDEN", "{document}: {}", answer.text);
            assert!(!answer.text.contains("nodes\":[{"), "{}", answer.text);
        }
        if let Some(forgive) = forgive {
            app.sql(forgive).await;
        }
    }
}

#[tokio::test]
async fn a_day_that_ends_between_two_requests_is_noticed() {
    let noon = DateTime::parse_from_rfc3339("2026-03-10T12:00:00Z").unwrap().timestamp();
    let now = Arc::new(AtomicI64::new(noon));
    let clock = Arc::clone(&now);
    let clock = Clock::from_fn(move || DateTime::from_timestamp(clock.load(Ordering::SeqCst), 0).unwrap());
    let app = TestApp::builder().clock(clock).start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    app.sql(
        "UPDATE app.invoices SET status = 'sent', number = id::text, sent_at = now(), issue_date = '2026-03-01', due_date = '2026-03-10'",
    )
    .await;
    let document = "{ invoices(filter: { status: [OVERDUE] }) { totalCount } }";
    assert_eq!(owner.data(document).await["invoices"]["totalCount"], 0);
    now.fetch_add(24 * 60 * 60, Ordering::SeqCst);
    let owner = app.as_owner(&full.org);
    assert_ne!(owner.data(document).await["invoices"]["totalCount"], 0);
}

#[tokio::test]
async fn a_read_scope_is_one_snapshot_and_a_write_scope_sees_what_is_committed() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let store = app.server().store();
    let identity = Identity { user_id: org.owner.user_id, organization_id: org.id };
    let add = async || {
        let insert = "INSERT INTO app.clients (organization_id, id, name, status) VALUES ('{}', gen_random_uuid(), 'One', 'active')";
        app.sql(&insert.replace("{}", &org.uuid().to_string())).await;
    };
    // Twice: once by opening the scope, and once from the cache.
    for round in 0..2 {
        let (opened, prepared) =
            (ReadScope::open(store, identity).await.unwrap(), ReadScope::prepare(store, identity, |_| ()));
        let prepared = prepared.await.unwrap();
        let write = WriteScope::open(store, identity).await.unwrap();
        let count = async |scope: &ReadScope| client::count_active(scope, 100).await.unwrap();
        let before = (count(&opened).await, count(&prepared).await);
        add().await;
        assert_eq!((count(&opened).await, count(&prepared).await), before, "round {round}");
        assert_eq!(client::count_active(&write, 100).await.unwrap(), before.0 + 1, "round {round}");
    }
}
