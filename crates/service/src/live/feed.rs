//! The changes for one reader.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tenantry_domain::live::{Cursor, Happened, Topic};
use tenantry_domain::{ActivityId, Identity};
use tenantry_store::{ReadScope, StoreError, live};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::LiveError;
use super::hub::{Batch, Hub};

/// How many missed entries are read at a time.
const PAGE: usize = 200;

/// How long reading a page may take. A dead connection may never report an error.
const LONGEST: Duration = Duration::from_secs(10);

/// A change, and the reader's position after it.
#[derive(Debug, Clone)]
pub struct Told {
    /// The position after the change.
    pub cursor: Cursor,
    /// The entry of the change.
    pub activity_id: ActivityId,
}

/// Why a feed ends.
#[derive(Debug, thiserror::Error)]
pub enum FeedEnd {
    /// The reader did not keep up.
    #[error("the reader is too slow")]
    TooSlow,
    /// The changes that the reader missed cannot be read.
    #[error("what was missed cannot be read")]
    Store(#[source] StoreError),
}

/// The permission to read now; the number of readers who read at the same time is limited. Dropping it ends the turn.
#[derive(Debug)]
pub struct Turn {
    /// For the user, for the organization, and for all together.
    _permits: [OwnedSemaphorePermit; 3],
}

/// The changes for one reader: first those after the cursor, then new ones. Dropping it ends it.
#[derive(Debug)]
pub struct Feed {
    hub: Arc<Hub>,
    reader: Identity,
    topic: Topic,
    number: u64,
    queue: mpsc::UnboundedReceiver<Batch>,
    /// How many changes are in the queue.
    waiting: Arc<AtomicUsize>,
    /// The batch that was taken from the queue last, and how many of its changes have been looked at.
    batch: Option<(Batch, usize)>,
    /// Limit reading, for the user and for the organization.
    turns: [Arc<Semaphore>; 2],
    missed: Option<Missed>,
}

/// The changes that a reader missed. There are two batches: the rest of the one that the cursor is in, and everything after it.
#[derive(Debug)]
struct Missed {
    /// The reader's position in the current batch.
    cursor: Cursor,
    /// The batch that follows.
    then: Option<Cursor>,
    /// What has been read of the current batch and is not delivered yet.
    page: VecDeque<Happened>,
    /// The last entry that has been read; `None` before the first page.
    last: Option<(DateTime<Utc>, ActivityId)>,
    /// Whether the current batch has been read completely.
    is_read: bool,
}

impl Missed {
    /// The rest of the cursor's batch, and then another batch.
    fn of(cursor: Cursor, then: Option<Cursor>) -> Self {
        let is_read = cursor.before == cursor.until;
        let last = cursor.entry.map(|entry| (cursor.at, entry));
        Self { cursor, then, page: VecDeque::new(), last, is_read }
    }
}

impl Feed {
    pub(super) async fn begin(
        hub: &Arc<Hub>,
        reader: Identity,
        topic: Topic,
        after: Option<Cursor>,
    ) -> Result<Self, LiveError> {
        let joined = hub.join(reader);
        let mut feed = Self {
            hub: Arc::clone(hub),
            reader,
            topic,
            number: joined.number,
            queue: joined.queue,
            waiting: joined.waiting,
            batch: None,
            turns: joined.turns,
            missed: None,
        };
        let (until, now) = joined.begin.await.map_err(|_| LiveError::Unanswered)?;
        if let Some(cursor) = after {
            if live::is_expired(&cursor, now, &until) {
                return Err(LiveError::Expired);
            }
            let then = Some(cursor.following(until));
            feed.missed = Some(Missed::of(cursor, then));
        }
        Ok(feed)
    }

    /// The next change. The reader may not be allowed to see it.
    ///
    /// # Errors
    /// [`FeedEnd`], after which nothing follows.
    pub async fn next(&mut self) -> Result<Told, FeedEnd> {
        while self.missed.is_some() {
            if let Some(told) = self.next_missed().await.map_err(FeedEnd::Store)? {
                return Ok(told);
            }
        }
        loop {
            if let Some((batch, next)) = &mut self.batch {
                let (cursor, happened) = &**batch;
                while let Some(happened) = happened.get(*next) {
                    *next += 1;
                    if self.topic.is_about(happened) {
                        return Ok(told(cursor, happened));
                    }
                }
                self.waiting.fetch_sub(happened.len(), Ordering::Relaxed);
            }
            self.batch = None;
            self.batch = Some((self.queue.recv().await.ok_or(FeedEnd::TooSlow)?, 0));
        }
    }

    /// The next missed change; `None` if the current page has none left.
    async fn next_missed(&mut self) -> Result<Option<Told>, StoreError> {
        let Some(missed) = &mut self.missed else { return Ok(None) };
        while let Some(happened) = missed.page.pop_front() {
            if missed.cursor.is_before(happened.transaction, happened.at, happened.activity_id) {
                let told = told(&missed.cursor, &happened);
                missed.cursor = told.cursor.clone();
                return Ok(Some(told));
            }
        }
        if missed.is_read {
            self.missed = missed.then.take().map(|then| Missed::of(then, None));
            return Ok(None);
        }
        let (cursor, last) = (missed.cursor.clone(), missed.last);
        let page = self.read(&cursor, last).await?;
        if let Some(missed) = &mut self.missed {
            missed.is_read = page.len() < PAGE;
            missed.last = page.last().map(|happened| (happened.at, happened.activity_id));
            missed.page = page.into();
        }
        Ok(None)
    }

    async fn read(
        &self,
        cursor: &Cursor,
        last: Option<(DateTime<Utc>, ActivityId)>,
    ) -> Result<Vec<Happened>, StoreError> {
        let _turn = self.turn().await;
        let page = async {
            let scope = ReadScope::open(&self.hub.store, self.reader).await?;
            // The page is small, so the conversion cannot fail.
            live::missed(&scope, &self.topic, cursor, last, i64::try_from(PAGE).unwrap_or_default()).await
        };
        tokio::time::timeout(LONGEST, page).await.unwrap_or(Err(StoreError::OutOfTime))
    }

    /// Waits for the permission to read. Limits per organization and per user keep one from blocking the others.
    pub async fn turn(&self) -> Option<Turn> {
        let [of_user, of_organization] = &self.turns;
        // These semaphores are never closed.
        let of_user = Arc::clone(of_user).acquire_owned().await.ok()?;
        let of_organization = Arc::clone(of_organization).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.hub.turns).acquire_owned().await.ok()?;
        Some(Turn { _permits: [of_user, of_organization, of_all] })
    }
}

fn told(batch: &Cursor, happened: &Happened) -> Told {
    Told { cursor: batch.after(happened.at, happened.activity_id), activity_id: happened.activity_id }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.hub.leave(self.reader, self.number);
    }
}
