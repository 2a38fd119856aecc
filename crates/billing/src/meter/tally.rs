//! What one process has counted for one organization, and what it knows of the rest. No database here.

use std::time::Instant;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use tenantry_domain::subscription::Period;

use super::{Belonging, Decision};

/// What the database reported.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The calls that are allowed per period; `None` means unlimited.
    pub(super) limit: Option<i64>,
    /// The current period.
    pub(super) period: Period,
    /// The calls written for this period, by all processes.
    pub(super) written: i64,
    /// When this was true.
    pub(super) as_of: Instant,
}

/// Which knowledge is recent enough to decide from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Validity {
    /// Knowledge from after this time (`None`: from any time), in a period that is not over.
    After(Option<Instant>),
    /// Any.
    Any,
}

/// What an allowed call uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// Nothing: this is only a question.
    Nothing,
    /// It is counted.
    Count,
    /// It is held for this caller until it is counted or returned.
    Hold(Belonging),
}

/// The counts of one organization.
#[derive(Debug, Default)]
pub(super) struct Tally {
    known: Option<Known>,
    /// Counted, by period, and not written yet.
    pending: Vec<(Period, i64)>,
    /// Counted while the period was unknown.
    unplaced: i64,
    /// Being written now.
    in_flight: Vec<(Period, i64)>,
    /// Held by running calls of members.
    held: i64,
    /// Held by running calls whose callers are not proven to be members yet.
    held_unproven: i64,
}

impl Tally {
    /// Decides from what is known, if that is recent enough; uses up the call if it is allowed.
    pub(super) fn decide(&mut self, now: DateTime<Utc>, validity: Validity, taking: Taking) -> Option<Decision> {
        let known = self.known?;
        if let Validity::After(oldest) = validity
            && (oldest.is_some_and(|oldest| known.as_of <= oldest) || !known.period.contains(now))
        {
            return None;
        }
        let resets_at = known.period.end();
        let Some(limit) = known.limit else {
            self.take(known.period, taking);
            return Some(Decision::Allowed { limit: None, remaining: None, resets_at });
        };
        let used = known.written + of(&self.pending, known.period) + of(&self.in_flight, known.period) + self.held;
        // A call that may turn out not to count affects only others of the same kind.
        let unproven = if taking == Taking::Hold(Belonging::Unproven) { self.held_unproven } else { 0 };
        let left = limit - used - unproven;
        if left <= 0 {
            return Some(Decision::Refused { limit, resets_at });
        }
        self.take(known.period, taking);
        let remaining = left - i64::from(taking != Taking::Nothing);
        Some(Decision::Allowed { limit: Some(limit), remaining: Some(remaining), resets_at })
    }

    fn take(&mut self, period: Period, taking: Taking) {
        match taking {
            Taking::Nothing => {}
            Taking::Count => add(&mut self.pending, period, 1),
            Taking::Hold(Belonging::Proven) => self.held += 1,
            Taking::Hold(Belonging::Unproven) => self.held_unproven += 1,
        }
    }

    /// Returns what was held.
    pub(super) fn release(&mut self, held: Option<Belonging>) {
        match held {
            Some(Belonging::Proven) => self.held -= 1,
            Some(Belonging::Unproven) => self.held_unproven -= 1,
            None => {}
        }
    }

    /// Counts a call.
    pub(super) fn count(&mut self, now: DateTime<Utc>) {
        match self.known {
            Some(known) if known.period.contains(now) => add(&mut self.pending, known.period, 1),
            _ => self.unplaced += 1,
        }
    }

    /// Records what the database reported.
    pub(super) fn learn(&mut self, known: Known) {
        let unplaced = std::mem::take(&mut self.unplaced);
        add(&mut self.pending, known.period, unplaced);
        self.known = Some(known);
    }

    pub(super) fn has_pending(&self) -> bool {
        !self.pending.is_empty() || self.unplaced > 0
    }

    /// Whether nothing is left to write and nothing was asked since then.
    pub(super) fn is_idle_since(&self, time: Option<Instant>) -> bool {
        !self.has_pending()
            && self.in_flight.is_empty()
            && self.known.is_none_or(|known| time.is_some_and(|time| known.as_of < time))
    }
}

/// Calls that were taken out of a tally to be written. If this is dropped, they go back.
#[derive(Debug)]
pub(super) struct Taken<'t> {
    tally: &'t Mutex<Tally>,
    settled: bool,
}

impl<'t> Taken<'t> {
    /// Takes everything that was counted. Calls without a period get this one.
    pub(super) fn of(tally: &'t Mutex<Tally>, current: Period) -> Self {
        let mut guard = tally.lock();
        let unplaced = std::mem::take(&mut guard.unplaced);
        add(&mut guard.pending, current, unplaced);
        guard.in_flight = std::mem::take(&mut guard.pending);
        drop(guard);
        Self { tally, settled: false }
    }

    /// The calls that were taken.
    pub(super) fn calls(&self) -> Vec<(Period, i64)> {
        self.tally.lock().in_flight.clone()
    }

    /// Marks the taken calls as written; returns how many there were.
    pub(super) fn settle(mut self) -> i64 {
        self.settled = true;
        let mut tally = self.tally.lock();
        let in_flight = std::mem::take(&mut tally.in_flight);
        for (period, calls) in &in_flight {
            // Until the total is read back, it is this much higher.
            if let Some(known) = tally.known.as_mut().filter(|known| known.period == *period) {
                known.written += calls;
            }
        }
        in_flight.iter().map(|(_, calls)| calls).sum()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        let mut tally = self.tally.lock();
        for (period, calls) in std::mem::take(&mut tally.in_flight) {
            add(&mut tally.pending, period, calls);
        }
    }
}

fn add(counts: &mut Vec<(Period, i64)>, period: Period, calls: i64) {
    if calls == 0 {
        return;
    }
    match counts.iter_mut().find(|(counted, _)| *counted == period) {
        Some((_, count)) => *count += calls,
        None => counts.push((period, calls)),
    }
}

fn of(counts: &[(Period, i64)], period: Period) -> i64 {
    counts.iter().filter(|(counted, _)| *counted == period).map(|(_, calls)| calls).sum()
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_770_000_000, 0).expect("a literal")
    }

    fn known(written: i64) -> Known {
        Known { limit: Some(10), period: Period::calendar_month(now()), written, as_of: Instant::now() }
    }

    fn remaining(decision: Option<Decision>) -> i64 {
        match decision {
            Some(Decision::Allowed { remaining: Some(remaining), .. }) => remaining,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn calls_are_counted_up_to_the_limit() {
        let mut tally = Tally::default();
        assert_eq!(tally.decide(now(), Validity::Any, Taking::Count), None);
        tally.learn(known(7));
        assert_eq!(remaining(tally.decide(now(), Validity::Any, Taking::Nothing)), 3);
        for left in [2, 1, 0] {
            assert_eq!(remaining(tally.decide(now(), Validity::Any, Taking::Count)), left);
        }
        let refused = Decision::Refused { limit: 10, resets_at: Period::calendar_month(now()).end() };
        assert_eq!(tally.decide(now(), Validity::Any, Taking::Count), Some(refused));
        assert_eq!(of(&tally.pending, Period::calendar_month(now())), 3);
    }

    #[test]
    fn unproven_callers_take_nothing_from_proven_members() {
        let mut tally = Tally::default();
        tally.learn(known(8));
        let hold = Taking::Hold;
        // Two are left, and callers without proof get no more than two between them.
        for left in [1, 0] {
            assert_eq!(remaining(tally.decide(now(), Validity::Any, hold(Belonging::Unproven))), left);
        }
        let refused = Decision::Refused { limit: 10, resets_at: Period::calendar_month(now()).end() };
        assert_eq!(tally.decide(now(), Validity::Any, hold(Belonging::Unproven)), Some(refused));
        for left in [1, 0] {
            assert_eq!(remaining(tally.decide(now(), Validity::Any, hold(Belonging::Proven))), left);
        }
        assert_eq!(tally.decide(now(), Validity::Any, hold(Belonging::Proven)), Some(refused));
        for held in [Belonging::Proven, Belonging::Proven, Belonging::Unproven, Belonging::Unproven] {
            tally.release(Some(held));
        }
        assert_eq!(remaining(tally.decide(now(), Validity::Any, Taking::Nothing)), 2);
        assert!(!tally.has_pending(), "nothing of it is counted");
    }

    #[test]
    fn a_failed_batch_goes_back_and_a_written_one_does_not() {
        let tally = Mutex::new(Tally::default());
        tally.lock().learn(known(0));
        let period = Period::calendar_month(now());
        tally.lock().count(now());
        let taken = Taken::of(&tally, period);
        tally.lock().count(now());
        assert_eq!(remaining(tally.lock().decide(now(), Validity::Any, Taking::Nothing)), 8);
        drop(taken);
        assert_eq!(of(&tally.lock().pending, period), 2);
        assert_eq!(Taken::of(&tally, period).settle(), 2);
        assert!(!tally.lock().has_pending());
        assert_eq!(remaining(tally.lock().decide(now(), Validity::Any, Taking::Nothing)), 8);
    }

    #[test]
    fn knowledge_is_not_used_beyond_its_age_or_its_period() {
        let mut tally = Tally::default();
        tally.learn(known(0));
        let later = Instant::now() + std::time::Duration::from_secs(1);
        assert_eq!(tally.decide(now(), Validity::After(Some(later)), Taking::Count), None);
        assert!(tally.decide(now(), Validity::After(None), Taking::Count).is_some());
        assert_eq!(tally.decide(now() + Duration::days(40), Validity::After(None), Taking::Count), None);
    }

    #[test]
    fn calls_from_before_the_period_was_known_are_not_lost() {
        let mut tally = Tally::default();
        tally.count(now());
        assert!(tally.has_pending());
        tally.learn(known(0));
        assert_eq!(remaining(tally.decide(now(), Validity::Any, Taking::Nothing)), 9);
    }
}
