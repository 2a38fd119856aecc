//! Writing clients, projects and drafts: what is stored, what is refused, and what a delete leaves behind.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tenantry_domain::{Clock, Role};
use tenantry_tests::TestApp;

#[tokio::test]
async fn a_client_is_created_changed_and_deleted() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let input =
        json!({ "name": "  Zoë  ", "email": "zoe@example.test", "phone": " ", "status": "LEAD", "notes": "a\n b " });
    let client = ada.write("createClient", input).await.expect_done().clone();
    // One-line texts are trimmed and blank ones become null; prose stays unchanged.
    assert_eq!((&client["name"], &client["phone"], &client["notes"]), (&json!("Zoë"), &Value::Null, &json!("a\n b ")));
    assert_eq!((&client["status"], &client["company"]), (&json!("LEAD"), &Value::Null));

    let input = json!({ "id": client["id"], "company": "Zoë Ltd", "email": null });
    let changed = ada.write("updateClient", input).await.expect_done().clone();
    assert_eq!(
        (&changed["name"], &changed["company"], &changed["email"]),
        (&json!("Zoë"), &json!("Zoë Ltd"), &Value::Null)
    );
    assert_eq!((&changed["createdAt"], &changed["notes"]), (&client["createdAt"], &client["notes"]));
    assert_ne!(changed["updatedAt"], client["updatedAt"]);

    let answer = ada.write("deleteClient", json!({ "id": client["id"] })).await;
    assert_eq!(*answer.expect_done(), client["id"]);
    ada.write("deleteClient", json!({ "id": client["id"] })).await.expect_refused(&[("NOT_FOUND", "id")]);
    ada.write("updateClient", json!({ "id": client["id"], "name": "A" })).await.expect_refused(&[("NOT_FOUND", "id")]);
}

#[tokio::test]
async fn a_payload_shows_what_was_written_with_all_its_relations() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let client = ada.create_client("Zoë").await;
    // Two writes in one request: the second one's payload sees the first.
    let document = "mutation($id: ID!) {
        a: createProject(input: { name: \"A\", clientId: $id }) { project { id client { name projects { totalCount } } } }
        b: createProject(input: { name: \"B\", clientId: $id }) { project { client { projects { totalCount nodes { name } } } } } }";
    let answer = ada.query(document, json!({ "id": client["id"] })).await;
    assert_eq!(answer.at("a.project.client"), &json!({ "name": "Zoë", "projects": { "totalCount": 1 } }));
    let projects = answer.at("b.project.client.projects");
    assert_eq!(projects, &json!({ "totalCount": 2, "nodes": [{ "name": "B" }, { "name": "A" }] }));
}

#[tokio::test]
async fn fields_of_a_mutation_run_in_order_each_in_a_transaction_of_its_own() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let document = "mutation { a: createClient(input: { name: \"A\" }) { client { name } userErrors { code } }
        b: createClient(input: { name: \" \" }) { client { name } userErrors { code } }
        c: createClient(input: { name: \"C\" }) { client { name } userErrors { code } } }";
    let answer = ada.query(document, json!({})).await;
    assert_eq!(answer.at("a.client.name"), "A");
    assert_eq!(answer.at("b"), &json!({ "client": null, "userErrors": [{ "code": "REQUIRED" }] }));
    assert_eq!(app.texts("SELECT name FROM app.clients ORDER BY created_at").await, ["A", "C"]);
}

#[tokio::test]
async fn a_row_changed_since_it_was_read_is_a_conflict() {
    // A clock that stands still, so that even two changes at the same instant can be distinguished.
    let now = DateTime::parse_from_rfc3339("2026-03-01T12:00:00Z").unwrap().with_timezone(&Utc);
    let app = TestApp::builder().clock(Clock::fixed(now)).start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let client = ada.create_client("Zoë").await;
    let project = ada.create_project("Site", None).await;
    let task = ada.create_task(project["id"].as_str().unwrap(), "Draw").await;
    let invoice = ada.create_invoice(client["id"].as_str().unwrap()).await;
    for (noun, row) in [("Client", client), ("Project", project), ("Task", task), ("Invoice", invoice)] {
        let (update, delete) = (format!("update{noun}"), format!("delete{noun}"));
        let text = if noun == "Task" { "description" } else { "notes" };
        let (id, first) = (&row["id"], &row["updatedAt"]);
        let input = json!({ "id": id, text: "one", "expectedUpdatedAt": first });
        let second = ada.write(&update, input.clone()).await.expect_done()["updatedAt"].clone();
        assert_ne!(second, *first, "{noun}");
        ada.write(&update, input).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
        let input = json!({ "id": id, "expectedUpdatedAt": first });
        ada.write(&delete, input).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
        // The same instant in another time zone is equal.
        let elsewhere = DateTime::parse_from_rfc3339(second.as_str().unwrap()).unwrap();
        let elsewhere = elsewhere.with_timezone(&chrono::FixedOffset::east_opt(7200).unwrap()).to_rfc3339();
        let input = json!({ "id": id, text: "two", "expectedUpdatedAt": elsewhere });
        ada.write(&update, input).await.expect_done();
        ada.write(&update, json!({ "id": id, text: "three" })).await.expect_done();
        if noun == "Task" {
            ada.write(&delete, json!({ "id": id })).await.expect_done();
        }
    }
}

#[tokio::test]
async fn only_one_of_several_concurrent_changes_to_a_version_wins() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let client = ada.create_client("Zoë").await;
    let attempts = (0..10).map(|n| {
        let input = json!({ "id": client["id"], "notes": format!("{n}"), "expectedUpdatedAt": client["updatedAt"] });
        ada.write("updateClient", input)
    });
    let attempts = attempts.collect::<Vec<_>>();
    let answers = futures_util::future::join_all(attempts).await;
    let won = answers.iter().filter(|answer| answer.user_errors().is_empty()).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| !answer.user_errors().is_empty()) {
        answer.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    }
}

#[tokio::test]
async fn a_project_keeps_its_amounts_and_may_have_no_client() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let client = ada.create_client("Zoë").await;
    let selection = "project { id client { id } workspace { id isDefault } owner { name } budget { amount currency }
        advanceReceived { amount } kind status startDate dueDate }";
    let money = |amount: &str, currency: &str| json!({ "amount": amount, "currency": currency });
    let person = app.person(&org, "ada", Role::Member).await;
    let input = json!({ "name": "Site", "clientId": client["id"], "kind": "DESIGN", "budget": money("1234.5", "BHD"),
        "advanceReceived": money("0.125", "BHD"), "ownerId": person.user_id, "startDate": "2026-01-31", "dueDate": "2026-01-31" });
    let project = ada.mutate("createProject", input, selection).await.expect_done().clone();
    assert_eq!(
        (&project["budget"], &project["advanceReceived"]["amount"]),
        (&money("1234.500", "BHD"), &json!("0.125"))
    );
    assert_eq!((&project["workspace"]["isDefault"], &project["owner"]["name"]), (&json!(true), &json!("ada")));

    let input = json!({ "id": project["id"], "clientId": null, "status": "COMPLETED", "budget": money("7", "BHD"), "dueDate": null });
    let changed = ada.mutate("updateProject", input, selection).await.expect_done().clone();
    assert_eq!((&changed["client"], &changed["status"]), (&Value::Null, &json!("COMPLETED")));
    assert_eq!((&changed["budget"]["amount"], &changed["dueDate"]), (&json!("7.000"), &Value::Null));

    let input = json!({ "id": project["id"], "budget": money("7", "USD") });
    ada.mutate("updateProject", input, selection).await.expect_refused(&[("INVALID", "advanceReceived")]);
    let input = json!({ "id": project["id"], "dueDate": "2026-01-30" });
    ada.mutate("updateProject", input, selection).await.expect_refused(&[("OUT_OF_RANGE", "dueDate")]);
}

#[tokio::test]
async fn the_worked_example_adds_up() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let client = ada.create_client("Zoë").await;
    let line =
        |text: &str, quantity: &str, rate: &str| json!({ "description": text, "quantity": quantity, "rate": rate });
    let lines = json!([line("Development", "40", "2500"), line("Design", "16", "3000")]);
    let input = json!({ "clientId": client["id"], "currency": "INR", "taxRate": "0.18", "lineItems": lines });
    let invoice = ada.write("createInvoice", input).await.expect_done().clone();
    let amounts: Vec<_> =
        invoice["lineItems"].as_array().unwrap().iter().map(|line| &line["amount"]["amount"]).collect();
    assert_eq!(amounts, ["100000.00", "48000.00"]);
    assert_eq!(invoice["subtotal"], json!({ "amount": "148000.00", "currency": "INR" }));
    assert_eq!(invoice["taxAmount"]["amount"], "26640.00");
    assert_eq!(invoice["total"], json!({ "amount": "174640.00", "currency": "INR" }));
    assert_eq!((&invoice["status"], &invoice["number"]), (&json!("DRAFT"), &Value::Null));
    let stored = app.texts("SELECT concat_ws(' ', subtotal, tax_amount, total) FROM app.invoices").await;
    assert_eq!(stored, ["14800000 2664000 17464000"]);

    // The same in a currency without minor units and in one with three digits; a change computes the totals again.
    for (currency, subtotal, tax, total) in
        [("JPY", "148000", "26640", "174640"), ("BHD", "148000.000", "26640.000", "174640.000")]
    {
        let input = json!({ "id": invoice["id"], "currency": currency });
        let changed = ada.write("updateInvoice", input).await.expect_done().clone();
        let found = (&changed["subtotal"]["amount"], &changed["taxAmount"]["amount"], &changed["total"]["amount"]);
        assert_eq!(found, (&json!(subtotal), &json!(tax), &json!(total)));
    }
    let lines = json!([line("Half a cent", "0.5", "0.01"), line("A discount", "1", "-0.01")]);
    let input = json!({ "id": invoice["id"], "currency": "USD", "taxRate": "0.09975", "lineItems": lines });
    let changed = ada.write("updateInvoice", input).await.expect_done().clone();
    assert_eq!(changed["lineItems"][0]["amount"]["amount"], "0.01", "half away from zero");
    assert_eq!((&changed["total"]["amount"], &changed["taxRate"]), (&json!("0.00"), &json!("0.09975")));
}

#[tokio::test]
async fn a_draft_covers_tasks_and_an_issued_invoice_does_not_change() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let selection = "invoice { id tasks(first: 100) { totalCount nodes { id } } }";
    let tasks = [&full.tasks[7], &full.tasks[5], &full.tasks[7]];
    let input =
        json!({ "clientId": full.clients[0], "projectId": full.projects[0], "currency": "USD", "taskIds": tasks });
    let draft = owner.mutate("createInvoice", input, selection).await.expect_done().clone();
    assert_eq!(draft["tasks"]["totalCount"], 2, "each task once");
    let input = json!({ "id": draft["id"], "taskIds": [full.tasks[4]] });
    let draft = owner.mutate("updateInvoice", input, selection).await.expect_done().clone();
    assert_eq!(draft["tasks"]["nodes"], json!([{ "id": full.tasks[4] }]));

    for issued in [&full.invoices[0], &full.invoices[1], &full.invoices[3]] {
        owner
            .write("updateInvoice", json!({ "id": issued, "notes": "x" }))
            .await
            .expect_refused(&[("ALREADY_ISSUED", "id")]);
        owner.write("deleteInvoice", json!({ "id": issued })).await.expect_refused(&[("ALREADY_ISSUED", "id")]);
    }
    owner.write("deleteInvoice", json!({ "id": draft["id"] })).await.expect_done();
    assert_eq!(app.number("SELECT count(*) FROM app.tasks").await, 14, "a bill that goes takes no work with it");
}

#[tokio::test]
async fn changing_the_tasks_of_an_invoice_keeps_tasks_the_caller_cannot_see() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let bob = app.as_member(&full.org, "bob").await;
    let private = json!({ "name": "Secret", "workspaceId": full.workspaces[1] });
    let private = owner.mutate("createProject", private, "project { id }").await.expect_done().clone();
    let hidden = owner.create_task(private["id"].as_str().unwrap(), "Nobody knows").await["id"].clone();
    let selection = "invoice { id tasks(first: 100) { nodes { id } } }";
    let input = json!({ "clientId": full.clients[0], "currency": "USD", "taskIds": [hidden, full.tasks[5]] });
    let draft = owner.mutate("createInvoice", input, selection).await.expect_done().clone();
    let input = json!({ "id": draft["id"], "taskIds": [full.tasks[4]] });
    let seen = bob.mutate("updateInvoice", input, selection).await.expect_done().clone();
    assert_eq!(seen["tasks"]["nodes"], json!([{ "id": full.tasks[4] }]));
    let document = format!("{{ invoice(id: {}) {{ tasks(first: 100) {{ nodes {{ id }} }} }} }}", draft["id"]);
    let left = owner.data(&document).await;
    let mut left: Vec<&str> =
        left["invoice"]["tasks"]["nodes"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
    let mut expected = [hidden.as_str().unwrap(), full.tasks[4].as_str()];
    left.sort_unstable();
    expected.sort_unstable();
    assert_eq!(left, expected);
}

#[tokio::test]
async fn the_dates_of_a_draft_use_the_organizations_time_zone() {
    // Late in the evening in UTC, the next morning in Tokyo.
    let clock = Clock::from_fn({
        let seconds = AtomicI64::new(0);
        move || {
            let start = DateTime::parse_from_rfc3339("2026-03-31T20:00:00Z").unwrap().with_timezone(&Utc);
            start + TimeDelta::seconds(seconds.fetch_add(1, Ordering::Relaxed))
        }
    });
    let app = TestApp::builder().clock(clock).start().await;
    for (slug, zone, today) in [("tokyo", "Asia/Tokyo", "2026-04-01"), ("utc", "UTC", "2026-03-31")] {
        let org = app.organization(slug).time_zone(zone).create().await;
        let ada = app.as_member(&org, "ada").await;
        let client = ada.create_client("Zoë").await;
        let invoice = ada.create_invoice(client["id"].as_str().unwrap()).await;
        assert_eq!(invoice["issueDate"], today, "{zone}");
        // Sent, and due on the last day of March: overdue in Tokyo, not yet in UTC.
        app.sql(&format!(
            "UPDATE app.invoices SET status = 'sent', number = '1', issue_date = '2026-03-01', due_date = '2026-03-31'
             WHERE organization_id = '{}'",
            org.uuid()
        ))
        .await;
        let status = if today == "2026-04-01" { "OVERDUE" } else { "SENT" };
        let document = format!("{{ invoices(filter: {{ status: [{status}] }}) {{ totalCount nodes {{ status }} }} }}");
        let data = ada.data(&document).await;
        assert_eq!(data["invoices"], json!({ "totalCount": 1, "nodes": [{ "status": status }] }), "{zone}");
    }
}

#[tokio::test]
async fn deleting_a_client_unlinks_its_rows_and_deleting_a_project_deletes_its_tasks() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let other = app.full_organization("other").await;
    let owner = app.as_owner(&full.org);
    let before = app.texts("SELECT updated_at::text FROM app.projects ORDER BY id").await;

    owner.write("deleteClient", json!({ "id": full.clients[0] })).await.expect_done();
    let document =
        "query($p: ID!, $i: ID!) { project(id: $p) { name client { id } } invoice(id: $i) { number client { id } } }";
    let answer = owner.query(document, json!({ "p": full.projects[0], "i": full.invoices[0] })).await;
    assert_eq!(answer.at("project"), &json!({ "name": "Project B", "client": null }));
    assert_eq!(answer.at("invoice"), &json!({ "number": "INV-1", "client": null }));
    assert_ne!(
        app.texts("SELECT updated_at::text FROM app.projects ORDER BY id").await,
        before,
        "unlinking is a change"
    );

    owner.write("deleteProject", json!({ "id": full.projects[0] })).await.expect_done();
    let answer = owner
        .query("query($i: ID!) { invoice(id: $i) { number project { id } } }", json!({ "i": full.invoices[0] }))
        .await;
    assert_eq!(answer.at("invoice"), &json!({ "number": "INV-1", "project": null }));
    let counts = "{ tasks { totalCount } invoices { totalCount } projects { totalCount } clients { totalCount } }";
    let data = owner.data(counts).await;
    let found = ["tasks", "invoices", "projects", "clients"].map(|list| data[list]["totalCount"].as_i64().unwrap());
    assert_eq!(found, [4, 10, 6, 6]);
    let assignees = format!("SELECT count(*) FROM app.task_assignees WHERE organization_id = '{}'", full.org.uuid());
    assert_eq!(app.number(&assignees).await, 0);

    let data = app.as_owner(&other.org).data(counts).await;
    let found = ["tasks", "invoices", "projects", "clients"].map(|list| data[list]["totalCount"].as_i64().unwrap());
    assert_eq!(found, [14, 10, 7, 7], "the other organization has lost nothing");
}

#[tokio::test]
async fn read_only_roles_cannot_write() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    for role in [Role::Viewer, Role::Guest] {
        let session = app.as_role(&full.org, role).await;
        for (mutation, input) in [
            ("createClient", json!({ "name": "A" })),
            ("updateClient", json!({ "id": full.clients[0], "name": "A" })),
            ("deleteClient", json!({ "id": full.clients[0] })),
            ("createProject", json!({ "name": "A" })),
            ("deleteProject", json!({ "id": full.projects[0] })),
            ("createInvoice", json!({ "clientId": full.clients[0], "currency": "USD" })),
            ("deleteInvoice", json!({ "id": full.invoices[7] })),
            // An unknown id makes no difference: a caller who may not write at all learns nothing about what exists.
            ("deleteProject", json!({ "id": "project_01h455vb4pex5vsknk084sn02q" })),
        ] {
            let answer = session.write(mutation, input).await;
            assert_eq!(answer.error_code(), "FORBIDDEN", "{role}: {mutation}: {}", answer.text);
        }
    }
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 7);
}
