//! Which transactions a statement sees.

use std::fmt;
use std::str::FromStr;

/// The most transactions that a snapshot may say are running. PostgreSQL has as many at most as it takes connections.
const MAX_RUNNING: usize = 5_000;

/// Which transactions a statement sees: those that were committed when it began.
///
/// As text it is PostgreSQL's `pg_snapshot`: `xmin:xmax:running,running`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The first transaction that had not begun.
    next: i64,
    /// Those before it that were running, in ascending order.
    running: Vec<i64>,
}

/// A text is no snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no snapshot of PostgreSQL")]
pub struct SnapshotError;

impl Snapshot {
    /// A snapshot of these numbers; `None` if they are none. `running` may be in any order.
    pub fn new(next: i64, mut running: Vec<i64>) -> Option<Self> {
        running.sort_unstable();
        let is_valid = next > 0
            && running.len() <= MAX_RUNNING
            && running.windows(2).all(|pair| pair[0] < pair[1])
            && running.first().is_none_or(|first| *first > 0)
            && running.last().is_none_or(|last| *last < next);
        is_valid.then_some(Self { next, running })
    }

    /// Whether it sees what this transaction did, if that was committed at all.
    pub fn sees(&self, transaction: i64) -> bool {
        transaction < self.next && self.running.binary_search(&transaction).is_err()
    }

    /// The first transaction that it may not see: it sees all before this one.
    pub fn first_unseen(&self) -> i64 {
        self.running.first().copied().unwrap_or(self.next)
    }

    /// A snapshot that sees what `before` sees, and of what this one sees besides only the transactions before `end`.
    #[must_use]
    pub fn cut_off(&self, before: &Self, end: i64) -> Self {
        let next = end.max(before.next).min(self.next);
        let running = self.running.iter().filter(|transaction| **transaction < next);
        let left = before.running.iter().filter(|transaction| **transaction >= end);
        let mut running: Vec<i64> = running.chain(left).copied().collect();
        running.sort_unstable();
        running.dedup();
        Self { next, running }
    }

    /// The first transaction that had not begun.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// Those before it that were running, in ascending order.
    pub fn running(&self) -> &[i64] {
        &self.running
    }
}

impl FromStr for Snapshot {
    type Err = SnapshotError;

    fn from_str(text: &str) -> Result<Self, SnapshotError> {
        let mut parts = text.splitn(3, ':');
        let number = |text: &str| text.parse::<i64>().map_err(|_| SnapshotError);
        let mut part = || parts.next().ok_or(SnapshotError);
        let (first, next, running) = (number(part()?)?, number(part()?)?, part()?);
        let running: Vec<i64> =
            if running.is_empty() { Vec::new() } else { running.split(',').map(number).collect::<Result<_, _>>()? };
        if running.iter().any(|transaction| *transaction < first) {
            return Err(SnapshotError);
        }
        Self::new(next, running).ok_or(SnapshotError)
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.running.first().unwrap_or(&self.next), self.next)?;
        for (n, transaction) in self.running.iter().enumerate() {
            write!(f, "{}{transaction}", if n > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_sees_what_was_committed() {
        let snapshot: Snapshot = "100:105:100,103".parse().unwrap();
        let seen: Vec<i64> = (98..108).filter(|transaction| snapshot.sees(*transaction)).collect();
        assert_eq!(seen, [98, 99, 101, 102, 104]);
        assert_eq!(snapshot.to_string(), "100:105:100,103");
        assert_eq!("7:7:".parse::<Snapshot>().unwrap().to_string(), "7:7:");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1", "1:2", "1:2:2", "1:5:3,3", "5:9:4", "0:0:", "a:b:c", "1:9:3,", "-5:-2:", "1:5:9"] {
            assert_eq!(text.parse::<Snapshot>(), Err(SnapshotError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn cut_off_it_sees_what_was_before_and_the_beginning_of_what_is_new(
            (first, running) in (2_i64..60, prop::collection::btree_set(1_i64..60, 0..20)),
            (second, still) in (0_i64..30, prop::collection::btree_set(1_i64..90, 0..20)),
            end in 1_i64..100,
        ) {
            let before = Snapshot::new(first, running.into_iter().filter(|n| *n < first).collect()).unwrap();
            // What was seen stays seen.
            let next = first + second;
            let still = still.into_iter().filter(|n| *n < next && !before.sees(*n)).collect();
            let after = Snapshot::new(next, still).unwrap();
            let cut = after.cut_off(&before, end);
            for n in 1..100 {
                let expected = before.sees(n) || (after.sees(n) && n < end);
                // One that nobody has seen yet may come into being when it is seen the next time.
                prop_assert_eq!(cut.sees(n), expected, "{} of {} after {}, to {}", n, after, before, end);
            }
        }

        #[test]
        fn its_text_is_it(next in 1_i64..1_000, running in prop::collection::btree_set(1_i64..1_000, 0..20)) {
            let running = running.into_iter().filter(|transaction| *transaction < next).collect();
            let snapshot = Snapshot::new(next, running).unwrap();
            prop_assert_eq!(snapshot.to_string().parse::<Snapshot>().unwrap(), snapshot);
        }
    }
}
