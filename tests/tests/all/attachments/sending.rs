//! Announcing, sending and completing: nothing is attached that is not as it was announced, by whom it may not be.

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::TestApp;

use super::{ATTACHMENT, UPLOAD, announce, announced, attach, complete, fetch, send, stored};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";

#[tokio::test]
async fn a_file_is_announced_sent_checked_and_fetched() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    let wrong = "8a5b4b1a2e9b9b1d5d1d1e3b3c6f0a47e1c5b2f4c0b1d1a0a6a0a7a3a1a9a0f1";
    let input =
        json!({ "taskId": task, "fileName": "Entwurf für Zoë.png", "byteSize": PNG.len(), "mimeType": "IMAGE/png" });
    let upload = announce(&owner, input.clone()).await;
    assert_eq!(upload["headers"], json!([{ "name": "Content-Type", "value": "image/png" }]));
    let sent = send(&app, &upload, PNG).await;
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(
        owner.data(&format!("{{ task(id: {task}) {{ attachments {{ totalCount }} }} }}")).await["task"]["attachments"]
            ["totalCount"],
        0,
        "it is not there before it was checked"
    );

    let made = complete(&owner, &upload).await;
    assert_eq!(
        (&made["fileName"], &made["byteSize"], &made["mimeType"], &made["task"]["id"], &made["uploadedBy"]["userId"]),
        (&json!("Entwurf für Zoë.png"), &json!(PNG.len()), &json!("image/png"), &task, &json!(org.owner.user_id))
    );
    // As another program has it.
    assert_eq!(made["checksum"], "4ffd8bb30991e3a6f28d1d03f1aedcd02ccf8e0cc16bb9e969e7bc2bda1ddf03");
    assert_eq!(stored(&app, &org).await, (0, 1), "what was sent is gone, what is kept is there");
    let fetched = fetch(&app, &made).await;
    assert_eq!(fetched.bytes().await.unwrap(), PNG);

    // What the client knows of it is compared.
    let same = json!({ "checksum": made["checksum"].as_str().unwrap().to_uppercase() });
    let with = |extra: &Value| {
        let mut input = input.clone();
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        input
    };
    let upload = announce(&owner, with(&same)).await;
    send(&app, &upload, PNG).await;
    complete(&owner, &upload).await;
    let upload = announce(&owner, with(&json!({ "checksum": wrong }))).await;
    send(&app, &upload, PNG).await;
    let refused = owner.mutate("completeUpload", json!({ "id": upload["id"] }), ATTACHMENT).await;
    refused.expect_refused(&[("INVALID", "id")]);

    let list =
        owner.data(&format!("{{ task(id: {task}) {{ attachments {{ totalCount nodes {{ fileName }} }} }} }}")).await;
    assert_eq!(list["task"]["attachments"]["totalCount"], 2);
    let happened =
        owner.data("{ activities(filter: { entityType: [ATTACHMENT] }) { nodes { action entityName } } }").await;
    let created = json!({ "action": "CREATED", "entityName": "Entwurf für Zoë.png" });
    assert_eq!(happened["activities"]["nodes"], json!([created, created]));
}

#[tokio::test]
async fn what_is_not_as_announced_is_refused_and_can_be_sent_again() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    let png = json!({ "taskId": task, "fileName": "a.png", "byteSize": PNG.len(), "mimeType": "image/png" });
    let upload = announce(&owner, png).await;
    let refused = async || {
        let refused = owner.mutate("completeUpload", json!({ "id": upload["id"] }), ATTACHMENT).await;
        refused.expect_refused(&[("INVALID", "id")]);
        assert_eq!(stored(&app, &org).await.1, 0, "nothing is kept of it");
        refused.user_errors()[0].json["message"].as_str().unwrap().to_owned()
    };
    assert!(refused().await.contains("Nothing was sent"));

    for wrong in [&PNG[1..], &[PNG, b"x"].concat()] {
        assert_eq!(send(&app, &upload, wrong).await.status(), StatusCode::BAD_REQUEST);
    }
    assert_eq!(stored(&app, &org).await, (0, 0), "what has the wrong size is not even stored");
    // Also after many bytes.
    let large = vec![0; 3 * 1024 * 1024];
    assert_eq!(send(&app, &upload, &large).await.status(), StatusCode::BAD_REQUEST);
    // Without a length in its head, it is counted as it arrives.
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(vec![
        Ok::<_, std::io::Error>(PNG.to_vec()),
        Ok(PNG.to_vec()),
    ]));
    let url = upload["url"].as_str().unwrap();
    let chunked = app.http().put(url).header("Content-Type", "image/png").body(body).send().await.unwrap();
    assert_eq!(chunked.status(), StatusCode::BAD_REQUEST);
    let untyped = app.http().put(url).body(PNG.to_vec()).send().await.unwrap();
    assert_eq!(untyped.status(), StatusCode::BAD_REQUEST, "the type is a part of the address");
    assert_eq!(stored(&app, &org).await, (0, 0));

    let text = vec![b'x'; PNG.len()];
    assert_eq!(send(&app, &upload, &text).await.status(), StatusCode::OK);
    assert!(refused().await.contains("not of the type image/png"));
    let mut program = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec();
    program.resize(PNG.len(), 0);
    send(&app, &upload, &program).await;
    assert!(refused().await.contains("portable-executable"));

    send(&app, &upload, PNG).await;
    let made = complete(&owner, &upload).await;
    assert_eq!(fetch(&app, &made).await.bytes().await.unwrap(), PNG);
    assert_eq!(app.number("SELECT count(*) FROM app.activities WHERE entity_type = 'attachment'").await, 1);
}

#[tokio::test]
async fn what_was_checked_is_what_is_kept() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    let upload = announce(&owner, announced(&task, "a.txt", b"good")).await;
    send(&app, &upload, b"good").await;
    let made = complete(&owner, &upload).await;
    // The address is good for the rest of the hour.
    assert_eq!(send(&app, &upload, b"evil").await.status(), StatusCode::OK);
    assert_eq!(fetch(&app, &made).await.bytes().await.unwrap(), "good");
    let again = complete(&owner, &upload).await;
    assert_eq!((&again["id"], &again["checksum"]), (&made["id"], &made["checksum"]), "the same attachment");
    assert_eq!(stored(&app, &org).await.1, 1);
}

#[tokio::test]
async fn completing_twice_at_once_makes_one_attachment() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    for n in 0..5 {
        let text = format!("text {n}");
        let upload = announce(&owner, announced(&task, "a.txt", text.as_bytes())).await;
        send(&app, &upload, text.as_bytes()).await;
        let input = json!({ "id": upload["id"] });
        let all = join_all((0..6).map(|_| owner.mutate("completeUpload", input.clone(), ATTACHMENT))).await;
        let done: Vec<&Value> = all.iter().map(|answer| answer.expect_done()).collect();
        assert!(done.iter().all(|made| made["id"] == done[0]["id"]));
        assert_eq!(fetch(&app, done[0]).await.text().await.unwrap(), text);
        super::until_stored(&app, &org, (0, n + 1)).await;
    }
    assert_eq!(app.number("SELECT count(*) FROM app.attachments").await, 5);
    assert_eq!(app.number("SELECT count(*) FROM app.activities WHERE entity_type = 'attachment'").await, 5);
}

#[tokio::test]
async fn who_may_not_write_on_a_task_attaches_nothing_to_it() {
    let app = TestApp::start().await;
    let (org, owner, project, task) = app.with_task().await;
    let other = app.organization("other").create().await;
    let stranger = app.as_owner(&other);
    let ada = app.as_member(&org, "ada").await;
    let viewer = app.as_role(&org, Role::Viewer).await;
    let gus = app.person(&org, "gus", Role::Guest).await;
    let guest = app.sign_in(&org, &gus);

    let input = announced(&task, "a.txt", b"text");
    assert_eq!(viewer.mutate("createUpload", input.clone(), UPLOAD).await.error_code(), "FORBIDDEN");
    for hidden in [&stranger, &guest] {
        hidden.mutate("createUpload", input.clone(), UPLOAD).await.expect_refused(&[("NOT_FOUND", "taskId")]);
    }
    let grant = |permission: &str| json!({ "projectId": project, "userId": gus.user_id, "permission": permission });
    owner.mutate("grantProjectAccess", grant("VIEW"), "grant { id }").await.expect_done();
    assert_eq!(guest.mutate("createUpload", input.clone(), UPLOAD).await.error_code(), "FORBIDDEN");
    owner.mutate("grantProjectAccess", grant("EDIT"), "grant { id }").await.expect_done();
    let theirs = attach(&app, &guest, &task, "theirs.txt", b"theirs").await;
    assert_eq!(theirs["uploadedBy"]["userId"], json!(gus.user_id));

    // An upload is its caller's alone, and no attachment of anybody else's comes out of it.
    let upload = announce(&ada, input).await;
    send(&app, &upload, b"text").await;
    for other in [&owner, &guest, &stranger] {
        let refused = other.mutate("completeUpload", json!({ "id": upload["id"] }), ATTACHMENT).await;
        refused.expect_refused(&[("NOT_FOUND", "id")]);
    }
    let made = complete(&ada, &upload).await;
    let refused = owner.mutate("completeUpload", json!({ "id": upload["id"] }), ATTACHMENT).await;
    refused.expect_refused(&[("NOT_FOUND", "id")]);

    // Renaming and deleting is for who sent it, and for who runs the organization.
    let rename = json!({ "id": made["id"], "fileName": "b.txt" });
    for other in [&guest, &viewer] {
        assert_eq!(other.mutate("updateAttachment", rename.clone(), ATTACHMENT).await.error_code(), "FORBIDDEN");
        let refused = other.mutate("deleteAttachment", json!({ "id": made["id"] }), "deletedAttachmentId").await;
        assert_eq!(refused.error_code(), "FORBIDDEN");
    }
    let renamed = ada.mutate("updateAttachment", rename, ATTACHMENT).await.expect_done().clone();
    assert_eq!(renamed["fileName"], "b.txt");
    let disposition = fetch(&app, &renamed).await.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.contains("b.txt"), "{disposition}");
    let bad = json!({ "id": made["id"], "fileName": "../b.txt" });
    ada.mutate("updateAttachment", bad, ATTACHMENT).await.expect_refused(&[("INVALID", "fileName")]);
    owner.mutate("deleteAttachment", json!({ "id": made["id"] }), "deletedAttachmentId").await.expect_done();

    // Between the announcement and the end, the right may be lost, and the task may go.
    let upload = announce(&guest, announced(&task, "late.txt", b"late")).await;
    send(&app, &upload, b"late").await;
    let revoke = json!({ "projectId": project, "userId": gus.user_id });
    owner.mutate("revokeProjectAccess", revoke, "revokedGrantId").await.expect_done();
    let refused = guest.mutate("completeUpload", json!({ "id": upload["id"] }), ATTACHMENT).await;
    refused.expect_refused(&[("NOT_FOUND", "id")]);
    let upload = announce(&ada, announced(&task, "late.txt", b"late")).await;
    send(&app, &upload, b"late").await;
    owner.mutate("deleteTask", json!({ "id": task }), "deletedTaskId").await.expect_done();
    let refused = ada.mutate("completeUpload", json!({ "id": upload["id"] }), ATTACHMENT).await;
    refused.expect_refused(&[("NOT_FOUND", "id")]);
    assert_eq!(app.number("SELECT count(*) FROM app.attachments").await, 0);
}

#[tokio::test]
async fn bad_input_names_its_field() {
    let app = TestApp::start().await;
    let (_, owner, _, task) = app.with_task().await;
    let good = announced(&task, "a.txt", b"text");
    for (field, value, code) in [
        ("fileName", json!(""), "REQUIRED"),
        ("fileName", json!("a/b"), "INVALID"),
        ("fileName", json!("..\\b"), "INVALID"),
        ("fileName", json!("x".repeat(256)), "TOO_LONG"),
        ("byteSize", json!(0), "OUT_OF_RANGE"),
        ("byteSize", json!(-1), "OUT_OF_RANGE"),
        ("byteSize", json!(1024 * 1024 + 1), "OUT_OF_RANGE"),
        ("mimeType", json!(""), "REQUIRED"),
        ("mimeType", json!("text/plain; charset=utf-8"), "INVALID"),
        ("mimeType", json!("text/plain\r\nX: y"), "INVALID"),
        ("checksum", json!("abc"), "INVALID"),
        ("taskId", json!("task_00000000000000000000000001"), "NOT_FOUND"),
    ] {
        let mut input = good.clone();
        input[field] = value;
        owner.mutate("createUpload", input, UPLOAD).await.expect_refused(&[(code, field)]);
    }
    let unknown =
        owner.mutate("completeUpload", json!({ "id": "upload_00000000000000000000000001" }), ATTACHMENT).await;
    unknown.expect_refused(&[("NOT_FOUND", "id")]);
    assert_eq!(app.number("SELECT count(*) FROM app.uploads").await, 0);
    assert_eq!(app.number("SELECT count(*) FROM app.activities WHERE entity_type = 'attachment'").await, 0);
}

#[tokio::test]
async fn open_uploads_are_limited_however_fast_they_come() {
    let app = TestApp::start().await;
    let (org, owner, _, task) = app.with_task().await;
    let input = announced(&task, "a.txt", b"text");
    let all = join_all((0..130).map(|_| owner.mutate("createUpload", input.clone(), UPLOAD))).await;
    let refused = all.iter().filter(|answer| !answer.user_errors().is_empty()).count();
    assert_eq!((refused, app.number("SELECT count(*) FROM app.uploads").await), (30, 100));
    // Others have their own.
    let ada = app.as_member(&org, "ada").await;
    announce(&ada, input.clone()).await;
    // One that becomes an attachment makes room.
    let first = all.iter().find(|answer| answer.user_errors().is_empty()).unwrap().expect_done().clone();
    send(&app, &first, b"text").await;
    complete(&owner, &first).await;
    announce(&owner, input).await;
}
