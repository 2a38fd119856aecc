//! Search: what is found (`finding`), by whom (`seeing`), and that the index follows every change (`index`).

mod finding;
mod index;
mod seeing;

use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_store::{Store, StoreSettings, search};
use tenantry_tests::{Org, Session, TestApp};

/// What a search finds, as `KIND name` of each result.
async fn found(session: &Session, query: &str) -> Vec<String> {
    found_among(session, query, Value::Null).await
}

async fn found_among(session: &Session, query: &str, kinds: Value) -> Vec<String> {
    let document = "query($query: String!, $kinds: [SearchKind!]) { search(query: $query, kinds: $kinds, first: 50) { kind entityId entity {
        id ... on Client { name } ... on Project { name } ... on Task { title } ... on Comment { body } } } }";
    let answer = session.query(document, json!({ "query": query, "kinds": kinds })).await;
    let results = answer.expect_data()["search"].as_array().unwrap().clone();
    results
        .iter()
        .map(|result| {
            let entity = &result["entity"];
            assert_eq!(entity["id"], result["entityId"]);
            let name = ["name", "title", "body"].iter().find_map(|field| entity[field].as_str());
            format!("{} {}", result["kind"].as_str().unwrap(), name.unwrap())
        })
        .collect()
}

async fn worker(app: &TestApp) -> Store {
    Store::connect(&StoreSettings::new(app.urls().worker_url()), Clock::system()).await.unwrap()
}

/// The index is what it would be if it were made anew.
async fn expect_exact(app: &TestApp, org: &Org) {
    let query = format!(
        "SELECT concat_ws(' ', s.kind, s.entity_id, s.term, s.project_id, s.weight, s.for_guests) FROM app.search_terms s
         WHERE s.organization_id = '{}' ORDER BY s.entity_id, s.term",
        org.uuid()
    );
    let kept = app.texts(&query).await;
    app.sql(&format!("DELETE FROM app.search_terms WHERE organization_id = '{}'", org.uuid())).await;
    search::rebuild(&worker(app).await, org.id, &mut |_| {}).await.unwrap();
    let made = app.texts(&query).await;
    assert!(!made.is_empty());
    assert_eq!(kept, made);
}

async fn comment(session: &Session, task: &Value, body: &str) -> Value {
    let input = json!({ "taskId": task, "body": body });
    session.mutate("createComment", input, "comment { id }").await.expect_done()["id"].clone()
}

/// An organization without limits, and its owner.
async fn start() -> (TestApp, Org, Session) {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    (app, org, owner)
}

async fn create_tasks(session: &Session, project: &Value, titles: impl Iterator<Item = String>) {
    let tasks: Vec<Value> = titles.map(|title| json!({ "projectId": project, "title": title })).collect();
    for tasks in tasks.chunks(100) {
        session.mutate("createTasks", json!({ "tasks": tasks }), "tasks { id }").await.expect_done();
    }
}
