//! Applies stored events that have had no effect yet, because their organization or the plan of their price was
//! unknown.

use std::collections::BTreeSet;

use tenantry_store::billing::stripe as store;
use tenantry_store::{Store, StoreError, WorkerScope};

use super::{KINDS, PriceTable, ReceiveError, Received, receive_value};

/// How many events are read at a time.
const PAGE: i64 = 200;

/// Which pending events are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Those whose organization is known: cheap, however many others are stored.
    Owned,
    /// All of them; their organization is looked up again in their content.
    All,
}

/// The result of a replay.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many were applied, by themselves or together with another one tried before.
    pub applied: usize,
    /// How many are still pending because their organization is unknown or their content cannot be parsed.
    pub waiting: usize,
    /// The prices without a plan that still keep events pending.
    pub prices: BTreeSet<String>,
    /// Those that failed for another reason, with the reason.
    pub failed: Vec<(String, ReceiveError)>,
}

/// Tries to apply the stored events that have had no effect yet, each in its own transaction, as if it arrived again.
/// Several processes may call this at once, and while events arrive; it may be cancelled at any point. `worker` is
/// connected with the role of the worker.
///
/// # Errors
/// Those of the database when the pending events cannot be listed.
pub async fn replay(worker: &Store, prices: &PriceTable, which: Waiting) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    let mut after = String::new();
    loop {
        let scope = WorkerScope::open(worker).await?;
        let page = store::list_waiting(&scope, &KINDS, which == Waiting::Owned, &after, PAGE).await?;
        drop(scope);
        let Some((last, _)) = page.last() else { return Ok(replayed) };
        last.clone_into(&mut after);
        for (id, payload) in page {
            match receive_value(worker, payload, prices).await {
                Ok(Received::Applied(_) | Received::Repeated) => replayed.applied += 1,
                Ok(Received::Waiting | Received::Kept) => replayed.waiting += 1,
                Err(ReceiveError::UnknownPrice { price, .. }) => drop(replayed.prices.insert(price)),
                Err(error) => replayed.failed.push((id, error)),
            }
        }
    }
}
