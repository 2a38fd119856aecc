//! Who gets which changes, and in which order.

use std::time::Duration;

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_server::http::{HttpOptions, LiveLimits};
use tenantry_service::live::LiveOptions;
use tenantry_tests::{Heard, Org, Session, Socket, TestApp};

use super::{CHANGES, cursor, follow, told};

async fn connect(app: &TestApp, org: &Org) -> Socket {
    Socket::connect(app.server(), &app.token(org.owner.user_id, org.id)).await
}

#[tokio::test]
async fn everybody_is_told_what_they_see_and_nothing_else() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let other = app.organization("other").create().await;
    let owner = app.as_owner(&org);
    let (ada, gus) = (app.person(&org, "ada", Role::Member).await, app.person(&org, "gus", Role::Guest).await);
    let site = owner.create_project("Site", None).await["id"].clone();
    let grant = json!({ "projectId": site, "userId": gus.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let mut sockets = Vec::new();
    for person in [&org.owner, &ada, &gus] {
        let mut socket = Socket::connect(app.server(), &app.token(person.user_id, org.id)).await;
        follow(&mut socket, "1", &app.sign_in(&org, person), CHANGES).await;
        sockets.push(socket);
    }
    let mut elsewhere = connect(&app, &other).await;
    follow(&mut elsewhere, "1", &app.as_owner(&other), CHANGES).await;

    let room = json!({ "name": "Secret", "isPrivate": true });
    let room = owner.mutate("createWorkspace", room, "workspace { id }").await.expect_done()["id"].clone();
    let deal = json!({ "name": "Deal", "workspaceId": room });
    let deal = owner.write("createProject", deal).await.expect_done()["id"].clone();
    owner.create_task(deal.as_str().unwrap(), "Hidden").await;
    owner.mutate("createPersonalTask", json!({ "title": "Mine" }), "personalTask { id }").await.expect_done();
    owner.create_client("Acme").await;
    owner.create_task(site.as_str().unwrap(), "Draw").await;

    let mut heard: Vec<Vec<String>> = Vec::new();
    for socket in &mut sockets {
        let mut of_one = Vec::new();
        while let Some(Heard::Message(message)) = socket.hear_within(Duration::from_secs(1)).await {
            assert_eq!(message["type"], "next", "{message}");
            of_one.push(told(&message["payload"]["data"]));
        }
        heard.push(of_one);
    }
    assert_eq!(
        heard[0],
        [
            "WORKSPACE CREATED Secret",
            "PROJECT CREATED Deal",
            "TASK CREATED Hidden",
            "PERSONAL_TASK CREATED Mine",
            "CLIENT CREATED Acme",
            "TASK CREATED Draw",
        ]
    );
    assert_eq!(heard[1], ["CLIENT CREATED Acme", "TASK CREATED Draw"]);
    assert_eq!(heard[2], ["TASK CREATED Draw"]);
    elsewhere.expect_silence().await;
}

#[tokio::test]
async fn a_board_is_told_of_its_tasks() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, project, task) = app.with_task().await;
    let elsewhere = owner.create_project("Elsewhere", None).await["id"].clone();
    let mut socket = connect(&app, &org).await;
    let board = format!(
        "taskChanged(projectId: {project}, AFTER) {{ taskId task {{ title status }} activity {{ action changes {{ field new }} }} }}"
    );
    follow(&mut socket, "b", &owner, &board).await;
    owner.create_task(elsewhere.as_str().unwrap(), "Not here").await;
    owner.create_client("Not a task").await;
    owner.write("updateTask", json!({ "id": task, "title": "Paint" })).await.expect_done();
    let change = socket.next("b").await["taskChanged"].take();
    assert_eq!(change["task"], json!({ "title": "Paint", "status": "TODO" }));
    assert_eq!(change["activity"], json!({ "action": "UPDATED", "changes": [{ "field": "title", "new": "Paint" }] }));
    owner.write("moveTask", json!({ "id": task, "status": "IN_PROGRESS" })).await.expect_done();
    let change = socket.next("b").await["taskChanged"].take();
    assert_eq!((&change["activity"]["action"], &change["task"]["status"]), (&json!("MOVED"), &json!("IN_PROGRESS")));
    // What goes elsewhere leaves the board, and what is deleted does, too.
    owner.write("moveTask", json!({ "id": task, "projectId": elsewhere })).await.expect_done();
    let change = socket.next("b").await["taskChanged"].take();
    assert_eq!(
        (&change["activity"]["action"], &change["task"], &change["taskId"]),
        (&json!("LEFT"), &Value::Null, &task)
    );
    let second = owner.create_task(project.as_str().unwrap(), "Second").await["id"].clone();
    assert_eq!(socket.next("b").await["taskChanged"]["task"]["title"], "Second");
    owner.write("deleteTask", json!({ "id": second })).await.expect_done();
    let change = socket.next("b").await["taskChanged"].take();
    assert_eq!(
        (&change["activity"]["action"], &change["task"], &change["taskId"]),
        (&json!("DELETED"), &Value::Null, &second)
    );
    // The project itself may change; when it is deleted, there is no board.
    owner.write("updateProject", json!({ "id": project, "name": "New name" })).await.expect_done();
    socket.expect_silence().await;
    owner.write("deleteProject", json!({ "id": project })).await.expect_done();
    assert_eq!(socket.error("b").await, "NOT_FOUND");
}

#[tokio::test]
async fn only_what_is_wanted_is_told() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, _, task) = app.with_task().await;
    let mut socket = connect(&app, &org).await;
    let wanted = "changes(kinds: [CLIENT, COMMENT], AFTER) { activity { entityType action entityName entity { id } } }";
    follow(&mut socket, "1", &owner, wanted).await;
    owner.write("updateTask", json!({ "id": task, "title": "Paint" })).await.expect_done();
    let client = owner.create_client("Acme").await["id"].clone();
    owner.mutate("createComment", json!({ "taskId": task, "body": "Hello" }), "comment { id }").await.expect_done();
    let change = socket.next("1").await;
    assert_eq!(told(&change), "CLIENT CREATED Acme");
    assert_eq!(change["changes"]["activity"]["entity"]["id"], client);
    assert_eq!(socket.next("1").await["changes"]["activity"]["entityType"], "COMMENT");
    socket.expect_silence().await;
}

#[tokio::test]
async fn without_a_cursor_it_begins_now() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let mut socket = connect(&app, &org).await;
    socket.subscribe("1", "subscription { changes { activity { action entityType entityName } } }", json!({})).await;
    socket.expect_silence().await;
    owner.create_client("Acme").await;
    assert_eq!(told(&socket.next("1").await), "CLIENT CREATED Acme");
    // Another one on the same connection, while the first runs.
    socket.subscribe("2", "subscription { changes(kinds: [CLIENT]) { cursor } }", json!({})).await;
    socket.expect_silence().await;
}

/// All that is told after a cursor until nothing more comes, each with the cursor behind it.
async fn rest(app: &TestApp, org: &Org, cursor: &str) -> Vec<(String, String)> {
    let mut socket = connect(app, org).await;
    let query = format!("subscription {{ {} }}", CHANGES.replace("AFTER", &format!("after: \"{cursor}\"")));
    socket.subscribe("r", &query, json!({})).await;
    let mut rest = Vec::new();
    while let Some(Heard::Message(message)) = socket.hear_within(Duration::from_millis(700)).await {
        let data = &message["payload"]["data"];
        rest.push((told(data), data["changes"]["cursor"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()));
    }
    rest
}

#[tokio::test]
async fn who_comes_back_misses_nothing_and_hears_nothing_twice() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let begin = cursor(&owner).await;
    // Several at once, so that they share batches, and several in one transaction.
    let burst = async |owner: &Session, from: usize| {
        let name = |n: usize| format!("Client {n}");
        let writes = (from..from + 8).map(|n| {
            let owner = owner.clone();
            tokio::spawn(async move { owner.create_client(&name(n)).await })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap();
        }
        let many =
            json!({ "clients": (0..5).map(|n| json!({ "name": format!("Of {from}, {n}") })).collect::<Vec<_>>() });
        owner.mutate("createClients", many, "clients { id }").await.expect_done();
    };
    let mut socket = connect(&app, &org).await;
    follow(&mut socket, "1", &owner, CHANGES).await;
    for from in [0, 8, 16] {
        burst(&owner, from).await;
    }
    let mut live = Vec::new();
    for _ in 0..39 {
        let data = socket.next("1").await;
        live.push((told(&data), data["changes"]["cursor"].as_str().unwrap().to_owned()));
    }
    socket.expect_silence().await;
    let names = |all: &[(String, String)]| all.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let all = rest(&app, &org, &begin).await;
    assert_eq!(sorted(names(&all)), sorted(names(&live)), "from the beginning");
    for n in [0, 3, 7, 12, 20, 30, 37, 38] {
        let missed = rest(&app, &org, &live[n].1).await;
        let known = live[..=n].iter().chain(&missed).cloned().collect::<Vec<_>>();
        assert_eq!(sorted(names(&known)), sorted(names(&live)), "after number {n}");
        // And from within what was missed.
        if let Some((_, cursor)) = missed.first() {
            assert_eq!(names(&rest(&app, &org, cursor).await), names(&missed[1..]), "after number {n}, and one");
        }
    }
}

#[tokio::test]
async fn two_processes_tell_the_same() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let second = app.another_server().await;
    let token = app.token(org.owner.user_id, org.id);
    let mut there = Socket::connect(&second, &token).await;
    follow(&mut there, "1", &owner, CHANGES).await;
    owner.create_client("One").await;
    let one = there.next("1").await;
    assert_eq!(told(&one), "CLIENT CREATED One");
    owner.at(&second).create_client("Two").await;
    assert_eq!(told(&there.next("1").await), "CLIENT CREATED Two");
    // Who has to go to another process goes on there.
    let cursor = one["changes"]["cursor"].as_str().unwrap();
    let missed = rest(&app, &org, cursor).await;
    assert_eq!(missed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["CLIENT CREATED Two"]);
}

/// An entry as a transaction of the product's writes it, by hand.
fn entry(org: &Org, name: &str) -> String {
    format!(
        "INSERT INTO app.activities (organization_id, id, entity_type, entity_id, action, for_guests, for_members, metadata, created_at)
         VALUES ('{}', gen_random_uuid(), 'client', gen_random_uuid(), 'created', true, true, '{{\"name\":\"{name}\"}}', clock_timestamp())",
        org.uuid()
    )
}

#[tokio::test]
async fn what_is_committed_late_is_told_late_and_not_left_out() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let mut socket = connect(&app, &org).await;
    let begin = cursor(&owner).await;
    follow(&mut socket, "1", &owner, CHANGES).await;
    // It has the lower number, and writes its entry before the others do.
    let mut slow = app.admin().begin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(entry(&org, "Slow"))).execute(&mut *slow).await.unwrap();
    owner.create_client("One").await;
    let one = socket.next("1").await;
    assert_eq!(told(&one), "CLIENT CREATED One", "it does not wait for the open transaction");
    owner.create_client("Two").await;
    let two = socket.next("1").await;
    assert_eq!(told(&two), "CLIENT CREATED Two");
    slow.commit().await.unwrap();
    assert_eq!(told(&socket.next("1").await), "CLIENT CREATED Slow");
    socket.expect_silence().await;
    // Those who were there before it was committed are told of it when they come back, too.
    for (after, expected) in [(&one, vec!["Slow", "Two"]), (&two, vec!["Slow"])] {
        let missed = rest(&app, &org, after["changes"]["cursor"].as_str().unwrap()).await;
        let mut missed: Vec<_> = missed.iter().map(|(name, _)| name.trim_start_matches("CLIENT CREATED ")).collect();
        missed.sort_unstable();
        assert_eq!(missed, expected);
    }
    assert_eq!(rest(&app, &org, &begin).await.len(), 3);
    // What was rolled back is not told.
    let mut undone = app.admin().begin().await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(entry(&org, "Undone"))).execute(&mut *undone).await.unwrap();
    undone.rollback().await.unwrap();
    socket.expect_silence().await;
}

#[tokio::test]
async fn more_than_is_read_at_a_time_is_told_in_parts() {
    let options = LiveOptions { at_once: 7, most: 50, ..LiveOptions::default() };
    let app = TestApp::builder().live_options(options).start().await;
    let (org, ..) = app.with_task().await;
    let other = app.organization("other").create().await;
    let mut socket = connect(&app, &org).await;
    follow(&mut socket, "1", &app.as_owner(&org), CHANGES).await;
    let mut elsewhere = connect(&app, &other).await;
    follow(&mut elsewhere, "1", &app.as_owner(&other), CHANGES).await;
    // Several transactions, three entries each, that become visible at once.
    let mut open = Vec::new();
    for n in 0..6 {
        let mut transaction = app.admin_connection().await;
        let three = (0..3).map(|m| entry(&org, &format!("Entry {n} {m}"))).collect::<Vec<_>>().join(";");
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("BEGIN; {three}"))).execute(&mut transaction).await.unwrap();
        open.push(transaction);
    }
    for transaction in &mut open {
        sqlx::raw_sql("COMMIT").execute(transaction).await.unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..18 {
        heard.push(told(&socket.next("1").await));
    }
    socket.expect_silence().await;
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 18, "{heard:?}");
    // In their order, although the first one has the higher number.
    let mut first = app.admin_connection().await;
    let mut last = app.admin_connection().await;
    let run = async |connection: &mut sqlx::PgConnection, sql: String| {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.unwrap();
    };
    run(&mut last, format!("BEGIN; {}", entry(&org, "Begins"))).await;
    run(
        &mut first,
        format!("BEGIN; {}", (0..5).map(|n| entry(&org, &format!("Middle {n}"))).collect::<Vec<_>>().join(";")),
    )
    .await;
    run(&mut last, entry(&org, "Ends")).await;
    run(&mut first, "COMMIT".to_owned()).await;
    run(&mut last, "COMMIT".to_owned()).await;
    let mut heard = Vec::new();
    for _ in 0..7 {
        heard.push(told(&socket.next("1").await));
    }
    assert_eq!(heard.last().map(String::as_str), Some("CLIENT CREATED Ends"), "{heard:?}");
    // One transaction that is longer than the limit: only the subscribers of its organization have to resume.
    let many = (0..20).map(|n| entry(&org, &format!("Many {n}"))).collect::<Vec<_>>().join(";");
    app.sql(&format!("BEGIN; {many}; COMMIT")).await;
    assert_eq!(socket.closed().await, 1013);
    app.sql(&entry(&other, "Elsewhere")).await;
    assert_eq!(told(&elsewhere.next("1").await), "CLIENT CREATED Elsewhere");
}

#[tokio::test]
async fn what_was_restored_from_another_database_is_not_told() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    // The other one was further than this one is.
    app.sql("UPDATE app.activities SET transaction_id = 1000000000000").await;
    let mut socket = connect(&app, &org).await;
    socket.subscribe("1", "subscription { changes { activity { action entityType entityName } } }", json!({})).await;
    socket.expect_silence().await;
    owner.create_client("Acme").await;
    assert_eq!(told(&socket.next("1").await), "CLIENT CREATED Acme");
    socket.expect_silence().await;
}

#[tokio::test]
async fn many_come_and_go_and_nobody_is_lost() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    // The last reader of the organization leaves while the next one joins.
    let mut socket = connect(&app, &org).await;
    for n in 0..60 {
        let id = n.to_string();
        socket.subscribe(&id, "subscription { changes { cursor } }", json!({})).await;
        tokio::time::sleep(Duration::from_millis(n % 7 * 11)).await;
        socket.say(json!({ "type": "complete", "id": id })).await;
    }
    follow(&mut socket, "last", &owner, CHANGES).await;
    owner.create_client("Acme").await;
    assert_eq!(told(&socket.next("last").await), "CLIENT CREATED Acme");
}

#[tokio::test]
async fn a_subscription_that_is_too_long_to_keep_is_refused() {
    let app = TestApp::builder().live().start().await;
    let (org, ..) = app.with_task().await;
    let mut socket = connect(&app, &org).await;
    let long = "x".repeat(20_000);
    socket.subscribe("1", "subscription { changes { cursor } }", json!({ "unused": long })).await;
    assert_eq!(socket.error("1").await, "BAD_USER_INPUT");
    socket.subscribe("2", &format!("subscription {{ changes {{ cursor }} }} # {long}"), json!({})).await;
    assert_eq!(socket.error("2").await, "BAD_USER_INPUT");
}

#[tokio::test]
async fn a_cursor_is_good_for_a_day() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let encode = |text: String| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text)
    };
    let mut socket = connect(&app, &org).await;
    let now = tenantry_domain::Clock::system().now().timestamp_micros();
    let day = 24 * 3600 * 1_000_000;
    for (cursor, code) in [
        (encode(format!("5:5://{}/", now - day - 60_000_000)), "CHANGES_EXPIRED"),
        // Of a database that is further than this one.
        (encode(format!("5:999999999999://{now}/")), "CHANGES_EXPIRED"),
        (encode("5:5://1/x".to_owned()), "BAD_USER_INPUT"),
        (encode(format!("9:9:/5:5:/{now}/")), "BAD_USER_INPUT"),
        (
            encode(format!(
                "1:9:{}/9:9:/{now}/",
                (1..9).map(|n| n.to_string()).collect::<Vec<_>>().join(",").repeat(2_000)
            )),
            "BAD_USER_INPUT",
        ),
        ("…".to_owned(), "BAD_USER_INPUT"),
    ] {
        socket
            .subscribe(
                "1",
                "subscription($after: String) { changes(after: $after) { cursor } }",
                json!({ "after": cursor }),
            )
            .await;
        assert_eq!(socket.error("1").await, code, "{cursor}");
    }
    // The whole day is there.
    let missed = rest(&app, &org, &encode(format!("3:3://{}/", now - day + 60_000_000))).await;
    assert_eq!(
        missed.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["PROJECT CREATED Site", "TASK CREATED Draw"]
    );
    assert!(owner.data("{ changesCursor }").await["changesCursor"].is_string());
}

#[tokio::test]
async fn an_answer_and_what_follows_it_fit_together() {
    let app = TestApp::builder().live().start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let writer = tokio::spawn({
        let owner = owner.clone();
        async move {
            for n in 0..60 {
                owner.create_client(&format!("Client {n}")).await;
            }
        }
    });
    // In the middle of it.
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let answer = owner.data("{ changesCursor clients(first: 100) { nodes { name } } }").await;
        let mut names: Vec<String> = answer["clients"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n["name"].as_str().unwrap().to_owned())
            .collect();
        let mut socket = connect(&app, &org).await;
        let cursor = answer["changesCursor"].as_str().unwrap();
        let query = format!("subscription {{ {} }}", CHANGES.replace("AFTER", &format!("after: \"{cursor}\"")));
        socket.subscribe("1", &query, json!({})).await;
        while names.len() < 60 {
            names.push(told(&socket.next("1").await).trim_start_matches("CLIENT CREATED ").to_owned());
        }
        socket.expect_silence().await;
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 60, "each is in the answer, or is told");
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn who_does_not_keep_up_is_dropped_and_the_others_go_on() {
    let live = LiveLimits { stall: Duration::from_secs(1), ..LiveLimits::default() };
    let app = TestApp::builder().live().http(HttpOptions { live, ..HttpOptions::default() }).start().await;
    let (org, owner, project, task) = app.with_task().await;
    let long = "d".repeat(5_000);
    owner.write("updateTask", json!({ "id": task, "description": long })).await.expect_done();
    let aliases: String = (0..40).map(|n| format!("t{n}: task {{ description }} ")).collect::<Vec<_>>().concat();
    let board = format!("taskChanged(projectId: {project}, AFTER) {{ {aliases} }}");
    let mut slow = connect(&app, &org).await;
    follow(&mut slow, "1", &owner, &board).await;
    let mut quick = connect(&app, &org).await;
    follow(&mut quick, "1", &owner, &format!("taskChanged(projectId: {project}, AFTER) {{ task {{ title }} }}")).await;
    for n in 0..120 {
        owner.write("updateTask", json!({ "id": task, "title": format!("Title {n}") })).await.expect_done();
        quick.next("1").await;
    }
    let mut metrics = String::new();
    for _ in 0..40 {
        metrics = app.http().get(app.server().url("/metrics")).send().await.unwrap().text().await.unwrap();
        if metrics.contains("tenantry_live_subscriptions 1\n") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    assert!(metrics.contains("tenantry_live_subscriptions 1\n"), "{metrics}");
    owner.write("updateTask", json!({ "id": task, "title": "Last" })).await.expect_done();
    assert_eq!(quick.next("1").await["taskChanged"]["task"]["title"], "Last");
}

#[tokio::test]
async fn polling_rolls_nothing_back() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let mut socket = connect(&app, &org).await;
    follow(&mut socket, "1", &owner, CHANGES).await;
    let count = async |what: &str| {
        app.number(&format!("SELECT {what} FROM pg_stat_database WHERE datname = current_database()")).await
    };
    // PostgreSQL counts what a session did about a second later.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = (count("xact_commit").await, count("xact_rollback").await);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let after = (count("xact_commit").await, count("xact_rollback").await);
    assert!(after.0 - before.0 > 20, "it polls: {before:?}, {after:?}");
    assert!(after.1 - before.1 < 10, "and commits: {before:?}, {after:?}");
}
