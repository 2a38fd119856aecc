//! The audits of GraphQL over HTTP, run with the working group's own package.

use std::collections::BTreeMap;
use std::path::Path;

use tenantry_tests::TestApp;

use crate::javascript::{self, Files};

/// The table of decisions on optional behaviour.
const DECISIONS: &str = include_str!("../../../docs/http.md");

/// The files of the runner.
const FILES: &Files = &[
    ("package.json", include_str!("../../audits/package.json")),
    ("package-lock.json", include_str!("../../audits/package-lock.json")),
    ("run.mjs", include_str!("../../audits/run.mjs")),
];

/// The audits by id: their name, and the reason if they did not pass.
async fn run(folder: &Path, app: &TestApp, token: &str) -> BTreeMap<String, (String, Option<String>)> {
    let audits = javascript::run(folder, &[&app.server().url("/graphql")], &[("TENANTRY_AUDIT_TOKEN", token)]).await;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let audits = audits.as_array().unwrap().iter();
    let read = audits.map(|audit| {
        let reason = (audit["status"] != "ok").then(|| text(&audit["reason"]));
        (text(&audit["id"]), (text(&audit["name"]), reason))
    });
    read.collect()
}

/// The decisions by audit id: whether the server does it.
fn decisions() -> BTreeMap<String, bool> {
    let mut decisions = BTreeMap::new();
    for line in DECISIONS.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let decided = match cells[2] {
            "yes" => true,
            "no" => false,
            other => panic!("{other} is neither yes nor no: {line}"),
        };
        assert!(cells[3].len() > 10, "no reason is given: {line}");
        for id in cells[0].split_whitespace() {
            let again = decisions.insert(id.trim_matches('`').to_owned(), decided);
            assert!(again.is_none(), "{id} is decided twice");
        }
    }
    decisions
}

#[tokio::test(flavor = "multi_thread")]
async fn every_must_and_should_passes_and_every_may_is_as_documented() {
    let Some(folder) = javascript::installed("audits", FILES).await else { return };
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let audits = run(&folder, &app, &app.token(org.owner.user_id, org.id)).await;
    assert!(audits.len() >= 60, "only {} audits", audits.len());

    let mut decisions = decisions();
    let mut wrong = Vec::new();
    let mut counts = [0; 3];
    for (id, (name, reason)) in &audits {
        if name.starts_with("MUST") || name.starts_with("SHOULD") {
            counts[usize::from(name.starts_with("SHOULD"))] += 1;
            wrong.extend(reason.as_ref().map(|reason| format!("{id} {name}: {reason}")));
            continue;
        }
        counts[2] += 1;
        match decisions.remove(id) {
            None => wrong.push(format!("{id} {name}: not decided")),
            Some(decided) if decided != reason.is_none() => {
                wrong.push(format!("{id} {name}: decided {decided}, but {reason:?}"));
            }
            Some(_) => {}
        }
    }
    wrong.extend(decisions.into_keys().map(|id| format!("{id} is decided, and is no MAY of the audits")));
    assert!(wrong.is_empty(), "{wrong:#?}");
    let [must, should, may] = counts;
    println!("{must} MUST, {should} SHOULD, {may} MAY");
}
