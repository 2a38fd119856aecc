//! The index follows every change, is made anew, and is looked after.

use serde_json::{Value, json};
use tenantry_store::doctor::Catalogue;
use tenantry_store::{organization, search};
use tenantry_tests::TestApp;

use super::{comment, expect_exact, found, start, worker};

#[tokio::test]
async fn the_index_follows_every_change() {
    let (app, org, owner) = start().await;
    let client = owner.create_client("Acme").await["id"].clone();
    let project = owner.create_project("Site", client.as_str()).await["id"].clone();
    let site = project.as_str().unwrap();
    let task = owner.create_task(site, "Draw the logo").await["id"].clone();
    let input = json!({ "projectId": project, "title": "Logo in blue", "parentTaskId": task });
    let below = owner.write("createTask", input).await.expect_done()["id"].clone();
    let note = comment(&owner, &below, "Logo, please").await;
    assert_eq!(found(&owner, "logo").await.len(), 3);

    owner
        .write("updateTask", json!({ "id": task, "title": "Draw the mark", "description": "No logo" }))
        .await
        .expect_done();
    assert_eq!(found(&owner, "logo").await, ["TASK Logo in blue", "COMMENT Logo, please", "TASK Draw the mark"]);
    let edit = json!({ "id": note, "body": "Sign, please" });
    owner.mutate("updateComment", edit, "comment { id }").await.expect_done();
    assert_eq!(found(&owner, "logo").await, ["TASK Logo in blue", "TASK Draw the mark"]);
    assert_eq!(found(&owner, "sign").await, ["COMMENT Sign, please"]);
    owner.write("updateClient", json!({ "id": client, "company": "Acme Rockets" })).await.expect_done();
    assert_eq!(found(&owner, "rocket").await, ["CLIENT Acme"]);
    owner.write("updateClient", json!({ "id": client, "company": null })).await.expect_done();
    assert_eq!(found(&owner, "rocket").await, [""; 0]);

    // Several at once; and what is refused leaves nothing.
    let many: Vec<Value> =
        (0..100).map(|n| json!({ "projectId": project, "title": format!("Batch number {n}") })).collect();
    let tasks = owner.mutate("createTasks", json!({ "tasks": many }), "tasks { id }").await;
    let tasks = tasks.expect_done().as_array().unwrap().clone();
    assert_eq!(found(&owner, "batch").await.len(), 50);
    let refused =
        json!({ "tasks": [{ "projectId": project, "title": "Nevermore" }, { "projectId": project, "title": "" }] });
    owner.mutate("createTasks", refused, "tasks { id }").await.expect_refused(&[("REQUIRED", "tasks.1.title")]);
    assert_eq!(found(&owner, "nevermore").await, [""; 0]);
    expect_exact(&app, &org).await;
    let gone: Vec<Value> = tasks.iter().map(|task| json!({ "id": task["id"] })).collect();
    owner.mutate("deleteTasks", json!({ "tasks": gone }), "deletedTaskIds").await.expect_done();
    assert_eq!(found(&owner, "batch").await, [""; 0]);

    // What goes along with another row.
    let lone = owner.create_task(site, "Lone wolf").await["id"].clone();
    comment(&owner, &lone, "A wolf, indeed").await;
    owner.write("deleteTask", json!({ "id": task })).await.expect_done();
    expect_exact(&app, &org).await;
    assert_eq!(found(&owner, "logo").await, [""; 0]);
    owner.write("deleteProject", json!({ "id": project })).await.expect_done();
    assert_eq!(found(&owner, "wolf").await, [""; 0]);
    expect_exact(&app, &org).await;
    owner.write("deleteClient", json!({ "id": client })).await.expect_done();
    let left = format!("SELECT count(*) FROM app.search_terms WHERE organization_id = '{}'", org.uuid());
    assert_eq!(app.number(&left).await, 0);
}

/// A row is written together with its words, or not at all.
#[tokio::test]
async fn a_word_that_cannot_be_written_undoes_the_change() {
    let (app, _, owner) = start().await;
    app.sql("ALTER TABLE app.search_terms ADD CONSTRAINT no_badgers CHECK (term <> 'badger')").await;
    let answer = owner.mutate("createClient", json!({ "name": "Badger" }), "client { id }").await;
    assert_eq!(answer.error_code(), "INTERNAL");
    assert_eq!(app.number("SELECT count(*) FROM app.clients WHERE name = 'Badger'").await, 0);
    assert_eq!(app.number("SELECT count(*) FROM app.activities WHERE entity_type = 'client'").await, 0);
    owner.create_client("Otter").await;
}

#[tokio::test]
async fn rows_that_were_loaded_or_were_there_before_are_found() {
    let app = TestApp::start().await;
    tenantry_seed::demo(&app.urls().owner_url()).await.unwrap();
    let worker = worker(&app).await;
    let organizations = organization::list_ids(&worker).await.unwrap();
    assert_eq!(organizations.len(), 2);
    let all =
        "SELECT concat_ws(' ', s.organization_id, s.kind, s.entity_id, s.term, s.project_id, s.weight, s.for_guests)
        FROM app.search_terms s ORDER BY s.organization_id, s.entity_id, s.term";
    let loaded = app.texts(all).await;
    app.sql("DELETE FROM app.search_terms").await;
    for organization in organizations {
        search::rebuild(&worker, organization, &mut |_| {}).await.unwrap();
    }
    let rebuilt = app.texts(all).await;
    // What is there of rows that are gone goes, what is wrong becomes right.
    app.sql("INSERT INTO app.search_terms (organization_id, entity_id, term, kind, project_id, weight, for_guests)
        SELECT DISTINCT ON (organization_id, kind) organization_id, gen_random_uuid(), 'ghost', kind, NULL::uuid, 1, true FROM app.search_terms;
        INSERT INTO app.search_terms (organization_id, entity_id, term, kind, weight, for_guests)
        SELECT DISTINCT ON (entity_id) organization_id, entity_id, 'ghost', kind, 1, true FROM app.search_terms WHERE term <> 'ghost'").await;
    assert_ne!(app.texts(all).await, rebuilt);
    for organization in organization::list_ids(&worker).await.unwrap() {
        search::rebuild(&worker, organization, &mut |_| {}).await.unwrap();
    }
    assert_eq!(app.texts(all).await, rebuilt);
    assert!(loaded.iter().any(|row| row.contains(" comment ")), "there are comments");
    assert_eq!(loaded, rebuilt);
}

/// A row that changes while the index is made anew is found as it is after the change: with its new words, in its new project, or not at
/// all.
#[tokio::test]
async fn the_index_is_exact_whoever_writes_at_the_same_time() {
    let (app, org, owner) = start().await;
    let projects =
        [owner.create_project("One", None).await["id"].clone(), owner.create_project("Two", None).await["id"].clone()];
    let mut tasks = Vec::new();
    for n in 0..12 {
        let task = owner.create_task(projects[0].as_str().unwrap(), &format!("Task {n}")).await["id"].clone();
        comment(&owner, &task, &format!("Comment on {n}")).await;
        tasks.push(task);
    }
    let store = worker(&app).await;
    let rebuilding = async {
        for _ in 0..30 {
            search::rebuild(&store, org.id, &mut |_| {}).await.unwrap();
        }
    };
    let renaming = async {
        for round in 0..4 {
            for task in &tasks {
                owner.write("updateTask", json!({ "id": task, "title": format!("Round {round}") })).await;
            }
        }
    };
    let moving = async {
        for round in 0..4 {
            for task in &tasks {
                owner.write("moveTask", json!({ "id": task, "projectId": projects[(round + 1) % 2] })).await;
            }
        }
    };
    // The last four tasks are deleted while others still write comments on them.
    let deleting = async {
        for task in &tasks[8..] {
            tokio::join!(
                owner.write("deleteTask", json!({ "id": task })),
                owner.mutate("createComment", json!({ "taskId": task, "body": "Too late" }), "comment { id }"),
                owner.mutate("createComment", json!({ "taskId": task, "body": "Too late" }), "comment { id }"),
                owner.mutate("createComment", json!({ "taskId": task, "body": "Too late" }), "comment { id }"),
            );
        }
    };
    tokio::join!(rebuilding, renaming, moving, deleting);
    assert_eq!(found(&owner, "late").await, [""; 0]);
    expect_exact(&app, &org).await;
    assert_eq!(app.number("SELECT count(*) FROM app.search_terms s WHERE kind = 'task' AND term = 'round'").await, 8);
}

#[tokio::test]
async fn the_doctor_tells_when_words_are_missing() {
    let (app, _, owner) = start().await;
    for name in ["Alpha", "Beta", "Gamma"] {
        owner.create_client(name).await;
    }
    let faults = async || {
        app.sql("ANALYZE app.clients, app.search_terms").await;
        let mut catalogue = Catalogue::connect(&app.urls().app_url()).await.unwrap();
        let findings = catalogue.findings().await.unwrap();
        catalogue.close().await.unwrap();
        findings.iter().filter(|finding| format!("{finding:?}").contains("tenantry reindex")).count()
    };
    assert_eq!(faults().await, 0);
    app.sql("DELETE FROM app.search_terms WHERE term <> 'alpha'").await;
    assert_eq!(faults().await, 1);
}
