//! Files on tasks: `sending`, `fetching`, and what becomes of bytes when rows go (`sweeping`). Storages that speak S3 are tested in `abuse`.

mod fetching;
mod sending;
mod sweeping;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tenantry_tests::{Org, Session, TestApp};

const UPLOAD: &str = "upload { id url headers { name value } expiresAt }";
const ATTACHMENT: &str = "attachment { id fileName byteSize mimeType checksum task { id } uploadedBy { userId } createdAt \
                          download { url expiresAt } }";

/// What is announced of a text.
fn announced(task: &Value, name: &str, bytes: &[u8]) -> Value {
    json!({ "taskId": task, "fileName": name, "byteSize": bytes.len(), "mimeType": "text/plain" })
}

async fn announce(session: &Session, input: Value) -> Value {
    session.mutate("createUpload", input, UPLOAD).await.expect_done().clone()
}

/// Sends bytes as an upload says.
async fn send(app: &TestApp, upload: &Value, bytes: &[u8]) -> Response {
    let mut request = app.http().put(upload["url"].as_str().unwrap()).body(bytes.to_vec());
    for header in upload["headers"].as_array().unwrap() {
        request = request.header(header["name"].as_str().unwrap(), header["value"].as_str().unwrap());
    }
    request.send().await.unwrap()
}

async fn complete(session: &Session, upload: &Value) -> Value {
    let input = json!({ "id": upload["id"] });
    session.mutate("completeUpload", input, ATTACHMENT).await.expect_done().clone()
}

/// Attaches a text to a task.
pub(crate) async fn attach(app: &TestApp, session: &Session, task: &Value, name: &str, bytes: &[u8]) -> Value {
    let upload = announce(session, announced(task, name, bytes)).await;
    assert_eq!(send(app, &upload, bytes).await.status(), StatusCode::OK);
    complete(session, &upload).await
}

pub(crate) async fn fetch(app: &TestApp, attachment: &Value) -> Response {
    app.http().get(attachment["download"]["url"].as_str().unwrap()).send().await.unwrap()
}

/// How many files are stored in each part.
async fn stored(app: &TestApp, org: &Org) -> (usize, usize) {
    use tenantry_files::Area;
    let files = app.server().files();
    let uploads = files.stored(Area::Uploads, org.id).await.unwrap();
    let kept = files.stored(Area::Files, org.id).await.unwrap();
    (uploads.len(), kept.len())
}

/// Waits until so many files are stored: they go after the answer.
async fn until_stored(app: &TestApp, org: &Org, expected: (usize, usize)) {
    for _ in 0..500 {
        if stored(app, org).await == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(stored(app, org).await, expected);
}
