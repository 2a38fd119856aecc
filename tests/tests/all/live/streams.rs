//! Subscriptions as `text/event-stream`: <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>, in distinct connections.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use tenantry_tests::{Session, TestApp};

use super::{CHANGES, cursor, told};

async fn ask(session: &Session, query: &str) -> Response {
    let request = session.post().header(ACCEPT, "text/event-stream").json(&json!({ "query": query }));
    request.send().await.unwrap()
}

/// Reads events until this many have come, or the stream ends: what each is, and its data.
async fn events(response: &mut Response, many: usize) -> Vec<(String, Value)> {
    let (mut text, mut events) = (String::new(), Vec::new());
    while events.len() < many {
        let chunk = tokio::time::timeout(Duration::from_secs(10), response.chunk()).await.expect("an event in time");
        let Some(chunk) = chunk.unwrap_or_default() else { break };
        text.push_str(std::str::from_utf8(&chunk).unwrap());
        while let Some((event, left)) = text.split_once("\n\n") {
            if let Some((kind, data)) = event.strip_prefix("event: ").and_then(|event| event.split_once("\ndata:")) {
                events.push((kind.to_owned(), serde_json::from_str(data.trim()).unwrap_or_default()));
            }
            text = left.to_owned();
        }
    }
    events
}

#[tokio::test]
async fn what_happens_comes_as_events() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, project, task) = app.with_task().await;
    let cursor = cursor(&owner).await;
    let query = format!("subscription {{ {} }}", CHANGES.replace("AFTER", &format!("after: \"{cursor}\"")));
    owner.create_client("Missed").await;
    let mut response = ask(&owner, &query).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream; charset=utf-8");
    owner.write("updateTask", json!({ "id": task, "title": "Paint" })).await.expect_done();
    let heard = events(&mut response, 2).await;
    assert!(heard.iter().all(|(kind, _)| kind == "next"), "{heard:?}");
    let heard: Vec<_> = heard.iter().map(|(_, data)| told(&data["data"])).collect();
    assert_eq!(heard, ["CLIENT CREATED Missed", "TASK UPDATED Paint"]);
    // One that cannot go on says so, and is complete.
    let board = format!("subscription {{ taskChanged(projectId: {project}) {{ taskId }} }}");
    let mut response = ask(&owner, &board).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    owner.write("deleteProject", json!({ "id": project })).await.expect_done();
    let heard = events(&mut response, 9).await;
    assert_eq!(heard[0].1["errors"][0]["extensions"]["code"], "NOT_FOUND", "{heard:?}");
    assert_eq!(heard[1].0, "complete");
    // Who is removed hears no more, and is not told that it is complete.
    let ada = app.person(&org, "ada", tenantry_domain::Role::Member).await;
    let mut response = ask(&app.sign_in(&org, &ada), "subscription { changes { cursor } }").await;
    owner.mutate("removeMember", json!({ "id": ada.user_id }), "removedMemberId").await.expect_done();
    let heard = events(&mut response, 9).await;
    assert!(heard.iter().all(|(kind, _)| kind == "next"), "{heard:?}");
}

#[tokio::test]
async fn other_requests_may_ask_for_events_too() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let heard = events(&mut ask(&owner, "{ clients { nodes { name } } }").await, 9).await;
    assert_eq!(
        heard[0],
        ("next".to_owned(), json!({ "data": { "clients": { "nodes": [] } }, "extensions": heard[0].1["extensions"] }))
    );
    assert_eq!(heard[1].0, "complete");
    let heard = events(&mut ask(&owner, "subscription { nothing }").await, 9).await;
    assert_eq!(heard[0].1["errors"][0]["extensions"]["code"], "BAD_USER_INPUT", "{heard:?}");
    assert_eq!(ask(&app.with_token(None), "subscription { changes { cursor } }").await.status(), 401);
    // By GET queries alone, as otherwise.
    for (query, status) in [("{ clients { totalCount } }", 200), ("subscription { changes { cursor } }", 200)] {
        let get = owner.get().query(&[("query", query)]).header(ACCEPT, "text/event-stream").send().await.unwrap();
        assert_eq!(get.status(), status, "{query}");
        let text = get.text().await.unwrap();
        assert_eq!(text.contains("METHOD_NOT_ALLOWED"), query.starts_with("subscription"), "{text}");
    }
    // A mutation that is sent again is carried out once.
    let create = json!({ "query": "mutation { createClient(input: { name: \"Once\" }) { client { id } } }" });
    let mut answers = Vec::new();
    for _ in 0..2 {
        let again = owner.post().header(ACCEPT, "text/event-stream").header("idempotency-key", "abc").json(&create);
        let mut response = again.send().await.unwrap();
        answers.push(events(&mut response, 1).await[0].1["data"].clone());
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(owner.data("{ clients { totalCount } }").await["clients"]["totalCount"], 1);
    let malformed = owner.post().header(ACCEPT, "text/event-stream").header("idempotency-key", "a b").json(&create);
    assert_eq!(malformed.send().await.unwrap().status(), 400);
}
