//! What people say about tasks and keep for themselves: comments with mentions, labels, personal tasks.

use serde_json::{Value, json};
use tenantry_domain::{Clock, Role, UserId};
use tenantry_tests::{Session, TestApp};

const COMMENT: &str = "comment { id body editedAt author { userId } mentions { userId } task { id } updatedAt }";

async fn comment(session: &Session, task: &Value, body: &str) -> Value {
    let input = json!({ "taskId": task, "body": body });
    session.mutate("createComment", input, COMMENT).await.expect_done().clone()
}

#[tokio::test]
async fn a_comment_is_kept_as_written_and_says_when_its_text_changed() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    let body = "  # Nice\r\n\r\n    code\n\n* [ ] **todo** <b>é</b> e\u{301} \u{1F389}\n\t";
    let made = comment(&owner, &task, body).await;
    assert_eq!((&made["body"], &made["editedAt"]), (&json!(body), &Value::Null));
    assert_eq!(made["author"]["userId"], json!(org.owner.user_id));

    let same = json!({ "id": made["id"], "body": body });
    let same = owner.mutate("updateComment", same, COMMENT).await.expect_done().clone();
    assert_eq!(same["editedAt"], Value::Null, "the text is the same");
    let edit = json!({ "id": made["id"], "body": "Better" });
    let edited = owner.mutate("updateComment", edit, COMMENT).await.expect_done().clone();
    assert_eq!(edited["body"], "Better");
    assert!(edited["editedAt"].is_string());

    for (body, code) in [("", "REQUIRED"), (" \n\u{200B}\t", "REQUIRED"), ("a\u{0}b", "INVALID")] {
        let refused = owner.mutate("createComment", json!({ "taskId": task, "body": body }), COMMENT).await;
        refused.expect_refused(&[(code, "body")]);
    }
    let list = format!("{{ task(id: {task}) {{ comments {{ totalCount nodes {{ body }} }} }} }}");
    let second = comment(&owner, &task, "Later").await;
    let found = owner.data(&list).await["task"]["comments"].clone();
    assert_eq!(found, json!({ "totalCount": 2, "nodes": [{ "body": "Better" }, { "body": "Later" }] }));
    owner.mutate("deleteTask", json!({ "id": task }), "deletedTaskId").await.expect_done();
    let node = format!("{{ node(id: {}) {{ id }} }}", second["id"]);
    assert_eq!(owner.data(&node).await["node"], Value::Null, "comments go with their task");
}

#[tokio::test]
async fn a_comment_is_changed_by_its_author_and_by_who_runs_the_organization() {
    let app = TestApp::start().await;
    let (org, owner, project, task) = app.with_task().await;
    let (ada, bob) = (app.as_member(&org, "ada").await, app.as_member(&org, "bob").await);
    let admin = app.sign_in(&org, &app.person(&org, "admin", Role::Admin).await);
    let viewer = app.sign_in(&org, &app.person(&org, "viewer", Role::Viewer).await);
    let guest = app.person(&org, "guest", Role::Guest).await;
    let refused = viewer.mutate("createComment", json!({ "taskId": task, "body": "Hm" }), COMMENT).await;
    assert_eq!(refused.error_code(), "FORBIDDEN");

    let made = comment(&ada, &task, "Ada's").await;
    let edit = |body: &str| json!({ "id": made["id"], "body": body });
    let delete = json!({ "id": made["id"] });
    for other in [&bob, &viewer] {
        assert_eq!(other.mutate("updateComment", edit("Not mine"), COMMENT).await.error_code(), "FORBIDDEN");
        assert_eq!(other.mutate("deleteComment", delete.clone(), "deletedCommentId").await.error_code(), "FORBIDDEN");
    }
    for may in [&ada, &admin, &owner] {
        let edited = may.mutate("updateComment", edit("Mended"), COMMENT).await.expect_done().clone();
        assert_eq!((&edited["body"], &edited["author"]), (&json!("Mended"), &made["author"]), "the author stays");
    }

    // A guest comments where it may edit, and sees who wrote there.
    let guests = app.sign_in(&org, &guest);
    let hidden = guests.mutate("createComment", json!({ "taskId": task, "body": "Hi" }), COMMENT).await;
    hidden.expect_refused(&[("NOT_FOUND", "taskId")]);
    let grant = |permission: &str| json!({ "projectId": project, "userId": guest.user_id, "permission": permission });
    owner.mutate("grantProjectAccess", grant("VIEW"), "grant { id }").await.expect_done();
    let refused = guests.mutate("createComment", json!({ "taskId": task, "body": "Hi" }), COMMENT).await;
    assert_eq!(refused.error_code(), "FORBIDDEN");
    let list = format!("{{ task(id: {task}) {{ comments {{ nodes {{ author {{ userId }} }} }} }} }}");
    assert_eq!(guests.data(&list).await["task"]["comments"]["nodes"], json!([{ "author": made["author"] }]));
    owner.mutate("grantProjectAccess", grant("EDIT"), "grant { id }").await.expect_done();
    let own = comment(&guests, &task, "Hi").await;
    assert_eq!(guests.mutate("updateComment", edit("Not mine"), COMMENT).await.error_code(), "FORBIDDEN");
    guests.mutate("deleteComment", json!({ "id": own["id"] }), "deletedCommentId").await.expect_done();
    admin.mutate("deleteComment", delete, "deletedCommentId").await.expect_done();
}

#[tokio::test]
async fn a_mention_is_a_reference_to_a_member_that_the_author_sees() {
    let app = TestApp::start().await;
    let (org, owner, project, task) = app.with_task().await;
    let bob = app.person(&org, "bob", Role::Member).await.user_id;
    let ada = app.person(&org, "ada", Role::Member).await.user_id;
    let stranger = app.organization("rival").create().await.owner.user_id;
    let nobody: UserId = Clock::system().new_id();
    let users = |comment: &Value| {
        let mut users: Vec<String> = comment["mentions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|member| member["userId"].as_str().unwrap().to_owned())
            .collect();
        users.sort();
        users
    };
    let mut both = vec![ada.to_string(), bob.to_string()];
    both.sort();
    let body = format!("@{ada}, @{bob} and @{ada} again; not @{stranger}, @{nobody} or {bob}");
    let made = comment(&owner, &task, &body).await;
    assert_eq!((users(&made), &made["body"]), (both, &json!(body)));
    let edit = json!({ "id": made["id"], "body": format!("Only @{bob}") });
    let edited = owner.mutate("updateComment", edit, COMMENT).await.expect_done().clone();
    assert_eq!(users(&edited), [bob.to_string()]);

    let guest = app.person(&org, "guest", Role::Guest).await;
    let grant = json!({ "projectId": project, "userId": guest.user_id, "permission": "EDIT" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let by_guest = comment(&app.sign_in(&org, &guest), &task, &format!("@{ada} @{}", org.owner.user_id)).await;
    assert_eq!(users(&by_guest), [org.owner.user_id.to_string()], "the guest does not see Ada");

    let many: Vec<String> = (0..51).map(|_| format!("@{}", Clock::system().new_id::<UserId>())).collect();
    let input = json!({ "taskId": task, "body": many.join(" ") });
    let refused = owner.mutate("createComment", input, COMMENT).await;
    refused.expect_refused(&[("OUT_OF_RANGE", "body")]);

    // Who leaves is mentioned no more; the text stays.
    owner.mutate("removeMember", json!({ "id": bob }), "removedMemberId").await.expect_done();
    let node = format!("{{ comment(id: {}) {{ body mentions {{ userId }} }} }}", made["id"]);
    let left = owner.data(&node).await["comment"].clone();
    assert_eq!((users(&left), &left["body"]), (Vec::<String>::new(), &edited["body"]));
}

#[tokio::test]
async fn a_label_has_one_name_and_is_renamed_everywhere_at_once() {
    let app = TestApp::start().await;
    let (_, owner, project, first) = app.with_task().await;
    let label = |name: &str, color: &str| json!({ "name": name, "color": color });
    let bug =
        owner.mutate("createLabel", label("Bug", "#D73A4A"), "label { id name color }").await.expect_done().clone();
    assert_eq!(bug["color"], "#d73a4a");
    let docs = owner.mutate("createLabel", label("Docs", "#000000"), "label { id }").await.expect_done()["id"].clone();
    owner.mutate("createLabel", label(" bUG ", "#000000"), "label { id }").await.expect_refused(&[("TAKEN", "name")]);
    for color in ["red", "#12345", "#1234567", "123456", "#12345g", ""] {
        let refused = owner.mutate("createLabel", label("Other", color), "label { id }").await;
        refused.expect_refused(&[("INVALID", "color")]);
    }

    let input = json!({ "projectId": project, "title": "Two", "labelIds": [bug["id"], docs, bug["id"]] });
    let selection = "task { id labels { name } }";
    let second = owner.mutate("createTask", input, selection).await.expect_done().clone();
    assert_eq!(second["labels"].as_array().unwrap().len(), 2);
    let put = json!({ "id": first, "labelIds": [bug["id"]] });
    owner.mutate("updateTask", put, selection).await.expect_done();
    owner.mutate("updateLabel", json!({ "id": bug["id"], "name": "Defect" }), "label { id }").await.expect_done();
    let of_label = format!(
        "{{ label(id: {}) {{ tasks {{ totalCount nodes {{ labels {{ name }} }} }} }}
            none: tasks(filter: {{ labelId: null }}) {{ totalCount }}
            some: tasks(filter: {{ labelId: {docs} }}) {{ nodes {{ id }} }} }}",
        bug["id"]
    );
    let found = owner.data(&of_label).await;
    assert_eq!(found["label"]["tasks"]["totalCount"], 2);
    assert!(found.to_string().matches("Defect").count() == 2 && !found.to_string().contains("Bug"), "{found}");
    assert_eq!((&found["none"]["totalCount"], &found["some"]["nodes"]), (&json!(0), &json!([{ "id": second["id"] }])));

    let unknown = json!({ "id": first, "labelIds": ["label_01h455vb4pex5vsknk084sn02q"] });
    owner.mutate("updateTask", unknown, selection).await.expect_refused(&[("NOT_FOUND", "labelIds")]);
    // A label that goes leaves its tasks.
    owner.mutate("deleteLabel", json!({ "id": bug["id"] }), "deletedLabelId").await.expect_done();
    let task = owner.data(&format!("{{ task(id: {first}) {{ labels {{ name }} }} }}")).await;
    assert_eq!(task["task"]["labels"], json!([]));
}

#[tokio::test]
async fn a_guest_finds_and_gives_only_the_labels_of_the_tasks_that_it_sees() {
    let app = TestApp::start().await;
    let (org, owner, project, task) = app.with_task().await;
    let mut labels = Vec::new();
    for name in ["Seen", "Secret"] {
        let made = owner.mutate("createLabel", json!({ "name": name, "color": "#000000" }), "label { id }").await;
        labels.push(made.expect_done()["id"].clone());
    }
    let put = json!({ "id": task, "labelIds": [labels[0]] });
    owner.mutate("updateTask", put, "task { id }").await.expect_done();
    let person = app.person(&org, "guest", Role::Guest).await;
    let grant = json!({ "projectId": project, "userId": person.user_id, "permission": "EDIT" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let guest = app.sign_in(&org, &person);
    let found = guest.data("{ labels { totalCount nodes { name } } }").await;
    assert_eq!(found["labels"], json!({ "totalCount": 1, "nodes": [{ "name": "Seen" }] }));
    let give = |label: &Value| json!({ "projectId": project, "title": "New", "labelIds": [label] });
    guest.mutate("createTask", give(&labels[0]), "task { id }").await.expect_done();
    let hidden = guest.mutate("createTask", give(&labels[1]), "task { id }").await;
    hidden.expect_refused(&[("NOT_FOUND", "labelIds")]);
}

#[tokio::test]
async fn a_personal_task_is_seen_by_its_user_alone() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let selection = "personalTask { id title isToday isCompleted category priority }";
    let list = "{ personalTasks { totalCount nodes { id } } }";
    let mut all = vec![app.as_owner(&org)];
    for role in [Role::Admin, Role::Member, Role::Viewer, Role::Guest] {
        all.push(app.sign_in(&org, &app.person(&org, role.as_str(), role).await));
    }
    let mut ids = Vec::new();
    for session in &all {
        let made = session.mutate("createPersonalTask", json!({ "title": "Rest" }), selection).await;
        let made = made.expect_done().clone();
        let expected = json!({ "id": made["id"], "title": "Rest", "isToday": false, "isCompleted": false,
            "category": "OTHER", "priority": "MEDIUM" });
        assert_eq!(made, expected);
        ids.push(made["id"].clone());
    }
    for (n, session) in all.iter().enumerate() {
        assert_eq!(session.data(list).await["personalTasks"], json!({ "totalCount": 1, "nodes": [{ "id": ids[n] }] }));
        for (m, id) in ids.iter().enumerate() {
            let found = session.data(&format!("{{ node(id: {id}) {{ id }} personalTask(id: {id}) {{ id }} }}")).await;
            assert_eq!((found["node"].is_null(), found["personalTask"].is_null()), (n != m, n != m), "{n} and {m}");
            if n != m {
                let done = json!({ "id": id, "isCompleted": true });
                session.mutate("updatePersonalTask", done, selection).await.expect_refused(&[("NOT_FOUND", "id")]);
                let gone = session.mutate("deletePersonalTask", json!({ "id": id }), "deletedPersonalTaskId").await;
                gone.expect_refused(&[("NOT_FOUND", "id")]);
            }
        }
        let done = json!({ "id": ids[n], "isToday": true, "category": "HEALTH", "priority": "URGENT" });
        session.mutate("updatePersonalTask", done, selection).await.expect_done();
    }
    let today = "{ personalTasks(filter: { isToday: true, category: [HEALTH], isCompleted: false }) { totalCount } }";
    assert_eq!(all[0].data(today).await["personalTasks"]["totalCount"], 1);
    let export = app.http().get(app.server().url("/export")).bearer_auth(all[0].token().unwrap()).send().await.unwrap();
    let rows = export.text().await.unwrap();
    let mine = ids[0].as_str().unwrap();
    assert!(rows.contains(mine), "an owner's export has the owner's: {rows}");
    assert!(ids[1..].iter().all(|id| !rows.contains(id.as_str().unwrap())), "and nobody else's: {rows}");
}

#[tokio::test]
async fn a_task_that_moves_meanwhile_takes_comments_and_changes() {
    let app = TestApp::start().await;
    let (org, owner, site, task) = app.with_task().await;
    let ada = app.as_member(&org, "ada").await;
    let other = owner.create_project("Other", None).await["id"].clone();
    for round in 0..10 {
        let to = if round % 2 == 0 { &other } else { &site };
        let (moved, first, second, renamed) = tokio::join!(
            owner.mutate("moveTask", json!({ "id": task, "projectId": to }), "task { id }"),
            ada.mutate("createComment", json!({ "taskId": task, "body": "Hi" }), COMMENT),
            ada.mutate("createComment", json!({ "taskId": task, "body": "Ho" }), COMMENT),
            ada.write("updateTask", json!({ "id": task, "title": format!("{round}") })),
        );
        for answer in [moved, first, second, renamed] {
            answer.expect_done();
        }
    }
    assert_eq!(app.number("SELECT count(*) FROM app.comments").await, 20);
}

#[tokio::test]
async fn comments_and_their_task_are_deleted_at_once_without_a_deadlock() {
    let app = TestApp::start().await;
    let (_, owner, project, _) = app.with_task().await;
    for _ in 0..10 {
        let task = owner.write("createTask", json!({ "projectId": project, "title": "x" })).await;
        let task = task.expect_done()["id"].clone();
        let said = comment(&owner, &task, "Hi").await["id"].clone();
        let (gone, changed) = tokio::join!(
            owner.write("deleteTask", json!({ "id": task })),
            owner.mutate("updateComment", json!({ "id": said, "body": "Ho" }), COMMENT),
        );
        gone.expect_done();
        assert!(changed.json["errors"].is_null(), "{}", changed.text);
    }
    let deadlocks = app.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await;
    assert_eq!(deadlocks, 0);
}

#[tokio::test]
async fn what_is_wrong_with_an_input_is_told_only_to_who_may_write() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    let viewer = app.sign_in(&org, &app.person(&org, "viewer", Role::Viewer).await);
    let input = json!({ "id": task, "title": null });
    owner.write("updateTask", input.clone()).await.expect_refused(&[("REQUIRED", "title")]);
    assert_eq!(viewer.write("updateTask", input.clone()).await.error_code(), "FORBIDDEN");
    let several = json!({ "tasks": [input] });
    assert_eq!(viewer.mutate("updateTasks", several, "tasks { id }").await.error_code(), "FORBIDDEN");
    let name = json!({ "name": null });
    assert_eq!(viewer.mutate("updateOrganization", name, "organization { id }").await.error_code(), "FORBIDDEN");
}
