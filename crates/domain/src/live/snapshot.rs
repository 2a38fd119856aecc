//! A snapshot of the database: which transactions a statement sees.

use std::fmt;
use std::str::FromStr;

/// The most running transactions in a snapshot. PostgreSQL runs at most one per connection.
const MAX_RUNNING: usize = 5_000;

/// Which transactions a statement sees: those that were committed when it began.
///
/// Its text is that of PostgreSQL's `pg_snapshot`: `xmin:xmax:running,running`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// The first transaction id that was not assigned yet (`xmax`).
    next: i64,
    /// The ids below it whose transactions were running, in ascending order.
    running: Vec<i64>,
}

/// The text is not a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a snapshot of PostgreSQL")]
pub struct SnapshotError;

impl Snapshot {
    /// A snapshot with these transaction ids; `None` if they do not fit together. `running` may be in any order.
    pub fn new(next: i64, mut running: Vec<i64>) -> Option<Self> {
        running.sort_unstable();
        let is_valid = next > 0
            && running.len() <= MAX_RUNNING
            && running.windows(2).all(|pair| pair[0] < pair[1])
            && running.first().is_none_or(|first| *first > 0)
            && running.last().is_none_or(|last| *last < next);
        is_valid.then_some(Self { next, running })
    }

    /// Whether it sees this transaction, provided that it was committed.
    pub fn sees(&self, transaction: i64) -> bool {
        transaction < self.next && self.running.binary_search(&transaction).is_err()
    }

    /// The lowest transaction id that it does not see.
    pub fn first_unseen(&self) -> i64 {
        self.running.first().copied().unwrap_or(self.next)
    }

    /// A snapshot between `before` and this one: it sees what `before` sees, and of the rest that this one sees only the ids below `end`.
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

    /// The first transaction id that was not assigned yet.
    pub fn next(&self) -> i64 {
        self.next
    }

    /// The ids below [`next`](Self::next) whose transactions were running, in ascending order.
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
