//! The plan's limits, with real concurrency.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tenantry_tests::{Answer, TestApp};

/// How many answers succeeded and how many were refused; any other answer fails the test.
fn tally(answers: &[Answer], feature: &str, limit: i64, used: i64, upgrade: &str) -> (usize, usize) {
    let (mut done, mut refused) = (0, 0);
    for answer in answers {
        let errors = answer.user_errors();
        if errors.is_empty() {
            done += 1;
            continue;
        }
        refused += 1;
        let [error] = errors.as_slice() else { panic!("one refusal: {}", answer.text) };
        let json = &error.json;
        assert_eq!(error.code, "LIMIT_REACHED");
        let found = (&json["feature"], &json["limit"], &json["used"], &json["upgradeTo"]);
        assert_eq!(found, (&json!(feature), &json!(limit), &json!(used), &json!(upgrade)), "{}", answer.text);
    }
    (done, refused)
}

#[tokio::test]
async fn exactly_one_of_two_hundred_concurrent_clients_is_created() {
    let app = TestApp::builder().acquire_timeout(Duration::from_mins(1)).start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    for name in ["One", "Two"] {
        owner.create_client(name).await;
    }
    // Two servers, like a deployment of two processes.
    let second = app.another_server().await;
    let attempts = (0..200).map(|n| {
        let session = if n % 2 == 0 { owner.clone() } else { owner.at(&second) };
        async move { session.write("createClient", json!({ "name": format!("Client {n}") })).await }
    });
    let answers = join_all(attempts).await;
    assert_eq!(tally(&answers, "ACTIVE_CLIENTS", 3, 3, "solo"), (1, 199));
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 3);
}

#[tokio::test]
async fn only_active_clients_count_and_becoming_active_counts() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    let mut ids = Vec::new();
    for n in 0..5 {
        let input = json!({ "name": format!("Lead {n}"), "status": "LEAD" });
        ids.push(owner.write("createClient", input).await.expect_done()["id"].clone());
    }
    let activate = |id: &serde_json::Value| {
        let (owner, input) = (owner.clone(), json!({ "id": id, "status": "ACTIVE" }));
        async move { owner.write("updateClient", input).await }
    };
    let answers = join_all(ids.iter().map(activate)).await;
    assert_eq!(tally(&answers, "ACTIVE_CLIENTS", 3, 3, "solo"), (3, 2));
    // An active client may stay active, and one that becomes inactive makes room.
    let active = answers.iter().position(|answer| answer.user_errors().is_empty()).unwrap();
    activate(&ids[active]).await.expect_done();
    owner.write("updateClient", json!({ "id": ids[active], "status": "INACTIVE" })).await.expect_done();
    owner.create_client("Another").await;
    assert_eq!(tally(&[activate(&ids[active]).await], "ACTIVE_CLIENTS", 3, 3, "solo"), (0, 1));
}

#[tokio::test]
async fn projects_have_a_limit() {
    let app = TestApp::builder().acquire_timeout(Duration::from_mins(1)).start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    let attempts = (0..20).map(|n| owner.write("createProject", json!({ "name": format!("Project {n}") })));
    let attempts = attempts.collect::<Vec<_>>();
    assert_eq!(tally(&join_all(attempts).await, "PROJECTS", 5, 5, "solo"), (5, 15));
    assert_eq!(app.number("SELECT count(*) FROM app.projects").await, 5);
}

#[tokio::test]
async fn invoices_have_a_monthly_limit_and_refused_ones_are_not_counted() {
    let app = TestApp::builder().acquire_timeout(Duration::from_mins(1)).start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    for _ in 0..6 {
        let input = json!({ "clientId": client["id"], "currency": "USD", "taxRate": "2" });
        owner.write("createInvoice", input).await.expect_refused(&[("OUT_OF_RANGE", "taxRate")]);
    }
    let input = json!({ "clientId": client["id"], "currency": "USD" });
    let answers = join_all((0..20).map(|_| owner.write("createInvoice", input.clone()))).await;
    assert_eq!(tally(&answers, "INVOICES_PER_MONTH", 5, 5, "solo"), (5, 15));
    assert_eq!(app.number("SELECT count(*) FROM app.invoices").await, 5);
    // The count stays when the draft is deleted: the limit is on what was created this month.
    let made = answers.iter().find(|answer| answer.user_errors().is_empty()).unwrap();
    owner.write("deleteInvoice", json!({ "id": made.expect_done()["id"] })).await.expect_done();
    assert_eq!(tally(&[owner.write("createInvoice", input).await], "INVOICES_PER_MONTH", 5, 5, "solo"), (0, 1));
}

#[tokio::test]
async fn an_unlimited_plan_refuses_nothing_and_one_organization_does_not_use_up_anothers() {
    let app = TestApp::start().await;
    let (free, pro) = (app.organization("free").plan("free").create().await, app.organization("pro").create().await);
    let (free, pro) = (app.as_owner(&free), app.as_owner(&pro));
    for n in 0..8 {
        pro.create_client(&format!("Client {n}")).await;
        pro.create_project(&format!("Project {n}"), None).await;
    }
    for n in 0..3 {
        free.create_client(&format!("Client {n}")).await;
    }
    free.write("createClient", json!({ "name": "Too many" })).await.expect_refused(&[("LIMIT_REACHED", "")]);
}
