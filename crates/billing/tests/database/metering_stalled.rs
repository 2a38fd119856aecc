//! API calls while the database stalls or fails: one query serves all waiting calls, nobody waits long, and the last
//! known count decides.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tenantry_billing::{Billing, Decision, Meter, MeterError, MeterOptions};
use tenantry_domain::OrganizationId;

use crate::fixture::{Fixture, options};

const PATIENCE: Duration = Duration::from_millis(300);

/// A meter that trusts what it knows for no longer than this.
fn meter(fixture: &Fixture, cached_for: Duration) -> Meter {
    let billing = Billing::new(options(cached_for));
    Meter::new(fixture.store.clone(), billing, MeterOptions { patience: PATIENCE, ..MeterOptions::default() })
}

/// Locks the counters until the transaction is dropped.
async fn stall(fixture: &Fixture) -> sqlx::Transaction<'static, sqlx::Postgres> {
    fixture.hold("LOCK TABLE billing.usage_counters IN ACCESS EXCLUSIVE MODE").await
}

/// How many sessions wait for the lock of [`stall`].
async fn waiting(fixture: &Fixture) -> i64 {
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    fixture.number(waiting).await
}

/// This many calls at once, and how long the slowest took.
async fn calls(meter: &Meter, id: OrganizationId, n: usize) -> (Vec<Result<Decision, MeterError>>, Duration) {
    let begun = Instant::now();
    let calls = (0..n).map(|_| {
        let meter = meter.clone();
        tokio::spawn(async move { meter.admit(id).await })
    });
    let answers = join_all(calls).await.into_iter().map(Result::unwrap).collect();
    (answers, begun.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_calls_share_one_query_and_wait_no_longer_than_one_call_would() {
    let fixture = Fixture::new().await;
    let id = fixture.tenant("free").await.identity.organization_id;
    let meter = meter(&fixture, Duration::from_mins(5));
    let stalled = stall(&fixture).await;
    let (answers, took) = calls(&meter, id, 300).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(MeterError::Unanswered))), "{answers:?}");
    assert!(took >= PATIENCE && took < PATIENCE * 4, "{took:?}");
    // Later calls do not wait: the load has been waited for long enough.
    let (answers, took) = calls(&meter, id, 300).await;
    assert!(answers.iter().all(|answer| matches!(answer, Err(MeterError::Unanswered))));
    assert!(took < PATIENCE / 2, "{took:?}");
    assert_eq!(waiting(&fixture).await, 1, "one question for six hundred calls");
    drop(stalled);
    // The answer arrives although nobody waits for it any more.
    while meter.admit(id).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (answers, _) = calls(&meter, id, 300).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(Decision::is_allowed)), "{answers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_known_count_decides_while_the_database_stalls() {
    let fixture = Fixture::new().await;
    let id = fixture.tenant("free").await.identity.organization_id;
    let meter = meter(&fixture, Duration::ZERO);
    assert!(meter.admit(id).await.unwrap().is_allowed());
    let stalled = stall(&fixture).await;
    // The free plan has a thousand; one is used.
    let (answers, took) = calls(&meter, id, 1_200).await;
    assert!(took < PATIENCE * 4, "{took:?}");
    let allowed = answers.iter().filter(|answer| answer.as_ref().is_ok_and(Decision::is_allowed)).count();
    assert_eq!(allowed, 999);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    drop(stalled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_shared_and_retried_a_little_later() {
    let fixture = Fixture::new().await;
    let id = fixture.tenant("free").await.identity.organization_id;
    let meter = meter(&fixture, Duration::from_mins(5));
    fixture.run("REVOKE SELECT ON billing.usage_counters FROM tenantry_app").await;
    let (answers, _) = calls(&meter, id, 100).await;
    let failure = |answer: &Result<Decision, MeterError>| match answer {
        Err(MeterError::Failed(failure)) => Arc::clone(failure),
        other => panic!("{other:?}"),
    };
    let first = failure(&answers[0]);
    assert!(answers.iter().all(|answer| Arc::ptr_eq(&failure(answer), &first)), "one failure for all");
    fixture.run("GRANT SELECT ON billing.usage_counters TO tenantry_app").await;
    assert!(Arc::ptr_eq(&failure(&meter.admit(id).await), &first), "not every call asks a database that fails");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(meter.admit(id).await.unwrap().is_allowed());
}
