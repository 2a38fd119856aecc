//! A storm of retries: very many clients send one and the same mutation again and again, to two processes.
//!
//! The number of clients is 100, or that of the variable `TENANTRY_STORM_CLIENTS`; `just storm` takes 500.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::json;
use tenantry_tests::TestApp;

/// How often each client sends it.
const TIMES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn one_invoice_comes_of_a_storm_of_retries() {
    let clients: usize = std::env::var("TENANTRY_STORM_CLIENTS").map_or(100, |text| text.parse().unwrap());
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("C").await["id"].clone();
    let other = app.another_server().await;
    let sessions = [owner.clone(), owner.at(&other)];
    let body = json!({
        "query": "mutation($i: CreateInvoiceInput!) { createInvoice(input: $i) { invoice { id number createdAt } userErrors { code } } }",
        "variables": { "i": { "clientId": client, "currency": "USD",
                              "lineItems": [{ "description": "An hour", "quantity": "1", "rate": "100" }] } },
    });
    let started = Instant::now();
    let sent = (0..clients).map(|n| {
        let (session, body) = (sessions[n % 2].clone(), body.clone());
        tokio::spawn(async move {
            let (mut answers, mut waited) = (BTreeSet::new(), 0);
            let mut left = TIMES;
            while left > 0 {
                let answer = session.send(session.post().header("idempotency-key", "storm").json(&body)).await;
                match answer.status {
                    StatusCode::OK => {
                        answers.insert(answer.text);
                        left -= 1;
                    }
                    // Told to come again, by a key in use or a full pool.
                    StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => {
                        waited += 1;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    other => panic!("{other}: {}", answer.text),
                }
            }
            (answers, waited)
        })
    });
    let (mut answers, mut waited) = (BTreeSet::new(), 0);
    for sent in sent.collect::<Vec<_>>() {
        let (found, times) = sent.await.unwrap();
        answers.extend(found);
        waited += times;
    }
    let took = started.elapsed();
    println!("{} requests in {took:.1?}, {waited} of them told to come again", clients * TIMES + waited);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(answers.first().unwrap().contains("\"userErrors\":[]"), "{answers:?}");
    assert_eq!(app.number("SELECT count(*) FROM app.invoices").await, 1);
}
