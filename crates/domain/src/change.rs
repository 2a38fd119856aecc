//! The difference between "leave it" and "set it", for updates, and the time that tells one version of a row from the next.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};

/// What an update does to one field.
///
/// A nullable field is a `Change<Option<T>>`: `Keep` leaves it, `Set(None)` clears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// The field was not given; it stays as it is.
    #[default]
    Keep,
    /// The field gets this value.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, if one was given.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Whether the field stays as it is.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Applies `f` to the new value, if one was given.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Set(value) => Change::Set(f(value)),
        }
    }

    /// The value after the change, given the one before.
    pub fn apply(self, before: T) -> T {
        match self {
            Self::Keep => before,
            Self::Set(value) => value,
        }
    }
}

/// The time of a row's next change: now, but at least a millisecond after the last one. So no two versions of a row look
/// alike, also to a client whose clock has milliseconds, such as JavaScript's.
pub fn next_version(now: DateTime<Utc>, before: DateTime<Utc>) -> DateTime<Utc> {
    now.max(before.trunc_subsecs(3) + TimeDelta::milliseconds(1))
}

/// Whether the row that was last changed at `actual` is the one that the caller has seen, who says when that was last changed:
/// exactly, or cut off to milliseconds.
pub fn is_version(expected: DateTime<Utc>, actual: DateTime<Utc>) -> bool {
    expected == actual || expected == actual.trunc_subsecs(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(microseconds).unwrap_or_default()
    }

    #[test]
    fn no_two_versions_share_a_millisecond() {
        for (now, before) in [(5_000_900, 5_000_100), (5_000_100, 5_000_100), (4_000_000, 5_000_999)] {
            let next = next_version(at(now), at(before));
            assert!(!is_version(next.trunc_subsecs(3), at(before)) && !is_version(at(before).trunc_subsecs(3), next));
            assert!(next > at(before));
        }
        assert_eq!(next_version(at(9_000_123), at(5_000_000)), at(9_000_123));
    }

    #[test]
    fn milliseconds_are_enough_to_name_a_version() {
        let actual = at(5_000_123);
        for (expected, is_same) in [(5_000_123, true), (5_000_000, true), (5_000_122, false), (5_001_000, false)] {
            assert_eq!(is_version(at(expected), actual), is_same, "{expected}");
        }
    }
}
