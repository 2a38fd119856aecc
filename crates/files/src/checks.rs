//! The checks that are under way: one for each upload, a few at a time, and fewer of each organization.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tenantry_domain::OrganizationId;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::{KeepError, Kept};

/// How many files are read at a time, and how many of them for one organization. So one organization does not hold up the others.
const AT_A_TIME: usize = 8;
const OF_EACH: usize = 2;

/// How long the result of a check is kept for the next call.
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
    /// The permits of each organization that has a check under way.
    shares: Mutex<HashMap<OrganizationId, Arc<Semaphore>>>,
}

impl Default for Checks {
    fn default() -> Self {
        Self { running: Mutex::default(), permits: Arc::new(Semaphore::new(AT_A_TIME)), shares: Mutex::default() }
    }
}

impl Checks {
    /// What comes of the check of an upload, which `begin` begins unless it has begun already.
    pub(crate) async fn run<F>(
        &self,
        organization: OrganizationId,
        upload: Uuid,
        now: DateTime<Utc>,
        begin: impl FnOnce() -> F,
    ) -> Outcome
    where
        F: Future<Output = Result<Kept, KeepError>> + Send + 'static,
    {
        let outcome = {
            let mut running = self.running.lock();
            running.retain(|_, check| check.outcome.peek().is_none() || now - check.began < WAITS);
            let begin =
                || Check { outcome: start([self.share(organization), Arc::clone(&self.permits)], begin()), began: now };
            running.entry(upload).or_insert_with(begin).outcome.clone()
        };
        outcome.await
    }

    /// The permits of an organization.
    fn share(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock();
        // Those that no check holds any more.
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        let share = shares.entry(organization).or_insert_with(|| Arc::new(Semaphore::new(OF_EACH)));
        Arc::clone(share)
    }

    pub(crate) fn forget(&self, upload: Uuid) {
        let forgotten = self.running.lock().remove(&upload);
        // Outside of the lock: what is dropped may be deleted.
        drop(forgotten);
    }
}

/// Starts a check that goes on by itself.
fn start(
    [share, all]: [Arc<Semaphore>; 2],
    check: impl Future<Output = Result<Kept, KeepError>> + Send + 'static,
) -> Shared<BoxFuture<'static, Outcome>> {
    let task = tokio::spawn(async move {
        // Neither is ever closed. Its own first, so that no check waits with a permit that another organization needs.
        let _own = share.acquire().await.ok();
        let _common = all.acquire().await.ok();
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_organization_does_not_hold_up_another() {
        let checks = Checks::default();
        let organization = |n| OrganizationId::from_uuid(Uuid::from_u128(n));
        let begin = |organization, upload, check: fn() -> BoxFuture<'static, Result<Kept, KeepError>>| {
            let run = checks.run(organization, Uuid::from_u128(upload), DateTime::UNIX_EPOCH, check);
            tokio::time::timeout(Duration::from_millis(50), run)
        };
        for upload in 0..20 {
            let endless = begin(organization(1), upload, || std::future::pending().boxed()).await;
            assert!(endless.is_err(), "it goes on");
        }
        let other = begin(organization(2), 100, || std::future::ready(Err(KeepError::Missing)).boxed()).await;
        assert!(matches!(
            other.map(|outcome| outcome.map_err(|error| matches!(*error, KeepError::Missing))),
            Ok(Err(true))
        ));
        let third = begin(organization(1), 101, || std::future::ready(Err(KeepError::Missing)).boxed()).await;
        assert!(third.is_err(), "it has used up its share");
    }
}
