//! Repeatable randomness. Each stream of random numbers is identified by the seed and its purpose, so one row's values
//! do not depend on which rows were generated before it.

use chrono::{DateTime, Duration, Utc};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tenantry_domain::Id;
use uuid::Builder;

/// The "now" of the data that [`scale`](crate::scale()) generates: 2026-06-30, noon UTC. It is fixed, because data that
/// follows the clock cannot be compared with yesterday's.
pub const EPOCH: DateTime<Utc> = match DateTime::from_timestamp(1_782_820_800, 0) {
    Some(epoch) => epoch,
    None => DateTime::UNIX_EPOCH,
};

/// The purpose of a stream of random numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Sizes = 1,
    User = 2,
    Founding = 3,
    Organization = 4,
    Demo = 5,
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of the `index`-th item of a kind. Streams never overlap.
    pub(crate) fn new(seed: u64, stream: Stream, index: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((stream as u64) << 56 | (index & ((1 << 56) - 1)));
        Self(rng)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // Drawn as 64 bits, because a `usize` would give other rows on a 32-bit machine.
        let drawn = self.between(0, (end as u64).max(1) - 1);
        // Below `end`, so it fits a `usize`.
        usize::try_from(drawn).unwrap_or_default()
    }

    /// A number from `first` to `last`.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        self.0.random_range(first..=last.max(first))
    }

    /// True in this many of 100 cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.between(1, 100) <= percent
    }

    /// `Some` in this many of 100 cases.
    pub(crate) fn maybe<T>(&mut self, percent: u64, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.percent(percent) { Some(make(self)) } else { None }
    }

    /// One of the choices, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of the choices, with a probability proportional to its weight.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(T, u64)]) -> T {
        let mut left = self.between(1, choices.iter().map(|choice| choice.1).sum());
        for &(choice, weight) in choices {
            if left <= weight {
                return choice;
            }
            left -= weight;
        }
        // Never reached: the weights add up to the greatest number that can be drawn.
        choices[0].0
    }

    /// One of the first `end` numbers, with small ones more often than large ones: a few clients have most of the
    /// projects.
    pub(crate) fn skewed(&mut self, end: usize) -> usize {
        let first = self.below(end);
        self.below(first + 1)
    }

    /// This many different numbers below `end`, or all of them if there are fewer.
    pub(crate) fn distinct(&mut self, count: usize, end: usize) -> Vec<usize> {
        let count = count.min(end);
        let mut drawn: Vec<usize> = Vec::with_capacity(count);
        // Floyd's algorithm: each number is drawn once, whatever was drawn before.
        for bound in end - count..end {
            let candidate = self.below(bound + 1);
            drawn.push(if drawn.contains(&candidate) { bound } else { candidate });
        }
        drawn
    }

    /// A moment from `first` to `last`, in whole milliseconds; `first` if that is later.
    pub(crate) fn moment(&mut self, first: DateTime<Utc>, last: DateTime<Utc>) -> DateTime<Utc> {
        let span = u64::try_from((last - first).num_milliseconds()).unwrap_or(0);
        let passed = self.between(0, span);
        first + Duration::milliseconds(i64::try_from(passed).unwrap_or(0))
    }

    /// A moment at most this many days after `first`, and not after `last`.
    pub(crate) fn soon(&mut self, first: DateTime<Utc>, days: i64, last: DateTime<Utc>) -> DateTime<Utc> {
        self.moment(first, (first + Duration::days(days)).min(last))
    }

    /// An id created at this moment: a UUID version 7 whose random bits come from this stream.
    pub(crate) fn id<I: Id>(&mut self, at: DateTime<Utc>) -> I {
        let mut bits = [0; 10];
        self.0.fill_bytes(&mut bits);
        // No time in this data is before 1970.
        let millis = u64::try_from(at.timestamp_millis()).unwrap_or(0);
        I::from_uuid(Builder::from_unix_timestamp_millis(millis, &bits).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::TaskId;

    use super::*;

    #[test]
    fn each_name_has_its_own_repeatable_stream() {
        let draw = |seed, index| Chance::new(seed, Stream::User, index).between(0, u64::MAX);
        assert_eq!(draw(1, 7), draw(1, 7));
        assert_ne!(draw(1, 7), draw(1, 8));
        assert_ne!(draw(1, 7), draw(2, 7));
    }

    #[test]
    fn an_id_contains_its_time_and_version() {
        let id = Chance::new(0, Stream::User, 0).id::<TaskId>(EPOCH).as_uuid();
        assert_eq!(id.get_version_num(), 7);
        let (seconds, _) = id.get_timestamp().expect("version 7 has one").to_unix();
        assert_eq!(i64::try_from(seconds), Ok(EPOCH.timestamp()));
    }

    #[test]
    fn distinct_numbers_are_distinct_and_in_range() {
        let mut chance = Chance::new(3, Stream::Sizes, 0);
        for (count, end) in [(0, 0), (3, 2), (5, 5), (4, 100)] {
            let mut drawn = chance.distinct(count, end);
            drawn.sort_unstable();
            drawn.dedup();
            assert_eq!(drawn.len(), count.min(end));
            assert!(drawn.iter().all(|&n| n < end));
        }
    }
}
