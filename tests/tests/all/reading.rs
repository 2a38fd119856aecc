//! Reading: every field of every type, at the root and nested, the results of filters, and the order of an answer.

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{FullOrg, TestApp};

use crate::introspection::{Types, text};

/// Fields that are null even in the fullest row, with the reason.
const NULL_FOR_ALL: &[(&str, &str)] = &[
    // It is an invoice, and no credit note.
    ("Invoice", "corrects"),
];

#[tokio::test]
async fn every_field_of_every_object_is_filled_in_the_fullest_row() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let types = Types::of(&owner).await;
    for name in types.nodes() {
        let id = full.sample(name).unwrap_or_else(|| panic!("no sample of the new type {name}"));
        for field in types.fields(name) {
            let (field_name, selection) = (field.name(), types.selection(field.type_name(), 2));
            let answer = owner
                .query(
                    &format!("query($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {field_name} {selection} }} }} }}"),
                    json!({ "id": id }),
                )
                .await;
            let value = answer.at(&format!("node.{field_name}"));
            if NULL_FOR_ALL.contains(&(name, field_name)) {
                assert!(value.is_null(), "{name}.{field_name} is no exception any more");
            } else {
                assert!(!value.is_null(), "{name}.{field_name} is null");
            }
            let rows = if field.is_connection() { &value["nodes"] } else { value };
            assert!(rows.as_array().is_none_or(|rows| !rows.is_empty()), "{name}.{field_name} is empty");
            if field.is_connection() {
                let rows = rows.as_array().unwrap().len();
                assert_eq!(value["totalCount"], rows, "{name}.{field_name}.totalCount");
            }
        }
    }
}

#[tokio::test]
async fn every_root_field_answers() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let types = Types::of(&owner).await;
    for field in types.fields("Query") {
        let (name, selection) = (field.name(), types.selection(field.type_name(), 2));
        let args = field.args();
        let needs = |arg: &str| args.iter().any(|found| found["name"] == arg && found["type"]["kind"] == "NON_NULL");
        let id = full.sample(field.type_name()).unwrap_or_else(|| full.clients[0].clone());
        let arguments = match (needs("id"), needs("ids")) {
            (true, _) => format!("(id: \"{id}\")"),
            (_, true) => format!("(ids: [\"{id}\"])"),
            _ if needs("from") => "(from: \"2026-01-01\", before: \"2027-01-01\")".to_owned(),
            _ if needs("query") => "(query: \"task\")".to_owned(),
            _ => String::new(),
        };
        let answer = owner.query(&format!("{{ {name}{arguments} {selection} }}"), json!({})).await;
        assert!(!answer.at(name).is_null(), "{name} is null");
        if field.is_connection() {
            assert!(!answer.at(&format!("{name}.nodes")).as_array().unwrap().is_empty(), "{name} is empty");
        }
    }
}

#[tokio::test]
async fn the_graph_is_linked_both_ways() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    // Just wide enough, because the cost of a document depends on what it may return.
    let document = "{ clients(first: 7) { nodes { id
        projects(first: 3) { nodes { id client { id } workspace { id }
            tasks(first: 10) { nodes { id project { id } subtasks(first: 3) { nodes { id parent { id } } }
                assignees { id tasks(first: 6) { nodes { id } } } } }
            invoices(first: 4) { nodes { id project { id } } } } }
        invoices(first: 4) { nodes { id client { id } project { id } tasks(first: 3) { nodes { id } } } } } } }";
    let data = owner.data(document).await;
    let (mut projects, mut tasks, mut subtasks, mut assignments, mut invoices) = (0, 0, 0, 0, 0);
    for client in nodes(&data["clients"]) {
        for project in nodes(&client["projects"]) {
            projects += 1;
            assert_eq!(project["client"]["id"], client["id"]);
            for task in nodes(&project["tasks"]) {
                tasks += 1;
                assert_eq!(task["project"]["id"], project["id"]);
                for subtask in nodes(&task["subtasks"]) {
                    subtasks += 1;
                    assert_eq!(subtask["parent"]["id"], task["id"]);
                }
                for member in task["assignees"].as_array().unwrap() {
                    assignments += 1;
                    assert!(nodes(&member["tasks"]).iter().any(|assigned| assigned["id"] == task["id"]));
                }
            }
            for invoice in nodes(&project["invoices"]) {
                assert_eq!(invoice["project"]["id"], project["id"]);
            }
        }
        for invoice in nodes(&client["invoices"]) {
            invoices += 1;
            assert_eq!(invoice["client"]["id"], client["id"]);
        }
    }
    assert_eq!((projects, tasks, subtasks, assignments, invoices), (5, 14, 4, 12, 7));
}

#[tokio::test]
async fn viewer_and_organization_identify_the_caller() {
    let app = TestApp::start().await;
    let org = app.organization("acme").time_zone("Asia/Tokyo").create().await;
    for role in [Role::Admin, Role::Member, Role::Viewer, Role::Guest] {
        let session = app.as_role(&org, role).await;
        let document =
            "{ viewer { role member { role email name } organization { id } } organization { slug timeZone } }";
        let data = session.data(document).await;
        let upper = role.as_str().to_uppercase();
        assert_eq!((&data["viewer"]["role"], &data["viewer"]["member"]["role"]), (&json!(upper), &json!(upper)));
        assert_eq!(data["viewer"]["member"]["email"], format!("{role}@acme.test"));
        assert_eq!(data["viewer"]["organization"]["id"], org.id.to_string());
        assert_eq!(data["organization"], json!({ "slug": "acme", "timeZone": "Asia/Tokyo" }));
    }
}

#[tokio::test]
async fn nodes_come_in_the_order_of_their_ids_and_unknown_ones_are_null() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let unknown = "task_01h455vb4pex5vsknk084sn02q";
    let ids = json!([full.tasks[3], unknown, full.clients[1], full.tasks[3], full.org.id.to_string()]);
    let document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }";
    let answer = app.as_owner(&full.org).query(document, json!({ "ids": ids })).await;
    let found = answer.at("nodes");
    let kinds: Vec<_> = found.as_array().unwrap().iter().map(|node| node["__typename"].as_str()).collect();
    assert_eq!(kinds, [Some("Task"), None, Some("Client"), Some("Task"), Some("Organization")]);
    assert_eq!(found[0]["id"], full.tasks[3]);
}

#[tokio::test]
async fn filters_return_the_matching_rows() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let (client, project, room) = (&full.clients[0], &full.projects[0], &full.workspaces[0]);
    let ada = full.ada.user_id.to_string();
    // Each filter, with the SQL condition that means the same.
    let cases = [
        ("clients", json!({ "status": ["LEAD"] }), "app.clients", "status = 'lead'".to_owned()),
        ("clients", json!({ "status": ["ACTIVE", "INACTIVE"] }), "app.clients", "status <> 'lead'".to_owned()),
        (
            "clients",
            json!({ "createdFrom": "2026-01-02T00:00:00Z" }),
            "app.clients",
            "created_at >= '2026-01-02'".into(),
        ),
        (
            "clients",
            json!({ "createdBefore": "2026-01-02T00:00:00Z" }),
            "app.clients",
            "created_at < '2026-01-02'".into(),
        ),
        ("projects", json!({ "status": ["COMPLETED"] }), "app.projects", "status = 'completed'".to_owned()),
        ("projects", json!({ "clientId": client }), "app.projects", format!("client_id = {}", uuid_of(client))),
        ("projects", json!({ "workspaceId": room }), "app.projects", format!("workspace_id = {}", uuid_of(room))),
        ("tasks", json!({ "status": ["DONE", "TODO"] }), "app.tasks", "status IN ('done', 'todo')".to_owned()),
        ("tasks", json!({ "projectId": project }), "app.tasks", format!("project_id = {}", uuid_of(project))),
        ("tasks", json!({ "isSubtask": true }), "app.tasks", "parent_task_id IS NOT NULL".to_owned()),
        ("tasks", json!({ "isSubtask": false }), "app.tasks", "parent_task_id IS NULL".to_owned()),
        ("tasks", json!({ "dueFrom": "2026-03-02T00:00:00Z" }), "app.tasks", "due_at >= '2026-03-02'".to_owned()),
        ("tasks", json!({ "dueBefore": "2026-03-02T00:00:00Z" }), "app.tasks", "due_at < '2026-03-02'".to_owned()),
        (
            "tasks",
            json!({ "assigneeId": ada }),
            "app.tasks",
            "id IN (SELECT task_id FROM app.task_assignees)".to_owned(),
        ),
        ("invoices", json!({ "status": ["DRAFT"] }), "app.invoices", "status = 'draft'".to_owned()),
        // One was due in February; the other two are due in a hundred years and never.
        (
            "invoices",
            json!({ "status": ["OVERDUE"] }),
            "app.invoices",
            "status = 'sent' AND due_date < '2026-03-01'".to_owned(),
        ),
        (
            "invoices",
            json!({ "status": ["SENT"] }),
            "app.invoices",
            "status = 'sent' AND (due_date > '2100-01-01' OR due_date IS NULL)".to_owned(),
        ),
        ("invoices", json!({ "clientId": client }), "app.invoices", format!("client_id = {}", uuid_of(client))),
        ("invoices", json!({ "projectId": project }), "app.invoices", format!("project_id = {}", uuid_of(project))),
        ("invoices", json!({ "issuedFrom": "2026-01-03" }), "app.invoices", "issue_date >= '2026-01-03'".to_owned()),
        ("invoices", json!({ "issuedBefore": "2026-01-03" }), "app.invoices", "issue_date < '2026-01-03'".to_owned()),
        ("members", json!({ "role": ["OWNER", "GUEST"] }), "app.organization_members", "role <> 'member'".to_owned()),
    ];
    for (list, filter, table, condition) in cases {
        let noun = format!("{}{}", list[..1].to_uppercase(), &list[1..list.len() - 1]);
        let document = format!(
            "query($filter: {noun}Filter) {{ {list}(first: 100, filter: $filter) {{ totalCount nodes {{ id }} }} }}"
        );
        let answer = owner.query(&document, json!({ "filter": filter })).await;
        let mut found: Vec<String> = nodes(answer.at(list)).iter().map(|node| uuid_of(text(&node["id"]))).collect();
        found.sort();
        let query = format!("SELECT quote_literal(id) FROM {table} WHERE {condition} ORDER BY id");
        let mut expected = app.texts(&query).await;
        expected.sort();
        assert!(!expected.is_empty(), "nothing to find with {filter}");
        assert_eq!(found, expected, "{list} with {filter}");
        assert_eq!(*answer.at(&format!("{list}.totalCount")), expected.len(), "{list} with {filter}");
    }
}

#[tokio::test]
async fn an_answer_is_in_the_order_of_the_query() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    // Leaves, to-one and to-many relations, aliases and fragments, in an order that a server would not choose by
    // itself.
    let document = "query { projects(first: 1, orderBy: { field: CREATED_AT, direction: ASC }) { totalCount
        nodes { zed: invoices { nodes { id } totalCount } name client { name id } ...more id } pageInfo { hasNextPage } }
        b: organization { slug name } a: viewer { organization { id } role } }
        fragment more on Project { tasks(first: 1) { nodes { title project { name } id } } status }";
    let answer = app.as_owner(&full.org).query(document, json!({})).await;
    answer.expect_data();
    let expected = [
        "projects",
        "totalCount",
        "nodes",
        "zed",
        "nodes",
        "totalCount",
        "name",
        "client",
        "name",
        "id",
        "tasks",
        "nodes",
        "title",
        "project",
        "name",
        "id",
        "status",
        "id",
        "pageInfo",
        "hasNextPage",
        "b",
        "slug",
        "name",
        "a",
        "organization",
        "id",
        "role",
    ];
    let mut rest = answer.text.as_str();
    for key in expected {
        let quoted = format!("\"{key}\":");
        let at = rest.find(&quoted).unwrap_or_else(|| panic!("no {key} in its place: {}", answer.text));
        rest = &rest[at + quoted.len()..];
    }
}

#[tokio::test]
async fn skipped_and_duplicate_selections_still_give_valid_json() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let client = &full.clients[0];
    for (document, path, expected) in [
        ("{ clients(first: 1) { nodes { id @skip(if: true) } } }".to_owned(), "clients", json!({ "nodes": [{}] })),
        ("{ clients(first: 1) { nodes @skip(if: true) { id } } }".to_owned(), "clients", json!({})),
        (
            "{ clients(first: 1) { nodes { projects(first: 1) { nodes @include(if: false) { id } } } } }".to_owned(),
            "clients",
            json!({ "nodes": [{ "projects": {} }] }),
        ),
        (
            "{ invoices(first: 1) { nodes { total { amount @skip(if: true) } } } }".to_owned(),
            "invoices",
            json!({ "nodes": [{ "total": {} }] }),
        ),
        (
            "{ invoices(first: 1) { nodes { total { ...f } } } } fragment f on Money { amount @skip(if: true) }".to_owned(),
            "invoices",
            json!({ "nodes": [{ "total": {} }] }),
        ),
        (
            format!(
                "{{ node(id: \"{client}\") {{ ... on Client {{ projects(first: 1) {{ __typename totalCount ...p }} }} }} }}
                 fragment p on ProjectConnection {{ __typename totalCount }}"
            ),
            "node",
            json!({ "projects": { "__typename": "ProjectConnection", "totalCount": 3 } }),
        ),
    ] {
        let answer = owner.query(&document, json!({})).await;
        assert_eq!(*answer.at(path), expected, "{document}");
        assert!(answer.text.matches("totalCount").count() <= 1, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_node_is_resolved_like_an_object_of_its_type() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let ask = async |selection: &str| {
        let document = format!("{{ node(id: \"{}\") {{ ... on Client {{ {selection} }} }} }}", full.clients[0]);
        owner.query(&document, json!({})).await
    };
    let answer = ask("projects(first: 1) { totalCount } name").await;
    let (projects, name) = (answer.text.find("\"projects\"").unwrap(), answer.text.find("\"name\"").unwrap());
    assert!(projects < name, "{}", answer.text);
    let answer = owner
        .query("{ viewer { __typename } clients(after: \"nonsense\") @include(if: true) { totalCount } }", json!({}))
        .await;
    let expected = json!({ "viewer": { "__typename": "Viewer" }, "clients": null });
    assert_eq!(answer.json["data"], expected, "a root field that failed leaves its neighbours: {}", answer.text);
    // A list is not nullable, so its parent becomes null.
    let answer = ask("id projects(after: \"nonsense\") { totalCount }").await;
    assert_eq!(answer.json["data"], json!({ "node": null }), "{}", answer.text);
    assert_eq!(answer.error()["path"], json!(["node", "projects"]));
}

#[tokio::test]
async fn a_guest_sees_only_what_was_granted_and_only_the_names_of_clients() {
    let app = TestApp::start().await;
    let full: FullOrg = app.full_organization("acme").await;
    let guest = app.as_role(&full.org, Role::Guest).await;
    let document = "{ clients { nodes { id name email phone company status notes } totalCount } projects { nodes { id } totalCount }
        tasks(first: 100) { totalCount } invoices { totalCount } workspaces { totalCount } }";
    let data = guest.data(document).await;
    let client = json!({ "id": full.clients[0], "name": "Zoë", "email": null, "phone": null, "company": null, "status": null, "notes": null });
    assert_eq!(data["clients"], json!({ "nodes": [client], "totalCount": 1 }));
    assert_eq!(data["projects"], json!({ "nodes": [{ "id": full.projects[0] }], "totalCount": 1 }));
    assert_eq!((&data["tasks"]["totalCount"], &data["invoices"]["totalCount"]), (&json!(10), &json!(0)));
    assert_eq!(data["workspaces"]["totalCount"], 0);
}

fn nodes(connection: &Value) -> &[Value] {
    connection["nodes"].as_array().unwrap_or_else(|| panic!("no list: {connection}"))
}

/// The UUID of an id, as an SQL literal.
fn uuid_of(id: &str) -> String {
    let (_, uuid) = tenantry_domain::typeid::split(id).unwrap();
    format!("'{uuid}'")
}
