//! One organization in the meter: its counts, and the single load of its counter that all calls wait for.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::tally::Tally;
use crate::BillingError;

/// How long a failed load counts for later calls, so that not every call queries a database that is down.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

/// The timeout of a load. After that it is cancelled, so that another one can be tried.
const LOAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the meter keeps for an organization.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) tally: Mutex<Tally>,
    /// Held while the organization's counter is read or written, so that only one task does so at a time.
    pub(super) at_database: tokio::sync::Mutex<()>,
    /// The last load that was started.
    loading: Mutex<Option<Loading>>,
}

/// Why the meter does not know what an organization may call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MeterError {
    /// The database refused or failed. Everyone who waited for the same answer gets the same failure.
    #[error("the organization's remaining calls could not be read")]
    Failed(#[source] Arc<BillingError>),
    /// The database has not answered within the time that a call may wait.
    #[error("the organization's remaining calls are not known yet")]
    Unanswered,
}

/// A load that is running or has ended.
#[derive(Debug, Clone)]
struct Loading {
    begun: Instant,
    outcome: watch::Receiver<Option<Ended>>,
}

#[derive(Debug, Clone)]
struct Ended {
    at: Instant,
    failure: Option<Arc<BillingError>>,
}

impl Loading {
    /// Whether this load serves a new caller: it is running, or failed only a moment ago.
    fn serves(&self) -> bool {
        match &*self.outcome.borrow() {
            Some(ended) => ended.failure.is_some() && ended.at.elapsed() < FAILURE_HOLDS,
            // A load whose task is gone will never end.
            None => self.outcome.has_changed().is_ok(),
        }
    }

    /// Waits for the outcome until `patience` after the start of the load. Later callers wait less, so a stalled
    /// database delays nobody longer than that.
    async fn wait(mut self, patience: Duration) -> Result<(), MeterError> {
        let ended = tokio::time::timeout_at(self.begun + patience, self.outcome.wait_for(Option::is_some)).await;
        let Ok(Ok(ended)) = ended else { return Err(MeterError::Unanswered) };
        match ended.as_ref().and_then(|ended| ended.failure.clone()) {
            Some(failure) => Err(MeterError::Failed(failure)),
            None => Ok(()),
        }
    }
}

impl Account {
    /// Waits for the running load, or starts one. The load continues even if nobody waits for it any more.
    pub(super) async fn loaded<F>(&self, patience: Duration, load: impl FnOnce() -> F) -> Result<(), MeterError>
    where
        F: Future<Output = Result<(), BillingError>> + Send + 'static,
    {
        let loading = {
            let mut current = self.loading.lock();
            match &*current {
                Some(loading) if loading.serves() => loading.clone(),
                _ => current.insert(begin(load())).clone(),
            }
        };
        loading.wait(patience).await
    }
}

fn begin(load: impl Future<Output = Result<(), BillingError>> + Send + 'static) -> Loading {
    let (tell, outcome) = watch::channel(None);
    let begun = Instant::now();
    tokio::spawn(async move {
        // Without a result its waiters see that it is gone, and the next call starts another one.
        let Ok(result) = tokio::time::timeout(LOAD_TIMEOUT, load).await else { return };
        let failure = result.err().map(Arc::new);
        tell.send_replace(Some(Ended { at: Instant::now(), failure }));
    });
    Loading { begun, outcome }
}
