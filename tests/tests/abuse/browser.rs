//! The explorer, used in Chromium without a network.

use std::path::Path;
use std::time::Duration;

use tenantry_domain::Role;
use tenantry_server::http::{Explorer, ExplorerExample, ExplorerPerson, HttpOptions};
use tenantry_tests::TestApp;

use crate::javascript::{Files, installed, run};

const FILES: &Files = &[
    ("package.json", include_str!("../../browser/package.json")),
    ("package-lock.json", include_str!("../../browser/package-lock.json")),
    ("run.mjs", include_str!("../../browser/run.mjs")),
];

const CHROMIUM: &str = "/usr/bin/chromium";

#[tokio::test(flavor = "multi_thread")]
async fn a_person_types_a_query_reads_the_answer_and_opens_the_documentation() {
    if !Path::new(CHROMIUM).exists() {
        // Not every system has it as a package.
        eprintln!("skipped: Chromium is not installed");
        return;
    }
    let Some(folder) = installed("browser", FILES).await else { return };
    // The people are known once the organization is there, and the server is started before.
    let people = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let examples = vec![ExplorerExample { query: "{ organization { name } }".to_owned(), variables: None }];
    let given = std::sync::Arc::clone(&people);
    let explorer = Some(Explorer::new(examples).with_people(move || given.lock().unwrap().clone()));
    let http = HttpOptions { explorer, request_timeout: Duration::from_mins(1), ..HttpOptions::default() };
    let app = TestApp::builder().http(http).live().start().await;
    let org = app.organization("acme").create().await;
    let viewer = app.person(&org, "vic", Role::Viewer).await;
    for (name, user) in [("Owner", org.owner.user_id), ("Viewer", viewer.user_id)] {
        people.lock().unwrap().push(ExplorerPerson { name: name.to_owned(), token: app.token(user, org.id) });
    }

    let address = app.server().url("/");
    let read = run(&folder, &[&address], &[("TENANTRY_CHROMIUM", CHROMIUM)]).await;
    assert_eq!(read["first"]["data"]["organization"]["name"], "The acme");
    assert_eq!(read["typed"]["data"]["viewer"]["role"], "OWNER");
    assert!(read["shown"].as_str().unwrap().contains("\"role\": \"OWNER\""), "{}", read["shown"]);
    assert!(read["heard"].as_str().unwrap().contains("Heard of"), "{}", read["heard"]);
    assert_eq!(read["other"]["data"]["viewer"]["role"], "VIEWER");
    assert!(read["documentation"].as_str().unwrap().contains("organizations"), "{}", read["documentation"]);
    // Nothing was asked of another origin, and nothing broke the policy of the page or of its workers.
    let addresses = read["addresses"].as_array().unwrap();
    assert!(addresses.len() > 5, "{addresses:?}");
    for asked in addresses {
        let asked = asked.as_str().unwrap();
        assert!(["data:", "blob:", &address].iter().any(|start| asked.starts_with(start)), "{asked}");
    }
    let messages = read["console"].as_array().unwrap();
    let wrong = messages.iter().filter(|message| message.as_str().is_some_and(|text| !text.starts_with("info")));
    assert_eq!(wrong.count(), 0, "{messages:?}");
}
