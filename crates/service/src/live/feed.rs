//! What one reader is told.

use std::collections::VecDeque;
use std::sync::Arc;

use tenantry_domain::live::{Cursor, Happened, Topic};
use tenantry_domain::{ActivityId, Identity};
use tenantry_store::{ReadScope, StoreError, live};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::LiveError;
use super::hub::{Hub, Passed};

/// How many entries of those that were missed are read at a time.
const PAGE: i64 = 100;

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
    _of_organization: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// What one reader is told: first what they missed, and then what happens. It ends when it is dropped.
#[derive(Debug)]
pub struct Feed {
    hub: Arc<Hub>,
    reader: Identity,
    topic: Topic,
    number: u64,
    queue: mpsc::Receiver<Passed>,
    turns: Arc<Semaphore>,
    missed: Option<Missed>,
}

/// What a reader missed, in two batches: the one that they were in the middle of, and all that followed.
#[derive(Debug)]
struct Missed {
    /// The end of what was read so far.
    cursor: Cursor,
    then: Option<Cursor>,
    page: VecDeque<Happened>,
}

impl Feed {
    pub(super) async fn begin(
        hub: &Arc<Hub>,
        reader: Identity,
        topic: Topic,
        after: Option<Cursor>,
    ) -> Result<Self, LiveError> {
        let joined = hub.join(reader.organization_id, topic.clone());
        let mut feed = Self {
            hub: Arc::clone(hub),
            reader,
            topic,
            number: joined.number,
            queue: joined.queue,
            turns: joined.turns,
            missed: None,
        };
        let (until, now) = joined.begin.await.map_err(|_| LiveError::Unanswered)?;
        if let Some(cursor) = after {
            if live::is_expired(&cursor, now, &until) {
                return Err(LiveError::Expired);
            }
            let then = Some(cursor.following(until));
            feed.missed = Some(Missed { cursor, then, page: VecDeque::new() });
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
        let passed = self.queue.recv().await.ok_or(FeedEnd::TooSlow)?;
        let (batch, happened) = &*passed;
        Ok(told(batch, happened))
    }

    /// The next change that was missed; `None` if there is none in the page that was read last.
    async fn next_missed(&mut self) -> Result<Option<Told>, StoreError> {
        let Some(missed) = &mut self.missed else { return Ok(None) };
        if let Some(happened) = missed.page.pop_front() {
            let told = told(&missed.cursor, &happened);
            missed.cursor = told.cursor.clone();
            return Ok(Some(told));
        }
        let cursor = missed.cursor.clone();
        let page = if cursor.before == cursor.until { Vec::new() } else { self.read(&cursor).await? };
        if let Some(missed) = &mut self.missed {
            match (page.is_empty(), missed.then.take()) {
                (false, then) => (missed.page, missed.then) = (page.into(), then),
                (true, Some(then)) => missed.cursor = then,
                (true, None) => self.missed = None,
            }
        }
        Ok(None)
    }

    async fn read(&self, cursor: &Cursor) -> Result<Vec<Happened>, StoreError> {
        let _turn = self.turn().await;
        let scope = ReadScope::open(&self.hub.store, self.reader).await?;
        live::missed(&scope, &self.topic, cursor, PAGE).await
    }

    /// Waits until the reader may read what happened. The readers of one organization do not keep those of others waiting.
    pub async fn turn(&self) -> Option<Turn> {
        // Neither is ever closed.
        let of_organization = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let of_all = Arc::clone(&self.hub.turns).acquire_owned().await.ok()?;
        Some(Turn { _of_organization: of_organization, _of_all: of_all })
    }
}

fn told(batch: &Cursor, happened: &Happened) -> Told {
    Told { cursor: batch.after(happened.at, happened.activity_id), activity_id: happened.activity_id }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.hub.leave(self.reader.organization_id, self.number);
    }
}
