//! The readers, and the task that looks for what happened.

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

/// How long after a failure is looked again.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How long a look may take. A connection may be dead without anybody saying so.
const LONGEST: Duration = Duration::from_secs(10);

/// What happened in one organization between two looks, as it is passed on: the batch, without an entry, and the changes in their order.
pub(super) type Batch = Arc<(Cursor, Vec<Happened>)>;

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
    /// With a lock of its own, so that nobody waits for the readers of another organization.
    readers: Arc<Mutex<HashMap<u64, Reader>>>,
    /// How many there are, with those who have not begun and those who were let go.
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
    /// How many changes are in it.
    waiting: Arc<AtomicUsize>,
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
    pub(super) queue: mpsc::UnboundedReceiver<Batch>,
    pub(super) waiting: Arc<AtomicUsize>,
    pub(super) begin: oneshot::Receiver<(Snapshot, DateTime<Utc>)>,
    /// The right to read, of the user and of the organization.
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

    /// Takes a reader in, who begins with the next look.
    pub(super) fn join(&self, reader: Identity) -> Joined {
        // It is bounded by the number of changes in it: see `pass_on`.
        let (sender, queue) = mpsc::unbounded_channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let (tell, begin) = oneshot::channel();
        let mut readers = self.readers.lock();
        readers.last += 1;
        readers.count += 1;
        let number = readers.last;
        let organization = reader.organization_id;
        let LiveOptions { turns_of_each, turns_of_user, .. } = self.options;
        let of_organization = readers.by_organization.entry(organization).or_insert_with(|| OfOrganization {
            readers: Arc::default(),
            feeds: 0,
            turns: Arc::new(Semaphore::new(turns_of_each)),
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

    /// Lets a reader go.
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
        let those_who_began = Arc::clone(&of_organization.readers);
        if of_organization.feeds == 0 {
            readers.by_organization.remove(&reader.organization_id);
        }
        // Not while everybody waits: there may be many in the organization.
        drop(readers);
        those_who_began.lock().remove(&number);
    }

    pub(super) fn feeds(&self) -> usize {
        self.readers.lock().count
    }

    /// Those who begin with this look; `None` if there is nobody to look for.
    fn take_joining(&self) -> Option<Vec<Joining>> {
        let mut readers = self.readers.lock();
        (readers.count > 0).then(|| std::mem::take(&mut readers.joining))
    }

    /// The readers of an organization who have begun, if there are any.
    fn readers_of(&self, organization: OrganizationId) -> Option<Arc<Mutex<HashMap<u64, Reader>>>> {
        self.readers.lock().by_organization.get(&organization).map(|found| Arc::clone(&found.readers))
    }

    /// Passes on what happened, to those who were there; then lets the new ones begin.
    async fn pass_on(&self, gathered: Gathered, until: Snapshot, at: DateTime<Utc>, joining: Vec<Joining>) {
        let Gathered { before, by_organization, left_out } = gathered;
        if !left_out.is_empty() {
            let organizations = left_out.len();
            tracing::warn!(
                organizations,
                "more happened at once than is told; those who follow there have to ask for it"
            );
        }
        for organization in left_out {
            self.let_go(organization);
        }
        for (organization, mut happened) in by_organization {
            let Some(readers) = self.readers_of(organization) else { continue };
            happened.sort_unstable_by_key(|happened| (happened.at, happened.activity_id));
            let cursor = Cursor { before: before.clone(), until: until.clone(), at, entry: None };
            let (many, batch) = (happened.len(), Arc::new((cursor, happened)));
            // Who does not keep up is let go: their queue ends, and they find out when they have read what is in it.
            readers.lock().retain(|_, reader| {
                let waiting = reader.waiting.fetch_add(many, Ordering::Relaxed);
                waiting <= self.options.ahead && reader.queue.send(Arc::clone(&batch)).is_ok()
            });
            // There may be many readers, and many organizations.
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

    /// Lets the readers of an organization go, who come back and ask for what they missed.
    fn let_go(&self, organization: OrganizationId) {
        if let Some(readers) = self.readers_of(organization) {
            readers.lock().clear();
        }
    }

    fn let_all_go(&self) {
        let organizations: Vec<OrganizationId> = self.readers.lock().by_organization.keys().copied().collect();
        for organization in organizations {
            self.let_go(organization);
        }
    }
}

/// What happened since a snapshot, in the parts that were read so far.
struct Gathered {
    before: Snapshot,
    by_organization: HashMap<OrganizationId, Vec<Happened>>,
    /// Where more happened than is told.
    left_out: HashSet<OrganizationId>,
}

impl Gathered {
    fn since(before: Snapshot) -> Self {
        Self { before, by_organization: HashMap::new(), left_out: HashSet::new() }
    }

    /// Adds a part. Of an organization in which more than `most` happened, nothing is kept.
    fn add(&mut self, happened: Vec<Happened>, left_out: Vec<OrganizationId>, most: usize) {
        self.left_out.extend(left_out);
        for happened in happened {
            let organization = happened.organization_id;
            if self.left_out.contains(&organization) {
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

/// Looks for what happened, as long as there are readers.
pub(super) async fn tell_forever(hub: Arc<Hub>) {
    let mut known: Option<Snapshot> = None;
    // What was read in parts is passed on as a whole: only then is its order known, and only then is there a snapshot to begin from.
    let mut gathered: Option<Gathered> = None;
    let mut joining = Vec::new();
    let mut has_failed = false;
    loop {
        let Some(more) = hub.take_joining() else {
            // Nobody misses what happens now.
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
                    tracing::warn!("the database is not as far as it was; those who follow have to begin anew");
                    hub.let_all_go();
                }
                let mut all = gathered.take().unwrap_or_else(|| Gathered::since(before));
                all.add(happened, left_out, hub.options.most);
                if is_cut_off {
                    gathered = Some(all);
                    continue;
                }
                hub.pass_on(all, until, at, std::mem::take(&mut joining)).await;
                tokio::time::sleep(hub.options.look_every).await;
            }
            // Nothing is lost: the next look begins where this one did. Those who wait to begin are refused, and ask again.
            Err(error) => {
                joining.clear();
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(error = causes(&error), "what happens cannot be read");
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}
