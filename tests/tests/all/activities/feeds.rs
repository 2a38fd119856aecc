//! Feeds: what they say, and who is told of what.

use std::process::Command;

use chrono::{Months, NaiveDate};
use serde_json::{Value, json};
use tenantry_devdb::Binaries;
use tenantry_domain::{Clock, Role};
use tenantry_store::doctor::Catalogue;
use tenantry_store::{Store, StoreSettings, partitions};
use tenantry_tests::{Answer, Org, Session, TestApp};

const FEED: &str = "nodes { action entityType entityId entityName changes { field old new } actor { userId } }";

async fn feed(session: &Session, arguments: &str) -> Vec<Value> {
    let query = format!("{{ activities{arguments} {{ {FEED} }} }}");
    session.data(&query).await["activities"]["nodes"].as_array().unwrap().clone()
}

/// What the entries are about and what they say, the newest first.
fn told(feed: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    feed.iter()
        .map(|entry| {
            let changes = entry["changes"].as_array().unwrap().iter();
            let changes = changes.map(|c| format!(" {}: {} > {}", text(&c["field"]), text(&c["old"]), text(&c["new"])));
            format!(
                "{} {} {}{}",
                text(&entry["entityType"]),
                text(&entry["action"]),
                text(&entry["entityName"]),
                changes.collect::<String>()
            )
        })
        .collect()
}

struct Scene {
    org: Org,
    owner: Session,
    client: Value,
    project: Value,
    task: Value,
}

async fn scene(app: &TestApp) -> Scene {
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Acme").await["id"].clone();
    let project = owner.create_project("Site", client.as_str()).await["id"].clone();
    let task = owner.create_task(project.as_str().unwrap(), "Draw").await["id"].clone();
    Scene { org, owner, client, project, task }
}

#[tokio::test]
async fn a_feed_says_who_did_what_and_what_it_was_before() {
    let app = TestApp::start().await;
    let Scene { org, owner, client, project, task } = scene(&app).await;
    let ada = app.person(&org, "ada", Role::Member).await;
    let adas = app.sign_in(&org, &ada);
    let assign = json!({ "id": task, "assigneeIds": [ada.user_id] });
    owner.write("updateTask", assign.clone()).await.expect_done();
    owner.write("updateTask", assign).await.expect_done();
    let due = json!({ "id": task, "title": "Paint", "status": "DONE", "dueAt": "2026-05-01T12:00:00Z", "description": "d".repeat(300) });
    adas.write("updateTask", due).await.expect_done();
    let comment = adas
        .mutate("createComment", json!({ "taskId": task, "body": "My password is hunter2" }), "comment { id }")
        .await;
    let comment = comment.expect_done()["id"].clone();
    let edit = json!({ "id": comment, "body": "Oops" });
    adas.mutate("updateComment", edit, "comment { id }").await.expect_done();
    owner
        .mutate(
            "updateProject",
            json!({ "id": project, "budget": { "amount": "12.5", "currency": "EUR" } }),
            "project { id }",
        )
        .await
        .expect_done();

    let user = ada.user_id;
    let long = format!("{}…", "d".repeat(200));
    let of_task = feed(&owner, &format!("(filter: {{ taskId: {task} }})")).await;
    let completed = of_task[2]["changes"].as_array().unwrap().iter().find(|c| c["field"] == "completedAt").unwrap();
    let completed = completed["new"].as_str().unwrap();
    assert_eq!(
        told(&of_task),
        [
            "COMMENT UPDATED - body: - > -".to_owned()
                + &format!(" editedAt: - > {}", of_task[0]["changes"][1]["new"].as_str().unwrap()),
            "COMMENT CREATED -".to_owned(),
            format!(
                "TASK UPDATED Paint title: Draw > Paint description: - > {long} status: TODO > DONE dueAt: - > 2026-05-01T12:00:00Z completedAt: - > {completed}"
            ),
            format!("TASK ASSIGNED Draw assigneeIds: - > {user}"),
            "TASK CREATED Draw".to_owned(),
        ]
    );
    assert!(of_task[..3].iter().all(|entry| entry["actor"]["userId"] == json!(user)));
    assert_eq!(of_task[3]["actor"]["userId"], json!(org.owner.user_id));
    let raw = app.texts("SELECT metadata::text FROM app.activities").await.join("");
    assert!(!raw.contains("hunter2"), "a comment's text is kept nowhere else");

    // The same entries hang on everything that they are about.
    let below = format!(
        "{{ task(id: {task}) {{ activities {{ totalCount }} }} project(id: {project}) {{ activities {{ totalCount {FEED} }} }}
            client(id: {client}) {{ activities(first: 1) {{ totalCount {FEED} }} }}
            member(id: \"{user}\") {{ activities {{ totalCount }} }} activities {{ totalCount }} }}"
    );
    let below = owner.data(&below).await;
    assert_eq!(below["task"]["activities"]["totalCount"], 5);
    assert_eq!(below["project"]["activities"]["totalCount"], 7);
    assert_eq!(below["client"]["activities"]["totalCount"], 8);
    assert_eq!(below["member"]["activities"]["totalCount"], 3);
    let newest = below["client"]["activities"]["nodes"].as_array().unwrap();
    assert_eq!(told(newest), ["PROJECT UPDATED Site budget: - > 12.50 EUR"]);

    // By kind, by what was done, since a time, but for one's own, and page by page.
    assert_eq!(feed(&owner, "(filter: { entityType: [COMMENT] })").await.len(), 2);
    assert_eq!(feed(&owner, "(filter: { entityTypeNot: [COMMENT, TASK], action: [CREATED] })").await.len(), 2);
    let since = of_task[3].clone();
    let at = owner
        .data(&format!(
            "{{ activities(filter: {{ taskId: {task}, action: [ASSIGNED] }}) {{ nodes {{ createdAt }} }} }}"
        ))
        .await;
    let at = at["activities"]["nodes"][0]["createdAt"].as_str().unwrap().to_owned();
    assert_eq!(since["action"], "ASSIGNED");
    let news = format!("(filter: {{ createdFrom: \"{at}\", actorIdNot: [\"{user}\"] }})");
    assert_eq!(told(&feed(&adas, &news).await).len(), 2);
    let pages = "{ activities(first: 3) { nodes { id } pageInfo { endCursor hasNextPage } } }";
    let first = owner.data(pages).await["activities"].clone();
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    let next = format!("{{ activities(first: 100, after: {}) {{ nodes {{ id }} }} }}", first["pageInfo"]["endCursor"]);
    let rest = owner.data(&next).await["activities"]["nodes"].as_array().unwrap().len();
    let total = below["activities"]["totalCount"].as_u64().unwrap();
    assert_eq!(rest as u64 + 3, total);
}

#[tokio::test]
async fn what_is_gone_keeps_its_name_and_everything_else_is_a_link() {
    let app = TestApp::start().await;
    let Scene { owner, client, project, task, .. } = scene(&app).await;
    let query = "{ activities(first: 1) { nodes { entityId entityName entity { id __typename ... on Task { title } }
        task { id } project { id } client { id } } } }";
    let newest = async || owner.data(query).await["activities"]["nodes"][0].clone();
    let created = json!({ "entityId": task, "entityName": "Draw", "entity": { "id": task, "__typename": "Task", "title": "Draw" },
        "task": { "id": task }, "project": { "id": project }, "client": { "id": client } });
    assert_eq!(newest().await, created);
    owner.mutate("deleteTask", json!({ "id": task }), "deletedTaskId").await.expect_done();
    let deleted = json!({ "entityId": task, "entityName": "Draw", "entity": null,
        "task": null, "project": { "id": project }, "client": { "id": client } });
    assert_eq!(newest().await, deleted);
    owner.mutate("deleteProject", json!({ "id": project }), "deletedProjectId").await.expect_done();
    let deleted = json!({ "entityId": project, "entityName": "Site", "entity": null,
        "task": null, "project": null, "client": { "id": client } });
    assert_eq!(newest().await, deleted);
    owner.mutate("deleteClient", json!({ "id": client }), "deletedClientId").await.expect_done();
    assert_eq!(newest().await["entityName"], "Acme");
    let organization = owner.mutate("updateOrganization", json!({ "name": "B" }), "organization { id }").await;
    let entry = newest().await;
    assert_eq!(entry["entity"], json!({ "id": organization.expect_done()["id"], "__typename": "Organization" }));
}

#[tokio::test]
async fn nobody_is_told_of_what_they_cannot_open() {
    let app = TestApp::start().await;
    let Scene { org, owner, client, project, task } = scene(&app).await;
    let ada = app.as_member(&org, "ada").await;
    let viewer = app.as_role(&org, Role::Viewer).await;
    let guest = app.person(&org, "guest", Role::Guest).await;
    let guests = app.sign_in(&org, &guest);
    let room = owner.mutate("createWorkspace", json!({ "name": "Room", "isPrivate": true }), "workspace { id }").await;
    let room = room.expect_done()["id"].clone();
    let input = json!({ "name": "Secret", "workspaceId": room, "clientId": client });
    let secret = owner.mutate("createProject", input, "project { id }").await.expect_done()["id"].clone();
    let hidden = owner.create_task(secret.as_str().unwrap(), "Hidden").await["id"].clone();
    owner.mutate("createComment", json!({ "taskId": hidden, "body": "Psst" }), "comment { id }").await.expect_done();
    owner.mutate("createPersonalTask", json!({ "title": "Mine" }), "personalTask { id }").await.expect_done();
    owner.mutate("updateClient", json!({ "id": client, "phone": "1" }), "client { id }").await.expect_done();

    let all = ["CLIENT UPDATED Acme phone: - > 1", "TASK CREATED Draw", "PROJECT CREATED Site", "CLIENT CREATED Acme"];
    for session in [&ada, &viewer] {
        assert_eq!(told(&feed(session, "").await), all);
        let of_client = session.data(&format!("{{ client(id: {client}) {{ activities {{ totalCount }} }} }}")).await;
        assert_eq!(of_client["client"]["activities"]["totalCount"], 4);
        let asked = format!("(filter: {{ projectIds: [{secret}] }})");
        assert_eq!(feed(session, &asked).await, Vec::<Value>::new());
    }
    assert_eq!(feed(&guests, "").await, Vec::<Value>::new());
    // Personal tasks are nobody else's, not even another owner's.
    let admin = app.as_role(&org, Role::Admin).await;
    assert_eq!(feed(&admin, "(filter: { entityType: [PERSONAL_TASK] })").await, Vec::<Value>::new());
    assert_eq!(feed(&owner, "(filter: { entityType: [PERSONAL_TASK] })").await.len(), 1);

    // A guest is told of the projects that were granted, and not of the client; and nobody but those who may see them, of grants.
    let grant = json!({ "projectId": project, "userId": guest.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    assert_eq!(told(&feed(&guests, "").await), ["TASK CREATED Draw", "PROJECT CREATED Site"]);
    assert_eq!(feed(&ada, "(filter: { entityType: [PROJECT_GRANT] })").await, Vec::<Value>::new());
    assert_eq!(feed(&owner, "(filter: { entityType: [PROJECT_GRANT] })").await.len(), 1);

    // What moves out of sight takes its history along. That it left is told where it was; where it went is not.
    let to = |project: &Value| json!({ "id": task, "projectId": project });
    owner.mutate("moveTask", to(&secret), "task { id }").await.expect_done();
    assert_eq!(told(&feed(&ada, "").await), ["TASK LEFT Draw", all[0], all[2], all[3]]);
    assert_eq!(told(&feed(&guests, "").await), ["TASK LEFT Draw", "PROJECT CREATED Site"]);
    owner.mutate("deleteTask", json!({ "id": hidden }), "deletedTaskId").await.expect_done();
    assert_eq!(feed(&ada, "").await.len(), 4, "also when it is gone");
    owner.mutate("moveTask", to(&project), "task { id }").await.expect_done();
    let (from, to) = (secret.as_str().unwrap(), project.as_str().unwrap());
    let moved = |from: &str| format!("TASK MOVED Draw projectId: {from} > {to} position: - > -");
    assert_eq!(told(&feed(&ada, "(first: 1)").await), [moved("-")]);
    assert_eq!(told(&feed(&owner, "(first: 1)").await), [moved(from)]);
    assert_eq!(
        told(&feed(&ada, "(first: 3)").await)[1],
        format!("TASK MOVED Draw projectId: {to} > - position: - > -")
    );

    // A hidden project that is deleted stays hidden, as does its name, also when its workspace is hidden no more.
    owner.mutate("deleteProject", json!({ "id": secret }), "deletedProjectId").await.expect_done();
    owner.mutate("updateWorkspace", json!({ "id": room, "isPrivate": false }), "workspace { id }").await.expect_done();
    assert!(!told(&feed(&ada, "").await).iter().any(|entry| entry.contains("Secret")));
    owner.mutate("deleteProject", json!({ "id": project }), "deletedProjectId").await.expect_done();
    assert_eq!(told(&feed(&ada, "(first: 1)").await), ["PROJECT DELETED Site"]);
    owner.mutate("deleteWorkspace", json!({ "id": room }), "deletedWorkspaceId").await.expect_done();
    assert_eq!(told(&feed(&ada, "(first: 1)").await), ["WORKSPACE DELETED Room"], "it was public");
    let rival = app.organization("rival").create().await;
    assert_eq!(feed(&app.as_owner(&rival), "").await.len(), 0);
}

/// What else may be hidden in what one sees: a parent, a task on an invoice, an actor, what an item was before it was hidden.
#[tokio::test]
async fn an_entry_that_one_sees_tells_nothing_of_what_one_does_not_see() {
    let app = TestApp::start().await;
    let Scene { org, owner, client, project, task } = scene(&app).await;
    let ada = app.as_member(&org, "ada").await;
    let room = owner.mutate("createWorkspace", json!({ "name": "Room", "isPrivate": true }), "workspace { id }").await;
    let room = room.expect_done()["id"].clone();
    let input = json!({ "name": "Secret", "workspaceId": room, "clientId": client });
    let secret = owner.mutate("createProject", input, "project { id }").await.expect_done()["id"].clone();

    let parent = owner.create_task(secret.as_str().unwrap(), "Parent").await["id"].clone();
    let below = json!({ "projectId": secret, "title": "Below", "parentTaskId": parent });
    let below = owner.write("createTask", below).await.expect_done()["id"].clone();
    owner.mutate("moveTask", json!({ "id": below, "projectId": project }), "task { id }").await.expect_done();
    let moved = feed(&ada, "(first: 1)").await;
    assert_eq!(moved[0]["action"], "MOVED");
    assert!(!moved[0].to_string().contains(parent.as_str().unwrap()), "{moved:?}");
    assert!(feed(&owner, "(first: 1)").await[0].to_string().contains(parent.as_str().unwrap()));

    let line = json!({ "description": "An hour", "quantity": "1", "rate": "100" });
    let invoice = json!({ "clientId": client, "currency": "USD", "lineItems": [line] });
    let invoice = owner.mutate("createInvoice", invoice, "invoice { id }").await.expect_done()["id"].clone();
    let with_tasks = json!({ "id": invoice, "taskIds": [task, parent], "notes": "x" });
    owner.mutate("updateInvoice", with_tasks, "invoice { id }").await.expect_done();
    let of_invoice = async |session: &Session| {
        let entries = feed(session, "(filter: { entityType: [INVOICE], action: [UPDATED] })").await;
        entries[0]["changes"].as_array().unwrap().iter().filter(|change| change["field"] == "taskIds").count()
    };
    assert_eq!((of_invoice(&owner).await, of_invoice(&ada).await), (2, 1));

    // An item that goes into a hidden project takes along what it was, and comes back with it.
    let item =
        owner.mutate("createContentItem", json!({ "title": "Launch", "kind": "POST" }), "contentItem { id }").await;
    let item = item.expect_done()["id"].clone();
    let items = "(filter: { entityType: [CONTENT_ITEM] })";
    assert_eq!(feed(&ada, items).await.len(), 1);
    let to = |project: &Value| json!({ "id": item, "projectId": project });
    owner.mutate("updateContentItem", to(&secret), "contentItem { id }").await.expect_done();
    assert_eq!(feed(&ada, items).await, Vec::<Value>::new());
    owner.mutate("updateContentItem", to(&project), "contentItem { id }").await.expect_done();
    assert_eq!(feed(&ada, items).await.len(), 3, "it was made, and went to and fro");
    owner.mutate("updateContentItem", to(&secret), "contentItem { id }").await.expect_done();
    assert_eq!(told(&feed(&ada, items).await), ["CONTENT_ITEM LEFT Launch"]);
    owner.mutate("deleteContentItem", json!({ "id": item }), "deletedContentItemId").await.expect_done();
    assert_eq!(feed(&ada, items).await.len(), 1);

    // A client that a project leaves is told of it.
    owner.mutate("deleteInvoice", json!({ "id": invoice }), "deletedInvoiceId").await.expect_done();
    let other = owner.create_client("Bee").await["id"].clone();
    owner.mutate("updateProject", json!({ "id": project, "clientId": other }), "project { id }").await.expect_done();
    let newest = format!("(first: 1, filter: {{ clientId: {client} }})");
    assert_eq!(told(&feed(&ada, &newest).await), ["PROJECT LEFT Site"]);

    // A guest cannot ask who of those it does not see did something.
    let guest = app.person(&org, "guest", Role::Guest).await;
    let guests = app.sign_in(&org, &guest);
    let grant = json!({ "projectId": project, "userId": guest.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let of_ada = ada.create_task(project.as_str().unwrap(), "Ada's").await["id"].clone();
    let me = ada.data("{ viewer { member { userId } } }").await["viewer"]["member"]["userId"].clone();
    let asked = format!("(filter: {{ actorId: {me} }})");
    assert_eq!(feed(&ada, &asked).await.len(), 1);
    assert_eq!(feed(&guests, &asked).await, Vec::<Value>::new());
    let has = format!("{{ tasks(filter: {{ hasActivities: {{ actorIds: [{me}] }} }}) {{ totalCount }} }}");
    assert_eq!(guests.data(&has).await["tasks"]["totalCount"], 0);
    ada.write("updateTask", json!({ "id": of_ada, "assigneeIds": [me] })).await.expect_done();
    assert_eq!(feed(&guests, &asked).await.len(), 2, "whom it sees, it may ask for");
    let assigned = feed(&guests, "(first: 1)").await;
    assert_eq!(assigned[0]["changes"][0]["new"], me);
}

/// An entry is where its row is when the transaction commits, and not where it was when the entry was noted.
#[tokio::test]
async fn what_happened_earlier_in_a_transaction_goes_along_as_well() {
    let app = TestApp::start().await;
    let Scene { org, owner, project, task, .. } = scene(&app).await;
    let ada = app.as_member(&org, "ada").await;
    let room = owner.mutate("createWorkspace", json!({ "name": "Room", "isPrivate": true }), "workspace { id }").await;
    let room = room.expect_done()["id"].clone();
    let hidden = json!({ "name": "Secret", "workspaceId": room });
    let hidden = owner.mutate("createProject", hidden, "project { id }").await.expect_done()["id"].clone();
    let below = json!({ "projectId": project, "title": "Below", "parentTaskId": task });
    let below = owner.write("createTask", below).await.expect_done()["id"].clone();
    let moves = json!({ "tasks": [{ "id": below, "status": "DONE" }, { "id": task, "projectId": hidden }] });
    owner.mutate("moveTasks", moves, "tasks { id }").await.expect_done();
    let of_tasks = "(filter: { entityType: [TASK] })";
    assert_eq!(told(&feed(&ada, of_tasks).await), ["TASK LEFT Draw"], "and nothing of what was below it");

    // Of two moves of one task, only where it ended has its history.
    let to_and_fro = json!({ "tasks": [{ "id": task, "projectId": project }, { "id": task, "projectId": hidden }] });
    owner.mutate("moveTasks", to_and_fro, "tasks { id }").await.expect_done();
    assert_eq!(told(&feed(&ada, of_tasks).await), ["TASK LEFT Draw", "TASK LEFT Draw"]);
}

#[tokio::test]
async fn what_is_deleted_is_told_to_those_who_still_see_where_it_was() {
    let app = TestApp::start().await;
    let Scene { org, owner, project, .. } = scene(&app).await;
    let ada = app.person(&org, "ada", Role::Member).await;
    let adas = app.sign_in(&org, &ada);
    let item = json!({ "title": "Launch", "kind": "POST", "projectId": project });
    let item = owner.mutate("createContentItem", item, "contentItem { id }").await.expect_done()["id"].clone();
    owner.mutate("deleteProject", json!({ "id": project }), "deletedProjectId").await.expect_done();
    let items = "(filter: { entityType: [CONTENT_ITEM] })";
    assert_eq!(feed(&adas, items).await, Vec::<Value>::new());
    // What happened to it in the project that is gone comes back in no other.
    let other = owner.create_project("Other", None).await["id"].clone();
    let to = json!({ "id": item, "projectId": other });
    owner.mutate("updateContentItem", to, "contentItem { id }").await.expect_done();
    assert_eq!(feed(&adas, items).await.len(), 1);

    // A workspace that becomes private takes along what was deleted in it while it was public.
    let room = owner.mutate("createWorkspace", json!({ "name": "Room" }), "workspace { id }").await;
    let room = room.expect_done()["id"].clone();
    let layoffs = json!({ "name": "Layoffs", "workspaceId": room });
    let layoffs = owner.mutate("createProject", layoffs, "project { id }").await.expect_done()["id"].clone();
    owner.mutate("deleteProject", json!({ "id": layoffs }), "deletedProjectId").await.expect_done();
    let of_projects = "(first: 1, filter: { entityType: [PROJECT], action: [DELETED] })";
    assert_eq!(told(&feed(&adas, of_projects).await), ["PROJECT DELETED Layoffs"]);
    owner.mutate("updateWorkspace", json!({ "id": room, "isPrivate": true }), "workspace { id }").await.expect_done();
    assert_eq!(told(&feed(&adas, of_projects).await), ["PROJECT DELETED Site"]);

    // Who manages a private workspace is told of the grants that are taken there.
    let guest = app.person(&org, "guest", Role::Guest).await;
    let grant = |user: tenantry_domain::UserId, permission: &str| json!({ "workspaceId": room, "userId": user, "permission": permission });
    owner.mutate("grantWorkspaceAccess", grant(ada.user_id, "ADMIN"), "grant { id }").await.expect_done();
    owner.mutate("grantWorkspaceAccess", grant(guest.user_id, "VIEW"), "grant { id }").await.expect_done();
    let revoked = json!({ "workspaceId": room, "userId": guest.user_id });
    owner.mutate("revokeWorkspaceAccess", revoked, "revokedGrantId").await.expect_done();
    let of_grants = feed(&adas, "(filter: { entityType: [WORKSPACE_GRANT] })").await;
    assert_eq!(
        told(&of_grants),
        ["WORKSPACE_GRANT DELETED -", "WORKSPACE_GRANT CREATED -", "WORKSPACE_GRANT CREATED -"]
    );
}

#[tokio::test]
async fn an_entry_that_cannot_be_written_undoes_the_change() {
    let app = TestApp::start().await;
    let Scene { owner, task, .. } = scene(&app).await;
    let partitions = "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'app.activities'::regclass ORDER BY 1";
    let months = app.texts(partitions).await;
    assert_eq!(months.len(), 4, "this month and three ahead: {months:?}");
    for month in &months {
        app.sql(&format!("ALTER TABLE app.activities DETACH PARTITION app.{month}")).await;
        app.sql(&format!("ALTER TABLE app.{month} RENAME TO {month}_away")).await;
    }
    let failed = owner.write("updateTask", json!({ "id": task, "title": "Lost" })).await;
    assert_eq!(failed.error_code(), "INTERNAL", "{}", failed.text);
    let title = |answer: Value| answer["task"]["title"].clone();
    assert_eq!(title(owner.data(&format!("{{ task(id: {task}) {{ title }} }}")).await), "Draw");

    // Any role of the program makes what is missing.
    let settings = StoreSettings::new(app.urls().app_url());
    let store = Store::connect(&settings, Clock::system()).await.unwrap();
    let mut made = partitions::make(&store).await.unwrap();
    made.sort();
    assert_eq!(made, months.iter().map(|month| format!("app.{month}")).collect::<Vec<_>>());
    assert_eq!(partitions::make(&store).await.unwrap(), Vec::<String>::new());
    let done: Answer = owner.write("updateTask", json!({ "id": task, "title": "Kept" })).await;
    done.expect_done();
    assert_eq!(title(owner.data(&format!("{{ task(id: {task}) {{ title }} }}")).await), "Kept");
}

#[tokio::test]
async fn old_months_are_detached_by_the_worker_alone_and_a_missing_month_is_reported() {
    let app = TestApp::start().await;
    let before = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
    app.sql(
        "SET LOCAL ROLE tenantry_owner;
         CREATE TABLE app.activities_2025_12 PARTITION OF app.activities
             FOR VALUES FROM ('2025-12-01T00:00:00Z') TO ('2026-01-01T00:00:00Z');
         CREATE TABLE app.activities_2026_01 PARTITION OF app.activities
             FOR VALUES FROM ('2026-01-01T00:00:00Z') TO ('2026-02-01T00:00:00Z');",
    )
    .await;
    let org = app.organization("acme").create().await;
    app.sql(&format!(
        "INSERT INTO app.activities (organization_id, id, entity_type, entity_id, action, for_guests, for_members, metadata, created_at)
         VALUES ('{0}', gen_random_uuid(), 'organization', '{0}', 'created', false, true, '{{}}', '2025-12-24')",
        org.uuid()
    ))
    .await;
    let open = async |url: String| Store::connect(&StoreSettings::new(url), Clock::system()).await.unwrap();
    let (application, worker) = (open(app.urls().app_url()).await, open(app.urls().worker_url()).await);
    partitions::detach(&application, "app.activities", before).await.unwrap_err();
    assert_eq!(partitions::detach(&worker, "app.activities", before).await.unwrap(), ["app.activities_2025_12"]);
    assert_eq!(partitions::detach(&worker, "app.activities", before).await.unwrap(), Vec::<String>::new());
    assert_eq!(partitions::detach(&worker, "app.clients", before).await.unwrap(), Vec::<String>::new());
    // What docs/activities.md says of archiving it keeps the rows: the owner of a table is subject to a policy that is forced.
    app.sql("ALTER TABLE app.activities_2025_12 NO FORCE ROW LEVEL SECURITY").await;
    let program = Binaries::find().unwrap().folder().join("pg_dump");
    let dump = Command::new(program).args(["--table", "app.activities_2025_12", &app.urls().owner_url()]).output();
    let dump = dump.unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    assert!(String::from_utf8_lossy(&dump.stdout).contains(&org.id.as_uuid().to_string()));
    // What is written to now stays.
    partitions::detach(&worker, "app.activities", Clock::system().today() + Months::new(1)).await.unwrap_err();

    let findings = async || {
        let mut catalogue = Catalogue::connect(&app.urls().app_url()).await.unwrap();
        let findings = catalogue.findings().await.unwrap();
        findings
            .into_iter()
            .map(|finding| format!("{finding:?}"))
            .filter(|text| text.contains("partition"))
            .collect::<Vec<_>>()
    };
    assert_eq!(findings().await, Vec::<String>::new());
    let month = |ahead: u32| (Clock::system().today() + Months::new(ahead)).format("%Y_%m").to_string();
    for ahead in [1, 3] {
        let name = format!("activities_{}", month(ahead));
        app.sql(&format!("ALTER TABLE app.activities DETACH PARTITION app.{name}")).await;
    }
    let found = findings().await;
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("Fault") && found[0].contains(&month(1).replace('_', "-")), "{found:?}");
    assert!(found[1].starts_with("Advice") && found[1].contains(&month(3).replace('_', "-")), "{found:?}");
    // A table that has the name and is no partition is nobody's to replace.
    partitions::make(&worker).await.unwrap_err();
}
