//! A week of a small agency, through the API alone: an owner, a member, a guest from the client's side, a private workspace.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{Heard, Person, Session, Socket, TestApp};

use crate::attachments::{attach, fetch};
use crate::live::follow;

async fn done(session: &Session, mutation: &str, input: Value, selection: &str) -> Value {
    session.mutate(mutation, input, selection).await.expect_done().clone()
}

async fn create(session: &Session, mutation: &str, input: Value) -> Value {
    let noun = mutation.trim_start_matches("create");
    let noun = noun[..1].to_lowercase() + &noun[1..];
    done(session, mutation, input, &format!("{noun} {{ id }}")).await["id"].clone()
}

/// The titles of each column of a project's board that has any, as this person sees it.
async fn board(session: &Session, project: &Value) -> Vec<(String, Vec<String>)> {
    let query =
        format!("{{ project(id: {project}) {{ board {{ status totalCount tasks(first: 50) {{ title }} }} }} }}");
    let columns = session.data(&query).await["project"]["board"].as_array().unwrap().clone();
    let column = |column: &Value| {
        let tasks = column["tasks"].as_array().unwrap();
        assert_eq!(column["totalCount"], tasks.len());
        let titles = tasks.iter().map(|task| task["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (column["status"].as_str().unwrap().to_owned(), titles)
    };
    columns.iter().map(column).filter(|(_, titles)| !titles.is_empty()).collect()
}

fn columns(columns: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let titles = |titles: &[&str]| titles.iter().map(|&title| title.to_owned()).collect();
    columns.iter().map(|(status, all)| ((*status).to_owned(), titles(all))).collect()
}

/// What a search finds, each by its id.
async fn found(session: &Session, words: &str) -> Vec<Value> {
    let answer =
        session.query("query($words: String!) { search(query: $words) { entityId } }", json!({ "words": words })).await;
    answer.expect_data()["search"].as_array().unwrap().iter().map(|result| result["entityId"].clone()).collect()
}

/// What happened, the newest first: who, what, and what it is called.
async fn feed(session: &Session, filter: &str) -> Vec<String> {
    let query = format!(
        "{{ activities(first: 100, filter: {{ {filter} }}) {{ nodes {{ actor {{ name }} action entityName }} }} }}"
    );
    let entries = session.data(&query).await["activities"]["nodes"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    entries
        .iter()
        .map(|e| format!("{} {} {}", text(&e["actor"]["name"]), text(&e["action"]), text(&e["entityName"])))
        .collect()
}

#[tokio::test]
async fn a_week_of_a_small_agency() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("studio").plan("pro").create().await;
    let boss = app.as_owner(&org);

    // Monday. Ada joins; a client is won; the work is planned on a board, and some of it is nobody else's business.
    let people: [Person; 2] = [app.person(&org, "ada", Role::Member).await, app.person(&org, "gus", Role::Guest).await];
    let (ada, gus) = (app.sign_in(&org, &people[0]), app.sign_in(&org, &people[1]));
    let client = create(
        &boss,
        "createClient",
        json!({ "name": "Café Lumière", "email": "bonjour@lumiere.test", "status": "LEAD" }),
    )
    .await;
    done(&boss, "updateClient", json!({ "id": client, "status": "ACTIVE" }), "client { id }").await;
    let site = create(
        &boss,
        "createProject",
        json!({ "name": "Website", "clientId": client, "ownerId": people[0].user_id, "dueDate": "2126-03-20" }),
    )
    .await;
    let room = create(&boss, "createWorkspace", json!({ "name": "Management", "isPrivate": true })).await;
    let deal =
        create(&boss, "createProject", json!({ "name": "Fees of Lumière", "clientId": client, "workspaceId": room }))
            .await;
    let secret = create(&boss, "createTask", json!({ "projectId": deal, "title": "Raise the rate" })).await;
    let urgent = create(&boss, "createLabel", json!({ "name": "Waiting for client", "color": "#cc0000" })).await;
    let plan =
        ["Sitemap", "Photographs", "Menu page", "Launch"].map(|title| json!({ "projectId": site, "title": title }));
    let tasks = done(&ada, "createTasks", json!({ "tasks": plan }), "tasks { id }").await;
    let [sitemap, photos, menu, launch] = [0, 1, 2, 3].map(|n| tasks[n]["id"].clone());
    let mine = json!({ "id": sitemap, "assigneeIds": [people[0].user_id], "dueAt": "2126-03-02T17:00:00Z", "priority": "URGENT" });
    done(&ada, "updateTask", mine, "task { id }").await;
    let mine = json!({ "id": menu, "assigneeIds": [people[0].user_id, org.owner.user_id], "labelIds": [urgent] });
    done(&ada, "updateTask", mine, "task { id }").await;
    create(&ada, "createPersonalTask", json!({ "title": "Ask for a raise", "isToday": true, "category": "WORK" }))
        .await;
    done(
        &boss,
        "grantProjectAccess",
        json!({ "projectId": site, "userId": people[1].user_id, "permission": "EDIT" }),
        "grant { id }",
    )
    .await;

    let todo = ada.data("{ myTasks { nodes { title project { client { name } } labels { name } } } }").await["myTasks"]
        ["nodes"]
        .clone();
    assert_eq!(
        todo,
        json!([
            { "title": "Sitemap", "project": { "client": { "name": "Café Lumière" } }, "labels": [] },
            { "title": "Menu page", "project": { "client": { "name": "Café Lumière" } }, "labels": [{ "name": "Waiting for client" }] },
        ])
    );

    // From now on the board of the web site is on Ada's screen, and the guest leaves a page open that shows all they may know.
    let mut screens = Vec::new();
    for (person, session) in people.iter().zip([&ada, &gus]) {
        screens.push(Socket::connect(app.server(), &app.token(person.user_id, org.id)).await);
        let Some(screen) = screens.last_mut() else { continue };
        let entry = "activity { action entityName }";
        let wanted = if person.user_id == people[0].user_id {
            format!("taskChanged(projectId: {site}, AFTER) {{ {entry} task {{ status }} }}")
        } else {
            format!("changes(AFTER) {{ {entry} }}")
        };
        follow(screen, "1", session, &wanted).await;
    }

    // Tuesday. Work moves over the board; the client's guest asks, and is answered.
    done(&ada, "moveTask", json!({ "id": sitemap, "status": "IN_PROGRESS" }), "task { id }").await;
    done(&gus, "moveTask", json!({ "id": menu, "before": photos }), "task { id }").await;
    let question = create(
        &gus,
        "createComment",
        json!({ "taskId": menu, "body": format!("Prices *with* tax, @{}?", people[0].user_id) }),
    )
    .await;
    create(&ada, "createComment", json!({ "taskId": menu, "body": "Yes, and the wine list too." })).await;
    let card = attach(&app, &gus, &menu, "Speisekarte März.txt", b"Soupe 7").await;
    attach(&app, &boss, &secret, "Rates 2127.txt", b"Twice as much").await;
    assert_eq!(fetch(&app, &card).await.text().await.unwrap(), "Soupe 7");
    let expected = columns(&[("TODO", &["Menu page", "Photographs", "Launch"]), ("IN_PROGRESS", &["Sitemap"])]);
    assert_eq!(board(&boss, &site).await, expected);
    assert_eq!(board(&gus, &site).await, expected);
    let asked = ada
        .data(&format!("{{ comment(id: {question}) {{ mentions {{ name }} author {{ name }} task {{ title }} }} }}"))
        .await;
    assert_eq!(
        asked["comment"],
        json!({ "mentions": [{ "name": "ada" }], "author": { "name": "gus" }, "task": { "title": "Menu page" } })
    );

    // Wednesday. Everyone looks for things, and finds what is theirs to see.
    assert_eq!(found(&gus, "lumiere").await, std::slice::from_ref(&client));
    assert_eq!(found(&ada, "lumiere").await, std::slice::from_ref(&client));
    assert_eq!(found(&boss, "lumiere").await, [deal.clone(), client.clone()]);
    assert_eq!(found(&gus, "tax").await, std::slice::from_ref(&question));
    assert_eq!(found(&gus, "bonjour").await, [""; 0]);
    assert_eq!(found(&ada, "marz speise").await, [card["id"].clone()]);
    assert_eq!(found(&ada, "rates").await, [""; 0]);
    for session in [&ada, &gus] {
        assert_eq!(found(session, "raise").await, [""; 0], "neither the fees nor anybody's own tasks");
        assert!(feed(session, "").await.iter().all(|entry| !entry.contains("Fees") && !entry.contains("rate")));
    }
    let input = json!({ "id": deal, "name": "Ours" });
    ada.mutate("updateProject", input.clone(), "project { id }").await.expect_refused(&[("NOT_FOUND", "id")]);
    assert_eq!(gus.mutate("updateProject", input, "project { id }").await.error_code(), "FORBIDDEN");

    // Thursday. A page is split up, a picture is thrown out with what was said of it, and the menu is done.
    let input = json!({ "projectId": site, "title": "Wine list", "parentTaskId": menu });
    let wine = create(&ada, "createTask", input).await;
    let circle = ada.mutate("updateTask", json!({ "id": menu, "parentTaskId": wine }), "task { id }").await;
    circle.expect_refused(&[("INVALID", "parentTaskId")]);
    create(&ada, "createComment", json!({ "taskId": photos, "body": "They sent their own." })).await;
    done(&ada, "deleteTask", json!({ "id": photos }), "deletedTaskId").await;
    assert_eq!(found(&boss, "own").await, [""; 0]);
    let finish = json!({ "tasks": [{ "id": wine, "status": "DONE" }, { "id": menu, "status": "DONE" }, { "id": sitemap, "status": "DONE" }] });
    done(&ada, "moveTasks", finish, "tasks { id }").await;
    let open = boss.data(&format!(
        "{{ client(id: {client}) {{ projects {{ nodes {{ name tasks(filter: {{ statusNot: [DONE] }}) {{ totalCount }} }} }}
            activities(first: 1) {{ nodes {{ action entityName actor {{ name }} }} }} }} }}"
    )).await;
    assert_eq!(
        open["client"],
        json!({
            "projects": { "nodes": [
                { "name": "Fees of Lumière", "tasks": { "totalCount": 1 } },
                { "name": "Website", "tasks": { "totalCount": 1 } },
            ] },
            "activities": { "nodes": [{ "action": "MOVED", "entityName": "Sitemap", "actor": { "name": "ada" } }] },
        })
    );

    // Friday. What happened is read, the work is billed, the project is put away, and the guest leaves.
    let of_gus = feed(&boss, &format!("actorId: \"{}\"", people[1].user_id)).await;
    assert_eq!(of_gus, ["gus CREATED Speisekarte März.txt", "gus CREATED -", "gus MOVED Menu page"]);
    let news = feed(&gus, &format!("actorIdNot: [\"{}\"], action: [DELETED]", people[1].user_id)).await;
    assert_eq!(news, ["ada DELETED Photographs"]);
    done(&ada, "moveTask", json!({ "id": launch, "status": "DONE" }), "task { id }").await;
    let line = json!([{ "description": "Website", "quantity": "1", "rate": "4800" }]);
    let bill = json!({ "clientId": client, "projectId": site, "currency": "EUR", "lineItems": line, "taskIds": [menu, sitemap, launch] });
    let bill = done(&boss, "createInvoice", bill, "invoice { total { amount } tasks { totalCount } }").await;
    assert_eq!(bill, json!({ "total": { "amount": "4800.00" }, "tasks": { "totalCount": 3 } }));
    done(&ada, "updateProject", json!({ "id": site, "status": "ARCHIVED" }), "project { id }").await;
    let lists = "{ projects { nodes { name } } myTasks { totalCount } }";
    assert_eq!(ada.data(lists).await, json!({ "projects": { "nodes": [] }, "myTasks": { "totalCount": 0 } }));
    assert_eq!(found(&ada, "sitemap").await, std::slice::from_ref(&sitemap), "what is put away is still found");
    done(&boss, "removeMember", json!({ "id": people[1].user_id }), "removedMemberId").await;
    let gone = gus.query("{ search(query: \"menu\") { entityId } }", json!({})).await;
    assert_eq!(gone.error_code(), "FORBIDDEN");

    // All week the screens were told of it, each as far as it was theirs to see.
    let [adas, guests] = &mut screens[..] else { panic!("two screens") };
    let mut board = Vec::new();
    while let Some(Heard::Message(message)) = adas.hear_within(Duration::from_secs(1)).await {
        let change = &message["payload"]["data"]["taskChanged"];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        board.push(format!("{} {}", text(&change["activity"]["action"]), text(&change["activity"]["entityName"])));
        let is_gone = change["activity"]["action"] == "DELETED";
        assert_eq!(change["task"].is_null(), is_gone, "{message}");
    }
    assert_eq!(
        board,
        [
            "MOVED Sitemap",
            "MOVED Menu page",
            "CREATED Wine list",
            "DELETED Photographs",
            "MOVED Wine list",
            "MOVED Menu page",
            "MOVED Sitemap",
            "MOVED Launch",
        ]
    );
    let mut heard = Vec::new();
    let end = loop {
        match guests.hear().await {
            Heard::Message(message) => {
                heard.push(message["payload"]["data"]["changes"]["activity"]["entityName"].clone());
            }
            Heard::Closed(code, _) => break code,
        }
    };
    assert_eq!(end, 4403, "who is removed hears no more");
    assert!(heard.contains(&json!("Speisekarte März.txt")) && heard.contains(&json!("Launch")), "{heard:?}");
    let secrets = ["Raise the rate", "Rates 2127.txt", "Fees of Lumière", "Ask for a raise"];
    assert!(heard.iter().all(|name| !secrets.iter().any(|secret| name == secret)), "{heard:?}");
}
