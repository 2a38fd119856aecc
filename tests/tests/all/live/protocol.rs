//! `graphql-transport-ws` to the letter: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.

use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::json;
use tenantry_domain::UserId;
use tenantry_server::http::{HttpOptions, LiveLimits};
use tenantry_tests::{Heard, Socket, TestApp};

use super::{CHANGES, follow};

const PROTOCOL: &str = "graphql-transport-ws";

fn with(live: LiveLimits) -> HttpOptions {
    HttpOptions { live, ..HttpOptions::default() }
}

#[tokio::test]
async fn what_is_against_the_protocol_is_closed_with_its_code() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let token = app.token(org.owner.user_id, org.id);
    let query = json!({ "query": "{ viewer { user { email } } }" });
    for (bad, code) in [
        ("x".to_owned(), 4400),
        ("[]".to_owned(), 4400),
        (json!({ "type": "start" }).to_string(), 4400),
        (json!({ "type": "subscribe", "id": "1", "payload": "x" }).to_string(), 4400),
        (json!({ "type": "subscribe", "id": "", "payload": query }).to_string(), 4400),
        (json!({ "type": "next", "id": "1", "payload": {} }).to_string(), 4400),
        (" ".repeat(300 * 1024), 4400),
    ] {
        let mut socket = Socket::open(app.server(), PROTOCOL).await;
        socket.say_text(&bad).await;
        assert_eq!(socket.closed().await, code, "before the beginning: {}", &bad[..bad.len().min(60)]);
        let mut socket = Socket::connect(app.server(), &token).await;
        socket.say_text(&bad).await;
        assert_eq!(socket.closed().await, code, "after it: {}", &bad[..bad.len().min(60)]);
    }
    // Before anybody has said who they are.
    let mut socket = Socket::open(app.server(), PROTOCOL).await;
    socket.say(json!({ "type": "subscribe", "id": "1", "payload": query })).await;
    assert_eq!(socket.closed().await, 4401);
    // Twice.
    let mut socket = Socket::connect(app.server(), &token).await;
    socket.init(&token).await;
    assert_eq!(socket.closed().await, 4429);
    // The id of one that runs.
    let mut socket = Socket::connect(app.server(), &token).await;
    follow(&mut socket, "1", &app.as_owner(&org), CHANGES).await;
    socket.say(json!({ "type": "subscribe", "id": "1", "payload": query })).await;
    assert_eq!(socket.closed().await, 4409);
}

#[tokio::test]
async fn other_protocols_are_closed_with_4406() {
    let app = TestApp::builder().live().start().await;
    for protocols in ["", "graphql-ws", "soap, mqtt"] {
        assert_eq!(Socket::open(app.server(), protocols).await.closed().await, 4406, "{protocols}");
    }
    let mut socket = Socket::open(app.server(), "graphql-ws, graphql-transport-ws").await;
    socket.say(json!({ "type": "ping" })).await;
    socket.expect(&json!({ "type": "pong" })).await;
}

#[tokio::test]
async fn who_may_not_is_closed_with_4403() {
    let app = TestApp::builder().live().start().await;
    let (org, other) = (app.organization("acme").create().await, app.organization("other").create().await);
    let stranger = app.token(other.owner.user_id, org.id);
    let unknown = app.token(UserId::from_uuid(uuid::Uuid::from_u128(7)), org.id);
    for payload in [
        json!(null),
        json!({}),
        json!({ "Authorization": 1 }),
        json!({ "Authorization": "Basic abc" }),
        json!({ "Authorization": "Bearer a.b.c" }),
        json!({ "Authorization": format!("Bearer {stranger}") }),
        json!({ "Authorization": format!("Bearer {unknown}") }),
    ] {
        let mut socket = Socket::open(app.server(), PROTOCOL).await;
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, 4403, "{payload}");
    }
    // However it is written.
    let token = app.token(org.owner.user_id, org.id);
    for payload in [
        json!({ "authorization": format!("bearer {token}") }),
        json!({ "headers": { "AUTHORIZATION": format!("Bearer {token}") } }),
    ] {
        let mut socket = Socket::open(app.server(), PROTOCOL).await;
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        socket.expect(&json!({ "type": "connection_ack" })).await;
    }
}

#[tokio::test]
async fn who_does_not_begin_in_time_is_closed_with_4408() {
    let live = LiveLimits { init_timeout: Duration::from_millis(300), ..LiveLimits::default() };
    let app = TestApp::builder().live().http(with(live)).start().await;
    let mut socket = Socket::open(app.server(), PROTOCOL).await;
    socket.say(json!({ "type": "ping" })).await;
    socket.expect(&json!({ "type": "pong" })).await;
    assert_eq!(socket.closed().await, 4408);
}

#[tokio::test]
async fn a_token_that_expires_ends_the_connection_with_4403() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let token = app.issuer().issue(org.owner.user_id, org.id, Duration::from_secs(2)).unwrap().token;
    let mut socket = Socket::connect(app.server(), &token).await;
    follow(&mut socket, "1", &app.as_owner(&org), CHANGES).await;
    let began = tokio::time::Instant::now();
    assert_eq!(socket.hear().await, Heard::Closed(4403, "The token has expired".to_owned()));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn queries_and_mutations_run_over_it_too() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let mut socket = Socket::connect(app.server(), &app.token(org.owner.user_id, org.id)).await;
    socket
        .subscribe("q", "query($first: Int!) { clients(first: $first) { nodes { name } } }", json!({ "first": 2 }))
        .await;
    assert_eq!(socket.next("q").await, json!({ "clients": { "nodes": [] } }));
    socket.expect(&json!({ "id": "q", "type": "complete" })).await;
    // Its id is free again.
    let create = "mutation { createClient(input: { name: \"Zoë\" }) { client { name } userErrors { code } } }";
    socket.subscribe("q", create, json!({})).await;
    assert_eq!(socket.next("q").await["createClient"]["client"]["name"], "Zoë");
    socket.expect(&json!({ "id": "q", "type": "complete" })).await;
    // What is wrong ends the operation, and nothing else.
    for (query, code) in [
        ("{ nothing }", "BAD_USER_INPUT"),
        ("{", "BAD_USER_INPUT"),
        ("subscription { a: changes { cursor } b: changes { cursor } }", "BAD_USER_INPUT"),
        ("subscription { changes @skip(if: true) { cursor } }", "BAD_USER_INPUT"),
        ("subscription { changes(after: \"x\") { cursor } }", "BAD_USER_INPUT"),
        ("subscription { changes(kinds: []) { cursor } }", "BAD_USER_INPUT"),
        ("subscription { taskChanged(projectId: \"client_01h455vb4pex5vsknk084sn02q\") { cursor } }", "BAD_USER_INPUT"),
        ("subscription { taskChanged(projectId: \"project_01h455vb4pex5vsknk084sn02q\") { cursor } }", "NOT_FOUND"),
    ] {
        socket.subscribe("e", query, json!({})).await;
        assert_eq!(socket.error("e").await, code, "{query}");
    }
    socket.say(json!({ "type": "complete", "id": "unknown" })).await;
    socket.say(json!({ "type": "ping", "payload": { "n": 1 } })).await;
    socket.expect(&json!({ "type": "pong", "payload": { "n": 1 } })).await;
}

#[tokio::test]
async fn after_a_complete_nothing_is_said_of_it() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let mut socket = Socket::connect(app.server(), &app.token(org.owner.user_id, org.id)).await;
    follow(&mut socket, "1", &owner, CHANGES).await;
    follow(&mut socket, "2", &owner, CHANGES).await;
    owner.create_client("One").await;
    let heard = [socket.hear().await, socket.hear().await];
    assert!(
        heard.iter().all(|heard| matches!(heard, Heard::Message(message) if message["type"] == "next")),
        "{heard:?}"
    );
    socket.say(json!({ "type": "complete", "id": "1" })).await;
    socket.say(json!({ "type": "ping" })).await;
    socket.expect(&json!({ "type": "pong" })).await;
    owner.create_client("Two").await;
    socket.next("2").await;
    socket.expect_silence().await;
    // The id is free, for another one.
    follow(&mut socket, "1", &owner, CHANGES).await;
    owner.create_client("Three").await;
    let heard = [socket.hear().await, socket.hear().await];
    assert!(
        heard.iter().all(|heard| matches!(heard, Heard::Message(message) if message["type"] == "next")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn there_are_limits() {
    let live = LiveLimits { connections: 3, operations: 2, ..LiveLimits::default() };
    let app = TestApp::builder().live().http(with(live)).start().await;
    let org = app.organization("acme").create().await;
    let (owner, token) = (app.as_owner(&org), app.token(org.owner.user_id, org.id));
    let mut one = Socket::connect(app.server(), &token).await;
    for id in ["1", "2"] {
        follow(&mut one, id, &owner, CHANGES).await;
    }
    one.subscribe("3", "{ clients { nodes { name } } }", json!({})).await;
    assert_eq!(one.error("3").await, "RATE_LIMITED");
    let (_two, three) = (Socket::connect(app.server(), &token).await, Socket::connect(app.server(), &token).await);
    let mut four = Socket::open(app.server(), PROTOCOL).await;
    four.init(&token).await;
    assert_eq!(four.hear().await, Heard::Closed(1013, "Too many connections".to_owned()));
    drop(three);
    tokio::time::sleep(Duration::from_millis(300)).await;
    Socket::connect(app.server(), &token).await;
}

#[tokio::test]
async fn who_is_silent_is_asked_and_then_given_up() {
    let live = LiveLimits { ping_every: Duration::from_millis(200), ..LiveLimits::default() };
    let app = TestApp::builder().live().http(with(live)).start().await;
    let org = app.organization("acme").create().await;
    let token = app.token(org.owner.user_id, org.id);
    let metrics = async || app.http().get(app.server().url("/metrics")).send().await.unwrap().text().await.unwrap();
    let mut reading = Socket::connect(app.server(), &token).await;
    let _not_reading = Socket::connect(app.server(), &token).await;
    assert!(metrics().await.contains("tenantry_live_connections 2"));
    // Who reads answers the pings; that is done by every WebSocket by itself.
    assert_eq!(reading.hear_within(Duration::from_secs(2)).await, None);
    assert!(metrics().await.contains("tenantry_live_connections 1"));
}

#[tokio::test]
async fn who_only_listens_is_asked_too() {
    let live = LiveLimits { ping_every: Duration::from_millis(200), ..LiveLimits::default() };
    let app = TestApp::builder().live().http(with(live)).start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let (owner, token) = (app.as_owner(&org), app.token(org.owner.user_id, org.id));
    let mut socket = Socket::connect(app.server(), &token).await;
    follow(&mut socket, "1", &owner, CHANGES).await;
    // It hears something all the time, and says nothing by itself.
    for n in 0..40 {
        owner.create_client(&format!("Client {n}")).await;
        socket.next("1").await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_subscription_is_said() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let mut socket = Socket::connect(app.server(), &app.token(org.owner.user_id, org.id)).await;
    for (query, message) in [
        ("subscription { changes { nope } }", "nope"),
        ("subscription { nope { cursor } }", "nope"),
        ("subscription { changes(kinds: [NOPE]) { cursor } }", "NOPE"),
        ("subscription($after: String!) { changes(after: $after) { cursor } }", "after"),
        ("subscription { a: changes { cursor } b: changes { cursor } }", "one"),
    ] {
        socket.subscribe("1", query, json!({})).await;
        let Heard::Message(said) = socket.hear().await else { panic!("{query}") };
        let said = said["payload"][0]["message"].as_str().unwrap_or_default().to_owned();
        assert!(said.contains(message) && !said.contains("WebSocket"), "{query}: {said}");
    }
}

#[tokio::test]
async fn operations_that_come_too_soon_wait_but_not_for_the_end() {
    let (two, three) = (NonZeroU32::new(2).unwrap(), NonZeroU32::new(3).unwrap());
    let app = TestApp::builder().live().throttle(two, three).start().await;
    let org = app.organization("acme").create().await;
    let mut socket = Socket::connect(app.server(), &app.token(org.owner.user_id, org.id)).await;
    for n in 0..6 {
        socket.subscribe(&n.to_string(), "{ viewer { role } }", json!({})).await;
    }
    for _ in 0..12 {
        assert!(matches!(socket.hear().await, Heard::Message(message) if message["type"] != "error"));
    }
    for n in 0..60 {
        socket.subscribe(&format!("s{n}"), "subscription { changes { cursor } }", json!({})).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = tokio::time::Instant::now();
    app.server().stop();
    while !matches!(socket.hear().await, Heard::Closed(code, _) if code == 1012) {}
    assert!(began.elapsed() < Duration::from_secs(4), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn who_reads_nothing_does_not_hold_up_the_end() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, project, task) = app.with_task().await;
    let token = app.token(org.owner.user_id, org.id);
    owner.write("updateTask", json!({ "id": task, "description": "d".repeat(9_000) })).await.expect_done();
    let aliases = (0..40).map(|n| format!("t{n}: task {{ description }} ")).collect::<Vec<_>>().concat();
    let mut slow = Socket::connect(app.server(), &token).await;
    follow(&mut slow, "1", &owner, &format!("taskChanged(projectId: {project}, AFTER) {{ {aliases} }}")).await;
    for n in 0..30 {
        owner.write("updateTask", json!({ "id": task, "title": format!("Title {n}") })).await.expect_done();
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let began = tokio::time::Instant::now();
    app.server().stop_and_wait().await;
    assert!(began.elapsed() < Duration::from_secs(5), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn when_the_server_stops_it_sends_its_clients_away() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let (owner, token) = (app.as_owner(&org), app.token(org.owner.user_id, org.id));
    let mut idle = Socket::open(app.server(), PROTOCOL).await;
    let mut following = Socket::connect(app.server(), &token).await;
    follow(&mut following, "1", &owner, CHANGES).await;
    // One that is at work is answered first.
    let mut writing = Socket::connect(app.server(), &token).await;
    let mut lock = app.admin().begin().await.unwrap();
    sqlx::query("LOCK TABLE app.clients").execute(&mut *lock).await.unwrap();
    let create = "mutation { createClient(input: { name: \"Zoë\" }) { client { name } userErrors { code } } }";
    writing.subscribe("w", create, json!({})).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    app.server().stop();
    assert_eq!(idle.closed().await, 1012);
    assert_eq!(following.closed().await, 1012);
    lock.rollback().await.unwrap();
    assert_eq!(writing.next("w").await["createClient"]["client"]["name"], "Zoë");
    writing.expect(&json!({ "id": "w", "type": "complete" })).await;
    assert_eq!(writing.closed().await, 1012);
}

#[tokio::test]
async fn a_subscription_takes_no_other_way() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let answer = app.as_owner(&org).query("subscription { changes { cursor } }", json!({})).await;
    assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{}", answer.text);
    // A server without the worker's connection offers none.
    let without = TestApp::start().await;
    let request = without.http().get(without.server().url("/graphql"));
    let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(request.send().await.unwrap().status(), 501);
    // Half of what it takes is not enough.
    let request = app.http().get(app.server().url("/graphql"));
    let request = request.header("connection", "Upgrade").header("upgrade", "websocket");
    assert_eq!(request.send().await.unwrap().status(), 400);
}
