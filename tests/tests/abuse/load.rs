//! Continuous reads and writes while something else goes wrong, with a record of what was acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tenantry_tests::Answer;
use tokio::task::JoinSet;

use crate::custom_server::{Sender, code};

const WRITE: &str =
    "mutation($name: String!) { createClient(input: { name: $name }) { client { name } userErrors { code } } }";
const READ: &str = "{ organization { slug } clients(first: 10) { nodes { name } } }";

/// The pause after a refused request.
const PAUSE: Duration = Duration::from_millis(10);

/// A caller in an organization whose texts all start with its slug.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) slug: String,
    pub(crate) sender: Sender,
}

impl Caller {
    /// Asserts that an answer with data belongs to this caller: to a write of `written`, or to a read.
    fn check(&self, answer: &Answer, written: Option<&str>) {
        let data = answer.expect_data();
        if let Some(name) = written {
            assert_eq!(data["createClient"]["client"]["name"], name, "{}", answer.text);
            return;
        }
        assert_eq!(data["organization"]["slug"], self.slug.as_str(), "{}", answer.text);
        for node in data["clients"]["nodes"].as_array().unwrap() {
            assert!(node["name"].as_str().unwrap().starts_with(&self.slug), "told to {}: {}", self.slug, answer.text);
        }
    }
}

/// The results of the requests.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The names that the server confirmed to have written.
    pub(crate) acknowledged: Vec<String>,
    /// How many requests were answered with data.
    pub(crate) good: usize,
    /// How many ended otherwise, by code; `broken` if there was no answer.
    pub(crate) failed: BTreeMap<String, usize>,
}

impl Outcome {
    fn count(&mut self, failure: Option<&str>, written: Option<String>) {
        if let Some(failure) = failure {
            *self.failed.entry(failure.to_owned()).or_default() += 1;
        } else {
            self.good += 1;
            self.acknowledged.extend(written);
        }
    }
}

/// Callers that read and write until they are stopped.
pub(crate) struct Load {
    workers: JoinSet<()>,
    shared: Arc<Shared>,
}

struct Shared {
    stopped: AtomicBool,
    numbers: AtomicUsize,
    outcome: Mutex<Outcome>,
}

impl Load {
    /// Starts a reader and a writer for each caller.
    pub(crate) fn start(callers: &[Caller]) -> Self {
        let shared = Arc::new(Shared {
            stopped: AtomicBool::new(false),
            numbers: AtomicUsize::new(0),
            outcome: Mutex::default(),
        });
        let mut workers = JoinSet::new();
        for caller in callers {
            for writes in [true, false] {
                let (caller, shared) = (caller.clone(), Arc::clone(&shared));
                workers.spawn(async move {
                    while !shared.stopped.load(Ordering::Relaxed) {
                        shared.once(&caller, writes).await;
                    }
                });
            }
        }
        Self { workers, shared }
    }

    /// How many requests were answered with data so far.
    pub(crate) fn good(&self) -> usize {
        self.shared.outcome.lock().unwrap().good
    }

    /// Waits until every worker has got another answer with data, and returns how long that took.
    pub(crate) async fn recovered(&self, callers: &[Caller], within: Duration) -> Duration {
        let begun = Instant::now();
        for caller in callers {
            for writes in [true, false] {
                while !self.shared.once(caller, writes).await {
                    assert!(begun.elapsed() < within, "no answer within {within:?}: {:?}", self.shared.outcome);
                }
            }
        }
        begun.elapsed()
    }

    /// Stops, and waits for running requests.
    pub(crate) async fn stop(mut self) -> Outcome {
        self.shared.stopped.store(true, Ordering::Relaxed);
        while let Some(worker) = self.workers.join_next().await {
            worker.unwrap();
        }
        std::mem::take(&mut self.shared.outcome.lock().unwrap())
    }
}

impl Shared {
    /// Sends one request; returns whether it was answered with data.
    async fn once(&self, caller: &Caller, writes: bool) -> bool {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let name = format!("{} made by {number}", caller.slug);
        let answer = if writes {
            caller.sender.ask(WRITE, json!({ "name": name })).await
        } else {
            caller.sender.ask(READ, json!({})).await
        };
        let failure = match &answer {
            Err(_) => Some("broken"),
            Ok(answer) => {
                let code = code(answer);
                if code.is_none() {
                    caller.check(answer, writes.then_some(name.as_str()));
                }
                code
            }
        };
        self.outcome.lock().unwrap().count(failure, writes.then_some(name));
        if failure.is_some() {
            tokio::time::sleep(PAUSE).await;
        }
        failure.is_none()
    }
}
