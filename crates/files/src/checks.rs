//! The checks that are under way: one for each upload, and a few at a time.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{KeepError, Kept};

/// How many files are read at a time.
const AT_A_TIME: usize = 8;

/// How long what came of a check waits for somebody who wants it.
const WAITS: TimeDelta = TimeDelta::minutes(10);

type Outcome = Result<Arc<Kept>, Arc<KeepError>>;

/// A check, and when it began.
struct Check {
    outcome: Shared<BoxFuture<'static, Outcome>>,
    began: DateTime<Utc>,
}

/// The checks of one process.
pub(crate) struct Checks {
    running: Mutex<HashMap<Uuid, Check>>,
    permits: Arc<Semaphore>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { running: Mutex::default(), permits: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

impl Checks {
    /// What comes of the check of an upload, which `begin` begins unless it has begun already.
    pub(crate) async fn run<F>(&self, upload: Uuid, now: DateTime<Utc>, begin: impl FnOnce() -> F) -> Outcome
    where
        F: Future<Output = Result<Kept, KeepError>> + Send + 'static,
    {
        let outcome = {
            let mut running = self.running.lock();
            running.retain(|_, check| check.outcome.peek().is_none() || now - check.began < WAITS);
            let begin = || Check { outcome: start(Arc::clone(&self.permits), begin()), began: now };
            running.entry(upload).or_insert_with(begin).outcome.clone()
        };
        outcome.await
    }

    pub(crate) fn forget(&self, upload: Uuid) {
        let forgotten = self.running.lock().remove(&upload);
        // Outside of the lock: what is dropped may be deleted.
        drop(forgotten);
    }
}

/// Starts a check that goes on by itself.
fn start(
    permits: Arc<Semaphore>,
    check: impl Future<Output = Result<Kept, KeepError>> + Send + 'static,
) -> Shared<BoxFuture<'static, Outcome>> {
    let task = tokio::spawn(async move {
        // It is never closed.
        let _permit = permits.acquire().await.ok();
        check.await
    });
    async move {
        match task.await {
            Ok(checked) => checked.map(Arc::new).map_err(Arc::new),
            Err(_) => Err(Arc::new(KeepError::Interrupted)),
        }
    }
    .boxed()
    .shared()
}
