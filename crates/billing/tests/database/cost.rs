//! The cost of a check does not depend on the number of rows.

use std::time::{Duration, Instant};

use tenantry_domain::feature::Feature;

use crate::fixture::{Fixture, Tenant};

/// The median time of a check, which must have this result.
async fn median(fixture: &Fixture, tenant: Tenant, feature: Feature, allowed: bool) -> Duration {
    let mut times = Vec::new();
    let mut scope = fixture.write(tenant).await;
    for _ in 0..101 {
        let start = Instant::now();
        let result = fixture.billing.check_level(&mut scope, feature, 1).await;
        times.push(start.elapsed());
        assert_eq!(result.is_ok(), allowed, "{result:?}");
    }
    times.sort_unstable();
    times[times.len() / 2]
}

async fn fill(fixture: &Fixture, tenant: Tenant, rows: u32, status: &str) {
    let id = tenant.id();
    fixture
        .run(&format!(
            "INSERT INTO app.clients (organization_id, id, name, status)
             SELECT '{id}', gen_random_uuid(), 'Client ' || n, '{status}' FROM generate_series(1, {rows}) n"
        ))
        .await;
}

#[tokio::test]
async fn a_check_costs_the_same_at_ten_and_at_a_hundred_thousand_rows() {
    let fixture = Fixture::new().await;
    let (few, many) = (fixture.tenant("solo").await, fixture.tenant("solo").await);
    let (few_over, many_over) = (fixture.tenant("free").await, fixture.tenant("free").await);
    let unlimited = fixture.tenant("pro").await;
    for (tenant, rows, status) in [
        (few, 10, "inactive"),
        (many, 100_000, "inactive"),
        (few_over, 10, "active"),
        (many_over, 100_000, "active"),
        (unlimited, 100_000, "active"),
    ] {
        fill(&fixture, tenant, rows, status).await;
    }
    fill(&fixture, few, 10, "active").await;
    fill(&fixture, many, 10, "active").await;
    fixture.run("VACUUM (ANALYZE) app.clients").await;

    let feature = Feature::ActiveClients;
    let few = median(&fixture, few, feature, true).await;
    let many = median(&fixture, many, feature, true).await;
    let few_over = median(&fixture, few_over, feature, false).await;
    let many_over = median(&fixture, many_over, feature, false).await;
    let unlimited = median(&fixture, unlimited, feature, true).await;
    println!("allowed: {few:?} with 10 rows, {many:?} with 100,000");
    println!("refused: {few_over:?} with 10 rows, {many_over:?} with 100,000");
    println!("unlimited, 100,000 rows: {unlimited:?}");
    // Generous, because other tests run at the same time; counting all rows would take ten times as long.
    assert!(many < few * 3 + Duration::from_millis(1), "{few:?} {many:?}");
    assert!(many_over < few_over * 3 + Duration::from_millis(2), "{few_over:?} {many_over:?}");
    assert!(unlimited < few * 2 + Duration::from_millis(1), "{few:?} {unlimited:?}");
}
