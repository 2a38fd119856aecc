//! The readers, and the task that looks for what happened.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tenantry_domain::causes::causes;
use tenantry_domain::live::{Cursor, Happened, Snapshot, Topic};
use tenantry_domain::{Identity, OrganizationId};
use tenantry_store::live::{self, News};
use tenantry_store::{Store, StoreError};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use super::LiveOptions;
use super::watch::Watched;

/// How long after a failure is looked again.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How long a look may take. A connection may be dead without anybody saying so.
pub(super) const LONGEST: Duration = Duration::from_secs(10);

/// A change as it is passed on: the batch that it is of, without an entry, and the change.
pub(super) type Passed = Arc<(Arc<Cursor>, Happened)>;

/// All readers of this process.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) worker: Store,
    /// What readers read from.
    pub(super) store: Store,
    pub(super) options: LiveOptions,
    pub(super) turns: Arc<Semaphore>,
    readers: Mutex<Readers>,
    pub(super) watched: Mutex<HashMap<Identity, Watched>>,
    /// There are readers.
    wanted: Notify,
}

#[derive(Debug, Default)]
struct Readers {
    by_organization: HashMap<OrganizationId, OfOrganization>,
    /// Those who begin with the next look.
    joining: Vec<Joining>,
    /// Gives each a number.
    last: u64,
    count: usize,
}

#[derive(Debug)]
struct OfOrganization {
    readers: HashMap<u64, Reader>,
    /// How many there are, with those who have not begun and those who were let go.
    feeds: usize,
    turns: Arc<Semaphore>,
}

#[derive(Debug)]
struct Reader {
    topic: Topic,
    queue: mpsc::Sender<Passed>,
}

#[derive(Debug)]
struct Joining {
    organization: OrganizationId,
    number: u64,
    /// Is told from where on the reader is told of everything.
    begin: oneshot::Sender<(Snapshot, DateTime<Utc>)>,
    reader: Reader,
}

/// What a new reader gets.
pub(super) struct Joined {
    pub(super) number: u64,
    pub(super) queue: mpsc::Receiver<Passed>,
    pub(super) begin: oneshot::Receiver<(Snapshot, DateTime<Utc>)>,
    pub(super) turns: Arc<Semaphore>,
}

impl Hub {
    pub(super) fn new(worker: Store, store: Store, options: LiveOptions) -> Self {
        Self {
            worker,
            store,
            options,
            turns: Arc::new(Semaphore::new(options.turns)),
            readers: Mutex::default(),
            watched: Mutex::default(),
            wanted: Notify::new(),
        }
    }

    /// Takes a reader in, who begins with the next look.
    pub(super) fn join(&self, organization: OrganizationId, topic: Topic) -> Joined {
        let (sender, queue) = mpsc::channel(self.options.ahead);
        let (tell, begin) = oneshot::channel();
        let mut readers = self.readers.lock();
        readers.last += 1;
        readers.count += 1;
        let number = readers.last;
        let of_each = self.options.turns_of_each;
        let of_organization = readers.by_organization.entry(organization).or_insert_with(|| OfOrganization {
            readers: HashMap::new(),
            feeds: 0,
            turns: Arc::new(Semaphore::new(of_each)),
        });
        of_organization.feeds += 1;
        let turns = Arc::clone(&of_organization.turns);
        let reader = Reader { topic, queue: sender };
        readers.joining.push(Joining { organization, number, begin: tell, reader });
        drop(readers);
        self.wanted.notify_one();
        Joined { number, queue, begin, turns }
    }

    /// Lets a reader go.
    pub(super) fn leave(&self, organization: OrganizationId, number: u64) {
        let mut readers = self.readers.lock();
        readers.count -= 1;
        readers.joining.retain(|joining| joining.number != number);
        if let Some(of_organization) = readers.by_organization.get_mut(&organization) {
            of_organization.readers.remove(&number);
            of_organization.feeds -= 1;
            if of_organization.feeds == 0 {
                readers.by_organization.remove(&organization);
            }
        }
    }

    pub(super) fn feeds(&self) -> usize {
        self.readers.lock().count
    }

    /// Those who begin with this look; `None` if there is nobody to look for.
    fn take_joining(&self) -> Option<Vec<Joining>> {
        let mut readers = self.readers.lock();
        (readers.count > 0).then(|| std::mem::take(&mut readers.joining))
    }

    /// Passes on what happened between two snapshots, to those who were there before; then lets the new ones begin.
    fn pass_on(&self, before: Option<Snapshot>, news: News, joining: Vec<Joining>) {
        let News { until, at, happened, is_cut_off } = news;
        let mut by_organization: HashMap<OrganizationId, Vec<Happened>> = HashMap::new();
        for happened in happened {
            by_organization.entry(happened.organization_id).or_default().push(happened);
        }
        let batch =
            Arc::new(Cursor { before: before.unwrap_or_else(|| until.clone()), until: until.clone(), at, entry: None });
        let mut readers = self.readers.lock();
        if is_cut_off {
            tracing::warn!("more happened than can be told; those who follow have to ask for the rest");
            readers.by_organization.values_mut().for_each(|of_organization| of_organization.readers.clear());
        }
        for (organization, mut happened) in by_organization {
            let Some(of_organization) = readers.by_organization.get_mut(&organization) else { continue };
            happened.sort_unstable_by_key(|happened| (happened.at, happened.activity_id));
            for happened in happened {
                let passed = Arc::new((Arc::clone(&batch), happened));
                // Who does not keep up is let go: their queue ends, and they find out when they have read what is in it.
                of_organization.readers.retain(|_, reader| {
                    !reader.topic.is_about(&passed.1) || reader.queue.try_send(Arc::clone(&passed)).is_ok()
                });
            }
        }
        for Joining { organization, number, begin, reader } in joining {
            if let (Some(of_organization), Ok(())) =
                (readers.by_organization.get_mut(&organization), begin.send((until.clone(), at)))
            {
                of_organization.readers.insert(number, reader);
            }
        }
    }
}

/// Looks for what happened, as long as there are readers.
pub(super) async fn tell_forever(hub: Arc<Hub>) {
    let mut known: Option<Snapshot> = None;
    let mut has_failed = false;
    loop {
        let Some(joining) = hub.take_joining() else {
            // Nobody misses what happens now.
            known = None;
            hub.wanted.notified().await;
            continue;
        };
        let news = tokio::time::timeout(LONGEST, live::news(&hub.worker, known.as_ref()));
        match news.await.unwrap_or(Err(StoreError::OutOfTime)) {
            Ok(news) => {
                has_failed = false;
                let before = known.replace(news.until.clone());
                hub.pass_on(before, news, joining);
                tokio::time::sleep(hub.options.look_every).await;
            }
            // Nothing is lost: the next look begins where this one did. Those who wait to begin are refused, and ask again.
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(error = causes(&error), "what happens cannot be read");
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}
