//! Bytes go after the rows that refer to them, and what is left behind on either side is found.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::json;
use tenantry_domain::{Clock, EntityId};
use tenantry_files::Expected;
use tenantry_service::purge_due_and_end;
use tenantry_service::sweep::{SweepError, SweepOptions, Swept, sweep};
use tenantry_store::{Store, StoreSettings};
use tenantry_tests::{Org, TestApp};

use super::{announce, announced, attach, fetch, send, until_stored};

/// A clock that is as many seconds ahead as one says. Files get the times of the machine, so it is never behind.
fn ahead() -> (Clock, Arc<AtomicI64>) {
    let seconds = Arc::new(AtomicI64::new(0));
    let clock = {
        let seconds = Arc::clone(&seconds);
        let system = Clock::system();
        Clock::from_fn(move || -> DateTime<Utc> { system.now() + TimeDelta::seconds(seconds.load(Ordering::Relaxed)) })
    };
    (clock, seconds)
}

async fn worker(app: &TestApp, clock: &Clock) -> Store {
    Store::connect(&StoreSettings::new(app.urls().worker_url()), clock.clone()).await.unwrap()
}

async fn swept(app: &TestApp, clock: &Clock, options: SweepOptions) -> Swept {
    let worker = worker(app, clock).await;
    let swept = sweep(&worker, app.server().files(), options, &mut |_, _| {}).await.unwrap();
    assert!(swept.failed.is_empty(), "{:?}", swept.failed);
    swept
}

const HOUR: i64 = 3600;

#[tokio::test]
async fn bytes_go_with_what_they_are_attached_to() {
    let app = TestApp::start().await;
    let (org, owner, project, task) = app.with_task().await;
    let below =
        owner.write("createTask", json!({ "projectId": project, "title": "Below", "parentTaskId": task })).await;
    let below = below.expect_done()["id"].clone();
    let beside =
        owner.write("createTask", json!({ "projectId": project, "title": "Beside" })).await.expect_done()["id"].clone();
    let last =
        owner.write("createTask", json!({ "projectId": project, "title": "Last" })).await.expect_done()["id"].clone();
    let one = attach(&app, &owner, &task, "1.txt", b"1").await;
    for on in [&task, &below, &beside, &beside, &last] {
        attach(&app, &owner, on, "x.txt", b"x").await;
    }
    until_stored(&app, &org, (0, 6)).await;
    owner.mutate("deleteAttachment", json!({ "id": one["id"] }), "deletedAttachmentId").await.expect_done();
    until_stored(&app, &org, (0, 5)).await;
    assert_eq!(fetch(&app, &one).await.status(), StatusCode::NOT_FOUND);
    owner.mutate("deleteTask", json!({ "id": task }), "deletedTaskId").await.expect_done();
    until_stored(&app, &org, (0, 3)).await;
    owner.mutate("deleteTasks", json!({ "tasks": [{ "id": beside }] }), "deletedTaskIds").await.expect_done();
    until_stored(&app, &org, (0, 1)).await;
    // A change that is refused deletes nothing.
    let stale = json!({ "id": last, "expectedUpdatedAt": "2020-01-01T00:00:00Z" });
    owner.mutate("deleteTask", stale, "deletedTaskId").await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    until_stored(&app, &org, (0, 1)).await;
    owner.mutate("deleteProject", json!({ "id": project }), "deletedProjectId").await.expect_done();
    until_stored(&app, &org, (0, 0)).await;
    assert_eq!(app.number("SELECT count(*) FROM app.search_terms WHERE kind = 'attachment'").await, 0);
}

#[tokio::test]
async fn what_is_left_behind_is_found_on_both_sides_after_a_grace() {
    let (clock, seconds) = ahead();
    let app = TestApp::builder().clock(clock.clone()).start().await;
    let (org, owner, _, task) = app.with_task().await;
    let good = attach(&app, &owner, &task, "good.txt", b"good").await;
    let lost = attach(&app, &owner, &task, "lost.txt", b"lost").await;
    let open = announce(&owner, announced(&task, "open.txt", b"open")).await;
    send(&app, &open, b"open").await;
    announce(&owner, announced(&task, "never.txt", b"never")).await;
    // The server was killed between the bytes and the row …
    let id = open["id"].as_str().unwrap().parse::<tenantry_domain::UploadId>().unwrap();
    let expected = Expected { byte_size: 4, mime_type: "text/plain".to_owned(), checksum: None };
    app.server().files().keep(org.id, id.as_uuid(), expected).await.unwrap().leave();
    // … and between the row and the bytes, and while it received something.
    attach(&app, &owner, &task, "gone.txt", b"gone").await;
    app.sql("DELETE FROM app.attachments WHERE file_name = 'gone.txt'").await;
    let folder = app.server().files().as_local().unwrap().folder().to_owned();
    let fragment = folder.join(format!("uploads/{}/{}#1", org.id.as_uuid(), id.as_uuid()));
    std::fs::write(&fragment, "op").unwrap();
    // And a file was lost.
    let key = app.texts("SELECT storage_key FROM app.attachments WHERE file_name = 'lost.txt'").await.remove(0);
    std::fs::remove_file(folder.join(key)).unwrap();

    let at = async |hours: i64| {
        seconds.store(hours * HOUR, Ordering::Relaxed);
        swept(&app, &clock, SweepOptions::default()).await
    };
    let early = at(23).await;
    assert_eq!((early.files, early.uploads, early.lost.len()), (0, 2, 0), "what is stored may still be under way");
    until_stored(&app, &org, (1, 3)).await;

    let late = at(25).await;
    // What was sent and not completed, what was kept twice, what was deleted, and the fragment.
    assert_eq!((late.files, late.uploads), (4, 0));
    let lost_id = lost["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(late.lost, [(org.id, lost_id)]);
    until_stored(&app, &org, (0, 1)).await;
    assert!(!fragment.exists());
    assert_eq!(fetch_anew(&app, &org, &good).await, (StatusCode::OK, "good".to_owned()));
    assert_eq!(fetch_anew(&app, &org, &lost).await.0, StatusCode::NOT_FOUND);

    let again = at(26).await;
    assert_eq!(
        (again.files, again.uploads, again.lost.len()),
        (0, 0, 1),
        "a row without its bytes stays, and is told of"
    );
    assert_eq!(app.number("SELECT count(*) FROM app.uploads").await, 0);
}

/// Fetches with a new token: the first one is of the time before the clock was put forward.
async fn fetch_anew(app: &TestApp, org: &Org, attachment: &serde_json::Value) -> (StatusCode, String) {
    let query = format!("{{ node(id: {}) {{ ... on Attachment {{ download {{ url }} }} }} }}", attachment["id"]);
    let url = app.as_owner(org).data(&query).await["node"]["download"]["url"].as_str().unwrap().to_owned();
    let answer = app.http().get(url).send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

#[tokio::test]
async fn files_of_an_organization_that_nobody_knows_are_left_alone_unless_asked() {
    let (clock, seconds) = ahead();
    let app = TestApp::builder().clock(clock.clone()).start().await;
    let (org, owner, _, task) = app.with_task().await;
    attach(&app, &owner, &task, "ours.txt", b"ours").await;
    let folder = app.server().files().as_local().unwrap().folder().to_owned();
    let stranger = clock.new_id::<EntityId>().as_uuid();
    std::fs::create_dir_all(folder.join(format!("files/{stranger}"))).unwrap();
    let theirs = folder.join(format!("files/{stranger}/{}", clock.new_id::<EntityId>().as_uuid()));
    std::fs::write(&theirs, "theirs").unwrap();
    seconds.store(48 * HOUR, Ordering::Relaxed);
    let careful = swept(&app, &clock, SweepOptions::default()).await;
    assert_eq!((careful.files, careful.unknown, theirs.exists()), (0, 1, true));
    let options = SweepOptions { unknown_organizations: true, ..SweepOptions::default() };
    let thorough = swept(&app, &clock, options).await;
    assert_eq!((thorough.files, thorough.unknown, theirs.exists()), (1, 0, false));
    until_stored(&app, &org, (0, 1)).await;
}

#[tokio::test]
async fn a_copy_of_a_database_sweeps_nothing() {
    let (clock, seconds) = ahead();
    let app = TestApp::builder().clock(clock.clone()).start().await;
    let (org, owner, _, task) = app.with_task().await;
    attach(&app, &owner, &task, "new.txt", b"new").await;
    swept(&app, &clock, SweepOptions::default()).await;
    // The row came after the copy was made.
    app.sql("DELETE FROM app.attachments").await;
    let files = app.server().files();
    let us = files.owner().await.unwrap().unwrap();
    files.set_owner("of another database").await.unwrap();
    seconds.store(48 * HOUR, Ordering::Relaxed);
    let worker = worker(&app, &clock).await;
    let refused = sweep(&worker, files, SweepOptions::default(), &mut |_, _| {}).await.unwrap_err();
    assert!(matches!(refused, SweepError::Foreign(owner) if owner == "of another database"));
    until_stored(&app, &org, (0, 1)).await;
    let options = SweepOptions { adopt: true, ..SweepOptions::default() };
    assert_eq!(swept(&app, &clock, options).await.files, 1);
    assert_eq!(files.owner().await.unwrap(), Some(us));
}

#[tokio::test]
async fn an_organization_takes_its_files_along() {
    let (clock, seconds) = ahead();
    let app = TestApp::builder().clock(clock.clone()).start().await;
    let (org, owner, _, task) = app.with_task().await;
    let other = app.organization("other").create().await;
    let others = app.as_owner(&other);
    let project = others.create_project("Site", None).await["id"].clone();
    let their_task =
        others.write("createTask", json!({ "projectId": project, "title": "x" })).await.expect_done()["id"].clone();
    attach(&app, &others, &their_task, "theirs.txt", b"theirs").await;
    attach(&app, &owner, &task, "ours.txt", b"ours").await;
    let upload = announce(&owner, announced(&task, "open.txt", b"open")).await;
    send(&app, &upload, b"open").await;
    app.sql("UPDATE app.organizations SET deletion_requested_at = now(), deletion_due_at = now() WHERE slug = 'acme'")
        .await;
    seconds.store(60, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let worker = worker(&app, &clock).await;
    let purged = purge_due_and_end(&worker, None, Some(app.server().files()), clock.now()).await.unwrap();
    assert_eq!(purged.deleted, [org.id]);
    assert_eq!(super::stored(&app, &org).await, (0, 0));
    assert_eq!(super::stored(&app, &other).await, (0, 1));
    let folder = app.server().files().as_local().unwrap().folder().to_owned();
    assert!(!folder.join(format!("files/{}", org.id.as_uuid())).exists());

    // The address is still good, and the next sweep deletes what was sent, however new it is.
    assert_eq!(send(&app, &upload, b"open").await.status(), StatusCode::OK);
    assert_eq!(super::stored(&app, &org).await, (1, 0));
    assert_eq!(swept(&app, &clock, SweepOptions::default()).await.files, 1);
    assert_eq!(super::stored(&app, &org).await, (0, 0));
    let purged = "SELECT count(*) FROM app.purged_organizations";
    assert_eq!(app.number(purged).await, 1);
    seconds.store(30 * HOUR, Ordering::Relaxed);
    swept(&app, &clock, SweepOptions::default()).await;
    assert_eq!(app.number(purged).await, 0);
    assert_eq!(super::stored(&app, &other).await, (0, 1));
}
