//! Two organizations of the same shape never see each other: not through any field, and not in raw SQL with the API's
//! role.

use std::collections::HashSet;

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tenantry_domain::Role;
use tenantry_tests::TestApp;

use crate::introspection::{Types, text};

/// Tables that belong to an organization and that the API's role may read.
const READABLE: &str = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    WHERE n.nspname IN ('app', 'billing', 'platform', 'auth') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND has_column_privilege('tenantry_app', c.oid, a.attnum, 'SELECT') ORDER BY 1";

/// An input that holds this id.
type InputWith = fn(&str) -> Value;

#[tokio::test]
async fn no_field_reaches_another_organization() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
    let foreign: HashSet<String> = theirs.all_ids().into_iter().collect();
    for session in [app.as_owner(&ours.org), app.as_role(&ours.org, Role::Member).await] {
        let types = Types::of(&session).await;
        for field in types.fields("Query") {
            if field.args().iter().any(|arg| arg["type"]["kind"] == "NON_NULL") {
                continue;
            }
            let page = if field.is_connection() { "(first: 100)" } else { "" };
            let document = format!("{{ {}{page} {} }}", field.name(), types.selection(field.type_name(), 3));
            let answer = session.query(&document, json!({})).await;
            answer.expect_data();
            let leaked: Vec<_> = texts_of(&answer.json).into_iter().filter(|text| foreign.contains(*text)).collect();
            assert!(leaked.is_empty() && !answer.text.contains("theirs"), "{}: {leaked:?}", field.name());
        }
        for name in types.nodes() {
            for field in types.fields(name) {
                let document = format!(
                    "query($id: ID!) {{ node(id: $id) {{ ... on {name} {{ {} {} }} }} }}",
                    field.name(),
                    types.selection(field.type_name(), 3)
                );
                let answer = session.query(&document, json!({ "id": ours.sample(name).unwrap() })).await;
                answer.expect_data();
                let leaked: Vec<_> =
                    texts_of(&answer.json).into_iter().filter(|text| foreign.contains(*text)).collect();
                assert!(leaked.is_empty() && !answer.text.contains("theirs"), "{name}.{}: {leaked:?}", field.name());
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_id_answers_like_an_unknown_one_everywhere() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
    let owner = app.as_owner(&ours.org);
    let types = Types::of(&owner).await;
    let unknown = |id: &str| format!("{}_01h455vb4pex5vsknk084sn02q", id.rsplit_once('_').unwrap().0);
    // By id, at the root and through `node` and `nodes`.
    for field in types.fields("Query") {
        let takes_id = field.args().iter().any(|arg| arg["name"] == "id");
        let Some(id) = theirs.sample(field.type_name()).filter(|_| takes_id) else { continue };
        let document = format!("query($id: ID!) {{ {}(id: $id) {{ id }} }}", field.name());
        let answer = owner.query(&document, json!({ "id": id })).await;
        assert!(answer.at(field.name()).is_null(), "{}", field.name());
    }
    let ids = theirs.all_ids().into_iter().filter(|id| !id.starts_with("user_"));
    for chunk in ids.collect::<Vec<_>>().chunks(100) {
        let answer = owner.query("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": chunk })).await;
        assert!(answer.at("nodes").as_array().unwrap().iter().all(Value::is_null), "{}", answer.text);
    }
    // As filters.
    for (list, noun, field, id) in [
        ("projects", "Project", "clientId", &theirs.clients[0]),
        ("projects", "Project", "workspaceId", &theirs.workspaces[0]),
        ("tasks", "Task", "projectId", &theirs.projects[0]),
        ("tasks", "Task", "assigneeId", &theirs.ada.user_id.to_string()),
        ("invoices", "Invoice", "clientId", &theirs.clients[0]),
        ("invoices", "Invoice", "projectId", &theirs.projects[0]),
    ] {
        let document = format!("query($f: {noun}Filter) {{ {list}(filter: $f) {{ totalCount nodes {{ id }} }} }}");
        let answer = owner.query(&document, json!({ "f": { field: id } })).await;
        assert_eq!(answer.at(list), &json!({ "totalCount": 0, "nodes": [] }), "{list} by {field}");
    }
    // In inputs: exactly the same answer, and nothing written.
    let before = fingerprint(&app).await;
    let client: InputWith = |id| json!({ "id": id, "name": "X" });
    let cases: [(&str, String, InputWith); 13] = [
        ("updateClient", theirs.clients[0].clone(), client),
        ("deleteClient", theirs.clients[0].clone(), |id| json!({ "id": id })),
        ("updateProject", theirs.projects[0].clone(), client),
        ("deleteProject", theirs.projects[0].clone(), |id| json!({ "id": id })),
        ("createProject", theirs.clients[0].clone(), |id| json!({ "name": "X", "clientId": id })),
        ("createProject", theirs.workspaces[0].clone(), |id| json!({ "name": "X", "workspaceId": id })),
        ("createProject", theirs.ada.user_id.to_string(), |id| json!({ "name": "X", "ownerId": id })),
        ("updateTask", theirs.tasks[0].clone(), |id| json!({ "id": id, "title": "X" })),
        ("deleteTask", theirs.tasks[0].clone(), |id| json!({ "id": id })),
        ("createTask", theirs.projects[0].clone(), |id| json!({ "projectId": id, "title": "X" })),
        ("createInvoice", theirs.clients[0].clone(), |id| json!({ "clientId": id, "currency": "USD" })),
        ("updateInvoice", theirs.invoices[4].clone(), |id| json!({ "id": id, "notes": "X" })),
        ("deleteInvoice", theirs.invoices[4].clone(), |id| json!({ "id": id })),
    ];
    for (mutation, id, input) in cases {
        let foreign = owner.write(mutation, input(&id)).await;
        let nobody = owner.write(mutation, input(&unknown(&id))).await;
        assert_eq!(
            foreign.user_errors().first().map(|error| error.code.as_str()),
            Some("NOT_FOUND"),
            "{}",
            foreign.text
        );
        assert_eq!((foreign.status, foreign.payload()), (nobody.status, nobody.payload()), "{mutation}");
    }
    assert_eq!(fingerprint(&app).await, before);
}

#[tokio::test]
async fn each_policy_works_without_the_applications_filter() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
    let tables = app.texts(READABLE).await;
    assert!(tables.len() > 12, "{tables:?}");
    let mut raw = PgConnection::connect(&app.urls().app_url()).await.unwrap();
    let as_nobody = format!("SET LOCAL app.current_user_id = '{}'", uuid::Uuid::nil());
    for table in &tables {
        let all =
            app.number(&format!("SELECT count(*) FROM {table} WHERE organization_id = '{}'", ours.org.uuid())).await;
        assert!(all > 0, "{table} has no row to see");
        // Within the organization: all of its own rows, and no others.
        let count = format!("SELECT count(*) FROM {table}");
        assert_eq!(counted(&mut raw, &in_org(ours.org.uuid()), &count).await, all, "{table}");
        let strangers = format!("{count} WHERE organization_id = '{}'", theirs.org.uuid());
        assert_eq!(counted(&mut raw, &in_org(ours.org.uuid()), &strangers).await, 0, "{table}");
        // Without an organization, with an empty one, and with one that does not exist: nothing.
        let empty = "SET LOCAL app.current_organization_id = ''".to_owned();
        for setting in ["SELECT 1", as_nobody.as_str(), &empty, &in_org(uuid::Uuid::nil())] {
            assert_eq!(counted(&mut raw, setting, &count).await, 0, "{table} after {setting}");
        }
    }
    // The organizations table has no `organization_id`: its id is the organization.
    assert_eq!(counted(&mut raw, &in_org(ours.org.uuid()), "SELECT count(*) FROM app.organizations").await, 1);
    assert_eq!(counted(&mut raw, "SELECT 1", "SELECT count(*) FROM app.organizations").await, 0);
}

#[tokio::test]
async fn no_row_is_written_into_or_changed_in_another_organization() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
    let before = fingerprint(&app).await;
    let mut raw = PgConnection::connect(&app.urls().app_url()).await.unwrap();
    for table in app.texts(READABLE).await {
        let mut transaction = raw.begin().await.unwrap();
        transaction.execute(AssertSqlSafe(in_org(ours.org.uuid()))).await.unwrap();
        // A denied statement is as good as one that affects no row.
        let delete = format!("DELETE FROM {table} WHERE organization_id = '{}'", theirs.org.uuid());
        let touched = match transaction.execute(AssertSqlSafe(delete)).await {
            Ok(done) => done.rows_affected(),
            Err(error) => {
                assert!(error.to_string().contains("permission denied"), "{table}: {error}");
                0
            }
        };
        assert_eq!(touched, 0, "{table}");
        transaction.rollback().await.unwrap();
    }
    let (ours, theirs) = (ours.org.uuid(), theirs.org.uuid());
    let insert =
        format!("INSERT INTO app.clients (organization_id, id, name) VALUES ('{theirs}', gen_random_uuid(), 'X')");
    let update = format!("UPDATE app.clients SET organization_id = '{theirs}'");
    for (statement, expected) in [(insert, "row-level security"), (update, "permission denied")] {
        let mut transaction = raw.begin().await.unwrap();
        transaction.execute(AssertSqlSafe(in_org(ours))).await.unwrap();
        let error = transaction.execute(AssertSqlSafe(statement)).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        transaction.rollback().await.unwrap();
    }
    assert_eq!(fingerprint(&app).await, before);
}

fn in_org(organization: uuid::Uuid) -> String {
    format!("SET LOCAL app.current_organization_id = '{organization}'")
}

/// Counts with the API's role in a transaction that begins with `setting`.
async fn counted(raw: &mut PgConnection, setting: &str, query: &str) -> i64 {
    let mut transaction = raw.begin().await.unwrap();
    transaction.execute(AssertSqlSafe(setting)).await.unwrap();
    let count = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *transaction).await;
    transaction.rollback().await.unwrap();
    count.unwrap_or_else(|error| panic!("{error}: {query}"))
}

/// A fingerprint of every row of every table.
async fn fingerprint(app: &TestApp) -> Vec<String> {
    let mut prints = Vec::new();
    for table in app.texts(READABLE).await {
        let query = format!("SELECT '{table} ' || count(*) || ' ' || sum(hashtext(t::text)::bigint) FROM {table} t");
        prints.extend(app.texts(&query).await);
    }
    prints
}

/// Every text in a value.
fn texts_of(value: &Value) -> Vec<&str> {
    match value {
        Value::String(_) => vec![text(value)],
        Value::Array(items) => items.iter().flat_map(texts_of).collect(),
        Value::Object(fields) => fields.values().flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}
