//! Tells readers what happens, as it happens.
//!
//! One task reads what became visible since it last looked, of all organizations, and passes it on to those who asked for it. It passes on that
//! something happened, and not what: each reader reads that in a scope of their own. A second task looks whether the readers are members
//! still.

mod feed;
mod hub;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tenantry_domain::Identity;
use tenantry_domain::live::{Cursor, Topic};
use tenantry_store::Store;
use tokio::task::AbortHandle;

pub use feed::{Feed, FeedEnd, Told, Turn};
pub use watch::Watch;

use hub::Hub;

/// How often is looked, and how much is done at a time.
#[derive(Debug, Clone, Copy)]
pub struct LiveOptions {
    /// How often is looked for what happened, while there are readers.
    pub look_every: Duration,
    /// How often is looked whether readers are members still.
    pub check_every: Duration,
    /// How many changes are read at a time, of all organizations.
    pub at_once: i64,
    /// How many changes of one organization are told at once. Where there are more, its readers are let go.
    pub most: usize,
    /// How many changes may wait for a reader. A reader for whom more wait is let go.
    pub ahead: usize,
    /// How many readers read at a time what happened. Each takes a connection to the database.
    pub turns: usize,
    /// How many of them in one organization.
    pub turns_of_each: usize,
    /// How many of one user there.
    pub turns_of_user: usize,
}

impl LiveOptions {
    /// For a pool with this many connections, of which at most half are taken.
    pub fn of_pool(size: u32) -> Self {
        let size = size as usize;
        Self {
            turns: (size / 2).max(1),
            turns_of_each: (size / 4).max(1),
            turns_of_user: (size / 8).max(1),
            ..Self::default()
        }
    }
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            look_every: Duration::from_millis(50),
            check_every: Duration::from_millis(500),
            at_once: 20_000,
            most: 20_000,
            ahead: 1_000,
            turns: 5,
            turns_of_each: 2,
            turns_of_user: 1,
        }
    }
}

/// Why changes are not told.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LiveError {
    /// What happened after the cursor is told no longer.
    #[error("the cursor has expired")]
    Expired,
    /// The database did not say in time from where on.
    #[error("the database did not answer")]
    Unanswered,
}

/// Tells readers what happens. Cheap to clone; when the last clone is dropped, nobody is told any more.
#[derive(Debug, Clone)]
pub struct Live(Arc<Running>);

#[derive(Debug)]
struct Running {
    hub: Arc<Hub>,
    tasks: [AbortHandle; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Live {
    /// Begins to look for what happens, with the worker's role. Readers read it from `store`. While there are no readers, nothing is done.
    pub fn start(worker: Store, store: Store, options: LiveOptions) -> Self {
        let hub = Arc::new(Hub::new(worker, store, options));
        let tasks =
            [tokio::spawn(hub::tell_forever(Arc::clone(&hub))), tokio::spawn(watch::check_forever(Arc::clone(&hub)))];
        Self(Arc::new(Running { hub, tasks: tasks.map(|task| task.abort_handle()) }))
    }

    /// What happens from now on, or after this cursor. What `reader` may not see is left out only where that is known beforehand: they read it in
    /// their own scope.
    ///
    /// # Errors
    /// See [`LiveError`].
    pub async fn follow(&self, reader: Identity, topic: Topic, after: Option<Cursor>) -> Result<Feed, LiveError> {
        Feed::begin(&self.0.hub, reader, topic, after).await
    }

    /// Watches whether this member loses a right. To miss nothing, begin before you read their role.
    pub fn watch(&self, member: Identity) -> Watch {
        Watch::begin(&self.0.hub, member)
    }

    /// How many feeds there are.
    pub fn feeds(&self) -> usize {
        self.0.hub.feeds()
    }
}
