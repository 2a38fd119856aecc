//! Members who lose rights get no more changes.

use std::time::Duration;

use serde_json::json;
use tenantry_domain::Role;
use tenantry_tests::{Heard, Socket, TestApp};
use tokio::time::Instant;

use super::{CHANGES, follow, told};

#[tokio::test]
async fn who_is_removed_banned_or_demoted_is_gone_within_a_second() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let people = [
        app.person(&org, "removed", Role::Member).await,
        app.person(&org, "demoted", Role::Admin).await,
        app.person(&org, "banned", Role::Member).await,
        app.person(&org, "promoted", Role::Viewer).await,
    ];
    let mut sockets = Vec::new();
    for person in &people {
        let mut socket = Socket::connect(app.server(), &app.token(person.user_id, org.id)).await;
        follow(&mut socket, "1", &app.sign_in(&org, person), CHANGES).await;
        sockets.push(socket);
    }
    owner.create_client("Before").await;
    for socket in &mut sockets {
        assert_eq!(told(&socket.next("1").await), "CLIENT CREATED Before");
    }
    let [removed, demoted, banned, promoted] = &mut sockets[..] else { panic!() };
    owner.mutate("removeMember", json!({ "id": people[0].user_id }), "removedMemberId").await.expect_done();
    gone(removed).await;
    let role = json!({ "id": people[1].user_id, "role": "MEMBER" });
    owner.mutate("updateMemberRole", role, "member { role }").await.expect_done();
    gone(demoted).await;
    app.sql("UPDATE auth.users SET banned_at = now() WHERE name = 'banned'").await;
    gone(banned).await;
    // A higher role takes nothing away.
    let role = json!({ "id": people[3].user_id, "role": "MEMBER" });
    owner.mutate("updateMemberRole", role, "member { role }").await.expect_done();
    owner.create_client("After").await;
    let mut heard = Vec::new();
    while let Some(Heard::Message(message)) = promoted.hear_within(Duration::from_millis(1500)).await {
        heard.push(told(&message["payload"]["data"]));
    }
    assert_eq!(heard.last().map(String::as_str), Some("CLIENT CREATED After"), "{heard:?}");
}

/// Makes sure that the connection is closed within about a second. What happened to the member's own membership may be told before.
async fn gone(socket: &mut Socket) {
    let began = Instant::now();
    loop {
        match socket.hear().await {
            Heard::Closed(code, _) => {
                assert_eq!(code, 4403);
                break;
            }
            Heard::Message(message) => assert_eq!(message["type"], "next", "{message}"),
        }
    }
    assert!(began.elapsed() < Duration::from_millis(1500), "it took {:?}", began.elapsed());
}

#[tokio::test]
async fn a_grant_that_is_taken_away_between_two_changes_tells_no_more() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, project, task) = app.with_task().await;
    let gus = app.person(&org, "gus", Role::Guest).await;
    let grant = json!({ "projectId": project, "userId": gus.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let mut socket = Socket::connect(app.server(), &app.token(gus.user_id, org.id)).await;
    let session = app.sign_in(&org, &gus);
    follow(&mut socket, "all", &session, CHANGES).await;
    let board = format!("taskChanged(projectId: {project}, AFTER) {{ task {{ title }} }}");
    follow(&mut socket, "board", &session, &board).await;
    owner.write("updateTask", json!({ "id": task, "title": "Seen" })).await.expect_done();
    for _ in 0..2 {
        assert!(matches!(socket.hear().await, Heard::Message(message) if message["type"] == "next"));
    }
    owner
        .mutate("revokeProjectAccess", json!({ "projectId": project, "userId": gus.user_id }), "revokedGrantId")
        .await
        .expect_done();
    owner.write("updateTask", json!({ "id": task, "title": "Hidden" })).await.expect_done();
    assert_eq!(socket.error("board").await, "NOT_FOUND");
    socket.expect_silence().await;
    // Who gets it back hears on.
    let grant = json!({ "projectId": project, "userId": gus.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    owner.write("updateTask", json!({ "id": task, "title": "Seen again" })).await.expect_done();
    assert_eq!(told(&socket.next("all").await), "TASK UPDATED Seen again");
}

#[tokio::test]
async fn what_was_missed_is_told_by_what_may_be_seen_now() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, project, task) = app.with_task().await;
    let gus = app.person(&org, "gus", Role::Guest).await;
    let grant = json!({ "projectId": project, "userId": gus.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let session = app.sign_in(&org, &gus);
    let cursor = super::cursor(&session).await;
    owner.write("updateTask", json!({ "id": task, "title": "Was seen" })).await.expect_done();
    owner
        .mutate("revokeProjectAccess", json!({ "projectId": project, "userId": gus.user_id }), "revokedGrantId")
        .await
        .expect_done();
    let mut socket = Socket::connect(app.server(), &app.token(gus.user_id, org.id)).await;
    let query = format!("subscription {{ {} }}", CHANGES.replace("AFTER", &format!("after: \"{cursor}\"")));
    socket.subscribe("1", &query, json!({})).await;
    socket.expect_silence().await;
}

#[tokio::test]
async fn another_connection_of_the_same_member_hides_no_demotion() {
    let app = TestApp::builder().live().start().await;
    let (org, owner, ..) = app.with_task().await;
    let ada = app.person(&org, "ada", Role::Viewer).await;
    let token = app.token(ada.user_id, org.id);
    let _first = Socket::connect(app.server(), &token).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    for _ in 0..4 {
        // It connects with the higher role, and has it no more when it is looked up the next time.
        let set = async |role: &str| {
            let input = json!({ "id": ada.user_id, "role": role });
            owner.mutate("updateMemberRole", input, "member { role }").await.expect_done();
        };
        set("ADMIN").await;
        let mut second = Socket::connect(app.server(), &token).await;
        set("VIEWER").await;
        assert_eq!(second.closed().await, 4403);
    }
}
