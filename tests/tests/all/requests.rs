//! Every request has exactly one meaning: fields that are not given stay, a field selected twice runs once, an invalid
//! request does not run at all, and changes that were made are reported.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_server::http::HttpOptions;
use tenantry_tests::{Answer, TestApp};

/// Asserts a refusal before execution: an error that names the field, and no data.
#[track_caller]
fn refused(answer: &Answer) {
    assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{}", answer.text);
    assert!(answer.json.get("data").is_none(), "{}", answer.text);
}

#[tokio::test]
async fn a_variable_that_is_not_given_leaves_its_field_absent() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let created = owner
        .write(
            "createClient",
            json!({ "name": "A", "email": "a@example.com", "phone": "1", "company": "C", "notes": "N" }),
        )
        .await;
    let id = created.expect_done()["id"].clone();
    let document = "mutation($id: ID!, $n: String, $e: String, $p: String, $c: String = null) { updateClient(input: \
                    { id: $id, name: $n, email: $e, phone: $p, company: $c }) { client { name email phone company notes } } }";
    let answer = owner.query(document, json!({ "id": id, "n": "B" })).await;
    assert_eq!(
        answer.at("updateClient.client"),
        // A default of null is a value, and clears the field.
        &json!({ "name": "B", "email": "a@example.com", "phone": "1", "company": null, "notes": "N" })
    );
    let answer = owner.query(document, json!({ "id": id, "e": null })).await;
    assert_eq!(answer.at("updateClient.client.name"), "B");
    assert_eq!(answer.at("updateClient.client.email"), &Value::Null);

    // A task keeps its parent, its due time and its position.
    let project = &full.projects[0];
    let parent = owner.create_task(project, "Parent").await["id"].clone();
    let task = owner
        .write(
            "createTask",
            json!({ "projectId": project, "title": "T", "parentTaskId": parent, "dueAt": "2026-01-31T12:00:00Z" }),
        )
        .await;
    let task = task.expect_done()["id"].clone();
    let document = "mutation($id: ID!, $t: String, $d: DateTime, $p: ID) { updateTask(input: { id: $id, title: $t, dueAt: $d, \
                    parentTaskId: $p }) { task { title dueAt parent { id } } } }";
    let answer = owner.query(document, json!({ "id": task, "t": "U" })).await;
    let expected = json!({ "title": "U", "dueAt": "2026-01-31T12:00:00Z", "parent": { "id": parent } });
    assert_eq!(answer.at("updateTask.task"), &expected);
}

#[tokio::test]
async fn a_field_that_two_fragments_select_runs_once() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let before = app.number("SELECT count(*) FROM app.clients").await;
    let document = "mutation($n: String!) { ...A ...B createClient(input: { name: $n }) { client { phone } } } \
                    fragment A on Mutation { createClient(input: { name: $n }) { client { name } } } \
                    fragment B on Mutation { ... on Mutation { createClient(input: { name: $n }) { client { status name } } } }";
    let answer = owner.query(document, json!({ "n": "Once" })).await;
    assert_eq!(answer.at("createClient.client"), &json!({ "name": "Once", "status": "ACTIVE", "phone": null }));
    assert!(
        answer.text.contains(r#"{"name":"Once","status":"ACTIVE","phone":null}"#),
        "the query's order: {}",
        answer.text
    );
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, before + 1);

    // Lists, edges, links and amounts that are selected in parts are merged.
    let answer = owner
        .data(
            "{ clients(first: 2) { nodes { id projects(first: 1) { nodes { name } } } ...M nodes { name } } } \
             fragment M on ClientConnection { totalCount nodes { projects(first: 1) { nodes { id client { id } } } } }",
        )
        .await;
    let first = &answer["clients"]["nodes"][0];
    assert!(first["id"].is_string() && first["name"].is_string() && answer["clients"]["totalCount"].is_number());
    for project in first["projects"]["nodes"].as_array().unwrap() {
        assert_eq!(project["client"]["id"], first["id"]);
        assert!(project["name"].is_string() && project["id"].is_string());
    }
    // Any name can be an alias, including one that looks like an internal one.
    let named = owner.data("{ __empty: viewer { __x: role __empty: role } }").await;
    assert_eq!(named, json!({ "__empty": { "__x": "OWNER", "__empty": "OWNER" } }));
    let money = owner.data("{ invoices(first: 1) { nodes { total { amount } ... { total { currency } } } } }").await;
    assert!(money["invoices"]["nodes"][0]["total"]["amount"].is_string());
    assert!(money["invoices"]["nodes"][0]["total"]["currency"].is_string());
}

#[tokio::test]
async fn an_invalid_request_does_not_run_at_all() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let client = &full.clients[0];
    let before = app.number("SELECT count(*) FROM app.clients").await;
    let make = "a: createClient(input: { name: \"A\" }) { client { id } }";
    let cases = [
        // A variable without a value; null; of another type.
        (
            format!("mutation($id: ID!) {{ {make} b: deleteClient(input: {{ id: $id }}) {{ deletedClientId }} }}"),
            json!({}),
        ),
        (
            format!("mutation($id: ID!) {{ {make} b: deleteClient(input: {{ id: $id }}) {{ deletedClientId }} }}"),
            json!({ "id": null }),
        ),
        (
            format!("mutation($n: String!) {{ {make} b: createClient(input: {{ name: $n }}) {{ client {{ id }} }} }}"),
            json!({ "n": 1 }),
        ),
        // A nullable variable where null is not allowed, inside an input object.
        (
            format!("mutation($n: String) {{ {make} b: createClient(input: {{ name: $n }}) {{ client {{ id }} }} }}"),
            json!({ "n": "B" }),
        ),
        // A duplicate input field; an unknown one; a missing required one.
        (
            format!(
                "mutation {{ {make} b: createClient(input: {{ name: \"A\", name: \"B\" }}) {{ client {{ id }} }} }}"
            ),
            json!({}),
        ),
        (
            "mutation($input: CreateClientInput!) { createClient(input: $input) { client { id } } }".to_owned(),
            json!({ "input": { "name": "A", "organizationId": "x" } }),
        ),
        (
            "mutation($input: CreateClientInput!) { createClient(input: $input) { client { id } } }".to_owned(),
            json!({ "input": {} }),
        ),
        // An invalid id, for a later mutation.
        (
            format!("mutation($id: ID!) {{ {make} b: deleteClient(input: {{ id: $id }}) {{ deletedClientId }} }}"),
            json!({ "id": "x" }),
        ),
        // An invalid time.
        (
            format!(
                "mutation {{ {make} b: updateTask(input: {{ id: \"{}\", dueAt: \"tomorrow\" }}) {{ task {{ id }} }} }}",
                full.tasks[0]
            ),
            json!({}),
        ),
        // A condition without a value.
        (format!("mutation($f: Boolean!) {{ {make} @include(if: $f) }}"), json!({})),
        // Two conflicting fields, one of them in a fragment on the root type.
        (
            "{ clients(first: 1, orderBy: {field: NAME, direction: ASC}) { nodes { id } } \
             ... on Query { clients(first: 1, orderBy: {field: NAME, direction: DESC}) { nodes { name } } } }"
                .to_owned(),
            json!({}),
        ),
        ("query($f: Boolean!) { viewer { role @include(if: $f) } }".to_owned(), json!({})),
        // Several operations, and none chosen.
        ("query A { __typename } query B { __typename }".to_owned(), json!({})),
        (format!("mutation {{ {make} }} query {{ __typename }}"), json!({})),
    ];
    for (document, variables) in cases {
        let answer = owner.query(&document, variables).await;
        refused(&answer);
    }
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, before);
    assert!(
        owner
            .query("query($id: ID!) { client(id: $id) { id } }", json!({ "id": client }))
            .await
            .at("client.id")
            .is_string()
    );
}

#[tokio::test]
async fn conditions_follow_the_variables_and_their_defaults() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let document =
        "query($f: Boolean = true) { clients(first: 1) { nodes { id name @include(if: $f) status @skip(if: $f) } } }";
    let node = owner.query(document, json!({})).await.at("clients.nodes.0").clone();
    assert!(node["name"].is_string() && node.get("status").is_none(), "{node}");
    let node = owner.query(document, json!({ "f": false })).await.at("clients.nodes.0").clone();
    assert!(node["status"].is_string() && node.get("name").is_none(), "{node}");

    // An object of which nothing is left is still an object.
    let nothing = owner
        .query(
            "query($f: Boolean!) { viewer { role @include(if: $f) } organization { id @include(if: $f) } \
             organizations { name @include(if: $f) } clients(first: 1) { nodes { id @include(if: $f) } } \
             invoices(first: 1) { nodes { total { amount @include(if: $f) } } } \
             node(id: $n) { ... on Client { id @include(if: $f) } } }"
                .replace("query($f: Boolean!)", "query($f: Boolean!, $n: ID!)")
                .as_str(),
            json!({ "f": false, "n": full.clients[0] }),
        )
        .await;
    assert_eq!(
        nothing.expect_data(),
        &json!({
            "viewer": {}, "organization": {}, "organizations": [{}], "clients": { "nodes": [{}] },
            "invoices": { "nodes": [{ "total": {} }] }, "node": {}
        })
    );
    assert_eq!(owner.query("{ viewer @skip(if: true) { role } }", json!({})).await.expect_data(), &json!({}));
}

#[tokio::test]
async fn a_refused_value_is_named_by_its_path_and_not_by_its_text() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let field = |answer: &Answer| {
        let field = answer.error()["extensions"]["field"].as_array().cloned().unwrap_or_default();
        field.iter().map(|part| part.as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>().join(".")
    };
    let (client, project) = (&full.clients[0], &full.projects[0]);
    let literal = format!(
        "mutation {{ createTask(input: {{ projectId: \"{project}\", title: \"tomorrow\", dueAt: \"tomorrow\" }}) {{ task {{ id }} }} }}"
    );
    let answer = owner.query(&literal, json!({})).await;
    refused(&answer);
    assert_eq!(field(&answer), "input.dueAt");
    assert!(answer.error_message().contains("2026-01-31T12:00:00Z"), "{}", answer.text);
    let document = "mutation($t: String!, $d: DateTime, $p: ID!) { createTask(input: { projectId: $p, title: $t, dueAt: $d }) { task { id } } }";
    let answer = owner.query(document, json!({ "t": "tomorrow", "d": "tomorrow", "p": project })).await;
    refused(&answer);
    assert_eq!((field(&answer).as_str(), &answer.error()["extensions"]["variable"]), ("input.dueAt", &json!("d")));
    // The same id in two fields; it is valid in one of them.
    let document = "mutation($id: ID!) { createInvoice(input: { clientId: $id, projectId: $id, currency: \"USD\" }) { invoice { id } } }";
    assert_eq!(field(&owner.query(document, json!({ "id": client })).await), "input.projectId");
    assert_eq!(field(&owner.query(document, json!({ "id": project })).await), "input.clientId");
    let tasks = format!(
        "mutation {{ createInvoice(input: {{ clientId: \"{client}\", currency: \"USD\", taskIds: [\"{}\", \"{client}\"] }}) {{ invoice {{ id }} }} }}",
        full.tasks[0]
    );
    assert_eq!(field(&owner.query(&tasks, json!({})).await), "input.taskIds.1");

    // Numbers where text is expected: the error says what to write.
    for (input, path, hint) in [
        (json!({ "name": "A", "budget": { "amount": 12.5, "currency": "USD" } }), "input.budget.amount", "\"2500.00\""),
        (json!({ "name": "A", "budget": { "amount": 12, "currency": "USD" } }), "input.budget.amount", "\"2500.00\""),
        (json!({ "name": "A", "budget": { "amount": "1", "currency": 840 } }), "input.budget.currency", "\"USD\""),
        (json!({ "name": "A", "dueDate": 20_260_131 }), "input.dueDate", "\"2026-01-31\""),
        (json!({ "name": "A", "clientId": 7 }), "input.clientId", "client_"),
        (json!({ "name": "A", "clientId": true }), "input.clientId", "string"),
    ] {
        let answer = owner.write("createProject", input).await;
        assert_eq!(field(&answer), path, "{}", answer.text);
        assert!(answer.error_message().contains(hint), "{}", answer.text);
    }
}

#[tokio::test]
async fn one_failed_root_field_does_not_affect_the_others() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let answer = owner.query("{ a: clients(after: \"x\") { totalCount } b: clients { totalCount } }", json!({})).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json["data"]["a"], Value::Null);
    assert!(answer.json["data"]["b"]["totalCount"].is_number(), "{}", answer.text);
    assert_eq!(answer.error()["path"], json!(["a"]));
    let guest = app.as_role(&full.org, Role::Guest).await;
    let answer = guest.query("{ entitlements { limit } viewer { role } }", json!({})).await;
    assert_eq!(answer.json["data"], json!({ "entitlements": null, "viewer": { "role": "GUEST" } }), "{}", answer.text);
    assert_eq!((answer.error_code(), &answer.error()["path"]), ("FORBIDDEN", &json!(["entitlements"])));
}

#[tokio::test]
async fn a_mutation_that_fails_in_part_reports_what_was_done() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let member = app.as_role(&full.org, Role::Member).await;
    let someone = full.org.owner.user_id;
    let document = format!(
        "mutation {{ a: createClient(input: {{ name: \"A\" }}) {{ client {{ name }} }} \
         b: updateMemberRole(input: {{ id: \"{someone}\", role: ADMIN }}) {{ member {{ id }} }} \
         c: createClient(input: {{ name: \"C\" }}) {{ client {{ name }} }} }}"
    );
    let answer = member.query(&document, json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let expected = json!({ "a": { "client": { "name": "A" } }, "b": null, "c": { "client": { "name": "C" } } });
    assert_eq!(answer.json["data"], expected);
    assert_eq!((answer.error_code(), &answer.error()["path"]), ("FORBIDDEN", &json!(["b"])));
    // If it is the only field, the status reports it, because nothing was done.
    let alone =
        format!("mutation {{ updateMemberRole(input: {{ id: \"{someone}\", role: ADMIN }}) {{ member {{ id }} }} }}");
    assert_eq!(member.query(&alone, json!({})).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_mutation_that_runs_out_of_time_keeps_and_reports_what_was_done() {
    let http = HttpOptions { request_timeout: Duration::from_millis(1_500), ..HttpOptions::default() };
    let app = TestApp::builder().http(http).start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let project = &full.projects[0];
    let (_, uuid) = tenantry_domain::typeid::split(project).unwrap();
    let mut lock = app.admin().begin().await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("SELECT 1 FROM app.projects WHERE id = '{uuid}' FOR UPDATE")))
        .execute(&mut *lock)
        .await
        .unwrap();
    let document = format!(
        "mutation {{ a: createClient(input: {{ name: \"First\" }}) {{ client {{ name }} }} \
         b: updateProject(input: {{ id: \"{project}\", name: \"Second\" }}) {{ project {{ name }} }} \
         c: createClient(input: {{ name: \"Third\" }}) {{ client {{ name }} }} }}"
    );
    let answer = owner.query(&document, json!({})).await;
    lock.rollback().await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(
        answer.json["data"],
        json!({ "a": { "client": { "name": "First" } }, "b": null, "c": null }),
        "{}",
        answer.text
    );
    let errors = answer.json["errors"].as_array().unwrap();
    let told: Vec<_> = errors.iter().map(|e| (e["path"][0].clone(), e["extensions"]["code"].clone())).collect();
    assert_eq!(told, [(json!("b"), json!("TIMEOUT")), (json!("c"), json!("TIMEOUT"))]);
    assert_eq!(app.number("SELECT count(*) FROM app.clients WHERE name IN ('First', 'Third')").await, 1);
    assert_eq!(app.number("SELECT count(*) FROM app.projects WHERE name = 'Second'").await, 0);
}

#[tokio::test]
async fn what_a_request_asked_the_database_for_ends_with_it() {
    let http = HttpOptions { request_timeout: Duration::from_millis(700), ..HttpOptions::default() };
    let app = TestApp::builder().http(http).start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let mut lock = app.admin().begin().await.unwrap();
    sqlx::raw_sql("LOCK TABLE app.clients IN ACCESS EXCLUSIVE MODE").execute(&mut *lock).await.unwrap();
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'tenantry_app'
        AND wait_event_type = 'Lock'";
    let document = "{ clients { nodes { id } } again: clients(last: 1) { nodes { id } } }";
    let (answer, while_it_ran) = tokio::join!(owner.query(document, json!({})), async {
        tokio::time::sleep(Duration::from_millis(400)).await;
        app.number(waiting).await
    });
    assert_eq!((answer.status, while_it_ran), (StatusCode::GATEWAY_TIMEOUT, 1), "{}", answer.text);
    // The server waits two seconds for the database to stop, and closes the connection then.
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    assert_eq!(app.number(waiting).await, 0);
    lock.rollback().await.unwrap();
    owner.query(document, json!({})).await.expect_data();
}

#[tokio::test]
async fn a_payload_that_cannot_be_read_does_not_hide_the_commit() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    // The list in the payload is refused only after the client was created.
    let document = "mutation { createClient(input: { name: \"Made\" }) { client { name projects(after: \"x\") { totalCount } } userErrors { code } } }";
    let answer = owner.query(document, json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.error()["extensions"]["outcome"], "COMMITTED", "{}", answer.text);
    assert_eq!(app.number("SELECT count(*) FROM app.clients WHERE name = 'Made'").await, 1);
}
