//! Documents that a request names: automatic persisted queries, and a manifest of the documents that alone may run.

use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use tenantry_server::http::{HttpOptions, TrustedDocuments};
use tenantry_tests::{Answer, Session, TestApp};

const QUERY: &str = "query Name { organization { name } }";
const QUERY_HASH: &str = "8a0b";

fn hash(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn named(text: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash(text) } } })
}

fn both(text: &str) -> Value {
    let mut request = named(text);
    request["query"] = json!(text);
    request
}

async fn send(session: &Session, request: &Value) -> Answer {
    session.send(session.post().header(ACCEPT, "application/json").json(request)).await
}

#[tokio::test]
async fn a_document_runs_by_its_hash_once_it_was_sent_with_it() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let unknown = send(&owner, &named(QUERY)).await;
    assert_eq!(unknown.error_message(), "PersistedQueryNotFound");
    assert_eq!(unknown.error_code(), "PERSISTED_QUERY_NOT_FOUND");
    assert!(unknown.json.get("data").is_none());

    assert_eq!(send(&owner, &both(QUERY)).await.text_at("organization.name"), "The acme");
    assert_eq!(send(&owner, &named(QUERY)).await.text_at("organization.name"), "The acme");
    // It is the text that is shared, and never an answer.
    let other = app.organization("other").create().await;
    assert_eq!(send(&app.as_owner(&other), &named(QUERY)).await.text_at("organization.name"), "The other");

    // By GET, as `useGETForHashedQueries` sends it; a mutation stays refused.
    let get = |text: &str| owner.get().query(&[("extensions", named(text)["extensions"].to_string())]);
    assert_eq!(owner.send(get(QUERY)).await.text_at("organization.name"), "The acme");
    let mutation = "mutation { createClient(input: { name: \"A\" }) { client { name } } }";
    assert_eq!(send(&owner, &both(mutation)).await.text_at("createClient.client.name"), "A");
    assert_eq!(owner.send(get(mutation)).await.status, StatusCode::METHOD_NOT_ALLOWED);

    let mut wrong = both(QUERY);
    wrong["query"] = json!("{ viewer { role } }");
    let answer = send(&owner, &wrong).await;
    assert_eq!(answer.error_code(), "BAD_USER_INPUT");
    assert!(answer.error_message().contains("SHA-256"), "{}", answer.text);

    // In a batch, each by itself.
    let answers = send(&owner, &json!([named(QUERY), named("{ viewer { role } }"), both("{ viewer { role } }")])).await;
    assert_eq!(answers.json[0]["data"]["organization"]["name"], "The acme");
    assert_eq!(answers.json[1]["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(answers.json[2]["data"]["viewer"]["role"], "OWNER");
}

#[tokio::test]
async fn with_a_manifest_nothing_else_runs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("persisted.json");
    std::fs::write(&file, json!({ QUERY_HASH: QUERY }).to_string()).unwrap();
    let trusted_documents = Some(TrustedDocuments::read(&file).unwrap());
    let app = TestApp::builder().http(HttpOptions { trusted_documents, ..HttpOptions::default() }).start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    for request in [json!({ "documentId": QUERY_HASH }), json!({ "query": QUERY }), both(QUERY), named(QUERY)] {
        assert_eq!(send(&owner, &request).await.text_at("organization.name"), "The acme", "{request}");
    }
    for request in [
        json!({ "query": "{ viewer { role } }" }),
        json!({ "query": "{ __schema { queryType { name } } }" }),
        both("{ viewer { role } }"),
        json!({ "query": "{ viewer { role } }", "documentId": QUERY_HASH }),
    ] {
        let answer = send(&owner, &request).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{request}");
        assert!(answer.error_message().contains("manifest"), "{}", answer.text);
        assert!(answer.json.get("data").is_none());
    }
    let answer = send(&owner, &json!({ "documentId": "other" })).await;
    assert_eq!(answer.error_code(), "PERSISTED_QUERY_NOT_FOUND");
}
