//! Batching without timers: every read of a request waits until the whole execution can go no further, and then all that wait
//! run, one statement per kind of read.
//!
//! async-graphql polls all fields of a level before any of them can finish, so at the moment when nothing is left to do every
//! key of the level is known. The number of statements therefore depends on the query's shape alone: not on the data, not on
//! the scheduler, not on a clock.

use std::any::{Any, TypeId};
use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tenantry_domain::Identity;
use tenantry_store::{ReadScope, Store, StoreError};
use tokio::time::Instant;

use crate::caller::{Caller, Membership};

/// A kind of read that is done for many keys at once.
pub trait Loader: Send + Sync + Sized + 'static {
    /// What is asked for.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// What comes back. Cloned for everyone who asks, so it is an `Arc` or small.
    type Value: Clone + Send + Sync + 'static;

    /// Reads all keys. A key without an entry has no value.
    ///
    /// What is given without having read anything needs [`ReadScope::ensure_open`] first: until then nobody knows whether the
    /// caller belongs to the organization.
    fn load<'a>(scope: &'a ReadScope, keys: &'a [Self::Key]) -> impl Future<Output = Loaded<Self>> + Send + 'a;
}

/// What a loader came back with: the values, and the keys that failed.
pub type Loaded<L> = Result<HashMap<<L as Loader>::Key, Result<<L as Loader>::Value, Arc<StoreError>>>, StoreError>;

/// A failed read, shared by all who waited for it.
pub type ReadError = Arc<StoreError>;

/// The reads of one request, in one snapshot.
pub struct Reads {
    store: Store,
    identity: Identity,
    expires_at: Option<DateTime<Utc>>,
    membership: Membership,
    deadline: Option<Instant>,
    /// The keys of the root fields that have changed something for good.
    committed: Mutex<Vec<String>>,
    state: Mutex<State>,
    /// Whether the snapshot is being opened, which may wait for a connection.
    opening: AtomicBool,
}

#[derive(Default)]
struct State {
    scope: Option<Arc<ReadScope>>,
    queues: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    waiting: Vec<Arc<dyn Flush>>,
    /// How often something was written.
    writes: u64,
    /// What the first failed statement of the snapshot came back with.
    failed: Option<ReadError>,
}

impl Reads {
    pub(crate) fn new(store: Store, caller: &Caller, deadline: Option<Instant>) -> Self {
        Self {
            store,
            identity: caller.identity,
            expires_at: caller.expires_at,
            membership: caller.membership.clone(),
            deadline,
            committed: Mutex::default(),
            state: Mutex::default(),
            opening: AtomicBool::new(false),
        }
    }

    /// Who the caller's token says it is.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Until when the caller's token is good, if that is known.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        self.expires_at
    }

    /// When what is under way is given up; `None` where something else sees to it.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Notes that the root field of this key has changed something for good.
    pub(crate) fn committed(&self, root: &str) {
        self.committed.lock().push(root.to_owned());
    }

    /// Takes the keys of the root fields that have changed something for good.
    pub(crate) fn take_committed(&self) -> Vec<String> {
        std::mem::take(&mut *self.committed.lock())
    }

    /// Is told when the caller turns out to be a member.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The value for this key; `None` when there is none.
    ///
    /// # Errors
    /// The statement failed, or an earlier one of the same snapshot.
    pub async fn load<L: Loader>(&self, key: L::Key) -> Result<Option<L::Value>, ReadError> {
        let queue = self.queue::<L>();
        let mut asked = false;
        std::future::poll_fn(|context| {
            if !std::mem::replace(&mut asked, true) {
                self.ask_of(&queue, &key);
            }
            queue.poll(&key, context)
        })
        .await
    }

    /// Has the value for this key read with whatever is read next, for somebody who will load it then.
    pub(crate) fn ask<L: Loader>(&self, key: &L::Key) {
        self.ask_of(&self.queue::<L>(), key);
    }

    fn ask_of<L: Loader>(&self, queue: &Arc<Queue<L>>, key: &L::Key) {
        if queue.ask(key) {
            self.state.lock().waiting.push(Arc::clone(queue) as Arc<dyn Flush>);
        }
    }

    /// Forgets all that was read, and the snapshot it was read in; after a write, so that the next read sees it.
    pub fn forget(&self) {
        let mut state = self.state.lock();
        *state = State { writes: state.writes + 1, ..State::default() };
    }

    fn queue<L: Loader>(&self) -> Arc<Queue<L>> {
        let mut state = self.state.lock();
        let queue = state.queues.entry(TypeId::of::<L>()).or_insert_with(|| Arc::new(Queue::<L>::default()));
        // The entry of a type is always a queue of that type, so a new one is never really made here.
        Arc::clone(queue).downcast().unwrap_or_default()
    }

    fn has_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// The snapshot of the request; the first to ask takes a connection for it.
    async fn scope(&self, presume: bool) -> Result<Arc<ReadScope>, StoreError> {
        let writes = {
            let state = self.state.lock();
            if let Some(scope) = &state.scope {
                return Ok(Arc::clone(scope));
            }
            state.writes
        };
        self.opening.store(true, Ordering::Relaxed);
        let scope = if presume {
            let membership = self.membership.clone();
            ReadScope::prepare(&self.store, self.identity, move |is_member| membership.note(is_member)).await
        } else {
            ReadScope::open(&self.store, self.identity).await.inspect(|_| self.membership.prove())
        };
        self.opening.store(false, Ordering::Relaxed);
        let scope = Arc::new(scope?);
        let mut state = self.state.lock();
        // Not if something was written meanwhile: those who read after it are to see it.
        if state.writes == writes {
            state.scope = Some(Arc::clone(&scope));
        }
        Ok(scope)
    }

    /// Runs all that waits, in one round trip if each needs but one statement.
    async fn flush(&self) {
        // A statement that failed has taken the transaction with it: nothing after it could be read in the same snapshot.
        let (waiting, mut failed, writes) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.waiting), state.failed.clone(), state.writes)
        };
        if failed.is_none() {
            let read = self.read(&waiting);
            let read = match self.deadline {
                None => read.await,
                Some(deadline) => tokio::time::timeout_at(deadline, read).await.unwrap_or(Err(StoreError::OutOfTime)),
            };
            failed = read.err().map(Arc::new);
        }
        if let Some(failed) = failed {
            for queue in &waiting {
                queue.fail(&failed);
            }
            let mut state = self.state.lock();
            if state.writes == writes {
                state.failed = Some(failed);
            }
        }
    }

    /// Reads what all of these have pending. On failure, some may have it pending still.
    async fn read(&self, waiting: &[Arc<dyn Flush>]) -> Result<(), StoreError> {
        let scope = self.scope(true).await?;
        match read_in(&scope, waiting).await {
            // The snapshot has seen another role than the statements were made for. What is read now is taken as it is.
            Err(StoreError::MembershipChanged) => {
                self.state.lock().scope = None;
                read_in(&*self.scope(false).await?, waiting).await
            }
            result => result,
        }
    }
}

/// Reads what all of these have pending, in this snapshot.
async fn read_in(scope: &ReadScope, waiting: &[Arc<dyn Flush>]) -> Result<(), StoreError> {
    match waiting {
        [only] => only.flush(scope).await?,
        several => {
            let reads = several.iter().map(|queue| queue.flush(scope)).collect();
            scope.together(reads).await.into_iter().collect::<Result<(), StoreError>>()?;
        }
    }
    // Whoever needed no statement is to know nothing of the organization either, unless they belong to it.
    scope.ensure_open().await
}

/// The keys of one loader.
struct Queue<L: Loader> {
    entries: Mutex<Entries<L>>,
}

impl<L: Loader> Default for Queue<L> {
    fn default() -> Self {
        Self { entries: Mutex::default() }
    }
}

struct Entries<L: Loader> {
    asked: HashSet<L::Key>,
    pending: Vec<L::Key>,
    done: HashMap<L::Key, Result<Option<L::Value>, ReadError>>,
    wakers: Vec<Waker>,
}

impl<L: Loader> Default for Entries<L> {
    fn default() -> Self {
        Self { asked: HashSet::new(), pending: Vec::new(), done: HashMap::new(), wakers: Vec::new() }
    }
}

/// A queue, whatever it loads.
trait Flush: Send + Sync {
    /// Reads what is pending and wakes all who wait. When the whole batch fails, it stays pending.
    fn flush<'a>(&'a self, scope: &'a ReadScope) -> BoxFuture<'a, Result<(), StoreError>>;
    /// Tells all who wait that what is pending cannot be read.
    fn fail(&self, error: &ReadError);
}

impl<L: Loader> Queue<L> {
    /// Notes that this key is to be read; tells whether it is the first that waits.
    fn ask(&self, key: &L::Key) -> bool {
        let mut entries = self.entries.lock();
        let is_new = entries.asked.insert(key.clone());
        if is_new {
            entries.pending.push(key.clone());
        }
        is_new && entries.pending.len() == 1
    }

    /// The value of a key that was asked for, once it was read.
    fn poll(&self, key: &L::Key, context: &Context<'_>) -> Poll<Result<Option<L::Value>, ReadError>> {
        let mut entries = self.entries.lock();
        if let Some(found) = entries.done.get(key) {
            return Poll::Ready(found.clone());
        }
        entries.wakers.push(context.waker().clone());
        Poll::Pending
    }

    fn settle(&self, keys: Vec<L::Key>, mut result: impl FnMut(&L::Key) -> Result<Option<L::Value>, ReadError>) {
        let wakers = {
            let mut entries = self.entries.lock();
            for key in keys {
                let value = result(&key);
                entries.done.insert(key, value);
            }
            std::mem::take(&mut entries.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn take_pending(&self) -> Vec<L::Key> {
        std::mem::take(&mut self.entries.lock().pending)
    }
}

impl<L: Loader> Flush for Queue<L> {
    fn flush<'a>(&'a self, scope: &'a ReadScope) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let keys = self.take_pending();
            match L::load(scope, &keys).await {
                Ok(mut found) => {
                    self.settle(keys, |key| found.remove(key).transpose());
                    Ok(())
                }
                Err(error) => {
                    self.entries.lock().pending = keys;
                    Err(error)
                }
            }
        })
    }

    fn fail(&self, error: &ReadError) {
        let keys = self.take_pending();
        self.settle(keys, |_| Err(Arc::clone(error)));
    }
}

/// How often an execution that keeps waking itself is polled before the runtime gets a turn.
const TURNS: u32 = 64;

/// Runs `execution` to its end, flushing `reads` whenever it can go no further.
pub(crate) async fn drive<T>(reads: &Reads, execution: impl Future<Output = T>) -> T {
    let mut execution = pin!(execution);
    let mut flushing: Option<BoxFuture<'_, ()>> = None;
    let progress = Arc::new(Progress::default());
    let waker = Waker::from(Arc::clone(&progress));
    std::future::poll_fn(|context| {
        let mut turn = progress.begin_turn(context.waker());
        for _ in 0..TURNS {
            if let Some(flush) = &mut flushing {
                if flush.as_mut().poll(context).is_pending() {
                    // A field that reads for itself may hold the connection that the snapshot waits for.
                    let opening = reads.opening.load(Ordering::Relaxed);
                    if !opening || !(std::mem::take(&mut turn.woken) || progress.made.swap(false, Ordering::SeqCst)) {
                        return Poll::Pending;
                    }
                    if let Poll::Ready(value) = execution.as_mut().poll(&mut Context::from_waker(&waker)) {
                        return Poll::Ready(value);
                    }
                    continue;
                }
                flushing = None;
            }
            progress.made.store(false, Ordering::SeqCst);
            if let Poll::Ready(value) = execution.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Poll::Ready(value);
            }
            if progress.made.load(Ordering::SeqCst) {
                continue;
            }
            if !reads.has_waiting() {
                return Poll::Pending;
            }
            flushing = Some(Box::pin(reads.flush()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

/// Notices whether a part of the execution can go on. During a turn that is all it does, because the turn looks; between turns
/// it wakes the task.
#[derive(Default)]
struct Progress {
    made: AtomicBool,
    in_turn: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl Progress {
    fn begin_turn(&self, task: &Waker) -> Turn<'_> {
        let mut known = self.task.lock();
        if !known.as_ref().is_some_and(|known| known.will_wake(task)) {
            *known = Some(task.clone());
        }
        drop(known);
        let woken = self.made.swap(false, Ordering::SeqCst);
        self.in_turn.store(true, Ordering::SeqCst);
        Turn { progress: self, woken }
    }

    fn wake_task(&self) {
        if let Some(task) = &*self.task.lock() {
            task.wake_by_ref();
        }
    }
}

/// A poll of the whole, from beginning to end.
struct Turn<'p> {
    progress: &'p Progress,
    /// Whether a part of the execution was woken before it.
    woken: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.progress.in_turn.store(false, Ordering::SeqCst);
        // Whoever was woken after the turn last looked, and saw it still going on, would otherwise wait for ever.
        if self.progress.made.load(Ordering::SeqCst) {
            self.progress.wake_task();
        }
    }
}

impl Wake for Progress {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.made.store(true, Ordering::SeqCst);
        if !self.in_turn.load(Ordering::SeqCst) {
            self.wake_task();
        }
    }
}
