//! What one reader is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use tenantry_domain::live::{Cursor, Happened, Topic};
use tenantry_domain::{ActivityId, Identity};
use tenantry_store::{ReadScope, StoreError, live};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::LiveError;
use super::hub::{Batch, Hub};

/// How many entries of those that were missed are read at a time.
const PAGE: usize = 200;

/// A change, and where the reader has got to with it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Who comes back with it is told what follows.
    pub cursor: Cursor,
    /// The entry that tells of the change.
    pub activity_id: ActivityId,
}

/// Why a reader is told no more.
#[derive(Debug, thiserror::Error)]
pub enum FeedEnd {
    /// They did not read fast enough.
    #[error("the reader is too slow")]
    TooSlow,
    /// What they missed cannot be read.
    #[error("what was missed cannot be read")]
    Store(#[source] StoreError),
}

/// The right to read what happened, while many want to. It ends when it is dropped.
#[derive(Debug)]
pub struct Turn {
    /// Of the user, of the organization, and of all.
    _permits: [OwnedSemaphorePermit; 3],
}

/// What one reader is told: first what they missed, and then what happens. It ends when it is dropped.
#[derive(Debug)]
pub struct Feed {
    hub: Arc<Hub>,
    reader: Identity,
    topic: Topic,
    number: u64,
    queue: mpsc::UnboundedReceiver<Batch>,
    /// How many changes are in the queue.
    waiting: Arc<AtomicUsize>,
    /// The batch that was taken out of it last, and how much of it was looked at.
    batch: Option<(Batch, usize)>,
    /// Of the user and of the organization.
    turns: [Arc<Semaphore>; 2],
    missed: Option<Missed>,
}

/// What a reader missed, in two batches: the one that they were in the middle of, and all that followed.
#[derive(Debug)]
struct Missed {
    /// Where the reader has got to in it.
    cursor: Cursor,
    then: Option<Cursor>,
    /// What was read of it and not told yet.
    page: VecDeque<Happened>,
    /// The end of what was read; `None` if nothing was.
    last: Option<(DateTime<Utc>, ActivityId)>,
    /// Whether all of it was read.
    is_read: bool,
}

impl Missed {
    /// What is left of the cursor's batch, and then of another one.
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

    /// The next change. It may be one that the reader may not see, and then they are not told.
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

    /// The next change that was missed; `None` if there is none in the page that was read last.
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
        let scope = ReadScope::open(&self.hub.store, self.reader).await?;
        // The limit is small.
        live::missed(&scope, &self.topic, cursor, last, i64::try_from(PAGE).unwrap_or_default()).await
    }

    /// Waits until the reader may read what happened. The readers of one organization do not keep those of others waiting, nor one user the others.
    pub async fn turn(&self) -> Option<Turn> {
        let [of_user, of_organization] = &self.turns;
        // None is ever closed.
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
