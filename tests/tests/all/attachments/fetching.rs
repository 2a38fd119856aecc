//! Addresses are for one file, one method and a short time, and what is fetched does no harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::json;
use tenantry_domain::{Clock, Role};
use tenantry_tests::TestApp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{ATTACHMENT, announce, announced, attach, complete, fetch, send};

#[tokio::test]
async fn a_file_is_saved_and_not_shown() {
    let app = TestApp::start().await;
    let (_, owner, _, task) = app.with_task().await;
    let page = b"<!DOCTYPE html><script>alert(1)</script>";
    let mut input = announced(&task, "\u{1F600} \"x\"; y=1.html", page);
    input["mimeType"] = json!("text/html");
    let upload = announce(&owner, input).await;
    send(&app, &upload, page).await;
    let made = complete(&owner, &upload).await;
    let fetched = fetch(&app, &made).await;
    let header = |name: &str| fetched.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"_ _x_; y=1.html\"; filename*=UTF-8''%F0%9F%98%80%20%22x%22%3B%20y%3D1.html"
    );
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(header("cache-control"), "private, no-store");
    assert_eq!((header("content-type"), header("content-length")), ("text/html".to_owned(), page.len().to_string()));
    assert_eq!(fetched.bytes().await.unwrap(), page.as_slice());

    // A download that was cut off goes on.
    let url = made["download"]["url"].as_str().unwrap();
    let part = app.http().get(url).header("range", "bytes=10-").send().await.unwrap();
    assert_eq!((part.status(), part.headers()["content-disposition"].is_empty()), (StatusCode::PARTIAL_CONTENT, false));
    assert_eq!(part.bytes().await.unwrap(), &page[10..]);
    let head = app.http().head(url).send().await.unwrap();
    assert_eq!(
        (head.status(), head.headers()["content-length"].to_str().unwrap()),
        (StatusCode::OK, &*page.len().to_string())
    );
}

#[tokio::test]
async fn an_address_is_for_one_file_and_one_method() {
    let app = TestApp::start().await;
    let (_, owner, _, task) = app.with_task().await;
    let (one, other) =
        (attach(&app, &owner, &task, "a.txt", b"one").await, attach(&app, &owner, &task, "b.txt", b"two").await);
    let upload = announce(&owner, announced(&task, "c.txt", b"three")).await;
    let url = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let (one, other, put) = (url(&one["download"]["url"]), url(&other["download"]["url"]), url(&upload["url"]));
    let (path, query) = one.split_once('?').unwrap();
    let (other_path, other_query) = other.split_once('?').unwrap();
    let (put_path, put_query) = put.split_once('?').unwrap();
    let signature = query.rsplit_once('=').unwrap().1;

    for wrong in [
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?{other_query}"),
        format!("{other_path}?{query}"),
        format!("{path}?{put_query}"),
        format!("{put_path}?{query}"),
        one.replace("expires=1", "expires=2"),
        one.replace("a.txt", "b.exe"),
        one.replace("text%2Fplain", "text%2Fhtml"),
        one.replace(signature, &"0".repeat(64)),
        one.replace(signature, ""),
        one.replace(signature, "zz"),
        format!("{one}&name=x"),
        one.replace("/files/files/", "/files/uploads/"),
        format!("{}/files/signing.key?{query}", app.server().url("")),
    ] {
        let status = app.http().get(&wrong).send().await.unwrap().status();
        assert!([StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status), "{status} {wrong}");
        let status =
            app.http().put(&wrong).header("content-type", "text/plain").body("x").send().await.unwrap().status();
        assert!([StatusCode::FORBIDDEN, StatusCode::NOT_FOUND].contains(&status), "{status} PUT {wrong}");
    }
    // As it stands; clients resolve it before they send it.
    let port = app.server().address();
    for traversal in
        ["../signing.key", "%2e%2e/signing.key", "files/..%2f..%2fsigning.key", "files//etc/passwd", "..%5csigning.key"]
    {
        let mut stream = tokio::net::TcpStream::connect(port).await.unwrap();
        let request = format!("GET /files/{traversal}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 403") || answer.starts_with("HTTP/1.1 404"), "{traversal}: {answer}");
    }
    // The right address, and the wrong method.
    assert_eq!(
        app.http().put(&one).header("content-type", "text/plain").body("one").send().await.unwrap().status(),
        StatusCode::FORBIDDEN
    );
    assert_eq!(app.http().get(&put).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    for method in ["DELETE", "POST", "PATCH"] {
        let answer = app.http().request(method.parse().unwrap(), &one).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
    assert_eq!(app.http().get(&one).send().await.unwrap().text().await.unwrap(), "one");
    let multipart =
        owner.post().header("content-type", "multipart/form-data; boundary=x").body("--x--").send().await.unwrap();
    assert_eq!(multipart.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "files go to their own addresses");
}

#[tokio::test]
async fn who_reads_nothing_does_not_keep_others_from_fetching() {
    let app = TestApp::builder().max_file_size(16 * 1024 * 1024).start().await;
    let (_, owner, _, task) = app.with_task().await;
    let made = attach(&app, &owner, &task, "a.txt", &vec![b'x'; 16 * 1024 * 1024]).await;
    let url = made["download"]["url"].as_str().unwrap();
    let path = url.strip_prefix(&app.server().url("")).unwrap();
    let mut silent = Vec::new();
    for _ in 0..100 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // So that what is sent has to be read.
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(app.server().address()).await.unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        silent.push(stream);
    }
    // All places of the organization are taken for a while.
    let began = std::time::Instant::now();
    while fetch(&app, &made).await.status() != StatusCode::SERVICE_UNAVAILABLE {
        assert!(began.elapsed().as_secs() < 20, "they take no places");
    }
    while fetch(&app, &made).await.status() != StatusCode::OK {
        assert!(began.elapsed().as_secs() < 60, "they are held");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    drop(silent);
}

#[tokio::test]
async fn an_address_is_for_a_short_time() {
    let now: DateTime<Utc> = "2026-06-01T12:00:00Z".parse().unwrap();
    let later = Arc::new(AtomicI64::new(0));
    let clock = {
        let later = Arc::clone(&later);
        Clock::from_fn(move || now + TimeDelta::seconds(later.load(Ordering::Relaxed)))
    };
    let app = TestApp::builder().clock(clock).start().await;
    let (org, owner, _, task) = app.with_task().await;
    let made = attach(&app, &owner, &task, "a.txt", b"one").await;
    let upload = announce(&owner, announced(&task, "b.txt", b"two")).await;
    assert_eq!(
        (&made["download"]["expiresAt"], &upload["expiresAt"]),
        (&json!("2026-06-01T12:05:00Z"), &json!("2026-06-01T13:00:00Z"))
    );
    later.store(299, Ordering::Relaxed);
    assert_eq!(fetch(&app, &made).await.status(), StatusCode::OK);
    later.store(300, Ordering::Relaxed);
    assert_eq!(fetch(&app, &made).await.status(), StatusCode::FORBIDDEN);
    later.store(3599, Ordering::Relaxed);
    assert_eq!(send(&app, &upload, b"two").await.status(), StatusCode::OK);
    later.store(3600, Ordering::Relaxed);
    assert_eq!(send(&app, &upload, b"two").await.status(), StatusCode::FORBIDDEN);
    // What was sent in time can be completed for another hour.
    later.store(2 * 3600 - 1, Ordering::Relaxed);
    complete(&app.as_owner(&org), &upload).await;
}

#[tokio::test]
async fn who_does_not_see_a_task_sees_and_finds_no_file_on_it() {
    let app = TestApp::start().await;
    let (org, owner, project, task) = app.with_task().await;
    let gus = app.person(&org, "gus", Role::Guest).await;
    let guest = app.sign_in(&org, &gus);
    let made = attach(&app, &owner, &task, "Quarterly_Report-Müller.pdf.txt", b"text").await;
    let look = format!(
        "{{ node(id: {}) {{ ... on Attachment {{ fileName download {{ url }} }} }} attachments {{ totalCount }} }}",
        made["id"]
    );
    let find = "{ search(query: \"muller quart\") { kind entityId highlights { field } } }";
    let seen = owner.data(&look).await;
    assert_eq!(
        (&seen["node"]["fileName"], &seen["attachments"]["totalCount"]),
        (&json!("Quarterly_Report-Müller.pdf.txt"), &json!(1))
    );
    let expected = json!([{ "kind": "ATTACHMENT", "entityId": made["id"], "highlights": [{ "field": "fileName" }] }]);
    assert_eq!(owner.data(find).await["search"], expected);
    let hidden = guest.data(&look).await;
    assert_eq!((&hidden["node"], &hidden["attachments"]["totalCount"]), (&json!(null), &json!(0)));
    assert_eq!(guest.data(find).await["search"], json!([]));

    let grant = json!({ "projectId": project, "userId": gus.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    assert_eq!(guest.data(find).await["search"], expected);
    let shown = guest.data(&look).await;
    let fetched = app.http().get(shown["node"]["download"]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(fetched.text().await.unwrap(), "text");

    // With its task it goes where the guest sees nothing.
    let secret = owner.create_project("Secret", None).await["id"].clone();
    owner.mutate("moveTask", json!({ "id": task, "projectId": secret }), "task { id }").await.expect_done();
    assert_eq!(guest.data(find).await["search"], json!([]));
    assert_eq!(guest.data(&look).await["node"], json!(null));
    assert_eq!(owner.data(find).await["search"], expected);
    let renamed = json!({ "id": made["id"], "fileName": "other.txt" });
    owner.mutate("updateAttachment", renamed, ATTACHMENT).await.expect_done();
    assert_eq!(owner.data(find).await["search"], json!([]));
}
