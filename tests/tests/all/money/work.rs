//! From work to bill: drafts made of finished tasks, and how a project stands.

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{Session, TestApp};

const DRAFT: &str = "invoice { id status project { id } client { id } total { amount currency } taxAmount { amount } \
                     lineItems { description quantity rate { } } tasks { totalCount } }";

fn selection() -> String {
    DRAFT.replace("rate { }", "rate")
}

/// A project of a client with so many tasks, the first `done` of which are finished.
async fn project(session: &Session, tasks: usize, done: usize) -> (Value, Value, Vec<Value>) {
    let client = session.create_client("Zoë").await;
    let project = session.create_project("Site", client["id"].as_str()).await;
    let mut made = Vec::new();
    for n in 0..tasks {
        let task = session.create_task(project["id"].as_str().unwrap(), &format!("Task {n}")).await;
        if n < done {
            session.write("updateTask", json!({ "id": task["id"], "status": "DONE" })).await.expect_done();
        }
        made.push(task["id"].clone());
    }
    (client, project, made)
}

#[tokio::test]
async fn finished_tasks_are_billed_once_at_a_rate() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let settings = json!({ "currency": "EUR", "taxes": [{ "name": "VAT", "rate": "0.19" }] });
    owner.mutate("updateSettings", settings, "settings { currency }").await.expect_done();
    let (client, project, tasks) = project(&owner, 4, 3).await;
    let unbilled = async || {
        let id = project["id"].as_str().unwrap();
        let query = format!(
            "{{ project(id: \"{id}\") {{ unbilled tasks(filter: {{ isUnbilled: true }}) {{ totalCount nodes {{ title }} }} }}
               others: tasks(filter: {{ isUnbilled: false }}) {{ totalCount }} }}"
        );
        let found = owner.data(&query).await;
        assert_eq!(found["project"]["unbilled"], found["project"]["tasks"]["totalCount"]);
        (found["project"]["unbilled"].as_u64().unwrap(), found["others"]["totalCount"].as_u64().unwrap())
    };
    assert_eq!(unbilled().await, (3, 1));
    // One of them, and one that is not finished.
    let some = json!({ "projectId": project["id"], "taskIds": [tasks[3], tasks[0], tasks[3]], "rate": "250.5" });
    let made = owner.mutate("createInvoiceFromTasks", some, &selection()).await.expect_done().clone();
    assert_eq!((&made["client"]["id"], &made["project"]["id"]), (&client["id"], &project["id"]));
    let lines = json!([{ "description": "Task 3", "quantity": "1", "rate": "250.5" }, { "description": "Task 0", "quantity": "1", "rate": "250.5" }]);
    assert_eq!(made["lineItems"], lines);
    assert_eq!(
        (&made["taxAmount"]["amount"], &made["total"]),
        (&json!("95.19"), &json!({ "amount": "596.19", "currency": "EUR" }))
    );
    assert_eq!(unbilled().await, (2, 2));
    // All that are left.
    let all = json!({ "projectId": project["id"], "rate": "100" });
    let rest = owner.mutate("createInvoiceFromTasks", all.clone(), &selection()).await.expect_done().clone();
    assert_eq!(rest["tasks"]["totalCount"], 2);
    assert_eq!(unbilled().await, (0, 4));
    owner.mutate("createInvoiceFromTasks", all.clone(), &selection()).await.expect_refused(&[("REQUIRED", "taskIds")]);
    // What is void is billed again.
    owner.mutate("issueInvoice", json!({ "id": rest["id"] }), "invoice { id }").await.expect_done();
    owner.mutate("voidInvoice", json!({ "id": rest["id"] }), "invoice { id }").await.expect_done();
    assert_eq!(unbilled().await, (2, 2));
    owner.mutate("createInvoiceFromTasks", all, &selection()).await.expect_done();
}

#[tokio::test]
async fn what_cannot_be_billed_is_refused_by_its_field() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let (_, site, tasks) = project(&owner, 1, 1).await;
    let inner = owner.create_project("Inner", None).await;
    let task = owner.create_task(inner["id"].as_str().unwrap(), "Other").await;
    let with = |more: Value| {
        let mut input = json!({ "projectId": site["id"], "rate": "1", "currency": "USD" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (input, code, field) in [
        (with(json!({ "currency": null })), "REQUIRED", "currency"),
        (with(json!({ "rate": "0.0000001" })), "OUT_OF_RANGE", "rate"),
        (with(json!({ "taskIds": [tasks[0], task["id"]] })), "INVALID", "taskIds.1"),
        (with(json!({ "taskIds": ["task_01h455vb4pex5vsknk084sn02q"] })), "NOT_FOUND", "taskIds.0"),
        (with(json!({ "taskIds": [] })), "REQUIRED", "taskIds"),
        (with(json!({ "projectId": "project_01h455vb4pex5vsknk084sn02q" })), "NOT_FOUND", "projectId"),
        (with(json!({ "projectId": inner["id"], "taskIds": [task["id"]] })), "REQUIRED", "clientId"),
    ] {
        owner.mutate("createInvoiceFromTasks", input, &selection()).await.expect_refused(&[(code, field)]);
    }
    assert_eq!(app.texts("SELECT count(*)::text FROM app.invoices").await, ["0"]);
}

#[tokio::test]
async fn a_project_stands_against_its_budget() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let (_, project, _) = project(&owner, 1, 1).await;
    let id = project["id"].as_str().unwrap();
    let query = format!(
        "{{ project(id: \"{id}\") {{ budget {{ amount }} spent {{ amount }} billed {{ amount }} unbilled remaining {{ amount }} balances {{ currency outstanding {{ amount }} expenses {{ amount }} }} }} }}"
    );
    let found = owner.data(&query).await["project"].clone();
    let nothing =
        json!({ "budget": null, "spent": null, "billed": null, "unbilled": 1, "remaining": null, "balances": [] });
    assert_eq!(found, nothing);
    owner
        .write("updateProject", json!({ "id": id, "budget": { "amount": "1000", "currency": "USD" } }))
        .await
        .expect_done();
    let invoice = json!({ "projectId": id, "rate": "400", "currency": "USD" });
    let invoice = owner.mutate("createInvoiceFromTasks", invoice, "invoice { id }").await.expect_done().clone();
    let found = owner.data(&query).await["project"].clone();
    assert_eq!(
        (&found["billed"]["amount"], &found["unbilled"]),
        (&json!("0.00"), &json!(0)),
        "a draft is not billed yet"
    );
    owner.mutate("issueInvoice", json!({ "id": invoice["id"] }), "invoice { id }").await.expect_done();
    for (currency, amount) in [("USD", "120.50"), ("EUR", "7")] {
        let input = json!({ "kind": "EXPENSE", "projectId": id, "amount": { "amount": amount, "currency": currency } });
        owner.mutate("createTransaction", input, "transaction { id }").await.expect_done();
    }
    let found = owner.data(&query).await["project"].clone();
    let expected = json!({ "budget": { "amount": "1000.00" }, "spent": { "amount": "120.50" }, "billed": { "amount": "400.00" }, "unbilled": 0,
        "remaining": { "amount": "600.00" }, "balances": [
            { "currency": "EUR", "outstanding": { "amount": "0.00" }, "expenses": { "amount": "7.00" } },
            { "currency": "USD", "outstanding": { "amount": "400.00" }, "expenses": { "amount": "120.50" } } ] });
    assert_eq!(found, expected);
    // Guests learn nothing of it.
    let guest = app.person(&org, "guest", Role::Guest).await;
    let input = json!({ "projectId": id, "userId": guest.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", input, "grant { id }").await.expect_done();
    let session = app.sign_in(&org, &guest);
    let found = session.data(&query).await["project"].clone();
    let nothing = json!({ "budget": { "amount": "1000.00" }, "spent": null, "billed": null, "unbilled": null, "remaining": null, "balances": [] });
    assert_eq!(found, nothing);
    for is_unbilled in [true, false] {
        let tasks =
            session.data(&format!("{{ tasks(filter: {{ isUnbilled: {is_unbilled} }}) {{ totalCount }} }}")).await;
        assert_eq!(tasks["tasks"]["totalCount"], 0);
    }
}
