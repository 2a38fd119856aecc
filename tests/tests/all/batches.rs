//! Several requests in one HTTP request: answered in order, priced together, counted as one call.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tenantry_graphql::guard::GuardLimits;
use tenantry_tests::{Answer, Session, TestApp};

async fn send(session: &Session, batch: &Value) -> Answer {
    session.send(session.post().json(batch)).await
}

fn create(name: &str) -> Value {
    json!({
        "query": "mutation($n: String!) { createClient(input: { name: $n }) { client { name } userErrors { code } } }",
        "variables": { "n": name },
    })
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let count = json!({ "query": "{ clients { totalCount } }" });
    let broken = json!({ "query": "{ nothing }" });
    let batch = json!([count, create("A"), broken, create("B"), create(""), count]);
    let answer = send(&owner, &batch).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    let answers = answer.json.as_array().unwrap();
    assert_eq!(answers.len(), 6);
    // Each sees what those before it wrote.
    assert_eq!(answers[0]["data"]["clients"]["totalCount"], 0);
    assert_eq!(answers[1]["data"]["createClient"]["client"]["name"], "A");
    assert_eq!(answers[2]["errors"][0]["extensions"]["code"], "BAD_USER_INPUT");
    assert!(answers[2].get("data").is_none());
    assert_eq!(answers[3]["data"]["createClient"]["client"]["name"], "B");
    assert_eq!(answers[4]["data"]["createClient"]["userErrors"][0]["code"], "REQUIRED");
    assert_eq!(answers[5]["data"]["clients"]["totalCount"], 2);
    // One is a list all the same.
    assert_eq!(send(&owner, &json!([count])).await.json[0]["data"]["clients"]["totalCount"], 2);
}

#[tokio::test]
async fn a_malformed_batch_does_not_run_at_all() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let one = create("A");
    for batch in [
        json!([]),
        json!(vec![one.clone(); 21]),
        json!([one, 1]),
        json!([one, [one]]),
        json!([one, { "query": 1 }]),
        json!([one, {}]),
        json!([one, { "query": "{ a }", "variables": [] }]),
    ] {
        let answer = send(&owner, &batch).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{batch}");
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{batch}");
    }
    // Lines of JSON are no list.
    let lines = owner.post().header("content-type", "application/json").body(format!("{one}\n{one}"));
    assert_eq!(owner.send(lines).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 0);
    let answer = send(&owner, &json!(vec![one; 20])).await;
    assert_eq!(answer.json.as_array().unwrap().len(), 20);
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 20);
}

#[tokio::test]
async fn a_batch_may_cost_what_one_request_may() {
    let app = TestApp::builder().guard(GuardLimits { max_cost: 100, ..GuardLimits::default() }).start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let dear = json!({ "query": "{ clients(first: 20) { nodes { name } } }" });
    let cost = send(&owner, &dear).await.json["extensions"]["cost"].as_u64().unwrap();
    assert!(cost <= 50, "{cost}");
    let fits = usize::try_from(100 / cost).unwrap();
    let answers = send(&owner, &json!(vec![dear.clone(); fits])).await;
    assert!(answers.json.as_array().unwrap().iter().all(|answer| answer.get("errors").is_none()), "{}", answers.text);
    // A mutation beside it does not run either.
    let mut batch = vec![create("A")];
    batch.extend(vec![dear; fits]);
    let answers = send(&owner, &json!(batch)).await;
    let answers = answers.json.as_array().unwrap();
    assert_eq!(answers.len(), fits + 1);
    for answer in answers {
        assert_eq!(answer["errors"][0]["extensions"]["code"], "QUERY_TOO_COSTLY", "{answer}");
        assert_eq!(answer["errors"][0]["extensions"]["limit"], 100);
    }
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 0);
}

#[tokio::test]
async fn a_batch_counts_as_one_call_and_fails_as_one() {
    let app = TestApp::builder().metering(Duration::from_hours(1)).start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let query = json!({ "query": "{ clients { totalCount } }" });
    let answer = send(&owner, &json!(vec![query.clone(); 5])).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(app.server().flush_calls().await, 1);

    let other = app.organization("other").create().await;
    let stranger = app.sign_in(&org, &other.owner);
    let answer = send(&stranger, &json!(vec![query; 2])).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    assert_eq!(answer.json.as_array().unwrap().len(), 2);
    assert_eq!(app.server().flush_calls().await, 0);
}
