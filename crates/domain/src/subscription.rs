//! The life cycle of an organization's subscription: its states, the changes between them, and the plan in effect at a
//! given time. The time is always passed in; nothing here knows where payments come from.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, NaiveTime, Utc};

use crate::plan::FREE_PLAN;
use crate::text_enum::text_enum;

text_enum! {
    /// The status of a subscription.
    SubscriptionStatus {
        /// Paid for (or free).
        Active = "active",
        /// Free of charge for a limited time.
        Trialing = "trialing",
        /// A payment failed; access continues until the end of the period plus a grace period.
        PastDue = "past_due",
        /// Ended; the limits of the free plan apply from the end of the period.
        Canceled = "canceled",
        /// The first payment is still open.
        Incomplete = "incomplete",
    }
}

/// A span of time, including its start and excluding its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
}

/// Longer than any month, shorter than any two: a billing period up to this long counts as one month of usage.
const LONGEST_MONTH: Duration = Duration::days(32);

impl Period {
    /// The span between two times; `None` if it would be empty.
    pub fn new(start: DateTime<Utc>, end: DateTime<Utc>) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// When it starts.
    pub fn start(self) -> DateTime<Utc> {
        self.start
    }

    /// When it ends, which is also when the next one starts.
    pub fn end(self) -> DateTime<Utc> {
        self.end
    }

    /// Whether this time is within it.
    pub fn contains(self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }

    /// The calendar month, in UTC, of this time.
    pub fn calendar_month(at: DateTime<Utc>) -> Self {
        // Every month has a first day. The fallback is never used, and would still contain `at`.
        let first = NaiveDate::from_ymd_opt(at.year(), at.month(), 1).unwrap_or_else(|| at.date_naive());
        let start = first.and_time(NaiveTime::MIN).and_utc();
        Self { start, end: start.checked_add_months(Months::new(1)).unwrap_or(DateTime::<Utc>::MAX_UTC) }
    }

    /// The month of this time, if months are counted from `anchor`; `None` before the anchor.
    fn month_since(anchor: DateTime<Utc>, at: DateTime<Utc>) -> Option<Self> {
        let months = |time: DateTime<Utc>| i64::from(time.year()) * 12 + i64::from(time.month());
        let estimate = u32::try_from(months(at) - months(anchor)).ok()?;
        // Always counted from the anchor itself, so that the 31st comes back after a short month.
        let nth = |n: u32| anchor.checked_add_months(Months::new(n));
        let n = if nth(estimate)? <= at { estimate } else { estimate.checked_sub(1)? };
        Self::new(nth(n)?, nth(n + 1)?)
    }
}

/// How long access continues after a failed payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionRules {
    /// How long after the end of the period a `past_due` subscription keeps its plan.
    pub grace: Duration,
}

impl Default for SubscriptionRules {
    /// A grace period of seven days.
    fn default() -> Self {
        Self { grace: Duration::days(7) }
    }
}

/// What an organization has subscribed to, and its current state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The chosen plan. [`effective_plan`](Self::effective_plan) returns the plan in effect.
    pub plan: String,
    /// Its status.
    pub status: SubscriptionStatus,
    /// The current paid (or trial) period; `None` for an organization that never subscribed.
    pub period: Option<Period>,
    /// When the trial ends.
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// Whether it ends automatically with the period.
    pub cancel_at_period_end: bool,
    /// When a payment first failed.
    pub past_due_since: Option<DateTime<Utc>>,
    /// When it ended.
    pub canceled_at: Option<DateTime<Utc>>,
}

/// Something that happens to a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It starts, with a trial if `trial_ends_at` is in the future.
    Start {
        /// The plan.
        plan: String,
        /// The first period.
        period: Period,
        /// When the trial ends, if there is one.
        trial_ends_at: Option<DateTime<Utc>>,
    },
    /// It was chosen, and the first payment is still open.
    AwaitPayment {
        /// The plan.
        plan: String,
    },
    /// A payment arrived for this period.
    Pay {
        /// The paid period.
        period: Period,
    },
    /// A payment failed.
    FailPayment,
    /// Another plan applies from now on.
    ChangePlan {
        /// The plan.
        plan: String,
    },
    /// It will end with the period.
    CancelAtPeriodEnd,
    /// The scheduled end is withdrawn.
    Resume,
    /// It ends now; what is paid for stays available until the end of the period.
    End,
}

/// A change that the subscription's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransitionRefused {
    /// There is a subscription already; it has to end before another starts.
    #[error("there is a subscription already ({0})")]
    AlreadySubscribed(SubscriptionStatus),
    /// There is no subscription to change.
    #[error("there is no subscription to change ({0})")]
    NotSubscribed(SubscriptionStatus),
    /// The period is over, so it is too late to continue.
    #[error("the subscription's last period is over")]
    Over,
}

impl Subscription {
    /// The initial state of an organization: the free plan, without a period.
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

    /// The plan whose limits apply at this time: the chosen one, or the free one.
    pub fn effective_plan(&self, now: DateTime<Utc>, rules: SubscriptionRules) -> &str {
        if self.access_ends_at(rules).is_none_or(|end| now < end) { &self.plan } else { FREE_PLAN }
    }

    /// What [`access_ends_at`](Self::access_ends_at) says of a plan that never applied.
    pub const NEVER_APPLIED: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;

    /// When the chosen plan stops to apply if nothing happens; `None` if it does not. In the past if it has stopped
    /// already; [`NEVER_APPLIED`](Self::NEVER_APPLIED) if it never did.
    pub fn access_ends_at(&self, rules: SubscriptionRules) -> Option<DateTime<Utc>> {
        let period_end = self.period.map(Period::end);
        match self.status {
            // A period that is over without a new one only means that the renewal has not been reported yet.
            SubscriptionStatus::Active if !self.cancel_at_period_end => None,
            SubscriptionStatus::Active | SubscriptionStatus::Canceled => {
                Some(period_end.unwrap_or(Self::NEVER_APPLIED))
            }
            SubscriptionStatus::Trialing => Some(self.trial_ends_at.or(period_end).unwrap_or(Self::NEVER_APPLIED)),
            SubscriptionStatus::PastDue => {
                let end = period_end.or(self.past_due_since).unwrap_or(Self::NEVER_APPLIED);
                // A customer who has cancelled is not waiting for a payment to be retried.
                Some(if self.cancel_at_period_end { end } else { later(end, rules.grace) })
            }
            SubscriptionStatus::Incomplete => Some(Self::NEVER_APPLIED),
        }
    }

    /// The period in which usage is counted at this time: the billing period, or else the calendar month in UTC.
    ///
    /// A billing period of a year is counted by month, because the limits are monthly. If the report of a renewal is
    /// late, the months continue from the end of the period.
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
    /// Reporting the same failed payment or the same end twice changes nothing.
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
                // A trial begins with an invoice of zero, which is paid at once and does not end the trial.
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

    /// The state to store when the passing of time has ended the subscription: the trial ended without a payment, or
    /// the period without the expected renewal, or the grace period. `None` if nothing has to be stored.
    ///
    /// It changes nobody's access: [`effective_plan`](Self::effective_plan) has returned the same plan since that
    /// moment.
    pub fn lapsed(&self, now: DateTime<Utc>, rules: SubscriptionRules) -> Option<Self> {
        if matches!(self.status, SubscriptionStatus::Canceled | SubscriptionStatus::Incomplete) {
            return None;
        }
        let end = self.access_ends_at(rules).filter(|end| *end <= now)?;
        let mut ended = self.ended(end.max(DateTime::UNIX_EPOCH));
        // A period that continues after a trial was never paid for.
        ended.period = ended.period.and_then(|period| Period::new(period.start, period.end.min(end)));
        Some(ended)
    }

    /// Whether there is a subscription that payments belong to. The free plan has no period and no payments.
    fn is_subscribed(&self) -> bool {
        use SubscriptionStatus as S;
        matches!(self.status, S::Active | S::Trialing | S::PastDue) && self.period.is_some()
    }

    fn check_subscribed(&self) -> Result<(), TransitionRefused> {
        if self.is_subscribed() { Ok(()) } else { Err(TransitionRefused::NotSubscribed(self.status)) }
    }

    /// A subscription that has ended by itself does not prevent another one, even if its end is not stored yet.
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

/// `at` plus `duration`, or the latest possible time.
fn later(at: DateTime<Utc>, duration: Duration) -> DateTime<Utc> {
    at.checked_add_signed(duration).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests;
