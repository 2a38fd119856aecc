//! Client libraries as they are: Apollo, urql, Relay, what GraphQL Code Generator writes, gql for Python, and the reference
//! implementation's view of the schema.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tenantry_domain::Role;
use tenantry_tests::TestApp;
use tokio::process::Command;

use crate::javascript::{Files, installed, run};

const SCHEMA: (&str, &str) = ("schema.graphql", include_str!("../../../schema.graphql"));

const FILES: &Files = &[
    ("package.json", include_str!("../../clients/package.json")),
    ("package-lock.json", include_str!("../../clients/package-lock.json")),
    ("run.mjs", include_str!("../../clients/run.mjs")),
    SCHEMA,
];

const CODEGEN: &Files = &[
    ("package.json", include_str!("../../clients/codegen/package.json")),
    ("package-lock.json", include_str!("../../clients/codegen/package-lock.json")),
    ("tsconfig.json", include_str!("../../clients/codegen/tsconfig.json")),
    ("codegen.mjs", include_str!("../../clients/codegen/codegen.mjs")),
    ("documents.graphql", include_str!("../../clients/codegen/documents.graphql")),
    ("program.ts", include_str!("../../clients/codegen/program.ts")),
    ("run.mjs", include_str!("../../clients/codegen/run.mjs")),
    SCHEMA,
];

const PYTHON: &Files = &[
    ("requirements.txt", include_str!("../../clients/python/requirements.txt")),
    ("install", include_str!("../../clients/python/install")),
    ("run.py", include_str!("../../clients/python/run.py")),
    SCHEMA,
];

/// A server, its address, and the token of the owner of an organization that has everything.
async fn served() -> (TestApp, String, String) {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let other = app.organization("other").create().await;
    // In two organizations, so that a cache has something to mix up.
    app.join(other.id, &full.org.owner.email, Role::Member).await;
    let token = app.token(full.org.owner.user_id, full.org.id);
    let url = app.server().url("/graphql");
    (app, url, token)
}

/// Fails with what was wrong, or if there are fewer results than this.
pub(crate) fn assert_passed(results: &Value, at_least: usize) {
    let results = results.as_object().unwrap();
    assert!(results.len() >= at_least, "{results:?}");
    let failed: Vec<String> = results
        .iter()
        .filter(|(_, result)| **result != Value::Null)
        .map(|(name, result)| format!("{name}: {}", result.as_str().unwrap_or_default()))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}

/// The folder of a project of Python with its packages installed, which is kept for the next run; `None`, with a note, where
/// it cannot be installed. On CI that is a failure, as for the projects of Node.
pub(crate) async fn installed_python(name: &str, files: &Files) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let reason = match Command::new("bash").arg("install").current_dir(&folder).output().await {
        Ok(output) if output.status.success() => return Some(folder),
        Ok(output) => format!("packages of Python cannot be installed: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => format!("bash cannot be run: {error}"),
    };
    assert!(std::env::var_os("CI").is_none(), "{reason}");
    eprintln!("skipped: {reason}");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn unmodified_clients_work() {
    let Some(folder) = installed("clients", FILES).await else { return };
    let (_app, url, token) = served().await;
    assert_passed(&run(&folder, &[&url], &[("TENANTRY_TOKEN", &token)]).await, 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_types_are_right() {
    let Some(folder) = installed("codegen", CODEGEN).await else { return };
    let (_app, url, token) = served().await;
    assert_passed(&run(&folder, &[&url], &[("TENANTRY_TOKEN", &token)]).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_works() {
    let Some(folder) = installed_python("clients-python", PYTHON).await else { return };
    let (_app, url, token) = served().await;
    let mut python = Command::new(folder.join("venv/bin/python"));
    let output =
        python.args(["run.py", &url]).env("TENANTRY_TOKEN", &token).current_dir(&folder).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_passed(&serde_json::from_slice(&output.stdout).unwrap(), 10);
}
