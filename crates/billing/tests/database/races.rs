//! Limits under real concurrency: one below the limit, exactly one of hundreds succeeds, in one process and across two.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join_all;
use tenantry_billing::{Billing, BillingError};
use tenantry_domain::Clock;
use tenantry_domain::feature::Feature;
use tenantry_store::{Store, WriteScope};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use uuid::Uuid;

use crate::fixture::{Fixture, Tenant, connect, create};

const ATTEMPTS: usize = 500;

/// The limit. A round starts one below it.
const LIMIT: i64 = 5;

/// How many rounds each feature runs.
fn round_count() -> usize {
    let asked = std::env::var("TENANTRY_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    asked.unwrap_or(20)
}

/// How much an organization has of a feature.
fn rows(feature: Feature, tenant: Tenant) -> String {
    let id = tenant.id();
    match feature {
        Feature::ActiveClients => {
            format!("SELECT count(*) FROM app.clients WHERE organization_id = '{id}' AND status = 'active'")
        }
        Feature::Projects => format!("SELECT count(*) FROM app.projects WHERE organization_id = '{id}'"),
        Feature::TeamMembers => format!("SELECT count(*) FROM app.organization_members WHERE organization_id = '{id}'"),
        Feature::InvoicesPerMonth | Feature::ApiCallsPerMonth => format!(
            "SELECT coalesce(sum(count), 0)::bigint FROM billing.usage_counters
             WHERE organization_id = '{id}' AND feature = '{feature}'"
        ),
        Feature::VaultItems => panic!("there is no vault yet"),
    }
}

/// An organization one below the limit.
async fn one_below(fixture: &Fixture, feature: Feature) -> Tenant {
    let tenant = fixture.tenant("free").await;
    fixture.set_limit(tenant, feature, Some(LIMIT)).await;
    let have = fixture.number(&rows(feature, tenant)).await;
    for _ in have..LIMIT - 1 {
        match feature {
            Feature::TeamMembers => add_member(&fixture.admin, tenant).await,
            _ => create(&fixture.store, &fixture.billing, tenant, feature).await.unwrap(),
        }
    }
    tenant
}

async fn add_member(admin: &sqlx::PgPool, tenant: Tenant) {
    let (id, user) = (tenant.id(), Uuid::new_v4());
    let script = format!(
        "INSERT INTO auth.users (id, email, name) VALUES ('{user}', '{user}@example.test', 'Bob');
         INSERT INTO app.organization_members (organization_id, id, user_id) VALUES ('{id}', '{user}', '{user}')"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(admin).await.unwrap();
}

/// One of many attempts to add a member. Someone else writes and commits the row while this attempt holds the lock.
async fn attempt_member(
    store: &Store,
    billing: &Billing,
    admin: &sqlx::PgPool,
    tenant: Tenant,
) -> Result<(), BillingError> {
    let mut scope = WriteScope::open(store, tenant.identity).await?;
    billing.check_level(&mut scope, Feature::TeamMembers, 1).await?;
    add_member(admin, tenant).await;
    Ok(scope.commit().await?)
}

/// How many of this many concurrent attempts succeeded. Every other answer must be the refusal.
async fn race(
    store: &Store,
    billing: &Billing,
    admin: &sqlx::PgPool,
    tenant: Tenant,
    feature: Feature,
    n: usize,
) -> usize {
    let attempts = (0..n).map(|_| {
        let (store, billing, admin) = (store.clone(), billing.clone(), admin.clone());
        tokio::spawn(async move {
            match feature {
                Feature::TeamMembers => attempt_member(&store, &billing, &admin, tenant).await,
                _ => create(&store, &billing, tenant, feature).await,
            }
        })
    });
    let mut through = 0;
    for result in join_all(attempts).await {
        match result.unwrap() {
            Ok(()) => through += 1,
            Err(BillingError::LimitReached(refusal)) => {
                assert_eq!((refusal.feature, refusal.limit, refusal.used), (feature, LIMIT, LIMIT));
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    through
}

async fn rounds(feature: Feature) {
    let fixture = Fixture::new().await;
    for round in 0..round_count() {
        let tenant = one_below(&fixture, feature).await;
        let through = race(&fixture.store, &fixture.billing, &fixture.admin, tenant, feature, ATTEMPTS).await;
        assert_eq!(through, 1, "{feature}, round {round}");
        assert_eq!(fixture.number(&rows(feature, tenant)).await, LIMIT, "{feature}, round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_the_last_client() {
    rounds(Feature::ActiveClients).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_the_last_project() {
    rounds(Feature::Projects).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_the_last_seat() {
    rounds(Feature::TeamMembers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_the_last_invoice() {
    rounds(Feature::InvoicesPerMonth).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_gets_the_last_call() {
    rounds(Feature::ApiCallsPerMonth).await;
}

/// A process that starts racing when told to.
struct Racer {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Racer {
    fn start(fixture: &Fixture) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "races::child_races", "--ignored", "--nocapture", "--test-threads=1"])
            .env("TENANTRY_RACE_APP_URL", fixture.database.app_url())
            .env("TENANTRY_RACE_ADMIN_URL", fixture.database.superuser_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        Self { _process: process, input, output: BufReader::new(output).lines() }
    }

    async fn tell(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        self.input.flush().await.unwrap();
    }

    /// The number after "THROUGH" in its output; the test harness prints lines of its own.
    async fn through(&mut self) -> usize {
        loop {
            let line = self.output.next_line().await.unwrap().expect("the racer ended");
            if let Some((_, number)) = line.split_once("THROUGH ") {
                return number.trim().parse().unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_many_succeeds_across_two_processes() {
    let fixture = Fixture::new().await;
    let (mut one, mut two) = (Racer::start(&fixture), Racer::start(&fixture));
    for racer in [&mut one, &mut two] {
        assert_eq!(racer.through().await, 0, "a racer says that it is ready");
    }
    let features = [
        Feature::ActiveClients,
        Feature::Projects,
        Feature::TeamMembers,
        Feature::InvoicesPerMonth,
        Feature::ApiCallsPerMonth,
    ];
    for feature in features {
        for round in 0..round_count().div_ceil(4) {
            let tenant = one_below(&fixture, feature).await;
            let order = format!("{feature} {}", tenant.id());
            tokio::join!(one.tell(&order), two.tell(&order));
            let through = tokio::join!(one.through(), two.through());
            assert_eq!(through.0 + through.1, 1, "{feature}, round {round}: {through:?}");
            assert_eq!(fixture.number(&rows(feature, tenant)).await, LIMIT, "{feature}, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by another test"]
async fn child_races() {
    let store = connect(&std::env::var("TENANTRY_RACE_APP_URL").unwrap(), Clock::system()).await;
    let admin = sqlx::PgPool::connect(&std::env::var("TENANTRY_RACE_ADMIN_URL").unwrap()).await.unwrap();
    let billing = Billing::default();
    println!("THROUGH 0");
    let next = || tokio::task::spawn_blocking(|| std::io::stdin().lines().next());
    while let Some(order) = next().await.unwrap() {
        let order = order.unwrap();
        let (feature, id) = order.split_once(' ').unwrap();
        let tenant = Tenant::from_id(id.parse().unwrap());
        let racing = race(&store, &billing, &admin, tenant, feature.parse().unwrap(), ATTEMPTS / 2);
        let through = tokio::time::timeout(Duration::from_secs(30), racing).await.unwrap();
        println!("THROUGH {through}");
    }
}
