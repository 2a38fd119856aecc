//! API calls: counted in memory, written in batches, exact across processes, and never written by a request.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};
use futures_util::future::join_all;
use parking_lot::Mutex;
use tenantry_billing::{Belonging, Billing, BillingError, Decision, Flushed, Meter, MeterError, MeterOptions};
use tenantry_domain::feature::Feature;
use tenantry_domain::subscription::Period;
use tenantry_domain::{Clock, OrganizationId};
use tenantry_store::StoreError;
use uuid::Uuid;

use crate::fixture::{Fixture, Tenant, options};

const LIMIT: i64 = 1_000;

fn meter(fixture: &Fixture) -> Meter {
    // Every process has its own plan cache.
    Meter::new(fixture.store.clone(), Billing::default(), MeterOptions::default())
}

async fn written(fixture: &Fixture, tenant: Tenant) -> i64 {
    fixture
        .number(&format!(
            "SELECT coalesce(sum(count), 0)::bigint FROM billing.usage_counters
             WHERE organization_id = '{}' AND feature = 'api_calls_per_month'",
            tenant.id()
        ))
        .await
}

fn left(decision: Decision) -> i64 {
    match decision {
        Decision::Allowed { remaining: Some(remaining), limit: Some(LIMIT), .. } => remaining,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn calls_are_written_in_batches_and_a_crash_loses_at_most_one() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let id = tenant.identity.organization_id;
    let first = meter(&fixture);
    assert_eq!(left(first.allowed(id).await.unwrap()), LIMIT);
    for n in 1..=100 {
        assert_eq!(left(first.admit(id).await.unwrap()), LIMIT - n);
    }
    assert_eq!(written(&fixture, tenant).await, 0, "no request has written anything");
    assert_eq!(first.flush().await, Flushed { calls: 100, failed: 0 });
    assert_eq!(written(&fixture, tenant).await, 100);
    assert_eq!(first.flush().await, Flushed::default());
    for _ in 0..7 {
        first.record(id);
    }
    // A crash loses what was not flushed, and nothing else.
    drop(first);
    let second = meter(&fixture);
    assert_eq!(left(second.admit(id).await.unwrap()), LIMIT - 101);
    assert_eq!(second.flush().await.calls, 1);
    assert_eq!(written(&fixture, tenant).await, 101);
    let told = fixture.billing.can_use(&fixture.read(tenant).await, Feature::ApiCallsPerMonth).await.unwrap();
    assert_eq!((told.used, told.remaining()), (Some(101), Some(LIMIT - 101)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_gets_the_last_call_and_the_others_learn_when_it_resets() {
    let fixture = Fixture::new().await;
    for _ in 0..20 {
        let tenant = fixture.tenant("free").await;
        let id = tenant.identity.organization_id;
        let mut scope = fixture.write(tenant).await;
        fixture.billing.use_monthly(&mut scope, Feature::ApiCallsPerMonth, LIMIT - 1).await.unwrap();
        scope.commit().await.unwrap();
        let meter = meter(&fixture);
        let attempts = (0..500).map(|_| {
            let meter = meter.clone();
            tokio::spawn(async move { meter.admit(id).await.unwrap() })
        });
        let answers: Vec<Decision> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers.iter().filter(|answer| answer.is_allowed()).count(), 1);
        let resets_at = Period::calendar_month(fixture.store.clock().now()).end();
        assert!(answers.iter().all(|answer| answer.resets_at() == resets_at));
        meter.flush().await;
        assert_eq!(written(&fixture, tenant).await, LIMIT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_count_the_same_organizations() {
    let fixture = Fixture::new().await;
    let (one, two) = (fixture.tenant("free").await, fixture.tenant("enterprise").await);
    let meters: Vec<Meter> = (0..4).map(|_| meter(&fixture)).collect();
    let work = meters.iter().map(|meter| {
        let meter = meter.clone();
        tokio::spawn(async move {
            for n in 0..100 {
                for tenant in [one, two] {
                    assert!(meter.admit(tenant.identity.organization_id).await.unwrap().is_allowed());
                }
                if n % 10 == 0 {
                    // Two at a time, as when a batch takes longer than the flush interval.
                    assert_eq!(tokio::join!(meter.flush(), meter.flush()).0.failed, 0);
                }
            }
        })
    });
    for done in join_all(work).await {
        done.unwrap();
    }
    for meter in &meters {
        assert_eq!(meter.flush().await.failed, 0);
    }
    for tenant in [one, two] {
        assert_eq!(written(&fixture, tenant).await, 400);
    }
    // One batch later, each process knows all calls.
    assert_eq!(left(meters[3].allowed(one.identity.organization_id).await.unwrap()), LIMIT - 400);
    let unlimited = meters[0].allowed(two.identity.organization_id).await.unwrap();
    assert!(matches!(unlimited, Decision::Allowed { limit: None, remaining: None, .. }));
}

#[tokio::test]
async fn a_new_period_starts_at_zero_and_late_batches_count_for_their_own_period() {
    let at = |day, hour| Utc.with_ymd_and_hms(2026, 3, day, hour, 0, 0).unwrap();
    let now: Arc<Mutex<DateTime<Utc>>> = Arc::new(Mutex::new(at(31, 23)));
    let clock = Arc::clone(&now);
    let fixture = Fixture::with_clock(Clock::from_fn(move || *clock.lock())).await;
    let tenant = fixture.tenant("free").await;
    let id = tenant.identity.organization_id;
    let meter = meter(&fixture);
    for _ in 0..3 {
        meter.admit(id).await.unwrap();
    }
    *now.lock() = at(31, 23) + chrono::Duration::hours(2);
    assert_eq!(left(meter.admit(id).await.unwrap()), LIMIT - 1);
    meter.flush().await;
    let counts = format!(
        "SELECT array_agg(count ORDER BY period_start)::text FROM billing.usage_counters WHERE organization_id = '{}'",
        tenant.id()
    );
    let counts: String = sqlx::query_scalar(sqlx::AssertSqlSafe(counts)).fetch_one(&fixture.admin).await.unwrap();
    assert_eq!(counts, "{3,1}");
}

#[tokio::test]
async fn a_changed_limit_reaches_the_meter_within_the_cache_time() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let id = tenant.identity.organization_id;
    let billing = Billing::new(options(Duration::from_mins(5)));
    let meter = Meter::new(fixture.store.clone(), billing.clone(), MeterOptions::default());
    meter.admit(id).await.unwrap();
    fixture.run("UPDATE billing.plan_features SET limit_value = 1 WHERE feature = 'api_calls_per_month'").await;
    assert!(meter.admit(id).await.unwrap().is_allowed(), "it is cached for five minutes");
    billing.invalidate();
    assert!(matches!(meter.admit(id).await.unwrap(), Decision::Refused { limit: 1, .. }));
}

#[tokio::test]
async fn the_last_batch_is_written_when_the_meter_is_stopped() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let meter = meter(&fixture);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(meter.clone().run(async move { drop(stopped.await) }));
    meter.admit(tenant.identity.organization_id).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(written(&fixture, tenant).await, 1);
}

#[tokio::test]
async fn a_missing_organization_is_refused_and_forgotten() {
    let fixture = Fixture::new().await;
    let meter = meter(&fixture);
    let nobody = OrganizationId::from_uuid(Uuid::nil());
    let answer = meter.admit(nobody).await;
    let Err(MeterError::Failed(error)) = answer else { panic!("{answer:?}") };
    assert!(matches!(*error, BillingError::Store(StoreError::NotAMember)));
    meter.record(nobody);
    assert_eq!(meter.flush().await, Flushed { calls: 0, failed: 1 });
    assert_eq!(meter.flush().await, Flushed::default());
}

#[tokio::test]
async fn a_reservation_counts_only_when_it_is_counted() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let id = tenant.identity.organization_id;
    fixture.set_limit(tenant, Feature::ApiCallsPerMonth, Some(2)).await;
    let meter = meter(&fixture);
    let remaining = async || match meter.allowed(id).await.unwrap() {
        Decision::Allowed { remaining: Some(remaining), .. } => remaining,
        Decision::Refused { .. } => 0,
        other @ Decision::Allowed { .. } => panic!("{other:?}"),
    };
    let mut unproven = Vec::new();
    for _ in 0..2 {
        let (decision, reservation) = meter.reserve(id, Belonging::Unproven).await;
        assert!(decision.unwrap().is_allowed());
        unproven.push(reservation.unwrap());
    }
    let (decision, none) = meter.reserve(id, Belonging::Unproven).await;
    assert!(!decision.unwrap().is_allowed() && none.is_none());
    // A caller who is known to be a member is not affected.
    let (decision, proven) = meter.reserve(id, Belonging::Proven).await;
    assert!(decision.unwrap().is_allowed());
    assert_eq!(remaining().await, 1);
    proven.unwrap().count();
    unproven.pop().unwrap().count();
    assert_eq!(remaining().await, 0);
    drop(unproven);
    assert_eq!(meter.flush().await.calls, 2);
    assert_eq!(written(&fixture, tenant).await, 2);
}
