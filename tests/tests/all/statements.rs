//! The number of SQL statements depends on the query's shape and never on the data; counted at the database.

use serde_json::json;
use tenantry_tests::{Org, Session, TestApp};

const LIST: &str = "{ clients(first: 20) { nodes { id name status } } }";

const DASHBOARD: &str = "{ clients(first: 20) { nodes { id name
    projects(first: 5) { nodes { id name status tasks(first: 10) { nodes { id title status position } } } }
    invoices(first: 5) { nodes { id number status total { amount currency } } } } } }";

/// A page of 100 clients with 10 projects each: a thousand parents for the tasks.
const WIDE: &str = "{ clients(first: 100) { nodes { id
    projects(first: 10) { nodes { id tasks(first: 2) { nodes { id title } totalCount } client { id } } }
    invoices(first: 2) { nodes { id lineItems { description } client { id } project { id } } } } } }";

/// Every relation of every entity at once, to-one and to-many.
const DEEP: &str = "{ viewer { member { name } organization { name defaultWorkspace { id } } }
    clients(first: 3) { totalCount nodes { id invoices(first: 2) { totalCount nodes { id lineItems { rate } createdBy { id }
        tasks(first: 2) { nodes { id } } } } } }
    projects(first: 3) { nodes { id owner { id } workspace { id name } client { id } } }
    tasks(first: 3) { nodes { id project { id } parent { id } createdBy { id } assignees { id }
        subtasks(first: 2) { nodes { id parent { id } } totalCount } } } }";

/// Gives an organization clients with projects with tasks, and an invoice for each project.
async fn populate(app: &TestApp, org: &Org, clients: u32, projects: u32, tasks: u32) {
    let (id, room, owner) = (org.uuid(), org.workspace.as_uuid(), org.owner.user_id.as_uuid());
    app.sql(&format!(
        "INSERT INTO app.clients (organization_id, id, name) SELECT '{id}', gen_random_uuid(), 'Client ' || n
             FROM generate_series(1, {clients}) n;
         INSERT INTO app.projects (organization_id, id, workspace_id, client_id, name, owner_id)
             SELECT '{id}', gen_random_uuid(), '{room}', c.id, 'Project ' || n, '{owner}'
             FROM app.clients c, generate_series(1, {projects}) n WHERE c.organization_id = '{id}';
         INSERT INTO app.tasks (organization_id, id, project_id, title, position, created_by)
             SELECT '{id}', gen_random_uuid(), p.id, 'Task ' || n, 'a' || n, '{owner}'
             FROM app.projects p, generate_series(1, {tasks}) n WHERE p.organization_id = '{id}';
         INSERT INTO app.task_assignees (organization_id, task_id, user_id)
             SELECT '{id}', id, '{owner}' FROM app.tasks WHERE organization_id = '{id}';
         INSERT INTO app.invoices (organization_id, id, client_id, project_id, currency, issue_date, created_by)
             SELECT '{id}', gen_random_uuid(), client_id, id, 'EUR', '2026-01-01', '{owner}'
             FROM app.projects WHERE organization_id = '{id}';
         ANALYZE app.clients, app.projects, app.tasks, app.invoices;"
    ))
    .await;
}

/// The statements of a document on its second run; the first run prepares.
async fn sent(app: &TestApp, session: &Session, document: &str) -> Vec<String> {
    let mark = app.mark().await;
    session.query(document, json!({})).await.expect_data();
    app.statements_since(mark).await;
    let mark = app.mark().await;
    session.query(document, json!({})).await.expect_data();
    app.statements_since(mark).await
}

#[tokio::test]
async fn the_statements_are_the_same_for_one_parent_and_for_a_thousand() {
    let app = TestApp::builder().logging_statements().start().await;
    let (one, many) = (app.organization("one").create().await, app.organization("many").create().await);
    populate(&app, &one, 1, 1, 1).await;
    populate(&app, &many, 100, 10, 4).await;
    let (one, many) = (app.as_owner(&one), app.as_owner(&many));
    for document in [LIST, DASHBOARD, WIDE, DEEP] {
        let (few, lots) = (sent(&app, &one, document).await, sent(&app, &many, document).await);
        assert_eq!(few.len(), lots.len(), "{few:#?}\n{lots:#?}");
        // The text is the same as well; the first statement contains the organization.
        assert_eq!(few[1..], lots[1..]);
    }
    let wide = many.data(WIDE).await;
    let parents = wide["clients"]["nodes"].as_array().unwrap().iter();
    assert_eq!(parents.map(|client| client["projects"]["nodes"].as_array().unwrap().len()).sum::<usize>(), 1_000);
}

#[tokio::test]
async fn a_list_and_a_dashboard_take_one_statement_a_level_between_open_and_close() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    populate(&app, &org, 30, 6, 12).await;
    let owner = app.as_owner(&org);
    // Clients; projects and invoices; tasks.
    for (document, reads) in [(LIST, 1), (DASHBOARD, 4)] {
        let statements = sent(&app, &owner, document).await;
        assert_eq!(statements.len(), 1 + reads + 1, "{statements:#?}");
        let (open, close) = (&statements[0], &statements[statements.len() - 1]);
        assert!(open.starts_with("BEGIN;SET LOCAL"), "{open}");
        assert!(open.contains("FROM app.organization_members m"), "{open}");
        assert_eq!(close, "ROLLBACK");
        assert!(statements[1..=reads].iter().all(|statement| statement.starts_with("SELECT")), "{statements:#?}");
    }
}

#[tokio::test]
async fn a_total_is_counted_only_when_it_is_selected_and_once_for_all_parents() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    populate(&app, &org, 10, 2, 2).await;
    let owner = app.as_owner(&org);
    let counts = |statements: &[String]| statements.iter().filter(|text| text.contains("count(*)")).count();
    let without = sent(&app, &owner, "{ clients { nodes { id projects { nodes { id } } } } }").await;
    assert_eq!((without.len(), counts(&without)), (4, 0), "{without:#?}");
    let root = sent(&app, &owner, "{ clients { totalCount nodes { id projects { nodes { id } } } } }").await;
    assert_eq!((root.len(), counts(&root)), (5, 1), "{root:#?}");
    let nested = sent(&app, &owner, "{ clients { nodes { id projects { totalCount nodes { id } } } } }").await;
    assert_eq!((nested.len(), counts(&nested)), (5, 1), "{nested:#?}");
}

#[tokio::test]
async fn every_statement_that_reads_names_the_organization() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    populate(&app, &org, 2, 2, 2).await;
    let owner = app.as_owner(&org);
    for document in [WIDE, DEEP] {
        let statements = sent(&app, &owner, document).await;
        for statement in statements[1..statements.len() - 1].iter().filter(|text| text.contains("app.")) {
            let filtered = statement.contains("organization_id = $1") || statement.contains("t.id = $1");
            assert!(filtered, "the application's own filter is missing: {statement}");
        }
    }
}

#[tokio::test]
async fn a_request_is_one_snapshot_and_a_refused_document_sends_nothing() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    populate(&app, &org, 2, 2, 2).await;
    let owner = app.as_owner(&org);
    let statements = sent(&app, &owner, DEEP).await;
    assert_eq!(statements.iter().filter(|text| text.starts_with("BEGIN")).count(), 1, "{statements:#?}");

    let mark = app.mark().await;
    for document in ["{ nothing }", "{", "{ clients(first: 101) { nodes { id } } }", "{ client(id: \"x\") { id } }"] {
        assert_eq!(owner.query(document, json!({})).await.error_code(), "BAD_USER_INPUT");
    }
    // A request that does read marks the end of those that should not.
    owner.data("{ organization { id } }").await;
    let statements = app.statements_since(mark).await;
    assert_eq!(statements.iter().filter(|text| text.starts_with("BEGIN")).count(), 1, "{statements:#?}");
}
