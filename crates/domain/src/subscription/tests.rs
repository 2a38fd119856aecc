//! The state machine with random histories, and with the examples that the rules were written for.

use chrono::TimeZone;
use proptest::prelude::*;

use super::*;

const RULES: SubscriptionRules = SubscriptionRules { grace: Duration::days(7) };

fn day(month: u32, day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, month, day, 0, 0, 0).single().expect("a literal")
}

fn period(start: DateTime<Utc>, end: DateTime<Utc>) -> Period {
    Period::new(start, end).expect("a literal")
}

fn pro() -> Subscription {
    let start =
        SubscriptionChange::Start { plan: "pro".into(), period: period(day(1, 10), day(2, 10)), trial_ends_at: None };
    Subscription::free().apply(start, day(1, 10)).expect("a free organization can subscribe")
}

fn after(subscription: &Subscription, change: SubscriptionChange, now: DateTime<Utc>) -> Subscription {
    subscription.apply(change, now).expect("an allowed change")
}

#[test]
fn a_past_due_subscription_keeps_its_plan_until_the_period_and_the_grace_are_over() {
    let late = after(&pro(), SubscriptionChange::FailPayment, day(1, 20));
    assert_eq!(late.status, SubscriptionStatus::PastDue);
    assert_eq!(late.effective_plan(day(2, 16), RULES), "pro");
    assert_eq!(late.effective_plan(day(2, 17), RULES), "free");
    let paid = after(&late, SubscriptionChange::Pay { period: period(day(2, 10), day(3, 10)) }, day(2, 18));
    assert_eq!((paid.status, paid.effective_plan(day(2, 18), RULES)), (SubscriptionStatus::Active, "pro"));
}

#[test]
fn a_canceled_subscription_keeps_its_plan_until_the_period_ends() {
    let ended = after(&pro(), SubscriptionChange::End, day(1, 15));
    assert_eq!(ended.effective_plan(day(2, 9), RULES), "pro");
    assert_eq!(ended.effective_plan(day(2, 10), RULES), "free");
    let scheduled = after(&pro(), SubscriptionChange::CancelAtPeriodEnd, day(1, 15));
    assert_eq!(scheduled.status, SubscriptionStatus::Active);
    assert_eq!(scheduled.effective_plan(day(2, 10), RULES), "free");
    assert_eq!(after(&scheduled, SubscriptionChange::Resume, day(1, 16)), pro());
    assert_eq!(scheduled.apply(SubscriptionChange::Resume, day(2, 10)), Err(TransitionRefused::Over));
}

#[test]
fn a_trial_ends_by_itself_unless_it_is_paid_for() {
    let start = |trial| SubscriptionChange::Start {
        plan: "pro".into(),
        period: period(day(1, 10), day(2, 10)),
        trial_ends_at: trial,
    };
    let trial = after(&Subscription::free(), start(Some(day(1, 24))), day(1, 10));
    assert_eq!(trial.status, SubscriptionStatus::Trialing);
    assert_eq!(trial.effective_plan(day(1, 23), RULES), "pro");
    assert_eq!(trial.effective_plan(day(1, 24), RULES), "free");
    let nothing = SubscriptionChange::Pay { period: period(day(1, 10), day(1, 24)) };
    assert_eq!(after(&trial, nothing, day(1, 10)).status, SubscriptionStatus::Trialing);
    let money = SubscriptionChange::Pay { period: period(day(1, 24), day(2, 24)) };
    assert_eq!(after(&trial, money, day(1, 24)).status, SubscriptionStatus::Active);
    let lapsed = trial.lapsed(day(1, 25), RULES).expect("the trial is over");
    assert_eq!((lapsed.status, lapsed.canceled_at), (SubscriptionStatus::Canceled, Some(day(1, 24))));
    assert_eq!(lapsed.effective_plan(day(1, 25), RULES), "free");
}

#[test]
fn an_incomplete_subscription_gives_nothing_until_it_is_paid() {
    let waiting = after(&Subscription::free(), SubscriptionChange::AwaitPayment { plan: "pro".into() }, day(1, 10));
    assert_eq!(waiting.effective_plan(day(1, 10), RULES), "free");
    let paid = after(&waiting, SubscriptionChange::Pay { period: period(day(1, 10), day(2, 10)) }, day(1, 11));
    assert_eq!(paid, pro());
}

#[test]
fn impossible_changes_are_refused() {
    let ended = after(&pro(), SubscriptionChange::End, day(1, 15));
    let not = |status| Err(TransitionRefused::NotSubscribed(status));
    for change in [
        SubscriptionChange::Pay { period: period(day(2, 10), day(3, 10)) },
        SubscriptionChange::FailPayment,
        SubscriptionChange::ChangePlan { plan: "solo".into() },
        SubscriptionChange::CancelAtPeriodEnd,
        SubscriptionChange::Resume,
    ] {
        assert_eq!(ended.apply(change, day(1, 16)), not(SubscriptionStatus::Canceled));
    }
    assert_eq!(Subscription::free().apply(SubscriptionChange::End, day(1, 1)), not(SubscriptionStatus::Active));
    let again = SubscriptionChange::AwaitPayment { plan: "solo".into() };
    assert_eq!(pro().apply(again, day(1, 16)), Err(TransitionRefused::AlreadySubscribed(SubscriptionStatus::Active)));
}

#[test]
fn usage_is_counted_by_billing_period_or_calendar_month() {
    let month = period(day(3, 1), day(4, 1));
    assert_eq!(Subscription::free().usage_period(day(3, 31), RULES), month);
    assert_eq!(pro().usage_period(day(2, 9), RULES), period(day(1, 10), day(2, 10)));
    // The renewal is late.
    assert_eq!(pro().usage_period(day(3, 12), RULES), period(day(3, 10), day(4, 10)));
    let ended = after(&pro(), SubscriptionChange::End, day(1, 15));
    assert_eq!(ended.usage_period(day(3, 12), RULES), month);
    let yearly = Subscription { period: Some(period(day(1, 31), day(12, 31))), ..pro() };
    assert_eq!(yearly.usage_period(day(3, 1), RULES), period(day(2, 28), day(3, 31)));
    assert_eq!(yearly.usage_period(day(3, 31), RULES), period(day(3, 31), day(4, 30)));
}

/// Days since the start of 2026, far enough for several periods to end.
fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..800, 0_i64..86_400)
        .prop_map(|(days, seconds)| day(1, 1) + Duration::days(days) + Duration::seconds(seconds))
}

fn any_period() -> impl Strategy<Value = Period> {
    (time(), prop::sample::select(vec![7_i64, 28, 30, 31, 365]))
        .prop_map(|(start, days)| period(start, start + Duration::days(days)))
}

fn any_change() -> impl Strategy<Value = SubscriptionChange> {
    let plan = || prop::sample::select(vec!["free", "solo", "pro"]).prop_map(str::to_owned);
    prop_oneof![
        (plan(), any_period(), prop::option::of(time()))
            .prop_map(|(plan, period, trial_ends_at)| SubscriptionChange::Start { plan, period, trial_ends_at }),
        plan().prop_map(|plan| SubscriptionChange::AwaitPayment { plan }),
        any_period().prop_map(|period| SubscriptionChange::Pay { period }),
        Just(SubscriptionChange::FailPayment),
        plan().prop_map(|plan| SubscriptionChange::ChangePlan { plan }),
        Just(SubscriptionChange::CancelAtPeriodEnd),
        Just(SubscriptionChange::Resume),
        Just(SubscriptionChange::End),
    ]
}

/// A subscription with a history.
fn any_subscription() -> impl Strategy<Value = Subscription> {
    prop::collection::vec((any_change(), time()), 0..12).prop_map(|mut life| {
        life.sort_by_key(|(_, at)| *at);
        life.into_iter().fold(Subscription::free(), |before, (change, at)| before.apply(change, at).unwrap_or(before))
    })
}

proptest! {
    #[test]
    fn every_history_keeps_its_fields_consistent(subscription in any_subscription()) {
        use SubscriptionStatus as S;
        prop_assert_eq!(subscription.past_due_since.is_some(), subscription.status == S::PastDue);
        prop_assert_eq!(subscription.canceled_at.is_some(), subscription.status == S::Canceled);
        prop_assert_eq!(subscription.trial_ends_at.is_some(), subscription.status == S::Trialing);
        prop_assert!(!subscription.cancel_at_period_end || subscription.is_subscribed());
        let may_lack_period = matches!(subscription.status, S::Active | S::Incomplete | S::Canceled);
        prop_assert!(subscription.period.is_some() || may_lack_period);
    }

    #[test]
    fn lost_access_does_not_come_back_by_itself(subscription in any_subscription(), mut a in time(), mut b in time()) {
        if a > b {
            std::mem::swap(&mut a, &mut b);
        }
        let (before, after) = (subscription.effective_plan(a, RULES), subscription.effective_plan(b, RULES));
        prop_assert!(after == FREE_PLAN || after == subscription.plan);
        prop_assert!(before == after || after == FREE_PLAN);
    }

    #[test]
    fn storing_a_lapse_changes_no_access(subscription in any_subscription(), now in time(), then in time()) {
        let then = now.max(then);
        if let Some(lapsed) = subscription.lapsed(now, RULES) {
            prop_assert_eq!(lapsed.status, SubscriptionStatus::Canceled);
            prop_assert_eq!(lapsed.effective_plan(then, RULES), subscription.effective_plan(then, RULES));
            prop_assert_eq!(lapsed.effective_plan(now, RULES), FREE_PLAN);
            prop_assert_eq!(lapsed.usage_period(then, RULES), subscription.usage_period(then, RULES));
            prop_assert_eq!(lapsed.lapsed(then, RULES), None);
        } else if subscription.status != SubscriptionStatus::Incomplete {
            let holds = subscription.status == SubscriptionStatus::Canceled
                || subscription.effective_plan(now, RULES) == subscription.plan;
            prop_assert!(holds);
        }
    }

    #[test]
    fn reporting_the_same_change_twice_equals_reporting_it_once(subscription in any_subscription(), change in any_change(), now in time()) {
        let repeatable = !matches!(change, SubscriptionChange::Start { .. });
        if repeatable && let Ok(once) = subscription.apply(change.clone(), now) {
            prop_assert_eq!(once.apply(change, now), Ok(once));
        }
    }

    #[test]
    fn usage_periods_are_contiguous(subscription in any_subscription(), now in time()) {
        let current = subscription.usage_period(now, RULES);
        prop_assert!(current.contains(now), "{current:?} does not contain {now}");
        prop_assert!(current.end() - current.start() <= LONGEST_MONTH);
        // Every moment of a period returns the same period, unless access ends in it.
        let last = current.end() - Duration::microseconds(1);
        if subscription.access_ends_at(RULES).is_none_or(|end| end <= now || last < end)
            && subscription.period.is_none_or(|period| period.start() <= now || last < period.start()) {
            prop_assert_eq!(subscription.usage_period(last, RULES), current);
            prop_assert_eq!(subscription.usage_period(current.start().max(now), RULES), current);
        }
        if subscription.access_ends_at(RULES).is_none() && subscription.period.is_none_or(|period| period.start() <= now) {
            prop_assert_eq!(subscription.usage_period(current.end(), RULES).start(), current.end());
        }
    }
}
