//! Batching without timers: every read of a request waits until the whole execution can go no further, and then all that wait
//! are sent together, one statement per kind of read. That is one round trip, unless a read needs the answer of one statement for the
//! next.
//!
//! async-graphql polls all fields of a level before any of them can finish, so at the moment when nothing is left to do every
//! key of the level is known. The number of statements therefore depends on the query's shape alone: not on the data, not on
//! the scheduler, not on a clock.

mod drive;
mod queue;

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tenantry_domain::Identity;
use tenantry_store::idempotency::Claim;
use tenantry_store::{Read, ReadScope, Store, StoreError};
use tokio::time::Instant;

use self::queue::{Flush, Queue};
use crate::caller::{Caller, Membership};

pub(crate) use self::drive::drive;

/// A kind of read that is done for many keys at once.
pub trait Loader: Send + Sync + Sized + 'static {
    /// What is asked for.
    type Key: Clone + Eq + Hash + Send + Sync + 'static;
    /// What comes back. Cloned for everyone who asks, so it is an `Arc` or small.
    type Value: Clone + Send + Sync + 'static;

    /// The read of all keys. A key without an entry has no value.
    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>>;
}

/// What a loader comes back with: the values, and the keys that failed.
pub type Found<L> = HashMap<<L as Loader>::Key, Result<<L as Loader>::Value, Arc<StoreError>>>;

/// A failed read, shared by all who waited for it.
pub type ReadError = Arc<StoreError>;

/// The reads of one request, in one snapshot.
pub struct Reads {
    store: Store,
    identity: Identity,
    expires_at: Option<DateTime<Utc>>,
    membership: Membership,
    deadline: Option<Instant>,
    /// The right to carry out a request that may come again.
    claim: Option<Claim>,
    /// The keys of the root fields that have changed something for good.
    committed: Mutex<Vec<String>>,
    state: Mutex<State>,
    /// Whether the snapshot is being opened, which may wait for a connection.
    opening: AtomicBool,
    /// Whether the answer holds a secret.
    secret: AtomicBool,
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
    pub(crate) fn new(store: Store, caller: &Caller, deadline: Option<Instant>, claim: Option<Claim>) -> Self {
        Self {
            store,
            identity: caller.identity,
            expires_at: caller.expires_at,
            membership: caller.membership.clone(),
            deadline,
            claim,
            committed: Mutex::default(),
            state: Mutex::default(),
            opening: AtomicBool::new(false),
            secret: AtomicBool::new(false),
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

    /// The right to carry out the request, if it may come again.
    pub fn claim(&self) -> Option<Claim> {
        self.claim
    }

    /// Notes that the root field of this key has changed something for good.
    pub(crate) fn committed(&self, root: &str) {
        self.committed.lock().push(root.to_owned());
    }

    /// Notes that the answer holds a secret.
    pub(crate) fn note_secret(&self) {
        self.secret.store(true, Ordering::Relaxed);
    }

    /// Whether the answer holds a secret.
    pub(crate) fn has_secret(&self) -> bool {
        self.secret.load(Ordering::Relaxed)
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

    /// Reads all that waits.
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

    /// Reads what all of these have pending. What could not be read is pending still.
    async fn read(&self, waiting: &[Arc<dyn Flush>]) -> Result<(), StoreError> {
        let scope = self.scope(true).await?;
        match read_in(&scope, waiting).await {
            // The snapshot has seen another role than the statements were made for. What is read now is taken as it is.
            Err(StoreError::MembershipChanged) => {
                self.state.lock().scope = None;
                // Its connection goes back before another one is taken, or requests that all want a second one would wait for each other.
                drop(scope);
                read_in(&*self.scope(false).await?, waiting).await
            }
            result => result,
        }
    }
}

/// Reads what all of these have pending, in this snapshot.
async fn read_in(scope: &ReadScope, waiting: &[Arc<dyn Flush>]) -> Result<(), StoreError> {
    let reads = waiting.iter().map(|queue| queue.read(scope)).collect();
    Read::all(scope, reads).await?.into_iter().collect()
}
