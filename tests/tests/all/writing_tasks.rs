//! Writing tasks: subtasks, the order on the board, assignment and completion.

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{Session, TestApp};

async fn board(session: &Session, project: &Value) -> Vec<String> {
    let document = "query($id: ID!) { project(id: $id) { tasks(first: 100) { nodes { title } } } }";
    let answer = session.query(document, json!({ "id": project })).await;
    let tasks = answer.at("project.tasks.nodes").as_array().unwrap().iter();
    tasks.map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn completion_follows_the_status() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let project = ada.create_project("Site", None).await;
    let task = ada.create_task(project["id"].as_str().unwrap(), "Draw").await;
    assert_eq!(
        (&task["status"], &task["priority"], &task["completedAt"]),
        (&json!("TODO"), &json!("MEDIUM"), &Value::Null)
    );
    let set = |status: &str| ada.write("updateTask", json!({ "id": task["id"], "status": status }));
    let done = set("DONE").await.expect_done().clone();
    assert!(done["completedAt"].is_string());
    assert_eq!(set("DONE").await.expect_done()["completedAt"], done["completedAt"], "it was done already");
    assert!(set("IN_REVIEW").await.expect_done()["completedAt"].is_null());
    let input = json!({ "projectId": project["id"], "title": "Done from the start", "status": "DONE" });
    assert!(ada.write("createTask", input).await.expect_done()["completedAt"].is_string());
}

#[tokio::test]
async fn tasks_keep_their_given_order() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let project = ada.create_project("Site", None).await["id"].clone();
    let mut ids = Vec::new();
    for title in ["a", "b", "c", "d"] {
        ids.push(ada.create_task(project.as_str().unwrap(), title).await["id"].clone());
    }
    assert_eq!(board(&ada, &project).await, ["a", "b", "c", "d"]);
    let put = |task: &Value, after: &Value| ada.write("updateTask", json!({ "id": task, "afterTaskId": after }));
    put(&ids[3], &ids[0]).await.expect_done();
    assert_eq!(board(&ada, &project).await, ["a", "d", "b", "c"]);
    put(&ids[2], &Value::Null).await.expect_done();
    assert_eq!(board(&ada, &project).await, ["c", "a", "d", "b"]);
    put(&ids[2], &ids[1]).await.expect_done();
    assert_eq!(board(&ada, &project).await, ["a", "d", "b", "c"]);
    // Between the same two neighbours again and again.
    for n in 0..60 {
        put(&ids[1 + n % 3], &ids[0]).await.expect_done();
    }
    assert_eq!(board(&ada, &project).await, ["a", "d", "c", "b"]);

    put(&ids[0], &ids[0]).await.expect_refused(&[("NOT_FOUND", "afterTaskId")]);
    let elsewhere = ada.create_project("Other", None).await["id"].clone();
    let foreign = ada.create_task(elsewhere.as_str().unwrap(), "x").await["id"].clone();
    put(&ids[0], &foreign).await.expect_refused(&[("NOT_FOUND", "afterTaskId")]);
}

#[tokio::test]
async fn concurrent_creations_and_moves_leave_distinct_positions() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let project = ada.create_project("Site", None).await["id"].clone();
    let first = ada.create_task(project.as_str().unwrap(), "first").await["id"].clone();
    let creations = (0..20).map(|n| ada.write("createTask", json!({ "projectId": project, "title": format!("{n}") })));
    let creations = creations.collect::<Vec<_>>();
    let created = futures_util::future::join_all(creations).await;
    let moves = created
        .iter()
        .map(|answer| ada.write("updateTask", json!({ "id": answer.expect_done()["id"], "afterTaskId": first })));
    let moves = moves.collect::<Vec<_>>();
    for answer in futures_util::future::join_all(moves).await {
        answer.expect_done();
    }
    assert_eq!(app.number("SELECT count(DISTINCT position) FROM app.tasks").await, 21);
}

#[tokio::test]
async fn subtasks_are_in_their_parents_project_and_form_no_cycle() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let project = ada.create_project("Site", None).await["id"].clone();
    let under = |parent: &Value, title: &str| {
        ada.write("createTask", json!({ "projectId": project, "parentTaskId": parent, "title": title }))
    };
    let a = under(&Value::Null, "a").await.expect_done()["id"].clone();
    let b = under(&a, "b").await.expect_done()["id"].clone();
    let c = under(&b, "c").await.expect_done()["id"].clone();
    let put = |task: &Value, parent: &Value| ada.write("updateTask", json!({ "id": task, "parentTaskId": parent }));
    for parent in [&a, &b, &c] {
        put(&a, parent).await.expect_refused(&[("INVALID", "parentTaskId")]);
    }
    put(&c, &a).await.expect_done();
    put(&c, &Value::Null).await.expect_done();
    put(&b, &c).await.expect_done();
    let refused = put(&c, &b).await;
    refused.expect_refused(&[("INVALID", "parentTaskId")]);
    let message = r#"A task cannot be below itself: \"c\" → \"b\" → \"c\"."#;
    assert!(refused.text.contains(message), "{}", refused.text);

    let elsewhere = ada.create_project("Other", None).await["id"].clone();
    let foreign = ada.create_task(elsewhere.as_str().unwrap(), "x").await["id"].clone();
    put(&a, &foreign).await.expect_refused(&[("NOT_FOUND", "parentTaskId")]);
    under(&foreign, "y").await.expect_refused(&[("NOT_FOUND", "parentTaskId")]);
    let unknown = json!("task_01h455vb4pex5vsknk084sn02q");
    put(&a, &unknown).await.expect_refused(&[("NOT_FOUND", "parentTaskId")]);

    // A task is deleted with its subtasks; `b` is below `c` now.
    ada.write("deleteTask", json!({ "id": c })).await.expect_done();
    assert_eq!(board(&ada, &project).await, ["a"]);
}

#[tokio::test]
async fn two_concurrent_moves_form_no_cycle() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let project = ada.create_project("Site", None).await["id"].clone();
    for _ in 0..10 {
        let a = ada.create_task(project.as_str().unwrap(), "a").await["id"].clone();
        let b = ada.create_task(project.as_str().unwrap(), "b").await["id"].clone();
        let (one, other) = tokio::join!(
            ada.write("updateTask", json!({ "id": a, "parentTaskId": b })),
            ada.write("updateTask", json!({ "id": b, "parentTaskId": a })),
        );
        let done = [&one, &other].into_iter().filter(|answer| answer.user_errors().is_empty()).count();
        assert_eq!(done, 1, "{} {}", one.text, other.text);
    }
}

#[tokio::test]
async fn only_members_can_be_assigned_and_each_only_once() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let other = app.organization("other").create().await;
    let ada = app.as_member(&org, "ada").await;
    let project = ada.create_project("Site", None).await["id"].clone();
    let (bob, cid) = (app.person(&org, "bob", Role::Member).await, app.person(&org, "cid", Role::Viewer).await);
    let assign = |task: &Value, users: Value| ada.write("updateTask", json!({ "id": task, "assigneeIds": users }));
    let input =
        json!({ "projectId": project, "title": "Draw", "assigneeIds": [bob.user_id, bob.user_id, cid.user_id] });
    let task = ada.write("createTask", input).await.expect_done().clone();
    assert_eq!(task["assignees"].as_array().unwrap().len(), 2);
    let changed = assign(&task["id"], json!([cid.user_id])).await.expect_done().clone();
    assert_eq!(changed["assignees"], json!([{ "id": cid.user_id, "userId": cid.user_id }]));
    // A user of another organization is treated like an unknown one.
    for user in [other.owner.user_id.to_string(), "user_01h455vb4pex5vsknk084sn02q".to_owned()] {
        assign(&task["id"], json!([user])).await.expect_refused(&[("NOT_FOUND", "assigneeIds")]);
        let input = json!({ "projectId": project, "title": "Draw", "assigneeIds": [user] });
        ada.write("createTask", input).await.expect_refused(&[("NOT_FOUND", "assigneeIds")]);
    }
    // One too many, though each is there once; the same one many times is one.
    let strangers: Vec<String> =
        (0..51).map(|_| tenantry_domain::Clock::system().new_id::<tenantry_domain::UserId>().to_string()).collect();
    assign(&task["id"], json!(strangers)).await.expect_refused(&[("OUT_OF_RANGE", "assigneeIds")]);
    let input = json!({ "projectId": project, "title": "Draw", "assigneeIds": strangers });
    ada.write("createTask", input).await.expect_refused(&[("OUT_OF_RANGE", "assigneeIds")]);
    assert_eq!(app.number("SELECT count(*) FROM app.tasks").await, 1, "a refused task is not written");
    let same = assign(&task["id"], json!(vec![bob.user_id; 60])).await.expect_done().clone();
    assert_eq!(same["assignees"], json!([{ "id": bob.user_id, "userId": bob.user_id }]));
    let one = assign(&task["id"], json!(cid.user_id)).await.expect_done().clone();
    assert_eq!(one["assignees"], json!([{ "id": cid.user_id, "userId": cid.user_id }]), "one is a list of one");
    assign(&task["id"], Value::Null).await.expect_refused(&[("REQUIRED", "assigneeIds")]);
    let cleared = assign(&task["id"], json!([])).await.expect_done().clone();
    assert_eq!(cleared["assignees"], json!([]));
}
