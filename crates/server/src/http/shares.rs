//! Counts against a limit in total and a limit per owner, so that one owner cannot use everything up.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// A number of places, with a limit per owner.
#[derive(Debug)]
pub(super) struct Shares<K> {
    in_all: usize,
    of_each: usize,
    taken: Mutex<Taken<K>>,
}

#[derive(Debug)]
struct Taken<K> {
    in_all: usize,
    of_each: HashMap<K, usize>,
}

/// A place that is taken. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Share<K: Eq + Hash> {
    shares: Arc<Shares<K>>,
    owner: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// `in_all` places, of which one owner may take `of_each`.
    pub(super) fn new(in_all: usize, of_each: usize) -> Arc<Self> {
        Arc::new(Self { in_all, of_each, taken: Mutex::new(Taken { in_all: 0, of_each: HashMap::new() }) })
    }

    /// Takes a place; `None` if no place is left for this owner.
    pub(super) fn take(self: &Arc<Self>, owner: K) -> Option<Share<K>> {
        let mut taken = self.taken.lock();
        if taken.in_all >= self.in_all {
            return None;
        }
        let of_this = taken.of_each.entry(owner.clone()).or_default();
        if *of_this >= self.of_each {
            return None;
        }
        *of_this += 1;
        taken.in_all += 1;
        drop(taken);
        Some(Share { shares: Arc::clone(self), owner })
    }

    /// How many places are taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.lock().in_all
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut taken = self.shares.taken.lock();
        taken.in_all -= 1;
        if let Some(of_this) = taken.of_each.get_mut(&self.owner) {
            *of_this -= 1;
            if *of_this == 0 {
                taken.of_each.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_leaves_room_for_others() {
        let shares = Shares::new(3, 2);
        let (one, two) = (shares.take("a").unwrap(), shares.take("a").unwrap());
        assert!(shares.take("a").is_none());
        let three = shares.take("b").unwrap();
        assert!(shares.take("c").is_none());
        drop(two);
        drop(shares.take("c").unwrap());
        drop((one, three));
        assert_eq!(shares.taken(), 0);
        assert!(shares.taken.lock().of_each.is_empty());
    }
}
