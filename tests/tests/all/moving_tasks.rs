//! Moving tasks: along a board, into a column, to another project, by many at once, into one gap over and over.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_domain::position::CROWDED;
use tenantry_domain::{Clock, Role, TaskId};
use tenantry_tests::{Answer, Org, Session, TestApp};

/// The titles of a project's tasks, in the order of the board.
async fn board(session: &Session, project: &Value) -> Vec<String> {
    let document = "query($id: ID!) { project(id: $id) { tasks(first: 100) { nodes { title } } } }";
    let answer = session.query(document, json!({ "id": project })).await;
    let tasks = answer.at("project.tasks.nodes").as_array().unwrap().iter();
    tasks.map(|task| task["title"].as_str().unwrap().to_owned()).collect()
}

async fn project(session: &Session, name: &str) -> Value {
    session.create_project(name, None).await["id"].clone()
}

async fn tasks(session: &Session, project: &Value, titles: &[&str]) -> Vec<Value> {
    let mut ids = Vec::new();
    for title in titles {
        ids.push(session.create_task(project.as_str().unwrap(), title).await["id"].clone());
    }
    ids
}

const SELECTION: &str = "task { id title status completedAt position project { id } parent { id } updatedAt }";

async fn go(session: &Session, input: Value) -> Answer {
    session.mutate("moveTask", input, SELECTION).await
}

/// How many tasks have a position that another task of the project has.
async fn clashes(app: &TestApp) -> i64 {
    app.number("SELECT count(*) - count(DISTINCT (project_id, position)) FROM app.tasks").await
}

#[tokio::test]
async fn a_task_goes_between_the_neighbours_that_are_named() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = project(&ada, "Site").await;
    let ids = tasks(&ada, &site, &["a", "b", "c", "d"]).await;
    let [a, b, c, d] = &ids[..] else { unreachable!() };
    for (input, expected) in [
        (json!({ "id": d, "after": a }), ["a", "d", "b", "c"]),
        (json!({ "id": c, "before": a }), ["c", "a", "d", "b"]),
        (json!({ "id": b, "after": a, "before": d }), ["c", "a", "b", "d"]),
        // What is named need not be next to each other: other columns may be between.
        (json!({ "id": d, "after": c, "before": b }), ["c", "d", "a", "b"]),
        (json!({ "id": c }), ["d", "a", "b", "c"]),
        (json!({ "id": c, "after": b }), ["d", "a", "b", "c"]),
        (json!({ "id": a, "before": null, "after": null, "status": null, "projectId": null }), ["d", "b", "c", "a"]),
    ] {
        go(&ada, input.clone()).await.expect_done();
        assert_eq!(board(&ada, &site).await, expected, "{input}");
    }
    // Into another column, where it comes last; the completion follows.
    let done = go(&ada, json!({ "id": d, "status": "DONE" })).await.expect_done().clone();
    assert!(done["status"] == "DONE" && done["completedAt"].is_string(), "{done}");
    assert_eq!(board(&ada, &site).await, ["b", "c", "a", "d"]);
    let back = go(&ada, json!({ "id": d, "status": "IN_REVIEW", "before": b })).await.expect_done().clone();
    assert!(back["status"] == "IN_REVIEW" && back["completedAt"].is_null(), "{back}");
    assert_eq!(board(&ada, &site).await, ["d", "b", "c", "a"]);

    let other = project(&ada, "Other").await;
    let foreign = &tasks(&ada, &other, &["x"]).await[0];
    let unknown = json!(Clock::system().new_id::<TaskId>());
    for field in ["before", "after"] {
        for neighbour in [foreign, &unknown, a] {
            let refused = go(&ada, json!({ "id": a, field: neighbour, "status": "DONE" })).await;
            refused.expect_refused(&[("NOT_FOUND", field)]);
        }
    }
    let refused = go(&ada, json!({ "id": a, "after": b, "before": d })).await;
    refused.expect_refused(&[("CONFLICT", "before")]);
    go(&ada, json!({ "id": unknown })).await.expect_refused(&[("NOT_FOUND", "id")]);
    let stale = json!({ "id": a, "after": d, "expectedUpdatedAt": "2020-01-01T00:00:00Z" });
    go(&ada, stale).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    assert_eq!(board(&ada, &site).await, ["d", "b", "c", "a"], "what is refused moves nothing");
}

#[tokio::test]
async fn a_task_goes_to_another_project_with_all_below_it() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let (site, other) = (project(&ada, "Site").await, project(&ada, "Other").await);
    let child = async |parent: &Value, title: &str| {
        let input = json!({ "projectId": site, "parentTaskId": parent, "title": title });
        ada.write("createTask", input).await.expect_done()["id"].clone()
    };
    let top = tasks(&ada, &site, &["top"]).await.remove(0);
    let a = child(&top, "a").await;
    let stays = child(&top, "stays").await;
    let b = child(&a, "b").await;
    let c = child(&b, "c").await;
    let others = tasks(&ada, &other, &["x", "y"]).await;
    ada.mutate("createComment", json!({ "taskId": c, "body": "Hi" }), "comment { id }").await.expect_done();

    let input = json!({ "id": a, "projectId": other, "after": others[0], "status": "DONE" });
    let moved = go(&ada, input).await.expect_done().clone();
    assert_eq!((&moved["project"]["id"], &moved["parent"], &moved["status"]), (&other, &Value::Null, &json!("DONE")));
    assert_eq!(board(&ada, &site).await, ["top", "stays"]);
    assert_eq!(board(&ada, &other).await, ["x", "a", "b", "c", "y"]);
    let below = format!("{{ task(id: {c}) {{ parent {{ id parent {{ id }} }} comments {{ totalCount }} }} }}");
    let expected = json!({ "parent": { "id": b, "parent": { "id": a } }, "comments": { "totalCount": 1 } });
    assert_eq!(ada.data(&below).await["task"], expected);
    // A neighbour is looked for where the task goes to.
    go(&ada, json!({ "id": stays, "projectId": other, "after": top })).await.expect_refused(&[("NOT_FOUND", "after")]);
    go(&ada, json!({ "id": top, "projectId": other, "before": others[0] })).await.expect_done();
    assert_eq!(board(&ada, &other).await, ["top", "stays", "x", "a", "b", "c", "y"]);
    assert_eq!(clashes(&app).await, 0);

    // To a project that the caller may not write in, or does not see.
    let person = app.person(&org, "guest", Role::Guest).await;
    let guest = app.sign_in(&org, &person);
    let owner = app.as_owner(&org);
    let grant = |project: &Value, permission: &str| json!({ "projectId": project, "userId": person.user_id, "permission": permission });
    owner.mutate("grantProjectAccess", grant(&other, "EDIT"), "grant { id }").await.expect_done();
    let there = json!({ "id": a, "projectId": site });
    go(&guest, there.clone()).await.expect_refused(&[("NOT_FOUND", "projectId")]);
    owner.mutate("grantProjectAccess", grant(&site, "VIEW"), "grant { id }").await.expect_done();
    assert_eq!(go(&guest, there.clone()).await.error_code(), "FORBIDDEN");
    owner.mutate("grantProjectAccess", grant(&site, "EDIT"), "grant { id }").await.expect_done();
    go(&guest, there).await.expect_done();
    assert_eq!(board(&ada, &site).await, ["a", "b", "c"]);
}

#[tokio::test]
async fn a_task_on_a_draft_stays_with_the_client_that_is_billed() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let mut projects = Vec::new();
    let mut clients = Vec::new();
    for name in ["One", "Two"] {
        let client = owner.create_client(name).await["id"].clone();
        projects.push(owner.create_project(name, client.as_str()).await["id"].clone());
        clients.push(client);
    }
    let internal = project(&owner, "Internal").await;
    let parent = tasks(&owner, &projects[0], &["parent"]).await.remove(0);
    let input = json!({ "projectId": projects[0], "parentTaskId": parent, "title": "billed" });
    let billed = owner.write("createTask", input).await.expect_done()["id"].clone();
    let draft = json!({ "clientId": clients[0], "currency": "EUR", "taskIds": [billed] });
    let draft = owner.write("createInvoice", draft).await.expect_done()["id"].clone();
    let there = json!({ "id": parent, "projectId": projects[1] });
    go(&owner, there.clone()).await.expect_refused(&[("IN_USE", "projectId")]);
    // Internal work may be billed to any client.
    go(&owner, json!({ "id": parent, "projectId": internal })).await.expect_done();
    go(&owner, there.clone()).await.expect_refused(&[("IN_USE", "projectId")]);
    owner.write("deleteInvoice", json!({ "id": draft })).await.expect_done();
    go(&owner, there).await.expect_done();
}

#[tokio::test]
async fn a_guest_is_not_told_of_drafts() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let person = app.person(&org, "guest", Role::Guest).await;
    let mut projects = Vec::new();
    for name in ["One", "Two"] {
        let client = owner.create_client(name).await["id"].clone();
        for n in 0..2 {
            let project = owner.create_project(&format!("{name} {n}"), client.as_str()).await["id"].clone();
            let grant = json!({ "projectId": project, "userId": person.user_id, "permission": "EDIT" });
            owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
            projects.push((project, client.clone()));
        }
    }
    let guest = app.sign_in(&org, &person);
    let ids = tasks(&owner, &projects[0].0, &["billed", "not billed"]).await;
    let draft = json!({ "clientId": projects[0].1, "currency": "EUR", "taskIds": [ids[0]] });
    owner.write("createInvoice", draft).await.expect_done();
    for id in &ids {
        let away = go(&guest, json!({ "id": id, "projectId": projects[2].0 })).await;
        away.expect_refused(&[("INVALID", "projectId")]);
        go(&guest, json!({ "id": id, "projectId": projects[1].0 })).await.expect_done();
    }
}

/// Deletions, moves and changes of parents at once: nothing that was moved away is deleted, and no task is below itself.
#[tokio::test]
async fn what_is_moved_away_meanwhile_is_not_deleted() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let (site, other) = (project(&ada, "Site").await, project(&ada, "Other").await);
    let below = |parent: &Value, title: &str| {
        let input = json!({ "projectId": site, "parentTaskId": parent, "title": title });
        ada.write("createTask", input)
    };
    for round in 0..15 {
        let a = below(&Value::Null, "a").await.expect_done()["id"].clone();
        let b = below(&a, "b").await.expect_done()["id"].clone();
        let c = below(&b, "c").await.expect_done()["id"].clone();
        let (gone, moved, above) = tokio::join!(
            ada.write("deleteTask", json!({ "id": a })),
            go(&ada, json!({ "id": b, "projectId": other })),
            ada.write("updateTask", json!({ "id": a, "parentTaskId": c })),
        );
        gone.expect_done();
        assert!(above.json["errors"].is_null(), "{}", above.text);
        let left = format!("{{ b: node(id: {b}) {{ id }} c: node(id: {c}) {{ id }} }}");
        let left = ada.data(&left).await;
        let is_moved = moved.user_errors().is_empty();
        assert_eq!((left["b"].is_null(), left["c"].is_null()), (!is_moved, !is_moved), "round {round}: {}", moved.text);
    }
    let circles = "WITH RECURSIVE up AS (SELECT id, parent_task_id, 1 AS depth FROM app.tasks UNION ALL
        SELECT up.id, t.parent_task_id, up.depth + 1 FROM up JOIN app.tasks t ON t.id = up.parent_task_id WHERE depth < 100)
        SELECT count(*) FROM up WHERE depth >= 100";
    assert_eq!((app.number(circles).await, clashes(&app).await), (0, 0));
}

#[tokio::test]
async fn moves_at_once_lose_no_task_and_leave_no_two_at_one_place() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let bob = app.as_member(&org, "bob").await;
    let projects = [project(&ada, "Site").await, project(&ada, "Other").await];
    let mut ids = Vec::new();
    for project in &projects {
        ids.extend(tasks(&ada, project, &["a", "b", "c", "d", "e", "f"]).await);
    }
    // Each goes to the other project and back, next to one that does the same.
    for round in 0..6 {
        let moves = ids.iter().enumerate().map(|(n, id)| {
            let session = if n.is_multiple_of(2) { &ada } else { &bob };
            let target = &projects[(n / 6 + round + 1) % 2];
            let neighbour = &ids[(n * 5 + round + 1) % ids.len()];
            let field = if n.is_multiple_of(3) { "after" } else { "before" };
            let input = json!({ "id": id, "projectId": target, field: neighbour });
            async move {
                let answer = go(session, input).await;
                // The neighbour may be in the other project by now.
                let refusals = answer.user_errors();
                assert!(refusals.iter().all(|refusal| refusal.code == "NOT_FOUND"), "{}", answer.text);
                if !refusals.is_empty() {
                    go(session, json!({ "id": id, "projectId": target })).await.expect_done();
                }
            }
        });
        join_all(moves.collect::<Vec<_>>()).await;
        assert_eq!((app.number("SELECT count(*) FROM app.tasks").await, clashes(&app).await), (12, 0), "round {round}");
    }
    for project in &projects {
        assert_eq!(board(&ada, project).await.len(), 6);
    }
}

/// Moves the last task of a board behind its first, as many times as `TENANTRY_TEST_MOVES` says, else 600 times.
#[tokio::test]
async fn moves_into_one_gap_keep_the_order_and_short_positions() {
    let moves: usize = std::env::var("TENANTRY_TEST_MOVES").ok().map_or(600, |moves| moves.parse().unwrap());
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = project(&ada, "Site").await;
    let first = tasks(&ada, &site, &["first"]).await.remove(0);
    // Enough for several windows, some of which are left alone.
    let organization = org.uuid();
    let uuid = tenantry_domain::typeid::split(site.as_str().unwrap()).unwrap().1;
    app.sql(&format!(
        "INSERT INTO app.tasks (organization_id, id, project_id, title, position)
             SELECT '{organization}', gen_random_uuid(), '{uuid}', n, 'a' || lpad(to_hex(n), 5, '0') || '8'
             FROM generate_series(1, 1500) n"
    ))
    .await;
    let ids = app.texts("SELECT id::text FROM app.tasks WHERE position LIKE 'a%' ORDER BY position").await;
    let ids: Vec<TaskId> = ids.iter().map(|id| TaskId::from_uuid(id.parse().unwrap())).collect();
    let mut expected: std::collections::VecDeque<TaskId> = ids.into();
    let mut done = 0;
    while done < moves {
        let batch: Vec<TaskId> = (0..20.min(moves - done)).map(|_| expected.pop_back().unwrap()).collect();
        let fields: Vec<String> = batch
            .iter()
            .enumerate()
            .map(|(n, id)| {
                format!("m{n}: moveTask(input: {{ id: \"{id}\", after: {first} }}) {{ userErrors {{ message }} }}")
            })
            .collect();
        let answer = ada.query(&format!("mutation {{ {} }}", fields.join(" ")), json!({})).await;
        assert!(!answer.expect_data().to_string().contains("message"), "{}", answer.text);
        for id in batch {
            expected.push_front(id);
        }
        done += 20;
    }
    let order = app.texts("SELECT id::text FROM app.tasks WHERE title <> 'first' ORDER BY position").await;
    let order: Vec<TaskId> = order.iter().map(|id| TaskId::from_uuid(id.parse().unwrap())).collect();
    assert!(order.into_iter().eq(expected), "the order is another one");
    let longest = app.number("SELECT max(length(position))::bigint FROM app.tasks").await;
    assert!(longest <= i64::try_from(CROWDED).unwrap(), "{longest}");
    assert_eq!(clashes(&app).await, 0);
    // Only the neighbourhood is spaced out anew.
    let untouched = app.number("SELECT count(*) FROM app.tasks WHERE updated_at = created_at").await;
    println!("{moves} moves into one gap: positions of at most {longest} digits, {untouched} tasks never touched");
    assert!(moves > 600 || untouched > 500, "{untouched}");
}

#[tokio::test]
async fn a_branch_of_a_thousand_levels_is_moved_and_deleted() {
    const LEVELS: usize = 1_000;
    let app = TestApp::start().await;
    let org: Org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let (site, other) = (project(&ada, "Site").await, project(&ada, "Other").await);
    let organization = org.uuid();
    let uuid = tenantry_domain::typeid::split(site.as_str().unwrap()).unwrap().1;
    let ids: Vec<TaskId> = (0..LEVELS).map(|_| Clock::system().new_id()).collect();
    let rows: Vec<String> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| {
            let parent = n.checked_sub(1).map_or("NULL".to_owned(), |n| format!("'{}'", ids[n].as_uuid()));
            format!("('{organization}', '{}', '{uuid}', {parent}, 'level {n}', '{n:04}8')", id.as_uuid())
        })
        .collect();
    let columns = "organization_id, id, project_id, parent_task_id, title, position";
    app.sql(&format!("INSERT INTO app.tasks ({columns}) VALUES {}", rows.join(", "))).await;
    let last = ids[LEVELS - 1];
    let refused = ada.write("updateTask", json!({ "id": ids[0], "parentTaskId": last })).await;
    refused.expect_refused(&[("INVALID", "parentTaskId")]);
    let message = &refused.text;
    assert!(message.contains(r#"\"level 0\" → \"level 1\""#) && message.contains("993 more"), "{message}");
    let deeper = json!({ "projectId": site, "parentTaskId": last, "title": "deeper" });
    ada.write("createTask", deeper).await.expect_done();

    go(&ada, json!({ "id": ids[0], "projectId": other })).await.expect_done();
    let there = tenantry_domain::typeid::split(other.as_str().unwrap()).unwrap().1;
    let moved = format!("SELECT count(*) FROM app.tasks WHERE project_id = '{there}'");
    assert_eq!(app.number(&moved).await, i64::try_from(LEVELS).unwrap() + 1);
    assert_eq!(clashes(&app).await, 0);
    ada.write("deleteTask", json!({ "id": ids[0] })).await.expect_done();
    assert_eq!(app.number("SELECT count(*) FROM app.tasks").await, 0);
}
