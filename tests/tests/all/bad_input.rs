//! Bad input: the answer is a typed error that names the field, and nothing is written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tenantry_tests::{Answer, FullOrg, Session, TestApp};

use crate::introspection::Types;

/// Asserts a top-level error with this subject: an argument, or the path to an input's field.
#[track_caller]
fn refused_about(answer: &Answer, about: &str) {
    assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{}", answer.text);
    let extensions = &answer.error()["extensions"];
    let field: Vec<&str> = extensions["field"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let named = field.join(".");
    assert_eq!(named, about, "{}", answer.text);
}

/// The number of rows in the tables that these tests could write to.
async fn rows(app: &TestApp) -> i64 {
    app.number(
        "SELECT (SELECT count(*) FROM app.clients) + (SELECT count(*) FROM app.projects) + (SELECT count(*) FROM app.tasks)
             + (SELECT count(*) FROM app.invoices) + (SELECT coalesce(sum(count), 0)::bigint FROM billing.usage_counters)",
    )
    .await
}

struct Fixture {
    app: TestApp,
    full: FullOrg,
    owner: Session,
    before: i64,
}

async fn fixture() -> Fixture {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let before = rows(&app).await;
    Fixture { app, full, owner, before }
}

impl Fixture {
    async fn expect_nothing_written(&self) {
        assert_eq!(rows(&self.app).await, self.before, "something was written");
    }
}

#[tokio::test]
async fn malformed_ids_and_ids_of_another_kind_are_reported_as_such() {
    let f = fixture().await;
    let long = format!("client_{}", "0".repeat(10_000));
    let malformed = [
        "",
        "x",
        "client",
        "client_",
        "client_x",
        "client_01h455vb4pex5vsknk084sn02qq",
        "CLIENT_01H455VB4PEX5VSKNK084SN02Q",
        "client_81h455vb4pex5vsknk084sn02q",
        "client_01h455vb4pex5vsknk084sn02u",
        "client-01h455vb4pex5vsknk084sn02q",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        " client_01h455vb4pex5vsknk084sn02q",
        "client_01h455vb4pex5vsknk084sn02q\0",
        "'; DROP TABLE app.clients; --",
        "client_\u{1F600}",
        &long,
    ];
    for id in malformed {
        refused_about(&f.owner.query("query($id: ID!) { client(id: $id) { id } }", json!({ "id": id })).await, "id");
        refused_about(&f.owner.query("query($id: ID!) { node(id: $id) { id } }", json!({ "id": id })).await, "id");
        refused_about(
            &f.owner.query("query($id: ID!) { nodes(ids: [$id]) { id } }", json!({ "id": id })).await,
            "ids.0",
        );
        refused_about(&f.owner.write("updateClient", json!({ "id": id, "name": "A" })).await, "input.id");
        refused_about(&f.owner.write("createProject", json!({ "name": "A", "clientId": id })).await, "input.clientId");
        refused_about(
            &f.owner.write("createInvoice", json!({ "clientId": id, "currency": "USD" })).await,
            "input.clientId",
        );
    }
    // A well-formed id of another kind, at every root field that takes an id.
    let types = Types::of(&f.owner).await;
    for field in types.fields("Query").into_iter().filter(|field| field.name() != "node") {
        if field.args().iter().all(|arg| arg["name"] != "id") {
            continue;
        }
        let wrong = if field.type_name() == "Task" { &f.full.clients[0] } else { &f.full.tasks[0] };
        let document = format!("query($id: ID!) {{ {}(id: $id) {{ id }} }}", field.name());
        let answer = f.owner.query(&document, json!({ "id": wrong })).await;
        refused_about(&answer, "id");
        assert!(answer.error_message().contains("expected an id that starts with"), "{}", answer.text);
    }
    let answer = f.owner.query("{ node(id: \"nothing_01h455vb4pex5vsknk084sn02q\") { id } }", json!({})).await;
    refused_about(&answer, "id");
    f.expect_nothing_written().await;
}

#[tokio::test]
async fn page_arguments_out_of_bounds_are_refused_at_the_root_and_nested() {
    let f = fixture().await;
    let cases = [
        ("first: 101", "first"),
        ("first: -1", "first"),
        ("last: 101", "last"),
        ("last: -2147483648", "last"),
        ("first: 1, last: 1", "last"),
        ("after: \"x\"", "after"),
        ("before: \"\"", "before"),
        ("after: \"YXBwLmNsaWVudHM\"", "after"),
    ];
    let types = Types::of(&f.owner).await;
    for (arguments, about) in cases {
        for list in types.fields("Query").into_iter().filter(|field| field.is_connection()) {
            let document = format!("{{ {}({arguments}) {{ nodes {{ id }} }} }}", list.name());
            refused_about(&f.owner.query(&document, json!({})).await, about);
        }
        let nested = format!("{{ clients(first: 3) {{ nodes {{ id projects({arguments}) {{ nodes {{ id }} }} }} }} }}");
        refused_about(&f.owner.query(&nested, json!({})).await, about);
    }
    // A value that does not fit the type at all.
    let beyond = f.owner.query("{ clients(first: 2147483648) { nodes { id } } }", json!({})).await;
    assert_eq!(beyond.error_code(), "QUERY_TOO_COSTLY", "{}", beyond.text);
    for arguments in ["first: \"1\"", "first: 1.5", "after: 1"] {
        let answer = f.owner.query(&format!("{{ clients({arguments}) {{ nodes {{ id }} }} }}"), json!({})).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{arguments}");
    }
    // A cursor of another list.
    let cursor =
        f.owner.data("{ projects(first: 1) { pageInfo { endCursor } } }").await["projects"]["pageInfo"]["endCursor"]
            .clone();
    let document = "query($after: String) { clients(after: $after) { nodes { id } } }";
    refused_about(&f.owner.query(document, json!({ "after": cursor })).await, "after");
}

#[tokio::test]
async fn a_forged_cursor_is_never_a_server_fault() {
    let f = fixture().await;
    let made_up = |order: &str, value: &str| {
        let uuid = uuid::Uuid::nil().simple().to_string();
        URL_SAFE_NO_PAD.encode(json!([order, value, uuid]).to_string())
    };
    let max = i64::MAX.to_string();
    for (list, field, order, value) in [
        ("clients", "CREATED_AT", "app.clients+created_at", max.as_str()),
        ("clients", "CREATED_AT", "app.clients+created_at", "-8000000000000000000"),
        ("clients", "CREATED_AT", "app.clients+created_at", "8000000000000000000"),
        ("clients", "NAME", "app.clients+name", "a\0b"),
        ("clients", "NAME", "app.clients+name", "'; DROP TABLE app.clients; --"),
        ("projects", "DUE_DATE", "app.projects+due_date", "-99999-01-01"),
        ("projects", "DUE_DATE", "app.projects+due_date", "+262142-12-31"),
        ("tasks", "POSITION", "app.tasks+position", "\0"),
        ("tasks", "DUE_AT", "app.tasks+due_at", "-infinity"),
    ] {
        let cursor = made_up(order, value);
        let document = format!(
            "{{ {list}(after: \"{cursor}\", orderBy: {{ field: {field}, direction: ASC }}) {{ nodes {{ id }} }} }}"
        );
        let answer = f.owner.query(&document, json!({})).await;
        if answer.json.get("errors").is_some() {
            refused_about(&answer, "after");
        }
    }
    // The shape is what this test thinks it is, or it would show nothing.
    let cursor = made_up("app.clients+name", "");
    let document = format!(
        "{{ clients(first: 100, after: \"{cursor}\", orderBy: {{ field: NAME, direction: ASC }}) {{ nodes {{ id }} }} }}"
    );
    assert_eq!(f.owner.data(&document).await["clients"]["nodes"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn names_are_neither_empty_nor_too_long() {
    let f = fixture().await;
    let project = &f.full.projects[0];
    let endless = "x".repeat(10_000);
    let cases = [
        ("", "REQUIRED"),
        (" \t ", "REQUIRED"),
        (endless.as_str(), "TOO_LONG"),
        ("a\nb", "INVALID"),
        ("a\0b", "INVALID"),
    ];
    for (name, code) in cases {
        for (mutation, field, input) in [
            ("createClient", "name", json!({ "name": name })),
            ("updateClient", "name", json!({ "id": f.full.clients[0], "name": name })),
            ("createProject", "name", json!({ "name": name })),
            ("updateProject", "name", json!({ "id": project, "name": name })),
            ("createTask", "title", json!({ "projectId": project, "title": name })),
            ("updateTask", "title", json!({ "id": f.full.tasks[0], "title": name })),
        ] {
            f.owner.write(mutation, input).await.expect_refused(&[(code, field)]);
        }
    }
    // Null is not the same as "not given".
    for (mutation, id, field) in [
        ("updateClient", &f.full.clients[0], "name"),
        ("updateClient", &f.full.clients[0], "status"),
        ("updateProject", &f.full.projects[0], "name"),
        ("updateTask", &f.full.tasks[0], "title"),
        ("updateInvoice", &f.full.invoices[4], "currency"),
    ] {
        f.owner.write(mutation, json!({ "id": id, field: null })).await.expect_refused(&[("REQUIRED", field)]);
    }
    // The limit itself is allowed, counted in characters and not in bytes.
    f.owner.create_client(&"ü".repeat(200)).await;
    f.owner.write("createClient", json!({ "name": "ü".repeat(201) })).await.expect_refused(&[("TOO_LONG", "name")]);
}

#[tokio::test]
async fn all_faults_of_an_input_are_reported_together() {
    let f = fixture().await;
    let input = json!({ "name": " ", "email": "nobody", "phone": "1".repeat(51), "company": "x".repeat(201) });
    let expected = [("REQUIRED", "name"), ("INVALID", "email"), ("TOO_LONG", "phone"), ("TOO_LONG", "company")];
    f.owner.write("createClient", input).await.expect_refused(&expected);
    f.expect_nothing_written().await;
}

#[tokio::test]
async fn emoji_and_right_to_left_text_are_kept_exactly() {
    let f = fixture().await;
    for text in [
        "👩🏽‍💻 Zoë & Søns 🏳️‍🌈",
        "مرحبا بالعالم",
        "שלום \u{200f}עולם\u{200e}",
        "é is one letter",
        "Ｆｕｌｌ ｗｉｄｔｈ ﷽",
        "a\u{200b}b\u{feff}c",
        "\u{10ffff}",
        "\\\"'`${}<script>&amp;%00",
        "𐐷 ﬁ ǆ İı ß",
    ] {
        let client = f.owner.create_client(text).await;
        assert_eq!(client["name"], text);
        let document = "query($id: ID!) { client(id: $id) { name } }";
        assert_eq!(f.owner.query(document, json!({ "id": client["id"] })).await.text_at("client.name"), text);
        let stored = app_text(&f.app, client["id"].as_str().unwrap()).await;
        assert_eq!(stored, text);
    }
    // Prose keeps its line breaks and spaces.
    let notes = "  שורה\r\n\r\n\tשנייה 🙂\u{2028}  ";
    let answer = f.owner.write("createClient", json!({ "name": "A", "notes": notes })).await;
    assert_eq!(answer.expect_done()["notes"], notes);
    // Sorting and paging still work with such names.
    let data = f
        .owner
        .data("{ clients(first: 100, orderBy: { field: NAME, direction: ASC }) { nodes { name } totalCount } }")
        .await;
    assert_eq!(data["clients"]["nodes"].as_array().unwrap().len(), data["clients"]["totalCount"]);
}

#[tokio::test]
async fn a_text_without_visible_characters_is_blank() {
    let f = fixture().await;
    let (client, project) = (&f.full.clients[0], &f.full.projects[0]);
    for invisible in
        ["\u{200b}", "\u{200d}\u{feff}", "\u{ad}", "\u{3164}", "\u{202e}\u{2066}", "\u{e0041}", " \u{2800} "]
    {
        for (mutation, field, input) in [
            ("createClient", "name", json!({ "name": invisible })),
            ("updateClient", "name", json!({ "id": client, "name": invisible })),
            ("createProject", "name", json!({ "name": invisible })),
            ("updateProject", "name", json!({ "id": project, "name": invisible })),
            ("createTask", "title", json!({ "projectId": project, "title": invisible })),
            ("updateTask", "title", json!({ "id": f.full.tasks[0], "title": invisible })),
            ("createWorkspace", "name", json!({ "name": invisible })),
            ("updateWorkspace", "name", json!({ "id": f.full.workspaces[0], "name": invisible })),
            ("createOrganization", "name", json!({ "name": invisible, "slug": "unseen" })),
            ("updateOrganization", "name", json!({ "name": invisible })),
            (
                "createInvoice",
                "lineItems.0.description",
                json!({ "clientId": client, "currency": "USD",
                    "lineItems": [{ "description": invisible, "quantity": "1", "rate": "1" }] }),
            ),
        ] {
            f.owner.write(mutation, input).await.expect_refused(&[("REQUIRED", field)]);
        }
    }
    f.expect_nothing_written().await;
    // An optional field becomes absent.
    let input = json!({ "name": "A", "phone": "\u{200b}", "company": " \u{feff}" });
    let created = f.owner.mutate("createClient", input, "client { phone company }").await.expect_done().clone();
    assert_eq!((&created["phone"], &created["company"]), (&Value::Null, &Value::Null));
    f.owner
        .write("createClient", json!({ "name": "A", "email": "a\u{200b}@x.test" }))
        .await
        .expect_refused(&[("INVALID", "email")]);
}

#[tokio::test]
async fn two_spellings_of_one_name_are_one_name() {
    let f = fixture().await;
    let (apart, together) = ("Cafe\u{301} A\u{30a}", "Caf\u{e9} \u{c5}");
    let client = f.owner.create_client(apart).await;
    assert_eq!(client["name"], together);
    assert_eq!(app_text(&f.app, client["id"].as_str().unwrap()).await, together);
    let lines = json!([{ "description": apart, "quantity": "1", "rate": "1" }]);
    let input = json!({ "clientId": client["id"], "currency": "USD", "lineItems": lines });
    let invoice =
        f.owner.mutate("createInvoice", input, "invoice { lineItems { description } }").await.expect_done().clone();
    assert_eq!(invoice["lineItems"][0]["description"], together);
    // The limit applies to the stored form: 200 letters of two characters each.
    let long = "e\u{301}".repeat(200);
    assert_eq!(f.owner.create_client(&long).await["name"], "\u{e9}".repeat(200));
    // Prose is stored as written.
    let notes = json!({ "name": "A", "notes": apart });
    assert_eq!(f.owner.mutate("createClient", notes, "client { notes }").await.expect_done()["notes"], apart);

    // Uniqueness does not depend on the spelling.
    f.owner.write("createWorkspace", json!({ "name": together })).await.expect_done();
    for same in [apart, together, "CAF\u{c9} \u{e5}", "cafe\u{301} \u{212b}"] {
        f.owner.write("createWorkspace", json!({ "name": same })).await.expect_refused(&[("TAKEN", "name")]);
        let rename = json!({ "id": f.full.workspaces[2], "name": same });
        f.owner.write("updateWorkspace", rename).await.expect_refused(&[("TAKEN", "name")]);
    }
    f.owner.write("createWorkspace", json!({ "name": "I\u{307}zmir" })).await.expect_done();
    f.owner.write("createWorkspace", json!({ "name": "\u{130}ZM\u{130}R" })).await.expect_done();
    f.owner.write("createWorkspace", json!({ "name": "izmir" })).await.expect_done();
}

async fn app_text(app: &TestApp, client: &str) -> String {
    let (_, uuid) = tenantry_domain::typeid::split(client).unwrap();
    app.texts(&format!("SELECT name FROM app.clients WHERE id = '{uuid}'")).await.remove(0)
}

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
        ("999999999", "999999999999", "lineItems"),
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

#[tokio::test]
async fn unknown_fields_enums_and_shapes_are_refused_without_internals() {
    let f = fixture().await;
    for document in [
        "",
        "{",
        "{ nothing }",
        "query { clients { nodes { password } } }",
        "{ clients(filter: { status: [NOBODY] }) { nodes { id } } }",
        "{ clients(orderBy: { field: NOTES, direction: ASC }) { nodes { id } } }",
        "{ clients(filter: { name: \"x\" }) { nodes { id } } }",
        "mutation { createClient(input: { name: 1 }) { client { id } } }",
        "mutation { createClient(input: {}) { client { id } } }",
        "mutation { createClient(input: { name: \"A\", organizationId: \"x\" }) { client { id } } }",
        "subscription { nothing }",
        "{ clients { nodes } }",
    ] {
        let answer = f.owner.query(document, json!({})).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{document}: {}", answer.text);
        for internal in ["sqlx", "postgres", "SELECT", "panicked", "src/"] {
            assert!(!answer.text.contains(internal), "{document}: {}", answer.text);
        }
    }
    f.expect_nothing_written().await;
}
