//! Applying again what is kept and has had no effect yet: whose it is has become known, or what its price stands for.

use std::collections::BTreeSet;

use tenantry_store::billing::stripe as store;
use tenantry_store::{Store, StoreError, WorkerScope};

use super::{KINDS, PriceTable, ReceiveError, Received, receive_value};

/// How many events are read at a time.
const PAGE: i64 = 200;

/// Which of the events that wait are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Those whose organization is known: cheap, however many others are kept.
    Owned,
    /// All of them, what they say of themselves included.
    All,
}

/// What came of trying.
#[derive(Debug, Default)]
pub struct Replayed {
    /// How many have had their effect, through themselves or through another that was tried before.
    pub applied: usize,
    /// How many still wait for their organization, or are not understood.
    pub waiting: usize,
    /// The prices that stand for no plan, which still keep others waiting.
    pub prices: BTreeSet<String>,
    /// Those that failed otherwise, and why.
    pub failed: Vec<(String, ReceiveError)>,
}

/// Tries to apply the events that are kept and have had no effect yet, each in a transaction of its own, as if it came again.
/// Safe to be called by several processes at once, while events come, and to be cut off at any point. `worker` is connected as
/// the role of the worker.
///
/// # Errors
/// Those of the database when it cannot be asked what waits.
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
