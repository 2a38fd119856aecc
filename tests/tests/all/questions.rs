//! What people ask of their work: what is mine, what is late, how the board looks; and what is archived stays out of the way.

use serde_json::{Value, json};
use tenantry_domain::noun::ALL;
use tenantry_tests::{Session, TestApp};

async fn create(session: &Session, input: Value) -> Value {
    session.write("createTask", input).await.expect_done()["id"].clone()
}

fn titles(list: &Value) -> Vec<&str> {
    list["nodes"].as_array().unwrap().iter().map(|node| node["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_is_archived_is_in_no_list_that_does_not_ask_for_it() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let mut tried = 0;
    for noun in ALL {
        let Some(archived) = noun.info.archived else { continue };
        let (list, api, table) = (noun.info.list, noun.info.api, noun.info.table);
        let id = &full.ids(noun.info.name)[0];
        let uuid = tenantry_domain::typeid::split(id).unwrap().1;
        let value = archived.value.to_uppercase();
        let status = noun.fields().into_iter().find(|field| field.name == archived.field).unwrap().api;
        let parents: Vec<_> = noun.parents().into_iter().filter(|parent| parent.list.is_some()).collect();
        let below: Vec<String> = parents
            .iter()
            .map(|parent| {
                let of = ALL.iter().find(|noun| noun.info.name == parent.noun).unwrap().info.list;
                let has = format!("has{}{}", list[..1].to_uppercase(), &list[1..]);
                format!(
                    "below{0}: {of}(first: 8) {{ nodes {{ id {list}(first: 8) {{ totalCount nodes {{ id }} }} }} }}
                     having{0}: {of}(first: 8, filter: {{ {has}: {{}} }}) {{ totalCount }}
                     asking{0}: {of}(first: 8, filter: {{ {has}: {{ {status}: [{value}] }} }}) {{ totalCount }}",
                    parent.noun
                )
            })
            .collect();
        let document = format!(
            "{{ all: {list}(first: 100) {{ totalCount nodes {{ id }} }}
                asked: {list}(first: 100, filter: {{ {status}: [{value}] }}) {{ totalCount nodes {{ id }} }}
                others: {list}(first: 100, filter: {{ {status}Not: [] }}) {{ totalCount nodes {{ id }} }}
                byId: {list}(filter: {{ ids: [\"{id}\"] }}) {{ totalCount nodes {{ id }} }}
                one: {api}(id: \"{id}\") {{ id }} node(id: \"{id}\") {{ id }} {} }}",
            below.join(" ")
        );
        let before = owner.data(&document).await;
        app.sql(&format!("UPDATE {table} SET {} = '{}' WHERE id = '{uuid}'", archived.field, archived.value)).await;
        let after = owner.data(&document).await;
        let has = |list: &Value| list["nodes"].to_string().contains(id.as_str());
        let count = |list: &Value| list["totalCount"].as_i64().unwrap();
        assert!(has(&before["all"]) && !has(&after["all"]), "{list}");
        assert_eq!(count(&after["all"]), count(&before["all"]) - 1, "{list}");
        assert!(!has(&before["asked"]) && has(&after["asked"]), "{list} by {status}");
        assert!(has(&after["others"]) && count(&after["others"]) == count(&before["others"]), "{list} by {status}Not");
        assert!(has(&after["byId"]) && count(&after["byId"]) == 1, "{list} by ids");
        assert!(after["one"] == json!({ "id": id }) && after["node"] == json!({ "id": id }), "{list}");
        for parent in &parents {
            let name = parent.noun;
            let lists = |answer: &Value| {
                let rows = answer[format!("below{name}")]["nodes"].as_array().unwrap().clone();
                rows.iter().map(|row| (count(&row[list]), has(&row[list]))).collect::<Vec<_>>()
            };
            let (before, now) = (lists(&before), lists(&after));
            let missing: i64 = before.iter().zip(&now).map(|(before, now)| before.0 - now.0).sum();
            assert!(missing == 1 && now.iter().all(|(_, has)| !has), "{list} below {name}: {before:?} {now:?}");
            assert_eq!(count(&after[format!("asking{name}")]), 1, "{name} that have archived {list}");
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried}");
}

#[tokio::test]
async fn a_parent_whose_rows_are_all_archived_has_none() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Ada").await["id"].clone();
    let project = owner.create_project("Old", client.as_str()).await["id"].clone();
    let having = "{ has: clients(filter: { hasProjects: {} }) { totalCount } hasNot: clients(filter: { hasNoProjects: {} }) { totalCount } }";
    let expect = async |has: i64| {
        let found = owner.data(having).await;
        assert_eq!(found, json!({ "has": { "totalCount": has }, "hasNot": { "totalCount": 1 - has } }));
    };
    expect(1).await;
    let set = |status: &str| owner.write("updateProject", json!({ "id": project, "status": status }));
    set("ARCHIVED").await.expect_done();
    expect(0).await;
    // And it comes back.
    set("ACTIVE").await.expect_done();
    expect(1).await;
}

#[tokio::test]
async fn my_tasks_are_the_open_ones_assigned_to_me_urgent_first() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let ada = app.as_member(&org, "ada").await;
    let me = ada.data("{ viewer { member { userId } } }").await["viewer"]["member"]["userId"].clone();
    let owner = app.as_owner(&org);
    let client = owner.create_client("Client").await["id"].clone();
    let site = owner.create_project("Site", client.as_str()).await["id"].clone();
    let old = owner.create_project("Old", None).await["id"].clone();
    let task = |title: &str, more: Value| {
        let mut input = json!({ "projectId": site, "title": title, "assigneeIds": [me] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (title, more) in [
        ("low", json!({ "priority": "LOW", "dueAt": "2026-01-01T00:00:00Z" })),
        ("never due", json!({ "priority": "HIGH" })),
        ("due later", json!({ "priority": "HIGH", "dueAt": "2026-03-01T00:00:00Z" })),
        ("due soon", json!({ "priority": "HIGH", "dueAt": "2026-02-01T00:00:00Z" })),
        ("urgent", json!({ "priority": "URGENT" })),
        ("done", json!({ "priority": "URGENT", "status": "DONE" })),
        ("another's", json!({ "assigneeIds": [] })),
        ("archived", json!({ "projectId": old })),
    ] {
        create(&owner, task(title, more)).await;
    }
    owner.write("updateProject", json!({ "id": old, "status": "ARCHIVED" })).await.expect_done();
    let found =
        ada.data("{ myTasks { totalCount nodes { title project { name client { name } } } } }").await["myTasks"]
            .clone();
    assert_eq!(titles(&found), ["urgent", "due soon", "due later", "never due", "low"]);
    assert_eq!(found["totalCount"], 5);
    assert_eq!(found["nodes"][0]["project"], json!({ "name": "Site", "client": { "name": "Client" } }));
    assert_eq!(owner.data("{ myTasks { totalCount } }").await["myTasks"]["totalCount"], 0);
    let archived = ada.data("{ myTasks(filter: { isArchived: true }) { nodes { title } } }").await;
    assert_eq!(titles(&archived["myTasks"]), ["archived"]);
    // It takes what every list takes.
    let document = "{ done: myTasks(filter: { status: [DONE] }) { nodes { title } }
        high: myTasks(first: 1, filter: { priority: [HIGH] }, orderBy: { field: DUE_AT, direction: DESC }) { nodes { title } pageInfo { endCursor } } }";
    let found = ada.data(document).await;
    assert_eq!((titles(&found["done"]), titles(&found["high"])), (vec!["done"], vec!["due later"]));
    let after = &found["high"]["pageInfo"]["endCursor"];
    let document = format!(
        "{{ myTasks(first: 1, after: {after}, filter: {{ priority: [HIGH] }}, orderBy: {{ field: DUE_AT, direction: DESC }}) {{ nodes {{ title }} }} }}"
    );
    assert_eq!(titles(&ada.data(&document).await["myTasks"]), ["due soon"]);
}

#[tokio::test]
async fn what_is_overdue_is_late_and_not_done() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    for (title, due, status) in [
        ("late", json!("2020-02-01T00:00:00Z"), "TODO"),
        ("later", json!("2020-01-01T00:00:00Z"), "IN_REVIEW"),
        ("done", json!("2020-01-01T00:00:00Z"), "DONE"),
        ("early", json!("2120-01-01T00:00:00Z"), "TODO"),
        ("never", Value::Null, "TODO"),
    ] {
        create(&ada, json!({ "projectId": site, "title": title, "dueAt": due, "status": status })).await;
    }
    let found = ada.data("{ overdueTasks { totalCount nodes { title } } }").await["overdueTasks"].clone();
    assert_eq!((titles(&found), &found["totalCount"]), (vec!["later", "late"], &json!(2)));
    let others = "{ tasks(filter: { isOverdue: false }, orderBy: { field: DUE_AT }) { nodes { title } } }";
    assert_eq!(titles(&ada.data(others).await["tasks"]), ["done", "early", "never"]);
    ada.write("updateProject", json!({ "id": site, "status": "ARCHIVED" })).await.expect_done();
    assert_eq!(ada.data("{ overdueTasks { totalCount } }").await["overdueTasks"]["totalCount"], 0);
}

#[tokio::test]
async fn a_board_has_its_columns_in_two_statements_whatever_their_number() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let site = ada.create_project("Site", None).await["id"].clone();
    for (title, status) in [("a", "TODO"), ("b", "DONE"), ("c", "TODO"), ("d", "TODO"), ("e", "IN_REVIEW")] {
        create(&ada, json!({ "projectId": site, "title": title, "status": status })).await;
    }
    let last = create(&ada, json!({ "projectId": site, "title": "first", "status": "DONE" })).await;
    ada.mutate("moveTask", json!({ "id": last, "status": "TODO" }), "task { id }").await.expect_done();
    let board = format!("{{ project(id: {site}) {{ board {{ status totalCount tasks(first: 3) {{ title }} }} }} }}");
    let mark = app.mark().await;
    let found = ada.data(&board).await["project"]["board"].clone();
    let column = |status: &str, count: i64, titles: &[&str]| {
        let tasks: Vec<Value> = titles.iter().map(|title| json!({ "title": title })).collect();
        json!({ "status": status, "totalCount": count, "tasks": tasks })
    };
    let expected = json!([
        column("BACKLOG", 0, &[]),
        column("TODO", 4, &["a", "c", "d"]),
        column("IN_PROGRESS", 0, &[]),
        column("IN_REVIEW", 1, &["e"]),
        column("DONE", 1, &["b"]),
    ]);
    assert_eq!(found, expected);
    let reads = async |mark| {
        let statements = app.statements_since(mark).await;
        statements.iter().filter(|text| text.contains("FROM app.tasks")).count()
    };
    assert_eq!(reads(mark).await, 2);
    for n in 0..5 {
        let other = ada.create_project(&format!("Other {n}"), None).await["id"].clone();
        create(&ada, json!({ "projectId": other, "title": "x" })).await;
    }
    let mark = app.mark().await;
    let all = ada.data("{ projects { nodes { board { status totalCount tasks(first: 2) { title } } } } }").await;
    assert_eq!(all.to_string().matches("\"x\"").count(), 5);
    assert_eq!(reads(mark).await, 2);
    for first in [-1, 101] {
        let bad = format!("{{ project(id: {site}) {{ board {{ tasks(first: {first}) {{ id }} }} }} }}");
        assert_eq!(ada.query(&bad, json!({})).await.error_code(), "BAD_USER_INPUT");
    }
}
