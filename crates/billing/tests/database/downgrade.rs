//! A downgrade deletes nothing and locks nobody out: it only refuses to add more.

use tenantry_domain::Change;
use tenantry_domain::client::{Client, ClientChanges, ClientStatus};
use tenantry_domain::feature::{Feature, LimitReached};
use tenantry_domain::noun::Changes as _;
use tenantry_domain::subscription::{Period, SubscriptionChange};
use tenantry_store::{ListRequest, PageRequest, list, update};

use crate::fixture::{Fixture, Tenant, refusal};

async fn clients(fixture: &Fixture, tenant: Tenant) -> Vec<std::sync::Arc<Client>> {
    let scope = fixture.read(tenant).await;
    let page = PageRequest { limit: 100, ..PageRequest::default() };
    list::<Client>(&scope, &ListRequest { page, ..ListRequest::default() }).await.unwrap().items
}

#[tokio::test]
async fn from_pro_to_free_with_forty_active_clients() {
    let fixture = Fixture::new().await;
    let tenant = fixture.tenant("free").await;
    let mut scope = fixture.write(tenant).await;
    let now = fixture.store.clock().now();
    let period = Period::new(now, now + chrono::Duration::days(30)).unwrap();
    let start = SubscriptionChange::Start { plan: "pro".into(), period, trial_ends_at: None };
    fixture.billing.change_subscription(&mut scope, start).await.unwrap();
    scope.commit().await.unwrap();
    for _ in 0..40 {
        fixture.create_client(tenant).await.unwrap();
    }

    let mut scope = fixture.write(tenant).await;
    let downgrade = SubscriptionChange::ChangePlan { plan: "free".into() };
    fixture.billing.change_subscription(&mut scope, downgrade).await.unwrap();
    scope.commit().await.unwrap();

    let all = clients(&fixture, tenant).await;
    assert_eq!(all.len(), 40, "all of them can be read");
    for (n, before) in all.iter().enumerate() {
        let mut scope = fixture.write(tenant).await;
        let changes = ClientChanges { name: Change::Set(format!("Client {n}")), ..ClientChanges::default() };
        update(&mut scope, &**before, &changes.apply(before).unwrap()).await.unwrap().unwrap();
        scope.commit().await.unwrap();
    }
    let refused = refusal(fixture.create_client(tenant).await);
    let expected = LimitReached { feature: Feature::ActiveClients, limit: 3, used: 40, upgrade_to: Some("pro".into()) };
    assert_eq!(refused, expected);
    let entitlement = fixture.billing.can_use(&fixture.read(tenant).await, Feature::ActiveClients).await.unwrap();
    assert_eq!((entitlement.limit, entitlement.used, entitlement.remaining()), (Some(3), Some(40), Some(0)));
    assert!(!entitlement.can_use());

    // After 37 have become inactive the limit is still reached; after 38 there is room for one.
    for (n, before) in clients(&fixture, tenant).await.iter().take(38).enumerate() {
        if n == 37 {
            assert_eq!(refusal(fixture.create_client(tenant).await).used, 3);
        }
        let mut scope = fixture.write(tenant).await;
        let changes = ClientChanges { status: Change::Set(ClientStatus::Inactive), ..ClientChanges::default() };
        update(&mut scope, &**before, &changes.apply(before).unwrap()).await.unwrap().unwrap();
        scope.commit().await.unwrap();
    }
    fixture.create_client(tenant).await.unwrap();
    let refused = refusal(fixture.create_client(tenant).await);
    assert_eq!((refused.used, refused.upgrade_to.as_deref()), (3, Some("solo")));
}
