//! Client libraries hear what happens, unmodified: graphql-ws, Apollo Client, urql and graphql-sse; and the protocol by hand.

use tenantry_tests::TestApp;

use crate::clients::assert_passed;
use crate::javascript::{Files, installed, run};

const FILES: &Files = &[
    ("package.json", include_str!("../../clients/live/package.json")),
    ("package-lock.json", include_str!("../../clients/live/package-lock.json")),
    ("support.mjs", include_str!("../../clients/live/support.mjs")),
    ("protocol.mjs", include_str!("../../clients/live/protocol.mjs")),
    ("graphql-ws.mjs", include_str!("../../clients/live/graphql-ws.mjs")),
    ("libraries.mjs", include_str!("../../clients/live/libraries.mjs")),
    ("run.mjs", include_str!("../../clients/live/run.mjs")),
];

#[tokio::test(flavor = "multi_thread")]
async fn unmodified_clients_hear_what_happens() {
    let Some(folder) = installed("clients-live", FILES).await else { return };
    let app = TestApp::builder().live().start().await;
    let (org, _, project, task) = app.with_task().await;
    let token = app.token(org.owner.user_id, org.id);
    let (project, task) = (project.as_str().unwrap(), task.as_str().unwrap());
    let results = run(&folder, &[&app.server().url("/graphql"), &token, project, task], &[]).await;
    assert_passed(&results, 69);
}
