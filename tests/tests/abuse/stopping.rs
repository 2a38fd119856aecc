//! SIGTERM under load: the program finishes running requests, accepts no new ones, and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection, PgConnection};
use tenantry_tests::TestApp;
use tokio::net::TcpStream;

use crate::custom_server::{Sender, alone, client};
use crate::load::{Caller, Load};
use crate::program::Program;

const WRITE: &str = "mutation($id: ID!, $notes: String) { updateClient(input: { id: $id, notes: $notes }) {
    client { id notes } userErrors { code } } }";

#[tokio::test(flavor = "multi_thread")]
async fn running_requests_finish_new_ones_are_refused_and_the_program_ends() {
    let _alone = alone().await;
    let app = TestApp::start().await;
    let mut program = Program::serve(&app, &[("TENANTRY_REQUESTS_PER_SECOND", "0")]).await;
    let (http, url) = (client(), program.url());
    let (mut callers, mut slow) = (Vec::new(), Vec::new());
    for slug in ["alpha", "beta", "gamma"] {
        let org = app.organization(slug).create().await;
        let created = app.as_owner(&org).create_client(&format!("{slug} slow")).await;
        let sender = Sender::new(&http, &url, app.token(org.owner.user_id, org.id));
        // A client with its own connections, on which nothing else is sent.
        slow.push((Sender::new(&client(), &url, app.token(org.owner.user_id, org.id)), created["id"].clone()));
        callers.push(Caller { slug: slug.to_owned(), sender });
    }
    let load = Load::start(&callers);
    tokio::time::sleep(Duration::from_millis(500)).await;

    // Writes that keep running while another transaction holds the lock they need.
    let held = Arc::new(AtomicBool::new(true));
    let mut lock = PgConnection::connect(&app.urls().superuser_url()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM app.clients WHERE name LIKE '% slow' FOR UPDATE")
        .execute(&mut lock)
        .await
        .unwrap();
    let under_way: Vec<_> = slow
        .into_iter()
        .map(|(sender, id)| {
            let held = Arc::clone(&held);
            tokio::spawn(async move {
                let answer = sender.ask(WRITE, json!({ "id": id, "notes": "written while stopping" })).await;
                assert!(!held.load(Ordering::Relaxed), "it did not wait for the lock");
                answer.expect("a request under way is answered")
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;

    let asked = Instant::now();
    program.terminate();
    // New requests are refused while the running ones still wait.
    let refused = async {
        while TcpStream::connect(program.address()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        asked.elapsed()
    };
    let refused = tokio::time::timeout(Duration::from_secs(2), refused).await.expect("new connections are refused");
    tokio::time::sleep(Duration::from_millis(700)).await;
    held.store(false, Ordering::Relaxed);
    lock.close().await.unwrap();
    for task in under_way {
        let answer = task.await.unwrap();
        assert_eq!(answer.text_at("updateClient.client.notes"), "written while stopping");
    }
    let status = tokio::time::timeout(Duration::from_secs(10), program.wait()).await.expect("it ends");
    let took = asked.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(10), "it took {took:?}");

    let outcome = load.stop().await;
    // Requests after the end get no connection; no request gets any other error.
    assert_eq!(outcome.failed.keys().collect::<Vec<_>>(), ["broken"], "{:?}", outcome.failed);
    assert_eq!(app.number("SELECT count(*) FROM app.clients WHERE notes = 'written while stopping'").await, 3);
    let written = app.texts("SELECT name FROM app.clients").await;
    let lost: Vec<_> = outcome.acknowledged.iter().filter(|name| !written.contains(name)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    println!(
        "{} answers, {} writes acknowledged; refused {refused:?} and ended {took:?} after the signal",
        outcome.good,
        outcome.acknowledged.len()
    );
}
