//! Ids, pages, cursors and fields that do not exist.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{fixture, refused_about};
use crate::introspection::Types;

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
