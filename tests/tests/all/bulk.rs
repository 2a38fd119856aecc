//! Mutations that write several rows: all of them or none, with errors that name the element, at the price of as many.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_domain::{Clock, Role, TaskId};
use tenantry_tests::{Answer, Session, TestApp};

async fn many(session: &Session, mutation: &str, list: &str, elements: Value, selection: &str) -> Answer {
    session.mutate(mutation, json!({ list: elements }), selection).await
}

const TASKS: &str = "tasks { id title status position }";

/// The ids of several tasks, made at once.
async fn tasks(session: &Session, project: &Value, count: usize) -> Vec<Value> {
    let news: Vec<Value> = (0..count).map(|n| json!({ "projectId": project, "title": format!("{n}") })).collect();
    let made = many(session, "createTasks", "tasks", json!(news), TASKS).await.expect_done().clone();
    made.as_array().unwrap().iter().map(|task| task["id"].clone()).collect()
}

/// The fields that the refusals of an answer name.
fn named(answer: &Answer) -> Vec<(String, String)> {
    answer.user_errors().into_iter().map(|refusal| (refusal.code, refusal.field)).collect()
}

fn named_as(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(code, field)| ((*code).to_owned(), (*field).to_owned())).collect()
}

#[tokio::test]
async fn a_hundred_tasks_are_created_changed_moved_and_deleted_in_the_order_of_the_input() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    let other = ada.create_project("Other", None).await["id"].clone();
    let ids = tasks(&ada, &site, 100).await;
    let document = "query($id: ID!) { project(id: $id) { tasks(first: 100) { nodes { title status } } } }";
    let board = async |project: &Value| {
        let answer = ada.query(document, json!({ "id": project })).await;
        let nodes = answer.at("project.tasks.nodes").as_array().unwrap().clone();
        nodes.iter().map(|node| node["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let numbers: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(board(&site).await, numbers);

    let changes: Vec<Value> =
        ids.iter().rev().map(|id| json!({ "id": id, "status": "DONE", "priority": "HIGH" })).collect();
    let done = many(&ada, "updateTasks", "tasks", json!(changes), TASKS).await.expect_done().clone();
    let done = done.as_array().unwrap();
    assert!(done.len() == 100 && done.iter().zip(ids.iter().rev()).all(|(task, id)| task["id"] == *id));
    assert!(done.iter().all(|task| task["status"] == "DONE"));

    // Each in front of the one before: the order is turned around, and only then do they go to another project.
    let moves: Vec<Value> =
        ids.windows(2).map(|pair| json!({ "id": pair[1], "before": pair[0], "status": "TODO" })).collect();
    many(&ada, "moveTasks", "tasks", json!(moves), TASKS).await.expect_done();
    let turned: Vec<String> = numbers.iter().rev().cloned().collect();
    assert_eq!(board(&site).await, turned);
    let moves: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "projectId": other })).collect();
    many(&ada, "moveTasks", "tasks", json!(moves), TASKS).await.expect_done();
    assert_eq!((board(&other).await, board(&site).await.len()), (numbers, 0));

    let gone: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    let deleted = many(&ada, "deleteTasks", "tasks", json!(gone), "deletedTaskIds").await;
    assert_eq!(deleted.expect_done(), &json!(ids));
    assert_eq!(app.number("SELECT count(*) FROM app.tasks").await, 0);
}

#[tokio::test]
async fn one_refusal_undoes_all_and_names_its_element() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    let ids = tasks(&ada, &site, 3).await;
    let before = app.texts("SELECT t::text FROM app.tasks t ORDER BY id").await;
    let nothing = json!(Clock::system().new_id::<TaskId>());

    // All that is wrong with the elements alone is told at once.
    let news = json!([
        { "projectId": site, "title": "fine" },
        { "projectId": site, "title": " " },
        { "projectId": site, "title": "x".repeat(501), "labelIds": [] },
    ]);
    let refused = many(&ada, "createTasks", "tasks", news, TASKS).await;
    assert_eq!(named(&refused), named_as(&[("REQUIRED", "tasks.1.title"), ("TOO_LONG", "tasks.2.title")]));
    let news =
        json!([{ "projectId": site, "title": "a" }, { "projectId": site, "title": "b", "parentTaskId": nothing }]);
    let refused = many(&ada, "createTasks", "tasks", news, TASKS).await;
    assert_eq!(named(&refused), named_as(&[("NOT_FOUND", "tasks.1.parentTaskId")]));

    let changes = json!([{ "id": ids[0], "status": "DONE" }, { "id": nothing, "status": "DONE" }]);
    let refused = many(&ada, "updateTasks", "tasks", changes, TASKS).await;
    assert_eq!(named(&refused), named_as(&[("NOT_FOUND", "tasks.1.id")]));
    let changes =
        json!([{ "id": ids[0], "status": "DONE" }, { "id": ids[1], "title": null }, { "id": ids[2], "status": null }]);
    let refused = many(&ada, "updateTasks", "tasks", changes, TASKS).await;
    assert_eq!(named(&refused), named_as(&[("REQUIRED", "tasks.1.title"), ("REQUIRED", "tasks.2.status")]));
    let old = "2020-01-01T00:00:00Z";
    let changes =
        json!([{ "id": ids[0], "status": "DONE" }, { "id": ids[1], "status": "DONE", "expectedUpdatedAt": old }]);
    let refused = many(&ada, "updateTasks", "tasks", changes, TASKS).await;
    assert_eq!(named(&refused), named_as(&[("CONFLICT", "tasks.1.expectedUpdatedAt")]));

    let moves = json!([{ "id": ids[2], "before": ids[0] }, { "id": ids[1], "after": nothing }]);
    let refused = many(&ada, "moveTasks", "tasks", moves, TASKS).await;
    assert_eq!(named(&refused), named_as(&[("NOT_FOUND", "tasks.1.after")]));
    let gone = json!([{ "id": ids[0] }, { "id": nothing }]);
    let refused = many(&ada, "deleteTasks", "tasks", gone, "deletedTaskIds").await;
    assert_eq!(named(&refused), named_as(&[("NOT_FOUND", "tasks.1.id")]));
    for (mutation, selection) in
        [("createTasks", TASKS), ("updateTasks", TASKS), ("moveTasks", TASKS), ("deleteTasks", "deletedTaskIds")]
    {
        let element = if mutation == "createTasks" {
            json!({ "projectId": site, "title": "x" })
        } else {
            json!({ "id": ids[0] })
        };
        let none = many(&ada, mutation, "tasks", json!([]), selection).await;
        assert_eq!(named(&none), named_as(&[("REQUIRED", "tasks")]), "{mutation}");
        let too_many = many(&ada, mutation, "tasks", json!(vec![element; 101]), selection).await;
        assert_eq!(named(&too_many), named_as(&[("OUT_OF_RANGE", "tasks")]), "{mutation}");
    }
    assert_eq!(app.texts("SELECT t::text FROM app.tasks t ORDER BY id").await, before, "nothing was written");

    // What may not be done is no refusal; it names the element too.
    let person = app.person(&org, "guest", Role::Guest).await;
    let hidden = ada.create_project("Hidden", None).await["id"].clone();
    let owner = app.as_owner(&org);
    for (project, permission) in [(&site, "EDIT"), (&hidden, "VIEW")] {
        let grant = json!({ "projectId": project, "userId": person.user_id, "permission": permission });
        owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    }
    let news = json!([{ "projectId": site, "title": "may" }, { "projectId": hidden, "title": "may not" }]);
    let refused = many(&app.sign_in(&org, &person), "createTasks", "tasks", news, TASKS).await;
    assert_eq!(refused.error_code(), "FORBIDDEN");
    assert_eq!(refused.json["errors"][0]["extensions"]["field"], json!(["tasks", "1"]));
    assert_eq!(app.texts("SELECT t::text FROM app.tasks t ORDER BY id").await, before, "nothing was written");
}

#[tokio::test]
async fn clients_and_projects_have_the_same_and_a_limit_counts_each_element() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    let named_clients = |names: &[&str]| json!(names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>());
    let selection = "clients { id name status }";
    // A free plan has three active clients.
    let refused = many(&owner, "createClients", "clients", named_clients(&["a", "b", "c", "d"]), selection).await;
    assert_eq!(named(&refused), named_as(&[("LIMIT_REACHED", "clients.3")]));
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 0);
    let made = many(&owner, "createClients", "clients", named_clients(&["a", "b", "c"]), selection).await;
    let made = made.expect_done().clone();
    let changes = json!([
        { "id": made[0]["id"], "status": "INACTIVE" },
        { "id": made[1]["id"], "name": "B" },
        { "id": made[0]["id"], "notes": "twice" },
    ]);
    let rows = many(&owner, "updateClients", "clients", changes, selection).await.expect_done().clone();
    assert_eq!((&rows[1]["name"], &rows[2]["status"]), (&json!("B"), &json!("INACTIVE")));

    let projects = json!([{ "name": "One", "clientId": made[0]["id"] }, { "name": "Two" }]);
    let projects = many(&owner, "createProjects", "projects", projects, "projects { id client { name } }").await;
    let projects = projects.expect_done().clone();
    assert_eq!(projects[0]["client"]["name"], "a");
    let gone = json!([{ "id": projects[0]["id"] }, { "id": projects[1]["id"] }]);
    many(&owner, "deleteProjects", "projects", gone, "deletedProjectIds").await.expect_done();
    let gone = json!([{ "id": made[0]["id"] }, { "id": made[2]["id"] }]);
    many(&owner, "deleteClients", "clients", gone, "deletedClientIds").await.expect_done();
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 1);
}

#[tokio::test]
async fn what_the_caller_has_read_is_compared_before_anything_is_written() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    let other = ada.create_project("Other", None).await["id"].clone();
    let parent = ada.write("createTask", json!({ "projectId": site, "title": "parent" })).await.expect_done().clone();
    let child = json!({ "projectId": site, "parentTaskId": parent["id"], "title": "child" });
    let child = ada.write("createTask", child).await.expect_done().clone();
    let element = |task: &Value, more: Value| {
        let mut element = json!({ "id": task["id"], "expectedUpdatedAt": task["updatedAt"] });
        element.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        element
    };
    // The move of the parent changes the child, too.
    let there = json!({ "projectId": other });
    let moves = json!([element(&parent, there.clone()), element(&child, there)]);
    many(&ada, "moveTasks", "tasks", moves, TASKS).await.expect_done();
    // Who only reads is told that, and not that it has changed.
    let person = app.person(&org, "guest", Role::Guest).await;
    let grant = json!({ "projectId": other, "userId": person.user_id, "permission": "VIEW" });
    app.as_owner(&org).mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let stale = json!([element(&child, json!({ "title": "x" }))]);
    let refused = many(&app.sign_in(&org, &person), "updateTasks", "tasks", stale, TASKS).await;
    assert_eq!(refused.error_code(), "FORBIDDEN");
    let gone = json!([{ "id": parent["id"] }, element(&child, json!({}))]);
    let refused = many(&ada, "deleteTasks", "tasks", gone, "deletedTaskIds").await;
    assert_eq!(named(&refused), named_as(&[("CONFLICT", "tasks.1.expectedUpdatedAt")]));
}

#[tokio::test]
async fn who_may_not_write_learns_that_before_what_is_wrong() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let site = app.as_owner(&org).create_project("Site", None).await["id"].clone();
    let viewer = app.sign_in(&org, &app.person(&org, "viewer", Role::Viewer).await);
    let news = json!([{ "projectId": site, "title": " " }]);
    assert_eq!(many(&viewer, "createTasks", "tasks", news, TASKS).await.error_code(), "FORBIDDEN");
    for mutation in ["createTasks", "updateTasks", "moveTasks"] {
        assert_eq!(many(&viewer, mutation, "tasks", json!([]), TASKS).await.error_code(), "FORBIDDEN");
    }
}

#[tokio::test]
async fn a_task_and_its_subtasks_are_deleted_together_in_any_order() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    for turned in [false, true] {
        let parent = tasks(&ada, &site, 1).await.remove(0);
        let child = json!({ "projectId": site, "parentTaskId": parent, "title": "child" });
        let child = ada.write("createTask", child).await.expect_done()["id"].clone();
        let mut gone = vec![json!({ "id": parent }), json!({ "id": child }), json!({ "id": parent })];
        if turned {
            gone.reverse();
        }
        many(&ada, "deleteTasks", "tasks", json!(gone), "deletedTaskIds").await.expect_done();
        assert_eq!(app.number("SELECT count(*) FROM app.tasks").await, 0);
        let again = many(&ada, "deleteTasks", "tasks", json!([{ "id": child }]), "deletedTaskIds").await;
        assert_eq!(named(&again), named_as(&[("NOT_FOUND", "tasks.0.id")]));
    }
}

#[tokio::test]
async fn what_many_write_costs_as_much_as_one_by_one_and_is_read_in_as_few_statements() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    let selection =
        "tasks { id project { name } assignees { name } labels { name } subtasks(first: 5) { nodes { id } } }";
    let mut costs = Vec::new();
    let mut reads = Vec::new();
    for count in [1, 10, 50] {
        let news: Vec<Value> = (0..count).map(|n| json!({ "projectId": site, "title": format!("{n}") })).collect();
        let mark = app.mark().await;
        let answer = many(&ada, "createTasks", "tasks", json!(news), selection).await;
        answer.expect_done();
        costs.push(answer.json["extensions"]["cost"].as_u64().unwrap());
        let statements = app.statements_since(mark).await;
        let commit = statements.iter().rposition(|text| text.contains("COMMIT")).unwrap();
        reads.push(statements[commit..].iter().filter(|text| text.contains("SELECT")).count());
    }
    let (each, more) = ((costs[1] - costs[0]) / 9, (costs[2] - costs[1]) / 40);
    assert!(each > 40 && each == more, "{costs:?}");
    assert!(reads[0] == reads[1] && reads[1] == reads[2], "statements that read the answer: {reads:?}");
}

#[tokio::test]
async fn those_who_write_the_same_rows_in_other_orders_all_succeed() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let projects =
        [ada.create_project("One", None).await["id"].clone(), ada.create_project("Two", None).await["id"].clone()];
    let mut ids = tasks(&ada, &projects[0], 10).await;
    ids.extend(tasks(&ada, &projects[1], 10).await);
    // Where tasks go from project to project meanwhile, a writer may find them elsewhere than where it looked, lock more than it
    // meant to, and have to begin again.
    for crosses in [false, true] {
        let writes = (0..24).map(|n| {
            let mut order = ids.clone();
            order.rotate_left(n * 7 % 20);
            if n.is_multiple_of(2) {
                order.reverse();
            }
            let (session, project) = (&ada, &projects[n / 2 % 2]);
            async move {
                let element = |id: &Value| match n % 3 {
                    0 => json!({ "id": id, "description": format!("{n}") }),
                    1 if crosses => json!({ "id": id, "projectId": project }),
                    _ => json!({ "id": id, "status": "DONE" }),
                };
                let mutation = if n.is_multiple_of(3) { "updateTasks" } else { "moveTasks" };
                let elements: Vec<Value> = order.iter().map(element).collect();
                many(session, mutation, "tasks", json!(elements), "tasks { id }").await.expect_done();
            }
        });
        join_all(writes.collect::<Vec<_>>()).await;
        let deadlocks = app.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await;
        assert!(crosses || deadlocks == 0, "{deadlocks} deadlocks, of which each costs a second");
        let clashes = "SELECT count(*) - count(DISTINCT (project_id, position)) FROM app.tasks";
        assert_eq!((app.number(clashes).await, app.number("SELECT count(*) FROM app.tasks").await), (0, 20));
    }
}
