//! Amounts, days, times and references.

use serde_json::{Value, json};

use super::{fixture, refused_about};

#[tokio::test]
async fn money_is_exact_or_refused() {
    let f = fixture().await;
    let client = &f.full.clients[0];
    let invoice = |change: Value| {
        let mut input = json!({ "clientId": client, "currency": "USD" });
        input.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        f.owner.write("createInvoice", input)
    };
    for currency in ["", "US", "USDD", "usd", "XXQ", "€", "DROP"] {
        refused_about(&invoice(json!({ "currency": currency })).await, "input.currency");
        let budget = json!({ "amount": "1", "currency": currency });
        let answer = f.owner.write("createProject", json!({ "name": "A", "budget": budget })).await;
        refused_about(&answer, "input.budget.currency");
    }
    let line = |quantity: &str, rate: &str| json!({ "lineItems": [{ "description": "A", "quantity": quantity, "rate": rate }] });
    for (quantity, rate, field) in [
        ("-1", "10", "lineItems.0.quantity"),
        ("0", "10", "lineItems.0.quantity"),
        ("0.0000001", "10", "lineItems.0.quantity"),
        ("1000000000", "10", "lineItems.0.quantity"),
        ("1", "1000000000000", "lineItems.0.rate"),
        ("1", "0.1234567", "lineItems.0.rate"),
        ("999999999", "999999999999", "lineItems.0.rate"),
        ("1", "-1", "lineItems"),
    ] {
        invoice(line(quantity, rate)).await.expect_refused(&[("OUT_OF_RANGE", field)]);
    }
    for number in ["", "abc", "1e3", "NaN", "Infinity", "1,5", "٣", "0x10", "--1", "1.2.3", " 1", &"9".repeat(60)] {
        refused_about(&invoice(line(number, "1")).await, "input.lineItems.0.quantity");
    }
    // A float is not a Decimal.
    let float = json!({ "lineItems": [{ "description": "A", "quantity": 1.1, "rate": "1" }] });
    assert_eq!(invoice(float).await.error_code(), "BAD_USER_INPUT");
    for rate in ["-0.01", "1.01", "0.123456789"] {
        invoice(json!({ "taxRate": rate })).await.expect_refused(&[("OUT_OF_RANGE", "taxRate")]);
    }
    let budget = |amount: &str, currency: &str| {
        let budget = json!({ "amount": amount, "currency": currency });
        f.owner.write("createProject", json!({ "name": "A", "budget": budget }))
    };
    budget("-1", "USD").await.expect_refused(&[("OUT_OF_RANGE", "budget")]);
    for (amount, currency) in [("1.001", "USD"), ("1.5", "JPY"), ("92233720368547758.08", "USD")] {
        budget(amount, currency).await.expect_refused(&[("OUT_OF_RANGE", "budget.amount")]);
    }
    let many: Vec<Value> = (0..201).map(|_| json!({ "description": "A", "quantity": "1", "rate": "1" })).collect();
    invoice(json!({ "lineItems": many })).await.expect_refused(&[("OUT_OF_RANGE", "lineItems")]);
    let blank = json!({ "lineItems": [{ "description": " ", "quantity": "1", "rate": "1" }] });
    invoice(blank).await.expect_refused(&[("REQUIRED", "lineItems.0.description")]);
    f.expect_nothing_written().await;
}

#[tokio::test]
async fn invalid_days_and_times_are_refused() {
    let f = fixture().await;
    for day in [
        "",
        "2026-02-30",
        "2026-13-01",
        "31.01.2026",
        "2026-01-31T00:00:00Z",
        "tomorrow",
        "20260131",
        "2026-1-31",
        " 2026-01-31",
        "2026-01-31 ",
    ] {
        let input = json!({ "clientId": f.full.clients[0], "currency": "USD", "dueDate": day });
        refused_about(&f.owner.write("createInvoice", input).await, "input.dueDate");
    }
    for time in
        ["", "2026-01-31", "2026-01-31T25:00:00Z", "2026-01-31T12:00:00", "yesterday", "2026-01-31T12:00:00.1234567Z"]
    {
        let input = json!({ "projectId": f.full.projects[0], "title": "A", "dueAt": time });
        refused_about(&f.owner.write("createTask", input).await, "input.dueAt");
    }
    let input =
        json!({ "clientId": f.full.clients[0], "currency": "USD", "issueDate": "2026-02-02", "dueDate": "2026-02-01" });
    f.owner.write("createInvoice", input).await.expect_refused(&[("OUT_OF_RANGE", "dueDate")]);
    f.expect_nothing_written().await;
}

#[tokio::test]
async fn extreme_times_are_stored_or_refused_but_never_a_server_fault() {
    let f = fixture().await;
    let project = &f.full.projects[0];
    for day in ["0001-01-01", "9999-12-31", "-4713-01-01", "+262142-12-31", "0000-12-31"] {
        let answer = f.owner.write("updateProject", json!({ "id": project, "startDate": null, "dueDate": day })).await;
        if answer.json.get("errors").is_some() {
            refused_about(&answer, "input.dueDate");
        } else if answer.user_errors().is_empty() {
            assert_eq!(answer.expect_done()["dueDate"], day);
            let list = "{ projects(first: 2, orderBy: { field: DUE_DATE, direction: DESC }) { nodes { dueDate } pageInfo { endCursor } } }";
            f.owner.data(list).await;
        }
    }
    for time in [
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:60Z",
        "+10000-01-01T00:00:00Z",
    ] {
        let answer = f.owner.write("updateTask", json!({ "id": f.full.tasks[0], "dueAt": time })).await;
        if answer.json.get("errors").is_some() {
            refused_about(&answer, "input.dueAt");
        } else {
            assert_eq!(answer.expect_done()["dueAt"], time);
        }
    }
}

#[tokio::test]
async fn references_to_missing_objects_name_the_field_and_change_nothing() {
    let f = fixture().await;
    let nothing = |kind: &str| format!("{kind}_01h455vb4pex5vsknk084sn02q");
    let (project, task) = (&f.full.projects[0], &f.full.tasks[0]);
    for (mutation, field, input) in [
        ("updateProject", "clientId", json!({ "id": project, "clientId": nothing("client"), "name": "moved" })),
        ("updateProject", "workspaceId", json!({ "id": project, "workspaceId": nothing("workspace") })),
        ("updateProject", "ownerId", json!({ "id": project, "ownerId": nothing("user") })),
        ("createProject", "clientId", json!({ "name": "A", "clientId": nothing("client") })),
        ("createTask", "projectId", json!({ "title": "A", "projectId": nothing("project") })),
        ("createTask", "parentTaskId", json!({ "title": "A", "projectId": project, "parentTaskId": nothing("task") })),
        ("updateTask", "afterTaskId", json!({ "id": task, "afterTaskId": nothing("task") })),
        ("createInvoice", "clientId", json!({ "currency": "USD", "clientId": nothing("client") })),
        (
            "createInvoice",
            "projectId",
            json!({ "currency": "USD", "clientId": f.full.clients[0], "projectId": nothing("project") }),
        ),
        (
            "createInvoice",
            "taskIds.1",
            json!({ "currency": "USD", "clientId": f.full.clients[0], "taskIds": [f.full.tasks[5], nothing("task")] }),
        ),
        ("updateInvoice", "clientId", json!({ "id": f.full.invoices[4], "clientId": nothing("client") })),
    ] {
        f.owner.write(mutation, input).await.expect_refused(&[("NOT_FOUND", field)]);
    }
    let document = "query($id: ID!) { project(id: $id) { name client { id } } }";
    let answer = f.owner.query(document, json!({ "id": project })).await;
    assert_eq!(answer.at("project"), &json!({ "name": "Project B", "client": { "id": f.full.clients[0] } }));
    f.expect_nothing_written().await;
}
