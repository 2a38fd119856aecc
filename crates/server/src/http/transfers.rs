//! The files that are sent and fetched at a time: so many in all, and so many of each organization, so that one cannot take the place of the
//! others.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::shares::{Share, Shares};

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
    shares: Arc<Shares<String>>,
    /// The keys of those that are under way, if there is one of each.
    alone: Option<Mutex<HashSet<String>>>,
}

/// A transfer that is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct Transfer {
    transfers: Arc<Transfers>,
    key: String,
    _share: Share<String>,
}

impl Transfers {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        let alone = limits.alone.then(Mutex::default);
        Arc::new(Self { shares: Shares::new(limits.in_all, limits.of_each), alone })
    }

    /// Begins a transfer of this key.
    pub(crate) fn begin(self: &Arc<Self>, key: &str) -> Result<Transfer, Busy> {
        let share = self.shares.take(owner(key).to_owned()).ok_or(Busy::Full)?;
        if let Some(alone) = &self.alone
            && !alone.lock().insert(key.to_owned())
        {
            return Err(Busy::Same);
        }
        Ok(Transfer { transfers: Arc::clone(self), key: key.to_owned(), _share: share })
    }
}

/// The organization's part of a key: `files/<organization>/<id>`.
fn owner(key: &str) -> &str {
    key.split('/').nth(1).unwrap_or_default()
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(alone) = &self.transfers.alone {
            alone.lock().remove(&self.key);
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
        drop(transfers.begin("uploads/a/1").unwrap());
    }
}
