//! The audits of GraphQL over HTTP, run with the working group's own package.

use std::collections::BTreeMap;
use std::path::Path;

use tenantry_tests::TestApp;
use tokio::process::Command;

/// The table of decisions on optional behaviour.
const DECISIONS: &str = include_str!("../../../docs/http.md");

/// The files of the runner.
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../../audits/package.json")),
    ("package-lock.json", include_str!("../../audits/package-lock.json")),
    ("run.mjs", include_str!("../../audits/run.mjs")),
];

/// Installs the runner and its packages in a folder that is kept for the next run.
async fn prepare(folder: &Path) -> Result<(), String> {
    let stamp = folder.join("installed");
    let wanted: String = FILES.iter().map(|(_, content)| *content).collect();
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).unwrap();
    for (name, content) in FILES {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    let output = install.output().await.map_err(|error| format!("npm cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("npm could not install: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::write(stamp, wanted).unwrap();
    Ok(())
}

/// The audits by id: their name, and the reason if they did not pass.
async fn run(folder: &Path, app: &TestApp, token: &str) -> BTreeMap<String, (String, Option<String>)> {
    let mut node = Command::new("node");
    node.arg("run.mjs").arg(app.server().url("/graphql")).env("TENANTRY_AUDIT_TOKEN", token).current_dir(folder);
    let output = node.output().await.expect("where npm is, node is");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let audits: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
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
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audits");
    if let Err(reason) = prepare(&folder).await {
        // On CI, a skipped audit would go unnoticed.
        assert!(std::env::var_os("CI").is_none(), "{reason}");
        eprintln!("skipped: {reason}");
        return;
    }
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
