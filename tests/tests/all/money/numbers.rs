//! The numbers of invoices: contiguous, unique, each organization for itself, and by the organization's own calendar.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::DateTime;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_tests::{Org, Session, TestApp};

async fn drafts(session: &Session, count: usize) -> Vec<Value> {
    let client = session.create_client("Zoë").await;
    let client = client["id"].as_str().unwrap();
    let mut made = Vec::new();
    for _ in 0..count {
        made.push(session.create_invoice(client).await["id"].clone());
    }
    made
}

/// Issues a draft; its number, or `None` when that failed.
async fn issue(session: &Session, draft: &Value) -> Option<String> {
    let answer = session.mutate("issueInvoice", json!({ "id": draft }), "invoice { number }").await;
    answer.json["data"]["issueInvoice"]["invoice"]["number"].as_str().map(str::to_owned)
}

/// The numbers that are stored, in order.
async fn numbers(app: &TestApp, org: &Org) -> Vec<String> {
    let query = "SELECT number FROM app.invoices WHERE number IS NOT NULL AND organization_id =";
    app.texts(&format!("{query} '{}' ORDER BY number", org.uuid())).await
}

#[tokio::test]
async fn two_hundred_issues_at_once_give_contiguous_numbers_though_connections_are_killed() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let second = app.another_server().await;
    let other = owner.at(&second);
    let drafts = drafts(&owner, 200).await;
    let kill = async {
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            app.texts(
                "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'tenantry_app' AND state <> 'idle' LIMIT 2",
            )
            .await;
        }
    };
    let all = drafts.iter().enumerate().map(|(n, draft)| issue([&owner, &other][n % 2], draft));
    let (told, ()) = tokio::join!(join_all(all), kill);
    let stored = numbers(&app, &org).await;
    let expected: Vec<String> = (1..=stored.len()).map(|n| format!("{}{n:04}", &stored[0][..9])).collect();
    assert_eq!(stored, expected, "contiguous from 1, none twice");
    let told: BTreeSet<String> = told.into_iter().flatten().collect();
    assert!(told.iter().all(|number| stored.contains(number)), "what was told is stored");
    // What was cut off is issued later, and goes on without a gap.
    for draft in &drafts {
        issue(&owner, draft).await;
    }
    let stored = numbers(&app, &org).await;
    assert_eq!((stored.len(), stored.last().map(|last| last[9..].to_owned())), (200, Some("0200".to_owned())));
}

#[tokio::test]
async fn organizations_do_not_wait_for_each_other() {
    let app = TestApp::start().await;
    let (acme, rival) = (app.organization("acme").create().await, app.organization("rival").create().await);
    let (owner, other) = (app.as_owner(&acme), app.as_owner(&rival));
    let (ours, theirs) = (drafts(&owner, 2).await, drafts(&other, 1).await);
    issue(&owner, &ours[0]).await.expect("issued");
    let mut holding = app.admin().begin().await.unwrap();
    let lock = format!("SELECT 1 FROM app.number_counters WHERE organization_id = '{}' FOR UPDATE", acme.uuid());
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *holding).await.unwrap();
    let started = Instant::now();
    assert!(issue(&other, &theirs[0]).await.is_some());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let waiting = tokio::time::timeout(Duration::from_millis(300), issue(&owner, &ours[1])).await;
    assert!(waiting.is_err(), "the lock was not the one that numbers wait for");
    holding.rollback().await.unwrap();
}

#[tokio::test]
async fn numbers_begin_anew_with_the_year_of_the_organizations_own_calendar() {
    // Half an hour before the new year of UTC.
    let time = Arc::new(AtomicI64::new("2029-12-31T23:30:00Z".parse::<DateTime<chrono::Utc>>().unwrap().timestamp()));
    let now = Arc::clone(&time);
    let clock = Clock::from_fn(move || DateTime::from_timestamp(now.load(Ordering::SeqCst), 0).unwrap());
    let app = TestApp::builder().clock(clock).start().await;
    let orgs = [("berlin", "Europe/Berlin"), ("new-york", "America/New_York")];
    let mut found = Vec::new();
    for (slug, zone) in orgs {
        let org = app.organization(slug).plan("enterprise").time_zone(zone).create().await;
        let drafts = drafts(&app.as_owner(&org), 4).await;
        found.push((org, drafts));
    }
    let mut numbers = Vec::new();
    for n in 0..4 {
        for (org, drafts) in &found {
            // Tokens expire sooner than the time moves on.
            numbers.push(issue(&app.as_owner(org), &drafts[n]).await.unwrap());
        }
        if n == 1 {
            // Six hours later it is the new year in New York as well.
            time.fetch_add(6 * 60 * 60, Ordering::SeqCst);
        }
    }
    let expected = [
        "INV-2030-0001",
        "INV-2029-0001",
        "INV-2030-0002",
        "INV-2029-0002",
        "INV-2030-0003",
        "INV-2030-0001",
        "INV-2030-0004",
        "INV-2030-0002",
    ];
    assert_eq!(numbers, expected);
}

#[tokio::test]
async fn patterns_change_and_a_number_is_never_given_twice() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let drafts = drafts(&owner, 6).await;
    let set = async |pattern: &str, reset: &str| {
        let input = json!({ "invoiceNumbers": { "pattern": pattern, "reset": reset } });
        owner.mutate("updateSettings", input, "settings { paymentDays }").await.expect_done();
    };
    let next =
        async |next: i32| owner.mutate("setNextNumber", json!({ "kind": "INVOICE", "next": next }), "number").await;
    set("R-{seq}", "NEVER").await;
    assert_eq!(next(41).await.expect_done(), "R-41");
    assert_eq!(issue(&owner, &drafts[0]).await.as_deref(), Some("R-41"));
    next(41).await.expect_refused(&[("OUT_OF_RANGE", "next")]);
    next(0).await.expect_refused(&[("OUT_OF_RANGE", "next")]);
    assert_eq!(next(50).await.expect_done(), "R-50");
    assert_eq!(issue(&owner, &drafts[1]).await.as_deref(), Some("R-50"));
    // Another pattern goes on in the same row; with another reset numbers are counted anew.
    set("X{seq:03}", "NEVER").await;
    assert_eq!(issue(&owner, &drafts[2]).await.as_deref(), Some("X051"));
    // A pattern that leads to a number that is there is refused, and nothing is lost.
    app.sql("UPDATE app.invoices SET number = 'X052' WHERE number = 'R-41'").await;
    let refused = owner.mutate("issueInvoice", json!({ "id": drafts[3] }), "invoice { number }").await;
    refused.expect_refused(&[("TAKEN", "id")]);
    next(53).await.expect_done();
    assert_eq!(issue(&owner, &drafts[3]).await.as_deref(), Some("X053"));
}
