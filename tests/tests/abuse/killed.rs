//! The program is killed while files are sent, completed and deleted. What it acknowledged is there, and what it left behind is swept.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tenantry_domain::Clock;
use tenantry_files::Files;
use tenantry_service::sweep::{SweepOptions, sweep};
use tenantry_store::{Store, StoreSettings};
use tenantry_tests::TestApp;

use crate::program::Program;

/// How often the program is killed. The long form says more.
const ROUNDS: u64 = 6;

/// How many clients send files.
const CLIENTS: u64 = 6;

/// What the program has acknowledged of a file: its bytes, and whether it was deleted, and whether a deletion was asked for.
#[derive(Clone)]
struct Known {
    seed: u64,
    size: usize,
    is_deleted: bool,
    may_be_deleted: bool,
}

fn bytes(seed: u64, size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| (n.wrapping_mul(31) ^ seed).to_le_bytes()[0]).collect()
}

struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    task: Value,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

impl Client {
    async fn call(&self, mutation: &str, input: Value, selection: &str) -> Option<Value> {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let query = format!("mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {selection} }} }}");
        let body = json!({ "query": query, "variables": { "input": input } });
        let sent = self.http.post(&self.url).bearer_auth(&self.token).json(&body).send().await.ok()?;
        let answer: Value = sent.json().await.ok()?;
        let payload = answer["data"][mutation].clone();
        (!payload.is_null()).then_some(payload)
    }

    /// Sends a file, completes it, and deletes some of them, until the program is gone.
    async fn work(&self, seed: u64) -> Option<()> {
        for n in 0.. {
            let seed = seed * 1_000 + n;
            let size = usize::try_from(1 + (seed * 7_919) % 400_000).unwrap();
            let input = json!({ "taskId": self.task, "fileName": format!("{seed}.bin"), "byteSize": size, "mimeType": "application/octet-stream" });
            let upload = self.call("createUpload", input, "upload { id url }").await?["upload"].clone();
            let put = self.http.put(upload["url"].as_str()?).header("Content-Type", "application/octet-stream");
            put.body(bytes(seed, size)).send().await.ok()?;
            let made = self.call("completeUpload", json!({ "id": upload["id"] }), "attachment { id }").await?;
            let id = made["attachment"]["id"].as_str()?.to_owned();
            self.known.lock().insert(id.clone(), Known { seed, size, is_deleted: false, may_be_deleted: false });
            if n % 3 == 0 {
                self.known.lock().get_mut(&id)?.may_be_deleted = true;
                let deleted = self.call("deleteAttachment", json!({ "id": id }), "deletedAttachmentId").await?;
                self.known.lock().get_mut(&id)?.is_deleted = deleted["deletedAttachmentId"] == id;
            }
        }
        None
    }
}

/// Every file below a folder.
fn count(folder: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let each = entries.map(|entry| entry.unwrap().path());
    each.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_is_left_behind() {
    let app = TestApp::start().await;
    let (_, owner, _, task) = app.with_task().await;
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let settings = [("TENANTRY_FILES", files.to_str().unwrap()), ("TENANTRY_REQUESTS_PER_SECOND", "0")];
    let known = Arc::new(Mutex::new(HashMap::new()));
    for round in 0..ROUNDS {
        let program = Program::serve(&app, &settings).await;
        let work = (0..CLIENTS).map(|n| {
            let client = Client {
                http: app.http().clone(),
                url: program.url(),
                token: owner.token().unwrap().to_owned(),
                task: task.clone(),
                known: Arc::clone(&known),
            };
            tokio::spawn(async move { client.work(round * 100 + n).await })
        });
        let work: Vec<_> = work.collect();
        tokio::time::sleep(Duration::from_millis(400 + 170 * round)).await;
        drop(program);
        for work in work {
            work.await.unwrap();
        }
    }
    let known = known.lock().clone();
    assert!(known.len() > 6, "only {} files were sent", known.len());

    let program = Program::serve(&app, &settings).await;
    let mut kept = 0;
    for (id, known) in &known {
        let query = format!("{{ attachment(id: \"{id}\") {{ download {{ url }} }} }}");
        let body = json!({ "query": query });
        let sent = app.http().post(program.url()).bearer_auth(owner.token().unwrap()).json(&body).send().await.unwrap();
        let attachment = sent.json::<Value>().await.unwrap()["data"]["attachment"].clone();
        if known.is_deleted {
            assert_eq!(attachment, Value::Null);
        } else if attachment.is_null() {
            assert!(known.may_be_deleted, "{id} was acknowledged, and is gone");
        } else {
            let fetched = app.http().get(attachment["download"]["url"].as_str().unwrap()).send().await.unwrap();
            assert_eq!(fetched.status(), 200, "{id} has lost its bytes");
            assert!(fetched.bytes().await.unwrap() == bytes(known.seed, known.size), "{id} has other bytes");
            kept += 1;
        }
    }
    drop(program);
    assert!(kept > 2, "{kept}");

    app.sql("UPDATE app.uploads SET expires_at = now()").await;
    // A day later.
    let clock = {
        let system = Clock::system();
        Clock::from_fn(move || system.now() + TimeDelta::hours(25))
    };
    let worker = Store::connect(&StoreSettings::new(app.urls().worker_url()), clock.clone()).await.unwrap();
    let storage = Files::local_without_addresses(&files, clock).unwrap();
    let swept = sweep(&worker, &storage, SweepOptions::default(), &mut |_, _| {}).await.unwrap();
    assert!(swept.lost.is_empty() && swept.failed.is_empty(), "{swept:?}");
    let rows = usize::try_from(app.number("SELECT count(*) FROM app.attachments").await).unwrap();
    assert_eq!((count(&files.join("files")), count(&files.join("uploads"))), (rows, 0));
    assert_eq!(app.number("SELECT count(*) FROM app.uploads").await, 0);
    println!("{} files sent, {kept} kept, {} swept", known.len(), swept.files);
}
