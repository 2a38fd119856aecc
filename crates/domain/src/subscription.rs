//! The life of an organization's subscription: its states, what moves it from one to another, and what holds at a time.
//! The time is always handed in; nothing here knows where a payment comes from.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, NaiveTime, Utc};

use crate::plan::FREE_PLAN;
use crate::text_enum::text_enum;

text_enum! {
    /// Where a subscription stands.
    SubscriptionStatus {
        /// Paid for (or free).
        Active = "active",
        /// Free of charge for a while.
        Trialing = "trialing",
        /// A payment failed; access lasts until the period's end plus a grace.
        PastDue = "past_due",
        /// Ended; the limits of the free plan hold from the period's end.
        Canceled = "canceled",
        /// The first payment is still open.
        Incomplete = "incomplete",
    }
}

/// A span of time, with its start and without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// Longer than any month, shorter than any two: a billing period up to this long is one month's worth of usage.
const LONGEST_MONTH: Duration = Duration::days(32);

impl Period {
    /// The span between two times; `None` when it would be empty.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// When it starts.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// When it is over, which is also when the next one starts.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// Whether it is going on at this time.
    pub fn contains(self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    /// The calendar month, in UTC, that this time is in.
    pub fn calendar_month(at: DateTime<Utc>) -> Self {
        // Every month has a first day; the fallback is never taken, and would still contain `at`.
        let first = NaiveDate::from_ymd_opt(at.year(), at.month(), 1).unwrap_or_else(|| at.date_naive());
        let start = first.and_time(NaiveTime::MIN).and_utc();
        Self { start, end: start.checked_add_months(Months::new(1)).unwrap_or(DateTime::<Utc>::MAX_UTC) }
    }

    /// The month that this time is in, when months are counted from `anchor`; `None` before the anchor.
    fn month_since(anchor: DateTime<Utc>, at: DateTime<Utc>) -> Option<Self> {
        let months = |time: DateTime<Utc>| i64::from(time.year()) * 12 + i64::from(time.month());
        let estimate = u32::try_from(months(at) - months(anchor)).ok()?;
        // Always counted from the anchor itself, so that the 31st comes back after a short month.
        let nth = |n: u32| anchor.checked_add_months(Months::new(n));
        let n = if nth(estimate)? <= at { estimate } else { estimate.checked_sub(1)? };
        Self::new(nth(n)?, nth(n + 1)?)
    }
}

/// How long access outlasts a failed payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionRules {
    /// The time after the period's end during which a `past_due` subscription keeps its plan.
    pub grace: Duration,
}

impl Default for SubscriptionRules {
    /// Seven days of grace.
    fn default() -> Self {
        Self { grace: Duration::days(7) }
    }
}

/// What an organization has subscribed to, and how far that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The plan that was chosen. Which plan holds is told by [`effective_plan`](Self::effective_plan).
    pub plan: String,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// What is paid for (or tried) at the moment; `None` for an organization that never subscribed.
    pub period: Option<Period>,
    /// When the trial is over.
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// Whether it ends by itself with the period.
    pub cancel_at_period_end: bool,
    /// When a payment first failed.
    pub past_due_since: Option<DateTime<Utc>>,
    /// When it ended.
    pub canceled_at: Option<DateTime<Utc>>,
}

/// Something that happens to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It begins, with a trial when `trial_ends_at` is in the future.
    Start {
        /// The plan.
        plan: String,
        /// The first period.
        period: Period,
        /// When the trial is over, if there is one.
        trial_ends_at: Option<DateTime<Utc>>,
    },
    /// It was chosen, and the first payment is still open.
    AwaitPayment {
        /// The plan.
        plan: String,
    },
    /// A payment arrived for this period.
    Pay {
        /// What was paid for.
        period: Period,
    },
    /// A payment failed.
    FailPayment,
    /// Another plan holds from now on.
    ChangePlan {
        /// The plan.
        plan: String,
    },
    /// It shall end with the period.
    CancelAtPeriodEnd,
    /// It shall go on after all.
    Resume,
    /// It ends now; what is paid for stays until the period's end.
    End,
}

/// A change that the subscription's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionRefused {
    /// There is a subscription already; it has to end before another starts.
    #[error("there is a subscription already ({0})")]
    AlreadySubscribed(SubscriptionStatus),
    /// There is no subscription to which this could happen.
    #[error("there is no subscription to change ({0})")]
    NotSubscribed(SubscriptionStatus),
    /// The period is over, so it is too late to go on.
    #[error("the subscription's last period is over")]
    Over,
}

impl Subscription {
    /// What an organization starts with: the free plan, without a period.
    pub fn free() -> Self {
        Self {
            plan: FREE_PLAN.to_owned(),
            status: SubscriptionStatus::Active,
            period: None,
            trial_ends_at: None,
            cancel_at_period_end: false,
            past_due_since: None,
            canceled_at: None,
        }
    }

    /// The plan whose limits hold at this time: the chosen one, or the free one.
    pub fn effective_plan(&self, now: DateTime<Utc>, rules: SubscriptionRules) -> &str {
        if self.access_ends_at(rules).is_none_or(|end| now < end) { &self.plan } else { FREE_PLAN }
    }

    /// When the chosen plan stops to hold if nothing happens; `None` when it does not. In the past when it has stopped.
    pub fn access_ends_at(&self, rules: SubscriptionRules) -> Option<DateTime<Utc>> {
        const NEVER_WAS: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;
        let period_end = self.period.map(Period::end);
        match self.status {
            // A period that is over without a new one only means that the renewal has not been heard of yet.
            SubscriptionStatus::Active if !self.cancel_at_period_end => None,
            SubscriptionStatus::Active | SubscriptionStatus::Canceled => Some(period_end.unwrap_or(NEVER_WAS)),
            SubscriptionStatus::Trialing => Some(self.trial_ends_at.or(period_end).unwrap_or(NEVER_WAS)),
            SubscriptionStatus::PastDue => {
                let end = period_end.or(self.past_due_since).unwrap_or(NEVER_WAS);
                // Whoever has asked for the end is not waiting for a payment to be repeated.
                Some(if self.cancel_at_period_end { end } else { later(end, rules.grace) })
            }
            SubscriptionStatus::Incomplete => Some(NEVER_WAS),
        }
    }

    /// The period that usage is counted in at this time: the billing period, or else the calendar month in UTC.
    ///
    /// A billing period of a year is counted by its months, since the limits are monthly; and while the news of a renewal is
    /// late, the months go on from the period's end.
    pub fn usage_period(&self, now: DateTime<Utc>, rules: SubscriptionRules) -> Period {
        let holds = self.access_ends_at(rules).is_none_or(|end| now < end);
        let counted = self.period.filter(|_| holds).and_then(|period| {
            if now >= period.end {
                return Period::month_since(period.end, now);
            }
            if period.end - period.start <= LONGEST_MONTH {
                return period.contains(now).then_some(period);
            }
            let month = Period::month_since(period.start, now)?;
            Period::new(month.start, month.end.min(period.end))
        });
        counted.unwrap_or_else(|| Period::calendar_month(now))
    }

    /// The subscription after `change` at this time.
    ///
    /// Hearing twice of the same failed payment or the same end changes nothing.
    ///
    /// # Errors
    /// [`TransitionRefused`] when the state does not allow the change.
    pub fn apply(&self, change: SubscriptionChange, now: DateTime<Utc>) -> Result<Self, TransitionRefused> {
        use SubscriptionStatus as S;
        let mut next = self.clone();
        match change {
            SubscriptionChange::Start { plan, period, trial_ends_at } => {
                self.check_not_subscribed(now)?;
                let trial_ends_at = trial_ends_at.filter(|end| now < *end);
                let status = if trial_ends_at.is_some() { S::Trialing } else { S::Active };
                next = Self { plan, status, period: Some(period), trial_ends_at, ..Self::free() };
            }
            SubscriptionChange::AwaitPayment { plan } => {
                self.check_not_subscribed(now)?;
                next = Self { plan, status: S::Incomplete, ..Self::free() };
            }
            SubscriptionChange::Pay { period } => {
                if self.status == S::Canceled || !self.is_subscribed() && self.status != S::Incomplete {
                    return Err(TransitionRefused::NotSubscribed(self.status));
                }
                next.period = Some(period);
                // A trial begins with an invoice over nothing, which is paid at once and does not end it.
                if self.status != S::Trialing || self.trial_ends_at.is_none_or(|end| end <= now) {
                    (next.status, next.trial_ends_at, next.past_due_since) = (S::Active, None, None);
                }
            }
            SubscriptionChange::FailPayment => match self.status {
                S::Incomplete | S::PastDue => {}
                _ => {
                    self.check_subscribed()?;
                    (next.status, next.trial_ends_at, next.past_due_since) = (S::PastDue, None, Some(now));
                }
            },
            SubscriptionChange::ChangePlan { plan } => {
                if matches!(self.status, S::Canceled | S::Incomplete) {
                    return Err(TransitionRefused::NotSubscribed(self.status));
                }
                next.plan = plan;
            }
            SubscriptionChange::CancelAtPeriodEnd => {
                self.check_subscribed()?;
                next.cancel_at_period_end = true;
            }
            SubscriptionChange::Resume => {
                self.check_subscribed()?;
                if self.cancel_at_period_end && self.period.is_none_or(|period| period.end <= now) {
                    return Err(TransitionRefused::Over);
                }
                next.cancel_at_period_end = false;
            }
            SubscriptionChange::End => {
                if self.status != S::Canceled {
                    if self.status != S::Incomplete {
                        self.check_subscribed()?;
                    }
                    next = self.ended(now);
                }
            }
        }
        Ok(next)
    }

    /// The state to write when time alone has ended the subscription: the trial is over without a payment, the period without a
    /// renewal that was wanted, or the grace. `None` when nothing has to be written.
    ///
    /// It changes no one's access: [`effective_plan`](Self::effective_plan) has said the same since the moment passed.
    pub fn lapsed(&self, now: DateTime<Utc>, rules: SubscriptionRules) -> Option<Self> {
        if matches!(self.status, SubscriptionStatus::Canceled | SubscriptionStatus::Incomplete) {
            return None;
        }
        let end = self.access_ends_at(rules).filter(|end| *end <= now)?;
        let mut ended = self.ended(end.max(DateTime::UNIX_EPOCH));
        // A period that goes on behind a trial was never paid for.
        ended.period = ended.period.and_then(|period| Period::new(period.start, period.end.min(end)));
        Some(ended)
    }

    /// Whether there is a subscription that payments belong to. The free plan has no period and none.
    fn is_subscribed(&self) -> bool {
        use SubscriptionStatus as S;
        matches!(self.status, S::Active | S::Trialing | S::PastDue) && self.period.is_some()
    }

    fn check_subscribed(&self) -> Result<(), TransitionRefused> {
        if self.is_subscribed() { Ok(()) } else { Err(TransitionRefused::NotSubscribed(self.status)) }
    }

    /// One that has ended by itself is no obstacle to another, though its end may not be written yet.
    fn check_not_subscribed(&self, now: DateTime<Utc>) -> Result<(), TransitionRefused> {
        let over = self.cancel_at_period_end && self.period.is_some_and(|period| period.end <= now);
        if self.is_subscribed() && !over { Err(TransitionRefused::AlreadySubscribed(self.status)) } else { Ok(()) }
    }

    fn ended(&self, at: DateTime<Utc>) -> Self {
        Self {
            status: SubscriptionStatus::Canceled,
            trial_ends_at: None,
            cancel_at_period_end: false,
            past_due_since: None,
            canceled_at: Some(at),
            ..self.clone()
        }
    }
}

/// `at` plus `duration`, or the end of time.
fn later(at: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    at.checked_add_signed(duration).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
