//! Sends changes to the readers who subscribed to them.
//!
//! One task polls for new entries of all organizations and passes their ids on to the readers. Each reader reads the entry in a scope of its
//! own, so that permissions are checked at that moment. A second task checks whether the readers are still members.

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

/// How often the tasks run, and how much they do at a time.
#[derive(Debug, Clone, Copy)]
pub struct LiveOptions {
    /// How often new entries are polled for, while there are readers.
    pub look_every: Duration,
    /// How often the readers' memberships are checked.
    pub check_every: Duration,
    /// How many entries one statement reads, of all organizations together.
    pub at_once: i64,
    /// How many changes of one organization are passed on at a time. If there are more, its readers are dropped and have to resume.
    pub most: usize,
    /// How many changes may wait for one reader. A reader with more is dropped.
    pub ahead: usize,
    /// How many readers may read at the same time. Each of them holds a database connection.
    pub turns: usize,
    /// How many of them in one organization.
    pub turns_of_organization: usize,
    /// How many of them of one user.
    pub turns_of_user: usize,
}

impl LiveOptions {
    /// The options for a pool of this size: reading takes at most half of its connections, but at least one.
    pub fn of_pool(size: u32) -> Self {
        let size = size as usize;
        Self {
            turns: (size / 2).max(1),
            turns_of_organization: (size / 4).max(1),
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
            turns_of_organization: 2,
            turns_of_user: 1,
        }
    }
}

/// Why a subscription cannot begin.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LiveError {
    /// The cursor is too old, or belongs to another database.
    #[error("the cursor has expired")]
    Expired,
    /// The database cannot be read.
    #[error("the database did not answer")]
    Unanswered,
}

/// Sends changes to readers. Cheap to clone; it stops when the last clone is dropped.
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
    /// Starts the two tasks. They use `worker`, which must be connected as the worker's role; readers use `store`. Without readers the
    /// database is not asked.
    pub fn start(worker: Store, store: Store, options: LiveOptions) -> Self {
        let hub = Arc::new(Hub::new(worker, store, options));
        let tasks =
            [tokio::spawn(hub::tell_forever(Arc::clone(&hub))), tokio::spawn(watch::check_forever(Arc::clone(&hub)))];
        Self(Arc::new(Running { hub, tasks: tasks.map(|task| task.abort_handle()) }))
    }

    /// The changes of a topic, from now on or after this cursor. The feed may contain changes that `reader` may not see: read each entry in the
    /// reader's own scope.
    ///
    /// # Errors
    /// See [`LiveError`].
    pub async fn follow(&self, reader: Identity, topic: Topic, after: Option<Cursor>) -> Result<Feed, LiveError> {
        Feed::begin(&self.0.hub, reader, topic, after).await
    }

    /// Watches whether this member loses rights. Begin before you read the member's role, so that no change is missed.
    pub fn watch(&self, member: Identity) -> Watch {
        Watch::begin(&self.0.hub, member)
    }

    /// How many feeds there are.
    pub fn feeds(&self) -> usize {
        self.0.hub.feeds()
    }
}
