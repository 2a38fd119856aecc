//! A reader's position among the changes.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::Snapshot;
use crate::id::ActivityId;

/// The longest text of a cursor, in bytes.
const MAX_TEXT: usize = 16 * 1024;

/// A reader's position: a batch of changes, which lies between two snapshots, and the last entry that the reader has of it.
///
/// Its text is `before/until/microseconds/id`. The second part is empty if both snapshots are the same, the last one if there is no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The snapshot before the batch.
    pub before: Snapshot,
    /// The snapshot after the batch.
    pub until: Snapshot,
    /// The time of the last entry that the reader has; without one, the time at which the batch begins.
    pub at: DateTime<Utc>,
    /// The last entry that the reader has; `None` at the beginning of the batch.
    pub entry: Option<ActivityId>,
}

/// The text is not a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of changes")]
pub struct CursorError;

impl Cursor {
    /// The position of a reader who has everything that this snapshot sees. `at` is when it was taken.
    pub fn at(snapshot: Snapshot, at: DateTime<Utc>) -> Self {
        Self { before: snapshot.clone(), until: snapshot, at, entry: None }
    }

    /// Whether this change is in the batch and comes after the cursor.
    pub fn is_before(&self, transaction: i64, at: DateTime<Utc>, entry: ActivityId) -> bool {
        let is_of_batch = self.until.sees(transaction) && !self.before.sees(transaction);
        is_of_batch && self.entry.is_none_or(|last| (at, entry) > (self.at, last))
    }

    /// The position after this entry, in the same batch.
    #[must_use]
    pub fn after(&self, at: DateTime<Utc>, entry: ActivityId) -> Self {
        Self { before: self.before.clone(), until: self.until.clone(), at, entry: Some(entry) }
    }

    /// The beginning of the next batch, which ends with this snapshot.
    #[must_use]
    pub fn following(&self, until: Snapshot) -> Self {
        Self { before: self.until.clone(), until, at: self.at, entry: None }
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let parts: Vec<&str> = text.split('/').collect();
        let [before, until, at, entry] = *parts else { return Err(CursorError) };
        if text.len() > MAX_TEXT {
            return Err(CursorError);
        }
        let before: Snapshot = before.parse().map_err(|_| CursorError)?;
        let until: Snapshot = if until.is_empty() { before.clone() } else { until.parse().map_err(|_| CursorError)? };
        if before.next() > until.next() {
            return Err(CursorError);
        }
        let at = at.parse().ok().and_then(DateTime::from_timestamp_micros).ok_or(CursorError)?;
        let entry = match entry {
            "" => None,
            text => Some(ActivityId::from_uuid(Uuid::try_parse(text).map_err(|_| CursorError)?)),
        };
        Ok(Self { before, until, at, entry })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.before)?;
        if self.until != self.before {
            write!(f, "{}", self.until)?;
        }
        write!(f, "/{}/", self.at.timestamp_micros())?;
        match self.entry {
            Some(entry) => write!(f, "{}", entry.as_uuid().simple()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(text: &str) -> Snapshot {
        text.parse().unwrap()
    }

    fn entry(number: u128) -> ActivityId {
        ActivityId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn its_text_is_it() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456).unwrap();
        let begin = Cursor::at(snapshot("5:9:5,7"), at);
        assert_eq!(begin.to_string(), "5:9:5,7//1700000000123456/");
        let within = Cursor { until: snapshot("7:12:7"), entry: Some(entry(3)), ..begin.clone() };
        for cursor in [begin, within] {
            assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }
        for text in ["", "5:9:", "5:9:///", "5:9://1/1", "5:9://x/", "a//1/b", "1:2:/"] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text}");
        }
    }

    /// A transaction: its number, and the steps at which it began and ended.
    type Transaction = (i64, usize, usize);

    /// The snapshot of a step: what had ended by then.
    fn taken_at(step: usize, transactions: &[Transaction]) -> Snapshot {
        let begun = transactions.iter().filter(|(_, begins, _)| *begins <= step);
        let next = begun.clone().map(|(number, ..)| number + 1).max().unwrap_or(1);
        Snapshot::new(next, begun.filter(|(.., ends)| *ends > step).map(|(number, ..)| *number).collect()).unwrap()
    }

    proptest! {
        /// Transactions begin in the order of their numbers and end in any. A reader gets batches between snapshots, and comes back
        /// from any place in any of them: nothing is told twice, and nothing is left out.
        #[test]
        fn nothing_is_lost_and_nothing_comes_twice(
            lengths in prop::collection::vec(1_usize..12, 1..30),
            steps in prop::collection::btree_set(1_usize..50, 1..8),
            back_after in 0_usize..40,
        ) {
            let transactions: Vec<Transaction> =
                (1_i64..).zip(&lengths).enumerate().map(|(n, (number, length))| (number, n, n + length)).collect();
            let time = |step: usize| DateTime::from_timestamp_micros(i64::try_from(step).unwrap()).unwrap();
            let end = lengths.len() + 12;
            let mut told = Vec::new();
            let mut cursor = Cursor::at(taken_at(0, &transactions), time(0));
            let number = |number: &i64| entry(u128::try_from(*number).unwrap());
            // What is left of a batch, in its order, each with the cursor behind it.
            let rest = |from: &Cursor| -> Vec<(i64, Cursor)> {
                let is_left = |(n, _, ends): &&Transaction| from.is_before(*n, time(*ends), number(n));
                let mut left: Vec<_> = transactions.iter().filter(is_left).collect();
                left.sort_by_key(|(number, _, ends)| (*ends, *number));
                left.iter().map(|(n, _, ends)| (*n, from.after(time(*ends), number(n)))).collect()
            };
            for step in steps.iter().chain([&end]) {
                cursor = cursor.following(taken_at(*step, &transactions));
                told.extend(rest(&cursor));
            }
            let mut numbers: Vec<i64> = told.iter().map(|(number, _)| *number).collect();
            numbers.sort_unstable();
            let seen: Vec<i64> = transactions.iter().map(|(number, ..)| *number).collect();
            prop_assert_eq!(&numbers, &seen, "each once");
            // Who comes back after any of them gets exactly the others.
            if let Some((_, place)) = told.get(back_after % told.len().max(1)) {
                let place: Cursor = place.to_string().parse().unwrap();
                let known = back_after % told.len() + 1;
                let mut left = rest(&place);
                left.extend(rest(&place.following(taken_at(end, &transactions))));
                let all = told[..known].iter().chain(&left).map(|(number, _)| *number);
                let mut all: Vec<i64> = all.collect();
                all.sort_unstable();
                prop_assert_eq!(&all, &seen, "from {}", place);
            }
        }
    }
}
