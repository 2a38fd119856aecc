//! Client libraries as they are: Apollo, urql, Relay, and the reference implementation's view of the schema.

use serde_json::Value;
use tenantry_domain::Role;
use tenantry_tests::TestApp;

use crate::javascript::{Files, installed, run};

const FILES: &Files = &[
    ("package.json", include_str!("../../clients/package.json")),
    ("package-lock.json", include_str!("../../clients/package-lock.json")),
    ("run.mjs", include_str!("../../clients/run.mjs")),
    ("schema.graphql", include_str!("../../../schema.graphql")),
];

#[tokio::test(flavor = "multi_thread")]
async fn unmodified_clients_work() {
    let Some(folder) = installed("clients", FILES).await else { return };
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let other = app.organization("other").create().await;
    // In two organizations, so that a cache has something to mix up.
    app.join(other.id, &full.org.owner.email, Role::Member).await;
    let token = app.token(full.org.owner.user_id, full.org.id);
    let results = run(&folder, &[&app.server().url("/graphql")], &[("TENANTRY_TOKEN", &token)]).await;
    let results = results.as_object().unwrap();
    assert!(results.len() >= 9, "{results:?}");
    let failed: Vec<String> = results
        .iter()
        .filter(|(_, result)| **result != Value::Null)
        .map(|(name, result)| format!("{name}: {}", result.as_str().unwrap_or_default()))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
