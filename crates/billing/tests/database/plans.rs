//! Plans change by rows and by files while requests run, and nobody uses old ones after the cache time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tenantry_billing::{Billing, BillingError, PlanFile};
use tenantry_domain::feature::Feature;
use tenantry_store::billing::plans::ReplaceError;
use tenantry_store::{ReadScope, WriteScope};

use crate::fixture::{Fixture, options};

const CACHED: Duration = Duration::from_millis(400);

fn file(plans: &[(&str, &str)]) -> PlanFile {
    let plans: Vec<String> = plans
        .iter()
        .map(|(id, projects)| {
            format!(
                r#"{{ "id": "{id}", "name": "Plan {id}", "limits": {{ "active_clients": null, "projects": {projects},
                    "invoices_per_month": null, "vault_items": null, "team_members": 10, "api_calls_per_month": 9 }} }}"#
            )
        })
        .collect();
    format!(r#"{{ "plans": [{}] }}"#, plans.join(",")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_row_takes_effect_within_the_cache_time_while_requests_run() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let billing = Billing::new(options(CACHED));
    let changed_at: Arc<parking_lot::Mutex<Option<Instant>>> = Arc::default();
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..6)
        .map(|n| {
            let (billing, store) = (billing.clone(), fixture.store.clone());
            let (changed_at, stop) = (Arc::clone(&changed_at), Arc::clone(&stop));
            tokio::spawn(async move {
                let (mut old, mut new) = (0, 0);
                while !stop.load(Ordering::Relaxed) {
                    // Computed before the scope opens: what is in effect now must be in effect in it.
                    let overdue = changed_at.lock().is_some_and(|at| at.elapsed() >= CACHED);
                    let scope = ReadScope::open(&store, tenant.identity).await.unwrap();
                    if n % 2 == 0 {
                        // A scope whose snapshot is older than the call must not renew the cache with it.
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    match billing.can_use(&scope, Feature::Projects).await.unwrap().limit {
                        Some(5) => {
                            assert!(!overdue, "an old limit after the cache time");
                            old += 1;
                        }
                        Some(7) => new += 1,
                        other => panic!("{other:?}"),
                    }
                }
                (old, new)
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(600)).await;
    fixture.run("UPDATE billing.plan_features SET limit_value = 7 WHERE plan = 'free' AND feature = 'projects'").await;
    *changed_at.lock() = Some(Instant::now());
    tokio::time::sleep(CACHED + Duration::from_millis(800)).await;
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        let (old, new) = reader.await.unwrap();
        assert!(old > 0 && new > 0, "{old} {new}");
    }
}

#[tokio::test]
async fn plans_from_an_old_snapshot_are_as_old_as_the_snapshot() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let billing = Billing::new(options(CACHED));
    let limit = async |scope: &ReadScope| billing.can_use(scope, Feature::Projects).await.unwrap().limit;
    let old = fixture.read(tenant).await;
    fixture.run("UPDATE billing.plan_features SET limit_value = 7 WHERE plan = 'free' AND feature = 'projects'").await;
    tokio::time::sleep(CACHED * 3 / 4).await;
    assert_eq!(limit(&old).await, Some(5), "one request sees one state");
    tokio::time::sleep(CACHED / 3).await;
    assert_eq!(limit(&fixture.read(tenant).await).await, Some(7));
}

#[tokio::test]
async fn a_file_takes_effect_at_once_here_and_after_the_cache_time_elsewhere() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let (here, elsewhere) = (Billing::new(options(Duration::from_mins(5))), Billing::new(options(CACHED)));
    let limit = async |billing: &Billing| {
        let scope = fixture.read(tenant).await;
        billing.can_use(&scope, Feature::Projects).await.unwrap().limit
    };
    assert_eq!((limit(&here).await, limit(&elsewhere).await), (Some(5), Some(5)));
    let owner = fixture.database.owner_url();
    here.load_plans(&owner, &file(&[("free", "3"), ("pro", "50"), ("enterprise", "null")])).await.unwrap();
    assert_eq!(limit(&here).await, Some(3));
    tokio::time::sleep(CACHED).await;
    assert_eq!(limit(&elsewhere).await, Some(3));

    // The order of the file is the order of the prices. Ranks are unique, and they swap places here.
    here.load_plans(&owner, &file(&[("enterprise", "null"), ("free", "2"), ("new", "4")])).await.unwrap();
    let plans = here.plans(&fixture.read(tenant).await).await.unwrap();
    let ranks: Vec<_> = plans.plans().iter().map(|plan| (plan.id.as_str(), plan.rank)).collect();
    assert_eq!(ranks, [("enterprise", 0), ("free", 1), ("new", 2)]);
    assert_eq!(fixture.number("SELECT count(*) FROM billing.plan_features").await, 18);

    // Also as the cluster's superuser.
    here.load_plans(&fixture.database.superuser_url(), &file(&[("free", "1")])).await.unwrap();
    assert_eq!(limit(&here).await, Some(1));
}

#[tokio::test]
async fn a_plan_in_use_cannot_be_removed() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("solo").await;
    let owner = fixture.database.owner_url();
    let refused = fixture.billing.load_plans(&owner, &file(&[("free", "3"), ("pro", "50")])).await;
    assert!(matches!(refused, Err(BillingError::Replace(ReplaceError::PlanInUse(plan))) if plan == "solo"));
    let plans = fixture.billing.plans(&fixture.read(tenant).await).await.unwrap();
    let ranks: Vec<_> = plans.plans().iter().map(|plan| (plan.id.as_str(), plan.rank)).collect();
    assert_eq!(ranks, [("free", 0), ("solo", 1), ("pro", 2), ("enterprise", 3)], "nothing was changed");
    assert_eq!(fixture.number("SELECT count(*) FROM billing.plan_features").await, 24);
    let refused = fixture.billing.load_plans(&fixture.database.app_url(), &file(&[("free", "3")])).await;
    assert!(matches!(refused, Err(BillingError::Replace(ReplaceError::Store(_)))), "the API's role may not");
}

#[tokio::test]
async fn a_plan_newer_than_the_cache_is_found() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let billing = Billing::new(options(Duration::from_mins(5)));
    billing.plans(&fixture.read(tenant).await).await.unwrap();
    fixture
        .run(&format!(
            "INSERT INTO billing.plans (id, name, rank) VALUES ('gold', 'Gold', 9);
             INSERT INTO billing.plan_features (plan, feature, limit_value) VALUES ('gold', 'active_clients', 1);
             UPDATE billing.organization_billing SET plan = 'gold' WHERE organization_id = '{}'",
            tenant.id()
        ))
        .await;
    let mut scope = WriteScope::open(&fixture.store, tenant.identity).await.unwrap();
    billing.check_level(&mut scope, Feature::ActiveClients, 1).await.unwrap();
    // A feature that a plan does not name is not included in it.
    let refused = billing.check_level(&mut scope, Feature::Projects, 1).await;
    assert!(matches!(refused, Err(BillingError::LimitReached(limit)) if limit.limit == 0));
}

#[tokio::test]
async fn organizations_can_be_created_while_plans_are_loaded() {
    let fixture = Fixture::new().await;
    // Delays the load half-way, after it has given every plan another rank.
    let held = fixture.hold("SELECT FROM billing.plan_features WHERE plan = 'pro' FOR UPDATE").await;
    let (billing, owner) = (fixture.billing.clone(), fixture.database.owner_url());
    let load = tokio::spawn(async move {
        let plans = file(&[("enterprise", "null"), ("solo", "9"), ("free", "2"), ("pro", "4")]);
        billing.load_plans(&owner, &plans).await
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'tenantry plans' AND wait_event_type = 'Lock'";
    while fixture.number(waiting).await == 0 {
        assert!(!load.is_finished(), "the load was to be held up");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let founded = tokio::time::timeout(Duration::from_secs(2), fixture.tenant("free")).await;
    let tenant = founded.expect("nobody waits for the load");
    assert!(!load.is_finished());
    held.rollback().await.unwrap();
    load.await.unwrap().unwrap();
    let plans = fixture.billing.plans(&fixture.read(tenant).await).await.unwrap();
    let ranks: Vec<_> = plans.plans().iter().map(|plan| plan.id.as_str()).collect();
    assert_eq!(ranks, ["enterprise", "solo", "free", "pro"]);
}
