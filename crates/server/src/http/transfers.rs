//! The files that are sent and fetched at a time: so many in all, and so many of each organization, so that one cannot take the place of the
//! others.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

/// How many files are sent at a time, and how many of them in one organization. Each takes a quarter of a megabyte of memory.
pub(crate) const SENT: Limits = Limits { in_all: 200, of_each: 32, alone: true };

/// How many files are fetched at a time, and how many of them in one organization.
pub(crate) const FETCHED: Limits = Limits { in_all: 400, of_each: 100, alone: false };

/// How many transfers there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    in_all: usize,
    of_each: usize,
    /// Whether there is one of each key.
    alone: bool,
}

/// Why a transfer has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// There are too many.
    Full,
    /// The same file is under way.
    Same,
}

/// The transfers in one direction.
#[derive(Debug)]
pub(crate) struct Transfers {
    limits: Limits,
    running: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    in_all: usize,
    of_each: HashMap<String, usize>,
    keys: HashSet<String>,
}

/// A transfer that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct Transfer {
    transfers: Arc<Transfers>,
    key: String,
}

impl Transfers {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, running: Mutex::default() })
    }

    /// Begins a transfer of this key.
    pub(crate) fn begin(self: &Arc<Self>, key: &str) -> Result<Transfer, Busy> {
        let mut running = self.running.lock();
        let of_this = running.of_each.get(owner(key)).copied().unwrap_or_default();
        if running.in_all >= self.limits.in_all || of_this >= self.limits.of_each {
            return Err(Busy::Full);
        }
        if self.limits.alone && !running.keys.insert(key.to_owned()) {
            return Err(Busy::Same);
        }
        running.in_all += 1;
        running.of_each.insert(owner(key).to_owned(), of_this + 1);
        Ok(Transfer { transfers: Arc::clone(self), key: key.to_owned() })
    }
}

/// The organization's part of a key: `files/<organization>/<id>`.
fn owner(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or_default()
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let mut running = self.transfers.running.lock();
        running.in_all -= 1;
        running.keys.remove(&self.key);
        let owner = owner(&self.key);
        if let Some(left) = running.of_each.get_mut(owner) {
            *left -= 1;
            if *left == 0 {
                running.of_each.remove(owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_organization_leaves_room_for_others() {
        let transfers = Transfers::new(Limits { in_all: 3, of_each: 2, alone: true });
        let one = transfers.begin("uploads/a/1").unwrap();
        assert_eq!(transfers.begin("uploads/a/1").unwrap_err(), Busy::Same);
        let two = transfers.begin("uploads/a/2").unwrap();
        assert_eq!(transfers.begin("uploads/a/3").unwrap_err(), Busy::Full);
        let three = transfers.begin("uploads/b/1").unwrap();
        assert_eq!(transfers.begin("uploads/c/1").unwrap_err(), Busy::Full);
        drop(two);
        drop(transfers.begin("uploads/a/3").unwrap());
        drop((one, three));
        assert!(transfers.running.lock().of_each.is_empty());
        drop(transfers.begin("uploads/a/1").unwrap());
    }
}
