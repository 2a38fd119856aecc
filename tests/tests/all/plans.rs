//! Query plans: on data of realistic sizes, no statement of the API scans a whole tenant table, or sorts what an index
//! provides in order.
//!
//! The database itself reports how it ran each statement (`auto_explain`). If that extension is not installed, the test
//! says so and checks nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use tenantry_domain::{Clock, OrganizationId, ProjectId, UserId};
use tenantry_seed::ScaleOptions;
use tenantry_tests::{Session, TestApp};

/// Every list in every order, every filter, and every relation, as the API offers them.
const QUERIES: &[&str] = &[
    "{ clients(first: 20) { nodes { id name status projects(first: 5) { nodes { id name tasks(first: 10) { nodes { id title } } } }
         invoices(first: 5) { nodes { id number status total { amount } lineItems { description } } } } } }",
    "{ clients(first: 20, orderBy: { field: NAME, direction: ASC }) { nodes { id } pageInfo { endCursor } } }",
    "{ clients(first: 20, filter: { status: [ACTIVE] }) { nodes { id } } }",
    "{ projects(first: 20) { nodes { id owner { name } workspace { name } client { name } invoices(first: 3) { nodes { id } } } } }",
    "{ projects(first: 20, orderBy: { field: NAME, direction: DESC }) { nodes { id } } }",
    "{ projects(first: 20, orderBy: { field: DUE_DATE, direction: ASC }) { nodes { id } } }",
    "{ projects(first: 20, filter: { status: [ACTIVE] }) { nodes { id } } }",
    "{ tasks(first: 20) { nodes { id parent { id } assignees { name } subtasks(first: 3) { nodes { id } } createdBy { id } } } }",
    "{ tasks(first: 20, orderBy: { field: DUE_AT, direction: ASC }) { nodes { id project { id } } } }",
    "{ tasks(last: 20, filter: { status: [TODO] }) { nodes { id } } }",
    "{ invoices(first: 20) { nodes { id client { id } project { id } tasks(first: 3) { nodes { id } } } } }",
    "{ invoices(first: 20) { nodes { client { name } project { name client { name } } } } }",
    "{ invoices(first: 20, orderBy: { field: DUE_DATE, direction: ASC }) { nodes { id number } } }",
    "{ invoices(first: 20, orderBy: { field: CREATED_AT, direction: DESC }) { nodes { id } } }",
    "{ invoices(first: 20, filter: { status: [OVERDUE] }) { nodes { id } } }",
    "{ viewer { member { name tasks(first: 20) { nodes { id title } } } organization { defaultWorkspace { id } } } }",
    "{ projects(first: 20, filter: { status: [ACTIVE, COMPLETED] }, orderBy: { field: DUE_DATE, direction: DESC }) { nodes { id } } }",
    "{ tasks(first: 20, orderBy: { field: URGENCY, direction: ASC }) { nodes { id } } }",
    "{ tasks(first: 20, orderBy: { field: POSITION, direction: ASC }) { nodes { id } } }",
    "{ clients(first: 5) { nodes { projects(first: 3, orderBy: { field: DUE_DATE, direction: ASC }) { nodes { id
         tasks(first: 3, orderBy: { field: DUE_AT, direction: ASC }) { nodes { id } } } } } } }",
    "{ clients(first: 5) { nodes { projects(first: 3, orderBy: { field: NAME, direction: ASC }) { nodes { id
         tasks(first: 3, filter: { status: [TODO] }) { nodes { id } } } } } } }",
    "{ workspaces(first: 5, orderBy: { field: NAME, direction: ASC }) { nodes { id grants(first: 5) { nodes { id } } } } }",
    "{ clients(first: 20, filter: { nameStartsWith: \"a\" }, orderBy: { field: NAME }) { totalCount nodes { id } } }",
    "{ projects(first: 20, filter: { nameStartsWith: \"we\" }) { nodes { id } } }",
    "{ clients(first: 20, orderBy: [{ field: NAME }, { field: CREATED_AT, direction: DESC }]) { nodes { id } pageInfo { endCursor } } }",
    "{ tasks(first: 20, filter: { updatedFrom: \"2026-06-01T00:00:00Z\" }, orderBy: { field: UPDATED_AT }) { nodes { id } } }",
    "{ tasks(first: 20, filter: { completedFrom: \"2026-06-01T00:00:00Z\", completedBefore: \"2026-06-02T00:00:00Z\" }) { nodes { id } } }",
    "{ tasks(first: 20, filter: { dueIsNull: true, statusNot: [DONE] }) { nodes { id } } }",
    "{ tasks(first: 20, filter: { assigneeId: null }) { nodes { id } } }",
    "{ invoices(first: 20, filter: { number: [\"1\", \"2\"] }) { nodes { id } } }",
    "{ invoices(first: 20, filter: { totalAtLeast: { amount: \"1000\", currency: \"USD\" } }) { nodes { id } } }",
    "{ clients(first: 20, filter: { hasInvoices: { status: [OVERDUE] } }) { totalCount nodes { id } } }",
    "{ projects(first: 20, filter: { hasNoTasks: { statusNot: [DONE] } }) { totalCount nodes { id } } }",
    "{ clients(first: 20, filter: { hasProjects: { hasTasks: { status: [IN_REVIEW] } } }) { nodes { id } } }",
    "{ clients(first: 20, filter: { hasInvoices: { status: [SENT] }, hasNoProjects: { status: [ACTIVE] } }) { totalCount nodes { id } } }",
    "{ clients(first: 20, filter: { hasNoProjects: { hasNoTasks: {} } }) { totalCount nodes { id } } }",
    "{ tasks(first: 20, filter: { projectIdNot: [\"project_01h455vb4pex5vsknk084sn02q\"], hasNoSubtasks: {} }) { nodes { id } } }",
    "{ tasks(first: 20, filter: { ids: [\"task_01h455vb4pex5vsknk084sn02q\", \"task_01h455vb4pex5vsknk084sn02r\"] }) { totalCount nodes { id } } }",
    "{ tasks(first: 20, filter: { projectIds: [\"project_01h455vb4pex5vsknk084sn02q\", \"project_01h455vb4pex5vsknk084sn02r\"] }) { totalCount nodes { id } } }",
    "{ projects(first: 20, filter: { clientIds: [\"client_01h455vb4pex5vsknk084sn02q\", \"client_01h455vb4pex5vsknk084sn02r\"] }) { totalCount nodes { id } } }",
    "{ clients(first: 20, filter: { ids: [\"client_01h455vb4pex5vsknk084sn02q\", \"client_01h455vb4pex5vsknk084sn02r\"] }) { totalCount nodes { id } } }",
    "{ members(first: 20, filter: { hasTasks: { status: [TODO] } }) { nodes { id } } }",
    "{ myTasks(first: 20) { totalCount nodes { title project { name client { name } } labels { name } } } }",
    "{ overdueTasks(first: 20) { totalCount nodes { title dueAt } } }",
    "{ projects(first: 5) { nodes { board { status totalCount tasks(first: 10) { id title } } } } }",
    "{ comments(first: 20) { nodes { id body mentions { name } author { name } task { title } } } labels(first: 20) { nodes { id name } } }",
    "{ tasks(first: 20) { nodes { id comments(first: 5) { totalCount nodes { id } } labels { name } } } personalTasks(first: 20) { nodes { id } } }",
    "{ activities(first: 20) { nodes { id entityName changes { field old new } actor { name } project { name } entity { id } } } }",
    "{ activities(first: 20, filter: { entityType: [TASK] }) { totalCount nodes { id } } }",
    "{ activities(first: 20, filter: { entityTypeNot: [COMMENT], createdFrom: \"2026-06-01T00:00:00Z\", actorIdNot: [] }) { nodes { id } } }",
    "{ clients(first: 5) { nodes { activities(first: 1) { nodes { createdAt } } } } projects(first: 5) { nodes { activities(first: 5) { nodes { id } } } } }",
    "{ tasks(first: 5) { nodes { activities(first: 5) { nodes { id } } } } members(first: 5) { nodes { activities(first: 5) { nodes { id } } } } }",
    "{ one: search(query: \"design\") { entityId } two: search(query: \"home page\") { entityId } beginning: search(query: \"re\") { entityId highlights { field } } }",
    "{ one: search(query: \"design\", kinds: [CLIENT]) { entityId } beginning: search(query: \"re\", kinds: [PROJECT, COMMENT]) { entityId } }",
    "{ members(first: 20) { nodes { id name } } workspaces(first: 20) { nodes { id projects(first: 3) { nodes { id } } } } }",
    MONEY,
    "{ transactions(first: 20) { totalCount nodes { id amount { amount } client { name } invoice { number } project { name } } } }",
    "{ transactions(first: 20, filter: { kind: [PAYMENT], occurredFrom: \"2026-01-01\" }) { nodes { id } } }",
    "{ invoices(first: 5) { nodes { id taxes { amount { amount } } creditNotes(first: 3) { nodes { id } } transactions(first: 3) { nodes { id } } } } }",
    "{ clients(first: 5) { nodes { transactions(first: 3) { nodes { id } } } } projects(first: 5) { nodes { transactions(first: 3) { nodes { id } } } } }",
    "{ tasks(first: 20, filter: { isUnbilled: true }) { nodes { id } } projects(first: 5) { nodes { tasks(first: 3, filter: { isUnbilled: true }) { nodes { id } } } } }",
];

/// Sums over invoices and transactions.
const MONEY: &str = "{ receivables(first: 20) { client { name } outstanding { amount } } \
     revenue(from: \"2025-01-01\", before: \"2027-01-01\") { net { amount } } \
     taxesDue(from: \"2026-01-01\", before: \"2026-04-01\") { amount { amount } } \
     organization { balances { outstanding { amount } } settings { currency } } \
     clients(first: 20) { nodes { balances { outstanding { amount } } } } \
     projects(first: 20) { nodes { spent { amount } billed { amount } unbilled balances { expenses { amount } } } } }";

/// Lists in their own order, as a member sees them, with what is private left out.
const OF_A_MEMBER: &[&str] = &[
    "{ tasks(first: 20) { nodes { id } } projects(first: 20) { nodes { id } } invoices(first: 20) { nodes { id } } }",
    "{ clients(first: 20) { nodes { id } } comments(first: 20) { nodes { id } } contentItems(first: 20) { nodes { id } } }",
    "{ tasks(first: 20, orderBy: { field: UPDATED_AT }) { nodes { id } } overdueTasks(first: 20) { nodes { id } } myTasks(first: 20) { nodes { id } } }",
    "{ clients(first: 5) { nodes { projects(first: 5) { nodes { id tasks(first: 5) { nodes { id } } } } } } }",
    "{ one: search(query: \"design\") { entityId } two: search(query: \"home page\") { entityId } beginning: search(query: \"re\") { entityId } }",
    "{ workspaces(first: 5) { nodes { id } } members(first: 5) { nodes { id } } labels(first: 5) { nodes { id } } }",
    "{ transactions(first: 20) { nodes { id } } }",
    MONEY,
];

/// Allowed sorts, by a part of the statement, with the reason.
const EXCUSED_SORTS: &[(&str, &str)] = &[
    (
        "FROM app.tasks t WHERE t.organization_id = $1 ORDER BY t.position",
        "positions mean something within a project only",
    ),
    ("JOIN app.task_assignees a", "the rows of one table in the order of another"),
    ("JOIN app.invoice_tasks i", "the rows of one table in the order of another"),
    ("FROM app.task_assignees a", "a task has 50 at most"),
    ("FROM app.organization_members t", "members are few"),
    ("FROM app.workspace_members t", "grants are few"),
    (
        "t.client_id = parents.id AND t.status <> 'archived' ORDER BY t.name",
        "an index for every order within one client would cost every write",
    ),
    (
        "t.client_id = parents.id AND t.status <> 'archived' ORDER BY coalesce",
        "an index for every order within one client would cost every write",
    ),
    (
        "t.project_id = parents.id ORDER BY coalesce",
        "an index for every order within one project would cost every write",
    ),
    ("t.name COLLATE \"und-x-icu\" >= $2", "what begins so is found by the index of names, and is little"),
    ("ORDER BY t.name COLLATE \"und-x-icu\", t.created_at", "rows of the same name, in the second order"),
    ("t.number = ANY($2)", "a few numbers"),
    ("t.completed_at >= $2", "what was finished in a time is found by its index"),
    (
        "t.client_id = ANY($2) AND t.status <> 'archived' ORDER BY",
        "the rows of several others, each found by its index",
    ),
    ("t.project_id = ANY($2) ORDER BY", "the rows of several others, each found by its index"),
    (") AS wanted (id) CROSS JOIN LATERAL (", "at most a hundred rows, each looked up"),
    ("t.total >= $3", "an index for every amount would cost every write"),
    (
        "linked WHERE linked.key = t.id)) linked",
        "with a filter in a filter in a filter, what is linked may be read first",
    ),
    (") f GROUP BY f.kind, f.entity_id ORDER BY max(f.score)", "what was found, a few hundred rows at most"),
    ("WITH ORDINALITY AS w (first, last, n)", "the words that are looked for"),
    ("t.id = ANY($2) ORDER BY t.id FOR UPDATE OF t", "a task and those below it, locked in the order that all keep to"),
    ("c.task_id = ANY($2) ORDER BY c.id FOR NO KEY UPDATE OF c", "the comments of a few tasks, likewise"),
    ("WITH RECURSIVE", "what is above or below one task, each found by an index"),
    ("coalesce(t.due_date < $2", "what is overdue goes by the day, and is found by status and due date"),
    ("rows GROUP BY rows.", "rows that are summed up are grouped, which no index does"),
    ("GROUP BY month, t.currency", "likewise"),
    ("GROUP BY t.currency, x.name", "likewise"),
    ("t.transaction_id = ANY($1)", "the entries of the few transactions that were running"),
    ("OR t.entity_type = 'project' AND t.entity_id = $6) AND (t.only_for", "what happened in one project within a day"),
];

/// Problems in the plans of the API's statements.
#[derive(Default)]
struct Plans {
    count: usize,
    /// A tenant table that is scanned completely, and the statement.
    scans: BTreeSet<(String, String)>,
    /// The sort key, and the statement.
    sorts: BTreeSet<(String, String)>,
    /// Statements that read many rows for nothing, and how many.
    in_vain: BTreeSet<(String, u64)>,
    /// An index that finds a row by its id only after all others of the organization, and the statement.
    detours: BTreeSet<(String, String)>,
}

/// A statement that throws away more rows than these reads what it was not asked for.
const IN_VAIN: u64 = 500;

/// Statements that may throw away rows: they are asked for what no index finds.
const EXCUSED_READS: &[&str] = &[
    "linked.key = t.",
    // Words of what a member or guest does not see are passed over.
    "IS TRUE AND s.term >= w.first",
    "IS TRUE AND s.term = w.term",
    "SELECT count(*) FROM app.tasks t WHERE t.organization_id = $1 AND t.project_id = ANY($2)",
    // How many entries somebody sees is counted one by one.
    "SELECT count(*) FROM app.activities t",
    // Who comes back and follows some kinds of things passes over what happened to others, within a day.
    "t.transaction_id + 0 >= $3",
    // What is late in archived projects is looked at, and left out.
    "AND t.status <> 'done' AND coalesce(t.due_at, 'infinity'::timestamptz) < $2 AND (SELECT p.status",
];

/// Parses the plans that the server logged for the API's role and the worker's.
fn read_plans(log: &str, database: &str) -> Plans {
    let heads = ["app", "worker"].map(|role| format!("tenantry_{role}@{database} LOG:  duration: "));
    let (mut plans, mut inside) = (Plans::default(), false);
    let (mut statement, mut index, mut loops) = (String::new(), String::new(), 1);
    for line in log.lines() {
        if !line.starts_with('\t') {
            inside = heads.iter().any(|head| line.contains(head)) && line.contains("plan:");
            plans.count += usize::from(inside);
            statement.clear();
        } else if inside {
            if let Some(text) = line.trim().strip_prefix("Query Text: ") {
                text.clone_into(&mut statement);
            }
            if let Some((_, rest)) = line.split_once(" loops=") {
                loops = rest.trim_end_matches(')').parse().unwrap_or(1);
            }
            if let Some((_, table)) = line.split_once("Seq Scan on ") {
                plans.scans.insert((table.to_owned(), statement.clone()));
            }
            if let Some((_, rest)) = line.split_once(" using ") {
                rest.split(' ').next().unwrap_or_default().clone_into(&mut index);
            }
            // By its time as well, a row of what happened is found by any index of both.
            let by_id = line.contains("Index Cond:") && line.contains("(id = ") && !line.contains("(created_at = ");
            // An organization has a handful of workspaces.
            if by_id && !index.ends_with("_pkey") && !index.starts_with("workspaces_") {
                plans.detours.insert((index.clone(), statement.clone()));
            }
            if let Some((_, rows)) = line.split_once("Rows Removed by Filter: ") {
                // What is said is the average of the loops.
                let rows = rows.trim().parse::<u64>().unwrap_or(u64::MAX).saturating_mul(loops);
                if rows > IN_VAIN {
                    plans.in_vain.insert((statement.clone(), rows));
                }
            }
            if let Some(key) = line.trim().strip_prefix("Sort Key: ") {
                plans.sorts.insert((key.to_owned(), statement.clone()));
            }
        }
    }
    plans
}

/// What writes tasks, beside the rows that are there already.
async fn write(app: &TestApp, session: &Session, organization: OrganizationId) {
    let first = |what: &str| format!("SELECT id::text FROM {what} ORDER BY id LIMIT 3");
    let own = format!("organization_id = '{}'", organization.as_uuid());
    let projects = app.texts(&first(&format!("app.projects WHERE {own} AND client_id IS NULL"))).await;
    let projects: Vec<ProjectId> = projects.iter().map(|id| ProjectId::from_uuid(id.parse().unwrap())).collect();
    let create = |title: &str, parent: &Value| {
        let input = json!({ "projectId": projects[0], "title": title, "parentTaskId": parent });
        session.write("createTask", input)
    };
    let top = create("top", &Value::Null).await.expect_done()["id"].clone();
    let below = create("below", &top).await.expect_done()["id"].clone();
    let comment = json!({ "taskId": below, "body": format!("@{}", UserId::from_uuid(organization.as_uuid())) });
    session.mutate("createComment", comment, "comment { id mentions { name } }").await.expect_done();
    let circle = json!({ "id": top, "parentTaskId": below });
    session.write("updateTask", circle).await.expect_refused(&[("INVALID", "parentTaskId")]);
    for input in
        [json!({ "id": below, "before": top }), json!({ "id": top, "projectId": projects[1], "status": "DONE" })]
    {
        session.write("moveTask", input).await.expect_done();
    }
    let several =
        json!({ "tasks": [{ "id": top, "projectId": projects[0] }, { "id": below, "projectId": projects[2] }] });
    session.write("moveTasks", several).await.expect_done();
    session.write("deleteTask", json!({ "id": top })).await.expect_done();
}

/// Asks for what happened in the last hour, while the worker looks for what happens.
async fn follow(session: &Session, organization: OrganizationId, app: &TestApp) {
    let hour_ago = (Clock::system().now() - TimeDelta::hours(1)).timestamp_micros();
    let after = URL_SAFE_NO_PAD.encode(format!("3:3://{hour_ago}/"));
    let project =
        format!("SELECT id::text FROM app.projects WHERE organization_id = '{}' LIMIT 1", organization.as_uuid());
    let project = ProjectId::from_uuid(app.texts(&project).await[0].parse().unwrap());
    for field in [
        "changes(after: $after)",
        "changes(kinds: [CLIENT], after: $after)",
        "taskChanged(projectId: $project, after: $after)",
    ] {
        let declared = if field.contains("$project") { "$after: String, $project: ID!" } else { "$after: String" };
        let query = format!("subscription({declared}) {{ {field} {{ cursor }} }}");
        let body = json!({ "query": query, "variables": { "after": after, "project": project } });
        let mut stream = session.post().header(ACCEPT, "text/event-stream").json(&body).send().await.unwrap();
        // What was missed is read after the stream is open.
        let mut heard = String::new();
        while let Ok(Ok(Some(chunk))) = tokio::time::timeout(Duration::from_secs(2), stream.chunk()).await {
            heard.push_str(&String::from_utf8_lossy(&chunk));
            if heard.contains("event: next") {
                break;
            }
        }
        assert!(heard.starts_with(':') && !heard.contains("errors"), "{heard}");
    }
}

#[tokio::test]
async fn no_statement_scans_a_whole_tenant_table_or_sorts_needlessly() {
    let app = TestApp::builder().live().start().await;
    let installed = app.number("SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_stat_statements'").await;
    if installed == 0 {
        println!("skipped: the PostgreSQL on this machine has no contributed modules, and so no auto_explain");
        return;
    }
    let options = ScaleOptions { organizations: 500, users: 3_000, tasks: 200_000, rng_seed: 7 };
    tenantry_seed::scale(&app.urls().owner_url(), &options, &mut |_| {}).await.unwrap();
    // What happened to each task: two entries, of two months.
    app.sql(
        "INSERT INTO app.activities (organization_id, id, entity_type, entity_id, action, actor_id, client_id, project_id, task_id,
             for_guests, for_members, metadata, created_at)
         SELECT t.organization_id, gen_random_uuid(), 'task', t.id, 'created', t.created_by, p.client_id, t.project_id, t.id, true, true,
             '{}', date_trunc('month', now()) + n * interval '20 days' + random() * interval '10 days'
         FROM app.tasks t JOIN app.projects p ON p.organization_id = t.organization_id AND p.id = t.project_id,
             generate_series(0, 1) n;
         ANALYZE app.activities",
    )
    .await;
    let database = app.urls().name().to_owned();
    app.sql(&format!(
        "ALTER ROLE tenantry_app IN DATABASE \"{database}\" SET session_preload_libraries = 'auto_explain';
         ALTER ROLE tenantry_app IN DATABASE \"{database}\" SET auto_explain.log_min_duration = 0;
         ALTER ROLE tenantry_app IN DATABASE \"{database}\" SET auto_explain.log_analyze = on;
         ALTER ROLE tenantry_worker IN DATABASE \"{database}\" SET session_preload_libraries = 'auto_explain';
         ALTER ROLE tenantry_worker IN DATABASE \"{database}\" SET auto_explain.log_min_duration = 0;
         ALTER ROLE tenantry_worker IN DATABASE \"{database}\" SET auto_explain.log_analyze = on;"
    ))
    .await;
    // The settings apply to connections opened from here on.
    let server = app.another_server().await;
    let log_file = app.test_database().cluster().log_file();
    let begin = std::fs::metadata(log_file).unwrap().len();
    for slug in ["large", "middling"] {
        let who = app
            .texts(&format!(
                "SELECT o.id::text || ' ' || m.user_id::text FROM app.organizations o JOIN app.organization_members m
                 ON m.organization_id = o.id WHERE o.slug = '{slug}' AND m.role = 'owner' ORDER BY m.joined_at LIMIT 1"
            ))
            .await;
        let (organization, user) = who[0].split_once(' ').unwrap();
        let organization = OrganizationId::from_uuid(organization.parse().unwrap());
        let token = app.token(UserId::from_uuid(user.parse().unwrap()), organization);
        let session = app.with_token(Some(&token)).at(&server);
        for query in QUERIES {
            session.query(query, json!({})).await.expect_data();
        }
        write(&app, &session, organization).await;
        follow(&session, organization, &app).await;
        // What a member sees has conditions of its own.
        let user = app
            .texts(&format!(
                "SELECT user_id::text FROM app.organization_members WHERE organization_id = '{}' AND role = 'member' LIMIT 1",
                organization.as_uuid()
            ))
            .await;
        let token = app.token(UserId::from_uuid(user[0].parse().unwrap()), organization);
        let member = app.with_token(Some(&token)).at(&server);
        follow(&member, organization, &app).await;
        let of_activities = QUERIES.iter().filter(|query| query.starts_with("{ activities"));
        for query in OF_A_MEMBER.iter().chain(of_activities) {
            member.query(query, json!({})).await.expect_data();
        }
        app.sql(&format!(
            "UPDATE app.organization_members SET role = 'guest' WHERE organization_id = '{}' AND user_id = '{}'",
            organization.as_uuid(),
            user[0]
        ))
        .await;
        for query in OF_A_MEMBER.iter().filter(|query| query.contains("search")) {
            member.query(query, json!({})).await.expect_data();
        }
    }
    let mut log = File::open(log_file).unwrap();
    log.seek(SeekFrom::Start(begin)).unwrap();
    let mut bytes = Vec::new();
    log.read_to_end(&mut bytes).unwrap();
    let plans = read_plans(&String::from_utf8_lossy(&bytes), &database);
    assert!(plans.count > 2 * QUERIES.len(), "only {} plans were logged", plans.count);
    // There are few plans and features, and hardly anyone here has a grant on a workspace. Reading all of them is
    // right.
    let excused = ["plans", "plan_features", "workspace_members"];
    let is_excused = |table: &str| excused.iter().any(|excused| table.starts_with(&format!("{excused} ")));
    let scans: Vec<_> = plans.scans.iter().filter(|(table, _)| !is_excused(table)).collect();
    let is_excused = |statement: &str| EXCUSED_SORTS.iter().any(|(part, _)| statement.contains(part));
    let sorts: Vec<_> = plans.sorts.iter().filter(|(_, statement)| !is_excused(statement)).collect();
    println!("{} plans, {} scans and {} sorts that should not be", plans.count, scans.len(), sorts.len());
    assert!(scans.is_empty(), "read from end to end: {scans:#?}");
    assert!(sorts.is_empty(), "sorted: {sorts:#?}");
    let of_words: Vec<_> = plans.sorts.iter().filter(|(key, _)| key.starts_with("s.weight")).collect();
    assert!(of_words.is_empty(), "the index of search gives its rows in their order: {of_words:#?}");
    let is_excused = |statement: &str| EXCUSED_READS.iter().any(|part| statement.contains(part));
    let in_vain: Vec<_> = plans.in_vain.iter().filter(|(statement, _)| !is_excused(statement)).collect();
    assert!(in_vain.is_empty(), "rows read in vain: {in_vain:#?}");
    assert!(plans.detours.is_empty(), "found by a detour: {:#?}", plans.detours);
}
