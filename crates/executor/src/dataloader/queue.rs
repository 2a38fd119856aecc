//! The keys of one loader in one request: those that wait to be read, and the values that were.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tenantry_store::{Read, ReadScope};

use super::{Found, Loader, ReadError};

/// The keys of one loader.
pub(super) struct Queue<L: Loader> {
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
pub(super) trait Flush: Send + Sync {
    /// The read of what is pending, which wakes all who wait for it. Unless it succeeds, it is pending again.
    fn read<'s>(&'s self, scope: &'s ReadScope) -> Read<'s, ()>;
    /// Tells all who wait that what is pending cannot be read.
    fn fail(&self, error: &ReadError);
}

impl<L: Loader> Queue<L> {
    /// Notes that this key is to be read; tells whether it is the first that waits.
    pub(super) fn ask(&self, key: &L::Key) -> bool {
        let mut entries = self.entries.lock();
        let is_new = entries.asked.insert(key.clone());
        if is_new {
            entries.pending.push(key.clone());
        }
        is_new && entries.pending.len() == 1
    }

    /// The value of a key that was asked for, once it was read.
    pub(super) fn poll(&self, key: &L::Key, context: &Context<'_>) -> Poll<Result<Option<L::Value>, ReadError>> {
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
    fn read<'s>(&'s self, scope: &'s ReadScope) -> Read<'s, ()> {
        let taken = Taken { queue: self, keys: self.take_pending() };
        L::read(scope, &taken.keys).map(|found| taken.settle(found))
    }

    fn fail(&self, error: &ReadError) {
        let keys = self.take_pending();
        self.settle(keys, |_| Err(Arc::clone(error)));
    }
}

/// Keys that are being read. Dropped before they were, they are pending again.
struct Taken<'q, L: Loader> {
    queue: &'q Queue<L>,
    keys: Vec<L::Key>,
}

impl<L: Loader> Taken<'_, L> {
    fn settle(mut self, mut found: Found<L>) {
        self.queue.settle(std::mem::take(&mut self.keys), |key| found.remove(key).transpose());
    }
}

impl<L: Loader> Drop for Taken<'_, L> {
    fn drop(&mut self) {
        if !self.keys.is_empty() {
            self.queue.entries.lock().pending.append(&mut self.keys);
        }
    }
}
