//! What an organization may use, where its limits come from, and when the lock is taken.

use std::collections::HashMap;
use std::time::Duration;

use tenantry_billing::{BillingError, Entitlement, Source};
use tenantry_domain::feature::Feature;
use tenantry_domain::subscription::{Period, SubscriptionChange, SubscriptionStatus, TransitionRefused};
use tenantry_store::{AsStoreError, ConstraintKind, WriteScope};

use crate::fixture::{Fixture, Tenant, refusal};

async fn entitlements(fixture: &Fixture, tenant: Tenant) -> HashMap<Feature, Entitlement> {
    let list = fixture.billing.entitlements(&fixture.read(tenant).await).await.unwrap();
    assert_eq!(list.iter().map(|one| one.feature).collect::<Vec<_>>(), Feature::ALL);
    list.into_iter().map(|one| (one.feature, one)).collect()
}

#[tokio::test]
async fn a_free_organization_sees_its_limits_and_what_is_left() {
    let fixture = Fixture::new().await;
    let (tenant, other) = (fixture.tenant("free").await, fixture.tenant("free").await);
    for tenant in [tenant, tenant, other] {
        fixture.create_client(tenant).await.unwrap();
    }
    let mut scope = fixture.write(tenant).await;
    fixture.billing.use_monthly(&mut scope, Feature::InvoicesPerMonth, 4).await.unwrap();
    scope.commit().await.unwrap();

    let told = entitlements(&fixture, tenant).await;
    let numbers = |feature: Feature| (told[&feature].limit, told[&feature].used, told[&feature].remaining());
    assert_eq!(numbers(Feature::ActiveClients), (Some(3), Some(2), Some(1)));
    assert_eq!(numbers(Feature::Projects), (Some(5), Some(0), Some(5)));
    assert_eq!(numbers(Feature::TeamMembers), (Some(1), Some(1), Some(0)));
    assert_eq!(numbers(Feature::VaultItems), (Some(10), Some(0), Some(10)));
    assert_eq!(numbers(Feature::InvoicesPerMonth), (Some(5), Some(4), Some(1)));
    assert_eq!(numbers(Feature::ApiCallsPerMonth), (Some(1_000), Some(0), Some(1_000)));
    assert!(told.values().all(|one| one.source == Source::Plan));
    let month = Period::calendar_month(fixture.store.clock().now());
    assert_eq!(told[&Feature::InvoicesPerMonth].resets_at, Some(month.end()));
    assert_eq!(told[&Feature::Projects].resets_at, None);

    let mut scope = fixture.write(tenant).await;
    let refused = refusal(fixture.billing.use_monthly(&mut scope, Feature::InvoicesPerMonth, 2).await);
    assert_eq!((refused.limit, refused.used, refused.upgrade_to.as_deref()), (5, 4, Some("solo")));
}

#[tokio::test]
async fn a_rollback_returns_what_was_used() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let mut scope = fixture.write(tenant).await;
    fixture.billing.use_monthly(&mut scope, Feature::InvoicesPerMonth, 5).await.unwrap();
    drop(scope);
    let told = entitlements(&fixture, tenant).await;
    assert_eq!(told[&Feature::InvoicesPerMonth].used, Some(0));
}

#[tokio::test]
async fn an_override_takes_precedence_until_it_expires() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("pro").await;
    let id = tenant.id();
    fixture
        .run(&format!(
            "INSERT INTO billing.feature_overrides (organization_id, feature, limit_value, enabled, expires_at) VALUES
                 ('{id}', 'active_clients', 0, true, NULL),
                 ('{id}', 'team_members', NULL, true, now() + interval '1 hour'),
                 ('{id}', 'projects', 1, true, now() - interval '1 second'),
                 ('{id}', 'vault_items', NULL, false, NULL)"
        ))
        .await;
    let told = entitlements(&fixture, tenant).await;
    let of = |feature: Feature| (told[&feature].limit, told[&feature].source);
    assert_eq!(of(Feature::ActiveClients), (Some(0), Source::Override));
    assert_eq!(of(Feature::TeamMembers), (None, Source::Override));
    assert_eq!(of(Feature::Projects), (None, Source::Plan));
    assert_eq!(of(Feature::VaultItems), (Some(0), Source::Override));
    assert_eq!(of(Feature::InvoicesPerMonth), (None, Source::Plan));
    assert_eq!(told[&Feature::TeamMembers].used, None, "what is unlimited is not counted");

    let refused = refusal(fixture.create_client(tenant).await);
    assert_eq!((refused.limit, refused.used), (0, 0));
    assert_eq!(refused.upgrade_to, None, "no plan helps while the override holds");
    let mut scope = fixture.write(tenant).await;
    refusal(fixture.billing.check_level(&mut scope, Feature::VaultItems, 1).await);
    fixture.billing.check_level(&mut scope, Feature::TeamMembers, 1_000).await.unwrap();
    fixture.billing.check_level(&mut scope, Feature::Projects, 1_000).await.unwrap();
}

#[tokio::test]
async fn adding_several_at_once_is_all_or_nothing() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let mut scope = fixture.write(tenant).await;
    fixture.billing.check_level(&mut scope, Feature::ActiveClients, 3).await.unwrap();
    let refused = refusal(fixture.billing.check_level(&mut scope, Feature::ActiveClients, 4).await);
    assert_eq!((refused.limit, refused.used, refused.upgrade_to.as_deref()), (3, 0, Some("solo")));
    refusal(fixture.billing.check_level(&mut scope, Feature::ActiveClients, i64::MAX).await);
    fixture.billing.check_level(&mut scope, Feature::ActiveClients, 0).await.unwrap();
    let wrong = fixture.billing.check_level(&mut scope, Feature::InvoicesPerMonth, 1).await;
    assert!(matches!(wrong, Err(BillingError::WrongKind(Feature::InvoicesPerMonth))));
}

#[tokio::test]
async fn only_a_limited_organization_takes_the_lock() {
    let fixture = Fixture::new().await;
    let (free, pro) = (fixture.tenant("free").await, fixture.tenant("pro").await);
    let (mut holds_free, mut holds_pro) = (fixture.write(free).await, fixture.write(pro).await);
    for scope in [&mut holds_free, &mut holds_pro] {
        tenantry_store::billing::subscription::get_for_update(scope).await.unwrap().unwrap();
    }
    let mut scope = fixture.write(pro).await;
    let check = fixture.billing.check_level(&mut scope, Feature::ActiveClients, 1);
    tokio::time::timeout(Duration::from_secs(1), check).await.unwrap().unwrap();

    let mut scope = fixture.write(free).await;
    let waiting = fixture.billing.check_level(&mut scope, Feature::ActiveClients, 1);
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err(), "it should wait for the lock");
}

#[tokio::test]
async fn waiting_for_the_lock_sees_the_plan_its_holder_wrote() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("pro").await;
    let id = tenant.id();
    fixture.run(&format!("UPDATE billing.organization_billing SET status = 'trialing', trial_ends_at = now() + interval '1 day' WHERE organization_id = '{id}'")).await;
    let mut holder = fixture.write(tenant).await;
    let downgrade = SubscriptionChange::ChangePlan { plan: "free".into() };
    fixture.billing.change_subscription(&mut holder, downgrade).await.unwrap();
    let (billing, store) = (fixture.billing.clone(), fixture.store.clone());
    let waiter = tokio::spawn(async move {
        let mut scope = WriteScope::open(&store, tenant.identity).await?;
        billing.check_level(&mut scope, Feature::ActiveClients, 4).await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    holder.commit().await.unwrap();
    assert_eq!(refusal(waiter.await.unwrap()).limit, 3);
}

#[tokio::test]
async fn the_life_cycle_of_a_subscription() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let id = tenant.id();
    let now = fixture.store.clock().now();
    let period = Period::new(now - chrono::Duration::days(40), now - chrono::Duration::days(10)).unwrap();
    let start = SubscriptionChange::Start { plan: "pro".into(), period, trial_ends_at: None };
    let mut scope = fixture.write(tenant).await;
    let begun = fixture.billing.change_subscription(&mut scope, start.clone()).await.unwrap();
    assert_eq!(fixture.billing.subscription(&scope).await.unwrap(), begun);
    assert!(matches!(
        fixture.billing.change_subscription(&mut scope, start).await,
        Err(BillingError::Transition(TransitionRefused::AlreadySubscribed(SubscriptionStatus::Active)))
    ));
    fixture.billing.change_subscription(&mut scope, SubscriptionChange::FailPayment).await.unwrap();
    scope.commit().await.unwrap();

    // Ten days after the end of the period, the grace period of seven is over, whether or not that was stored.
    let told = entitlements(&fixture, tenant).await;
    assert_eq!(told[&Feature::ActiveClients].limit, Some(3));
    let mut scope = WriteScope::open_system(&fixture.store, tenant.identity.organization_id).await.unwrap();
    let lapsed = fixture.billing.record_lapse(&mut scope).await.unwrap().unwrap();
    assert_eq!(lapsed.status, SubscriptionStatus::Canceled);
    assert_eq!(fixture.billing.record_lapse(&mut scope).await.unwrap(), None);
    assert_eq!(fixture.billing.subscription(&scope).await.unwrap(), lapsed);
    scope.commit().await.unwrap();

    let mut scope = fixture.write(tenant).await;
    let start = SubscriptionChange::Start { plan: "nothing".into(), period, trial_ends_at: None };
    let unknown = fixture.billing.change_subscription(&mut scope, start).await;
    assert!(matches!(unknown, Err(BillingError::UnknownPlan(plan)) if plan == "nothing"));
    drop(scope);

    let mut scope = fixture.write(tenant).await;
    let again = fixture.billing.open_account(&mut scope).await.unwrap_err();
    let constraint = again.as_store_error().and_then(|error| error.constraint());
    assert!(matches!(constraint, Some((ConstraintKind::Unique, _))));
    drop(scope);
    fixture.run(&format!("DELETE FROM billing.organization_billing WHERE organization_id = '{id}'")).await;
    assert!(matches!(fixture.create_client(tenant).await, Err(BillingError::NoAccount)));
    let mut scope = fixture.write(tenant).await;
    fixture.billing.open_account(&mut scope).await.unwrap();
    scope.commit().await.unwrap();
    fixture.create_client(tenant).await.unwrap();
}
