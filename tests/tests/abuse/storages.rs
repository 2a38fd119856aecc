//! Real storages that speak S3: moto's server, and `SeaweedFS`, which checks signatures. AWS's own client reads what we wrote.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_files::{Area, Files, S3Options};
use tenantry_service::sweep::{SweepOptions, sweep};
use tenantry_store::{Store, StoreSettings};
use tenantry_tests::{Session, TestApp};
use tokio::process::{Child, Command};

use crate::clients::{assert_passed, installed_python};
use crate::javascript::{self, installed, run};

const STORAGES: &javascript::Files = &[
    ("requirements.txt", include_str!("../../clients/storages/requirements.txt")),
    ("install", include_str!("../../clients/storages/install")),
    ("bucket.py", include_str!("../../clients/storages/bucket.py")),
];

const AWS: &javascript::Files = &[
    ("package.json", include_str!("../../clients/aws/package.json")),
    ("package-lock.json", include_str!("../../clients/aws/package-lock.json")),
    ("run.mjs", include_str!("../../clients/aws/run.mjs")),
];

/// A storage with an empty bucket `files`. It is killed when this is dropped.
struct Storage {
    endpoint: String,
    folder: PathBuf,
    _server: Child,
    _data: tempfile::TempDir,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Program {
    Moto,
    Seaweed,
}

impl Storage {
    async fn start(program: Program) -> Option<Self> {
        let folder = installed_python("storages", STORAGES).await?;
        // One of its ports may be taken by the time that it starts.
        for _ in 0..3 {
            let data = tempfile::tempdir().unwrap();
            let port = free_port();
            let mut command = match program {
                Program::Moto => {
                    let mut moto = Command::new(folder.join("venv/bin/moto_server"));
                    moto.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
                    moto
                }
                Program::Seaweed => seaweed(&folder, data.path(), port),
            };
            let server = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
            let endpoint = format!("http://127.0.0.1:{port}");
            let storage = Self { endpoint, folder: folder.clone(), _server: server, _data: data };
            if storage.becomes_ready().await {
                return Some(storage);
            }
        }
        panic!("the storage does not start");
    }

    /// Makes the bucket as soon as the server answers.
    async fn becomes_ready(&self) -> bool {
        for _ in 0..30 {
            let mut python = Command::new(self.folder.join("venv/bin/python"));
            let made = python.args(["bucket.py", &self.endpoint]).current_dir(&self.folder).output().await.unwrap();
            if made.status.success() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        false
    }

    fn options(&self) -> S3Options {
        let variables = [
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            // What people have in their environment, and never filled in.
            ("AWS_REGION", ""),
            ("AWS_SESSION_TOKEN", ""),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        S3Options { bucket: "files".to_owned(), prefix: "tenantry/test".to_owned(), variables }
    }

    fn files(options: &S3Options) -> Files {
        Files::s3(options, Clock::system()).unwrap()
    }
}

fn seaweed(folder: &Path, data: &Path, port: u16) -> Command {
    let config = data.join("s3.json");
    let keys = json!({ "accessKey": "key", "secretKey": "secret" });
    let identity =
        json!({ "name": "tenantry", "credentials": [keys], "actions": ["Admin", "Read", "Write", "List", "Tagging"] });
    std::fs::write(&config, json!({ "identities": [identity] }).to_string()).unwrap();
    let mut weed = Command::new(folder.join("venv/bin/weed"));
    weed.args(["server", "-ip=127.0.0.1", "-filer", "-s3", "-volume.max=10", "-master.volumeSizeLimitMB=64"]);
    for (flag, port) in [("master", free_port()), ("volume", free_port()), ("filer", free_port()), ("s3", port)] {
        weed.arg(format!("-{flag}.port={port}"));
    }
    weed.arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", config.display()));
    weed
}

/// A free port outside of the range that systems give out. `SeaweedFS` also uses the one that is ten thousand higher.
fn free_port() -> u16 {
    let is_free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let ports = std::iter::repeat_with(|| rand::random_range(20_000..22_000));
    ports.take(1_000).find(|port| is_free(*port) && is_free(port + 10_000)).expect("a free port")
}

async fn announce(owner: &Session, task: &Value, name: &str, bytes: &[u8]) -> Value {
    let input = json!({ "taskId": task, "fileName": name, "byteSize": bytes.len(), "mimeType": "text/plain" });
    let upload = owner.mutate("createUpload", input, "upload { id url headers { name value } }").await;
    upload.expect_done().clone()
}

async fn send(app: &TestApp, upload: &Value, mime_type: &str, bytes: &[u8]) -> StatusCode {
    let put = app.http().put(upload["url"].as_str().unwrap()).header("Content-Type", mime_type).body(bytes.to_vec());
    put.send().await.unwrap().status()
}

const COMPLETE: &str = "attachment { id download { url } }";

async fn files_come_and_go(program: Program) {
    let Some(storage) = Storage::start(program).await else { return };
    let files = Storage::files(&storage.options());
    files.probe().await.unwrap();
    if program == Program::Moto {
        let missing = Storage::files(&S3Options { bucket: "nothing".to_owned(), ..storage.options() });
        let missing = missing.probe().await.unwrap_err();
        assert!(missing.contains("no such bucket"), "{missing}");
    }
    let app = TestApp::builder().files(files.clone()).start().await;
    let (org, owner, _, task) = app.with_task().await;
    let text = "Käse & Brot";
    let upload = announce(&owner, &task, "Käse \"1\".txt", text.as_bytes()).await;
    assert!(upload["url"].as_str().unwrap().starts_with(&storage.endpoint), "it goes to the storage itself");
    let complete = async || owner.mutate("completeUpload", json!({ "id": upload["id"] }), COMPLETE).await;
    complete().await.expect_refused(&[("INVALID", "id")]);
    if program == Program::Seaweed {
        assert_eq!(
            send(&app, &upload, "text/html", text.as_bytes()).await,
            StatusCode::FORBIDDEN,
            "the type is signed"
        );
        let fetched = app.http().get(upload["url"].as_str().unwrap()).send().await.unwrap();
        assert_eq!(fetched.status(), StatusCode::FORBIDDEN, "so is the method");
        let unsigned = upload["url"].as_str().unwrap().split('?').next().unwrap();
        let sent = app.http().put(unsigned).body(text).send().await.unwrap();
        assert_eq!(sent.status(), StatusCode::FORBIDDEN, "nothing is open to everybody");
    }
    // Neither counts, so what comes is counted when it is completed.
    assert!(send(&app, &upload, "text/plain", b"short").await.is_success());
    complete().await.expect_refused(&[("INVALID", "id")]);
    assert!(send(&app, &upload, "text/plain", text.as_bytes()).await.is_success());
    let made = complete().await.expect_done().clone();
    let fetched = app.http().get(made["download"]["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(fetched.status(), StatusCode::OK);
    let header = |name: &str| fetched.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"K_se _1_.txt\"; filename*=UTF-8''K%C3%A4se%20%221%22.txt"
    );
    assert_eq!(header("content-type"), "text/plain");
    assert_eq!(fetched.text().await.unwrap(), text);

    let key = app.texts("SELECT storage_key FROM app.attachments").await.remove(0);
    if let Some(folder) = installed("aws", AWS).await {
        let key = format!("tenantry/test/{key}");
        assert_passed(&run(&folder, &[&storage.endpoint, "files", &key, text], &[]).await, 3);
    }

    // What is sent and not completed goes with the sweep, and what is deleted at once.
    let open = announce(&owner, &task, "open.txt", b"open").await;
    assert!(send(&app, &open, "text/plain", b"open").await.is_success());
    app.sql("UPDATE app.uploads SET expires_at = now()").await;
    let clock = Clock::system();
    let worker = Store::connect(&StoreSettings::new(app.urls().worker_url()), clock).await.unwrap();
    let options = SweepOptions { grace: chrono::TimeDelta::seconds(-5), ..SweepOptions::default() };
    let swept = sweep(&worker, &files, options, &mut |_, _| {}).await.unwrap();
    assert_eq!((swept.files, swept.uploads, swept.lost.len(), swept.failed.len()), (1, 1, 0, 0));
    owner.mutate("deleteAttachment", json!({ "id": made["id"] }), "deletedAttachmentId").await.expect_done();
    for _ in 0..200 {
        if files.stored(Area::Files, org.id).await.unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(files.stored(Area::Files, org.id).await.unwrap().is_empty());
}

/// One after the other, because both install the same packages.
#[tokio::test]
async fn files_come_and_go_in_storages_that_speak_s3_and_a_wrong_setting_is_explained() {
    files_come_and_go(Program::Moto).await;
    files_come_and_go(Program::Seaweed).await;
    let Some(storage) = Storage::start(Program::Seaweed).await else { return };
    let with = |name: &str, value: &str| {
        let mut options = storage.options();
        options.variables.retain(|(given, _)| given != name);
        options.variables.push((name.to_owned(), value.to_owned()));
        options
    };
    let problem = async |options: S3Options| Storage::files(&options).probe().await.unwrap_err();
    let unknown = problem(with("AWS_ACCESS_KEY_ID", "nobody")).await;
    assert!(unknown.contains("does not know AWS_ACCESS_KEY_ID"), "{unknown}");
    let wrong = problem(with("AWS_SECRET_ACCESS_KEY", "wrong")).await;
    assert!(wrong.contains("AWS_SECRET_ACCESS_KEY is wrong") && !wrong.contains("\"wrong\""), "{wrong}");
    let nowhere = problem(with("AWS_ENDPOINT_URL", "http://127.0.0.1:9")).await;
    assert!(nowhere.contains("nothing answers"), "{nowhere}");
}
