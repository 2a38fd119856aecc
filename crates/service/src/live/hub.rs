//! The readers, and the task that polls for new entries.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tenantry_domain::causes::causes;
use tenantry_domain::live::{Cursor, Happened, Snapshot};
use tenantry_domain::{Identity, OrganizationId, UserId};
use tenantry_store::live::{self, News};
use tenantry_store::{Store, StoreError};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use super::LiveOptions;
use super::watch::Watched;

/// The pause after a failed poll.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How long one poll may take. A dead connection may never report an error.
const LONGEST: Duration = Duration::from_secs(10);

/// The changes of one organization between two polls: the cursor at the beginning of the batch, and the changes in order.
pub(super) type Batch = Arc<(Cursor, Vec<Happened>)>;

/// All readers of this process.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) worker: Store,
    /// The store that readers use.
    pub(super) store: Store,
    pub(super) options: LiveOptions,
    pub(super) turns: Arc<Semaphore>,
    readers: Mutex<Readers>,
    pub(super) watched: Mutex<HashMap<Identity, Watched>>,
    /// Wakes the task when there are readers.
    wanted: Notify,
}

#[derive(Debug, Default)]
struct Readers {
    by_organization: HashMap<OrganizationId, OfOrganization>,
    /// Readers who begin with the next poll.
    joining: Vec<Joining>,
    /// The number that was given last; each reader has one.
    last: u64,
    count: usize,
}

#[derive(Debug)]
struct OfOrganization {
    /// With a lock of its own, so that readers of one organization do not wait for those of another.
    readers: Arc<Mutex<HashMap<u64, Reader>>>,
    /// How many feeds exist, including those that have not begun and those that were dropped here.
    feeds: usize,
    turns: Arc<Semaphore>,
    users: HashMap<UserId, OfUser>,
}

/// The feeds of one user in an organization.
#[derive(Debug)]
struct OfUser {
    feeds: usize,
    turns: Arc<Semaphore>,
}

#[derive(Debug)]
struct Reader {
    queue: mpsc::UnboundedSender<Batch>,
    /// How many changes are in the queue.
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Joining {
    organization: OrganizationId,
    number: u64,
    /// Receives the snapshot after which the queue gets all changes.
    begin: oneshot::Sender<(Snapshot, DateTime<Utc>)>,
    reader: Reader,
}

/// What a new reader gets.
pub(super) struct Joined {
    pub(super) number: u64,
    pub(super) queue: mpsc::UnboundedReceiver<Batch>,
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) begin: oneshot::Receiver<(Snapshot, DateTime<Utc>)>,
    /// Limits reading, for the user and for the organization.
    pub(super) turns: [Arc<Semaphore>; 2],
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

    /// Adds a reader, who begins with the next poll.
    pub(super) fn join(&self, reader: Identity) -> Joined {
        // `pass_on` bounds it by the number of changes in it.
        let (sender, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (tell, begin) = oneshot::channel();
        let mut readers = self.readers.lock();
        readers.last += 1;
        readers.count += 1;
        let number = readers.last;
        let organization = reader.organization_id;
        let LiveOptions { turns_of_organization, turns_of_user, .. } = self.options;
        let of_organization = readers.by_organization.entry(organization).or_insert_with(|| OfOrganization {
            readers: Arc::default(),
            feeds: 0,
            turns: Arc::new(Semaphore::new(turns_of_organization)),
            users: HashMap::new(),
        });
        of_organization.feeds += 1;
        let of_user = of_organization
            .users
            .entry(reader.user_id)
            .or_insert_with(|| OfUser { feeds: 0, turns: Arc::new(Semaphore::new(turns_of_user)) });
        of_user.feeds += 1;
        let turns = [&of_user.turns, &of_organization.turns].map(Arc::clone);
        let reader = Reader { queue: sender, waiting: Arc::clone(&waiting) };
        readers.joining.push(Joining { organization, number, begin: tell, reader });
        drop(readers);
        self.wanted.notify_one();
        Joined { number, queue, waiting, begin, turns }
    }

    /// Removes a reader.
    pub(super) fn leave(&self, reader: Identity, number: u64) {
        let mut readers = self.readers.lock();
        readers.count -= 1;
        readers.joining.retain(|joining| joining.number != number);
        let Some(of_organization) = readers.by_organization.get_mut(&reader.organization_id) else { return };
        of_organization.feeds -= 1;
        if let Some(of_user) = of_organization.users.get_mut(&reader.user_id) {
            of_user.feeds -= 1;
            if of_user.feeds == 0 {
                of_organization.users.remove(&reader.user_id);
            }
        }
        let begun = Arc::clone(&of_organization.readers);
        if of_organization.feeds == 0 {
            readers.by_organization.remove(&reader.organization_id);
        }
        // The organization may be busy with many readers; other organizations must not wait for that.
        drop(readers);
        begun.lock().remove(&number);
    }

    pub(super) fn feeds(&self) -> usize {
        self.readers.lock().count
    }

    /// The readers who begin with this poll; `None` if there are no readers at all.
    fn take_joining(&self) -> Option<Vec<Joining>> {
        let mut readers = self.readers.lock();
        (readers.count > 0).then(|| std::mem::take(&mut readers.joining))
    }

    /// The readers of an organization who have begun; `None` if the organization has no readers.
    fn readers_of(&self, organization: OrganizationId) -> Option<Arc<Mutex<HashMap<u64, Reader>>>> {
        self.readers.lock().by_organization.get(&organization).map(|found| Arc::clone(&found.readers))
    }

    /// Passes changes on to the readers who have begun, and then lets the new ones begin.
    async fn pass_on(&self, gathered: Gathered, until: Snapshot, at: DateTime<Utc>, joining: Vec<Joining>) {
        let Gathered { before, by_organization, left_out } = gathered;
        if !left_out.is_empty() {
            let organizations = left_out.len();
            tracing::warn!(
                organizations,
                "too many changes at once: the subscribers of these organizations are disconnected and have to resume"
            );
        }
        for organization in left_out {
            self.drop_readers(organization);
        }
        for (organization, mut happened) in by_organization {
            let Some(readers) = self.readers_of(organization) else { continue };
            happened.sort_unstable_by_key(|happened| (happened.at, happened.activity_id));
            let cursor = Cursor { before: before.clone(), until: until.clone(), at, entry: None };
            let (many, batch) = (happened.len(), Arc::new((cursor, happened)));
            // A reader who does not keep up is dropped. Its queue ends, which it notices after reading the rest.
            readers.lock().retain(|_, reader| {
                let waiting = reader.waiting.fetch_add(many, Ordering::Relaxed);
                waiting <= self.options.ahead && reader.queue.send(Arc::clone(&batch)).is_ok()
            });
            // Other tasks get a turn: there may be many organizations.
            tokio::task::yield_now().await;
        }
        for Joining { organization, number, begin, reader } in joining {
            if let Some(readers) = self.readers_of(organization)
                && begin.send((until.clone(), at)).is_ok()
            {
                readers.lock().insert(number, reader);
            }
        }
    }

    /// Drops the readers of an organization. They resume with their last cursor.
    fn drop_readers(&self, organization: OrganizationId) {
        if let Some(readers) = self.readers_of(organization) {
            readers.lock().clear();
        }
    }

    fn drop_all_readers(&self) {
        let organizations: Vec<OrganizationId> = self.readers.lock().by_organization.keys().copied().collect();
        for organization in organizations {
            self.drop_readers(organization);
        }
    }
}

/// The changes since a snapshot, from one or more statements. They are passed on together: only the complete batch has an order, and only its
/// end is a real snapshot from which a reader can begin.
struct Gathered {
    before: Snapshot,
    by_organization: HashMap<OrganizationId, Vec<Happened>>,
    /// Organizations with too many changes.
    left_out: HashSet<OrganizationId>,
}

impl Gathered {
    fn since(before: Snapshot) -> Self {
        Self { before, by_organization: HashMap::new(), left_out: HashSet::new() }
    }

    /// Adds the changes of one statement, of organizations that have readers. Of an organization with more than `most`, nothing is kept.
    fn add(&mut self, hub: &Hub, happened: Vec<Happened>, left_out: Vec<OrganizationId>) {
        let most = hub.options.most;
        self.left_out.extend(left_out);
        let with_readers: HashSet<OrganizationId> = hub.readers.lock().by_organization.keys().copied().collect();
        for happened in happened {
            let organization = happened.organization_id;
            if self.left_out.contains(&organization) || !with_readers.contains(&organization) {
                continue;
            }
            let of_organization = self.by_organization.entry(organization).or_default();
            of_organization.push(happened);
            if of_organization.len() > most {
                self.left_out.insert(organization);
            }
        }
        self.by_organization.retain(|organization, _| !self.left_out.contains(organization));
    }
}

/// Polls for new entries, as long as there are readers.
pub(super) async fn tell_forever(hub: Arc<Hub>) {
    let mut known: Option<Snapshot> = None;
    let mut gathered: Option<Gathered> = None;
    let mut joining = Vec::new();
    let mut has_failed = false;
    loop {
        let Some(more) = hub.take_joining() else {
            // Without readers no change is missed.
            (known, gathered) = (None, None);
            joining.clear();
            hub.wanted.notified().await;
            continue;
        };
        joining.extend(more);
        let news = tokio::time::timeout(LONGEST, live::news(&hub.worker, known.as_ref(), hub.options.at_once));
        match news.await.unwrap_or(Err(StoreError::OutOfTime)) {
            Ok(News { until, at, happened, is_cut_off, left_out }) => {
                has_failed = false;
                let before = known.replace(until.clone()).unwrap_or_else(|| until.clone());
                if before.next() > until.next() {
                    tracing::warn!(
                        "the database has gone back in time: all subscribers are disconnected and have to resume"
                    );
                    hub.drop_all_readers();
                }
                let mut all = gathered.take().unwrap_or_else(|| Gathered::since(before));
                all.add(&hub, happened, left_out);
                if is_cut_off {
                    gathered = Some(all);
                    continue;
                }
                hub.pass_on(all, until, at, std::mem::take(&mut joining)).await;
                tokio::time::sleep(hub.options.look_every).await;
            }
            // No change is lost: the next poll begins at the same snapshot. Readers who wait to begin are refused.
            Err(error) => {
                joining.clear();
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(error = causes(&error), "live changes cannot be read");
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}
