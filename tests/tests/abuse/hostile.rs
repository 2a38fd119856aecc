//! Documents that try to waste the server's resources, over HTTP: each is refused at once, and other clients are not
//! affected.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenantry_executor::guard::hostile::{Hostile, documents};
use tenantry_executor::guard::{GuardErrorKind, GuardLimits};
use tenantry_tests::{Answer, TestApp};
use tokio::task::JoinSet;

use crate::custom_server::{Sender, alone, client, code};
use crate::program::Program;

/// How long a refusal may take, from the first byte of the request to the last of the answer.
const BOUND: Duration = Duration::from_millis(if cfg!(debug_assertions) { 250 } else { 50 });

/// How often the whole list is sent to the program.
const ROUNDS: usize = if cfg!(debug_assertions) { 10 } else { 40 };

/// How much more memory the program may hold afterwards, in KiB. The allocator's reserves vary by this much; a tenth of
/// what was sent would be more.
const GROWTH: u64 = 32 * 1024;

/// How long another client is measured, each time.
const WATCH: Duration = Duration::from_secs(4);

const NEIGHBOUR: &str = "{ clients(first: 20) { nodes { id name status } } }";

fn body(document: &Hostile) -> Vec<u8> {
    json!({ "query": document.query, "variables": document.variables }).to_string().into_bytes()
}

/// What is wrong with the answer to a hostile document.
fn fault(document: &Hostile, answer: &Answer) -> Option<String> {
    let expected = match document.refusal {
        GuardErrorKind::Syntax => "BAD_USER_INPUT",
        GuardErrorKind::IntrospectionOff => "FORBIDDEN",
        _ => "QUERY_TOO_COSTLY",
    };
    let refused = match answer.status.as_u16() {
        // Too large to be read at all.
        413 => body(document).len() > 256 * 1024,
        400 => code(answer) == Some(expected) && answer.json.get("data").is_none(),
        _ => false,
    };
    let short = answer.text.len() <= 32 * 1024;
    let text: String = answer.text.chars().take(300).collect();
    (!refused || !short).then(|| format!("{}: {} {} bytes {text}", document.name, answer.status, answer.text.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_document_is_refused_at_once() {
    let _alone = alone().await;
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let sender = Sender::new(&client(), &app.server().url("/graphql"), app.token(org.owner.user_id, org.id));
    sender.ask(NEIGHBOUR, json!({})).await.unwrap().expect_data();
    // None of them reaches the database: its connections are closed.
    app.server().store().close().await;

    let list = documents();
    assert!(list.len() >= 40, "only {} documents", list.len());
    let (mut wrong, mut slowest, mut total) = (Vec::new(), (Duration::ZERO, ""), Duration::ZERO);
    for document in &list {
        let body = body(document);
        let mut best = Duration::MAX;
        // The best of three attempts, so that other load on the machine does not count.
        for _ in 0..3 {
            let begun = Instant::now();
            let answer = sender.say(body.clone()).await.unwrap();
            best = best.min(begun.elapsed());
            wrong.extend(fault(document, &answer));
        }
        total += best;
        slowest = slowest.max((best, document.name));
        if best > BOUND {
            wrong.push(format!("{}: took {best:?}", document.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!("{} documents in {total:?}, the slowest in {:?}: {}", list.len(), slowest.0, slowest.1);
}

/// Sends the list this often over several connections.
async fn fire(sender: &Sender, rounds: usize) -> usize {
    let mut attackers = JoinSet::new();
    for start in 0..4 {
        let sender = sender.clone();
        attackers.spawn(async move {
            let list = documents();
            for index in 0..list.len() * rounds / 4 {
                let document = &list[(start + index * 4) % list.len()];
                let answer = sender.say(body(document)).await.unwrap();
                assert_eq!(fault(document, &answer), None);
            }
            list.len() * rounds / 4
        });
    }
    attackers.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_returns_to_its_previous_level() {
    let _alone = alone().await;
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let program = Program::serve(&app, &[("TENANTRY_REQUESTS_PER_SECOND", "0")]).await;
    let sender = Sender::new(&client(), &program.url(), app.token(org.owner.user_id, org.id));
    // One round first, so that things that are allocated once exist: buffers, threads, the allocator's own pages.
    fire(&sender, 1).await;
    for _ in 0..50 {
        sender.ask(NEIGHBOUR, json!({})).await.unwrap().expect_data();
    }
    let Some(before) = program.resident() else {
        println!("skipped: this system does not tell how much memory a process holds");
        return;
    };
    let fired = fire(&sender, ROUNDS).await;
    // The allocator returns pages to the system with a delay.
    let mut after = u64::MAX;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        sender.ask(NEIGHBOUR, json!({})).await.unwrap().expect_data();
        after = after.min(program.resident().unwrap());
        if after <= before + GROWTH {
            break;
        }
    }
    println!("{fired} hostile requests: {before} KiB before, {after} KiB after");
    assert!(after <= before + GROWTH, "{before} KiB before, {after} KiB after {fired} hostile requests");
}

/// The 99th percentile of three other clients' latencies, possibly while someone sends hostile documents.
async fn neighbours_wait(senders: Vec<Sender>) -> Duration {
    let mut neighbours = JoinSet::new();
    for sender in senders {
        neighbours.spawn(async move {
            let (begun, mut waits) = (Instant::now(), Vec::new());
            while begun.elapsed() < WATCH {
                let asked = Instant::now();
                sender.ask(NEIGHBOUR, json!({})).await.unwrap().expect_data();
                waits.push(asked.elapsed());
                tokio::time::sleep(Duration::from_millis(12)).await;
            }
            waits
        });
    }
    let mut waits = neighbours.join_all().await.concat();
    waits.sort_unstable();
    waits[waits.len() * 99 / 100]
}

#[tokio::test(flavor = "multi_thread")]
async fn other_clients_are_not_slowed_down_by_hostile_documents() {
    let _alone = alone().await;
    let app = TestApp::start().await;
    let org = app.organization("enemy").create().await;
    // With the product's own settings, including the rate limit.
    let program = Program::serve(&app, &[]).await;
    let http = client();
    let mut senders = Vec::new();
    for slug in ["alpha", "beta", "gamma"] {
        let org = app.organization(slug).create().await;
        senders.push(Sender::new(&http, &program.url(), app.token(org.owner.user_id, org.id)));
    }
    let enemy = Sender::new(&http, &program.url(), app.token(org.owner.user_id, org.id));
    let list = documents().iter().map(body).collect::<Vec<_>>();
    neighbours_wait(senders.clone()).await;

    let (mut seen, fired) = (Vec::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..3 {
        let quiet = neighbours_wait(senders.clone()).await;
        let (enemy, list, count) = (enemy.clone(), list.clone(), Arc::clone(&fired));
        let attack = tokio::spawn(async move {
            for body in list.into_iter().cycle() {
                // A client that is told to slow down and does not.
                count.fetch_add(1, Ordering::Relaxed);
                enemy.say(body).await.unwrap();
            }
        });
        let attacked = neighbours_wait(senders.clone()).await;
        assert!(!attack.is_finished(), "the attack broke off: {:?}", attack.await);
        attack.abort();
        seen.push((quiet, attacked));
        let bound = if cfg!(debug_assertions) { quiet * 4 + Duration::from_millis(100) } else { quiet * 2 };
        // A lower bound, because twice a fraction of a millisecond does not matter to anyone.
        if attacked <= bound.max(Duration::from_millis(5)) {
            let fired = fired.load(Ordering::Relaxed);
            println!("{fired} hostile requests; the neighbours' p99 (quiet, attacked): {seen:?}");
            assert!(fired > 100, "hardly anything was fired");
            return;
        }
    }
    panic!("the neighbours wait (quiet, attacked): {seen:?}");
}

/// Misspelled names of every kind for which suggestions exist.
const MISSPELLED: [&str; 4] = [
    "{ clinets { totalCount } }",
    "{ clients(frist: 1) { totalCount } }",
    "{ clients { nodes { nmae } } }",
    "query($f: ClientFlter) { clients(filter: $f) { totalCount } }",
];

#[tokio::test]
async fn without_introspection_nothing_is_revealed_or_suggested() {
    let open = TestApp::start().await;
    let org = open.organization("acme").create().await;
    let owner = open.as_owner(&org);
    owner.data("{ __schema { queryType { name } } }").await;
    let suggests = |text: &str| text.to_lowercase().contains("did you mean");
    let mut suggested = 0;
    for document in MISSPELLED {
        suggested += usize::from(suggests(&owner.query(document, json!({})).await.text));
    }
    assert!(suggested > 0, "where introspection is on, there are suggestions");

    let guard = GuardLimits { introspection: false, ..GuardLimits::default() };
    let closed = TestApp::builder().guard(guard).start().await;
    let org = closed.organization("acme").create().await;
    let owner = closed.as_owner(&org);
    owner.data("{ __typename organization { __typename name } }").await;
    for document in [
        "{ __schema { queryType { name } } }",
        "{ __type(name: \"Client\") { name } }",
        "{ a: __schema { types { name } } organization { name } }",
        "query($yes: Boolean = true) { ... on Query @include(if: $yes) { __schema { types { name } } } }",
        "{ ...F } fragment F on Query { __type(name: \"Client\") { fields { name } } }",
    ] {
        let answer = owner.query(document, json!({})).await;
        assert_eq!(answer.error_code(), "FORBIDDEN", "{document}: {}", answer.text);
        assert!(answer.json["data"].is_null(), "{document}: {}", answer.text);
    }
    for document in MISSPELLED {
        let answer = owner.query(document, json!({})).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{document}: {}", answer.text);
        assert!(!suggests(&answer.text), "{document}: {}", answer.text);
        for name in ["clients", "first", "ClientFilter"] {
            assert!(document.contains(name) || !answer.text.contains(name), "{document}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn the_cost_is_reported_and_the_limits_are_settings() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let cost =
        |answer: &Answer| answer.json["extensions"]["cost"].as_u64().unwrap_or_else(|| panic!("{}", answer.text));
    let small = owner.query(NEIGHBOUR, json!({})).await;
    let large = owner.query(&NEIGHBOUR.replace("20", "100"), json!({})).await;
    assert!(cost(&small) >= 20 * 3 && cost(&large) >= 100 * 3, "{} {}", small.text, large.text);
    let by_variable =
        owner.query("query($n: Int) { clients(first: $n) { nodes { id name status } } }", json!({ "n": 100 }));
    assert_eq!(cost(&by_variable.await), cost(&large));
    assert_eq!(cost(&owner.query("{ __typename }", json!({})).await), 1);

    let limit = cost(&small);
    let guard = GuardLimits { max_cost: limit, ..GuardLimits::default() };
    let strict = TestApp::builder().guard(guard).start().await;
    let org = strict.organization("acme").create().await;
    let owner = strict.as_owner(&org);
    owner.query(NEIGHBOUR, json!({})).await.expect_data();
    let refused = owner.query(&NEIGHBOUR.replace("20", "21"), json!({})).await;
    assert_eq!(refused.error_code(), "QUERY_TOO_COSTLY", "{}", refused.text);
    let extensions = &refused.error()["extensions"];
    assert_eq!(extensions["limit"], Value::from(limit), "{}", refused.text);
    assert!(extensions["actual"].as_u64().unwrap() > limit, "{}", refused.text);
}
