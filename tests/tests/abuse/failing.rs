//! When the database fails: the answer is fast and honest, nothing that was acknowledged is lost, and the server
//! recovers by itself.

use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use serde_json::json;
use tenantry_devdb::{Cluster, ClusterOptions, DatabaseUrls};
use tenantry_domain::{Clock, Identity, OrganizationId, UserId};
use tenantry_server::http::HttpOptions;
use tenantry_store::{ReadScope, StoreSettings};
use tenantry_tests::TestApp;

use crate::custom_server::{CustomServer, Sender, alone, client, code};
use crate::load::{Caller, Load, Outcome};

/// How soon requests must succeed again after the database is back.
const RECOVERY: Duration = Duration::from_secs(5);

/// What two busy cores may add to a wait.
const SLACK: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 100 });

const READ: &str = "{ organization { slug } }";

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_is_reported_within_one_second_and_recovers_within_two() {
    let _alone = alone().await;
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let settings = StoreSettings { max_connections: 2, ..StoreSettings::new(app.urls().app_url()) };
    let server = CustomServer::start(&settings, Clock::system(), app.verifier().clone(), HttpOptions::default()).await;
    let sender = Sender::new(&client(), server.url(), app.token(org.owner.user_id, org.id));
    sender.ask(READ, json!({})).await.unwrap().expect_data();

    let identity = Identity { user_id: org.owner.user_id, organization_id: org.id };
    let held = [ReadScope::open(server.store(), identity).await, ReadScope::open(server.store(), identity).await];
    let waiting = (0..20).map(|_| async {
        let begun = Instant::now();
        let answer = sender.ask(READ, json!({})).await.unwrap();
        (answer, begun.elapsed())
    });
    let mut longest = Duration::ZERO;
    for (answer, took) in futures_util::future::join_all(waiting).await {
        assert_eq!((answer.status.as_u16(), code(&answer)), (503, Some("UNAVAILABLE")), "{}", answer.text);
        assert_eq!(answer.headers[RETRY_AFTER], "1");
        longest = longest.max(took);
    }
    assert!(longest <= Duration::from_secs(1) + SLACK, "a client waited {longest:?}");
    assert!(held.iter().all(Result::is_ok), "both connections were taken");
    drop(held);
    let freed = Instant::now();
    sender.ask(READ, json!({})).await.unwrap().expect_data();
    let recovered = freed.elapsed();
    assert!(recovered <= Duration::from_secs(2), "it took {recovered:?} to recover");
    println!("503 after at most {longest:?}, an answer {recovered:?} after the pool was free");
}

#[tokio::test]
async fn reads_get_new_connections_when_the_old_ones_are_cut() {
    let _alone = alone().await;
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let settings = StoreSettings { max_connections: 4, ..StoreSettings::new(app.urls().app_url()) };
    let server = CustomServer::start(&settings, Clock::system(), app.verifier().clone(), HttpOptions::default()).await;
    let sender = Sender::new(&client(), server.url(), app.token(org.owner.user_id, org.id));
    let together = || futures_util::future::join_all((0..8).map(|_| sender.ask(READ, json!({}))));
    for _ in 0..20 {
        // So that every connection is used, and then waits.
        for answer in together().await {
            answer.unwrap().expect_data();
        }
        let cut = app
            .number(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'tenantry_app'",
            )
            .await;
        assert!(cut > 0, "nothing was cut");
        for _ in 0..5 {
            sender.ask(READ, json!({})).await.unwrap().expect_data();
        }
    }
}

#[tokio::test]
async fn a_request_never_waits_for_a_connection_that_it_holds_itself() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    // With one connection, a request that holds it and asks for another would wait forever.
    let settings = StoreSettings { max_connections: 1, ..StoreSettings::new(app.urls().app_url()) };
    let server = CustomServer::start(&settings, Clock::system(), app.verifier().clone(), HttpOptions::default()).await;
    let sender = Sender::new(&client(), server.url(), app.token(org.owner.user_id, org.id));
    let write = "createClient(input: { name: \"A\" }) { client { id projects { totalCount } } userErrors { code } }";
    let switch = format!(
        "switchOrganization(input: {{ organizationId: \"{}\" }}) {{ organization {{ slug }} userErrors {{ code }} }}",
        org.id
    );
    for document in [
        format!("mutation {{ a: {write} b: {write} c: {write} }}"),
        "{ clients { nodes { id } } organizations { slug } viewer { member { id } } entitlements { feature used } }"
            .to_owned(),
        "{ organizations { slug } viewer { member { id } } clients { nodes { id } } }".to_owned(),
        format!("mutation {{ a: {write} b: {switch} c: {write} }}"),
    ] {
        let answer = sender.ask(&document, json!({})).await.unwrap();
        assert!(answer.status.is_success() && code(&answer).is_none(), "{document}: {} {}", answer.status, answer.text);
    }
}

/// A cluster that this test may break, with organizations in it and a server on it.
struct Fixture {
    cluster: Cluster,
    urls: DatabaseUrls,
    server: CustomServer,
    callers: Vec<Caller>,
}

impl Fixture {
    async fn build(issuing: &TestApp) -> Self {
        let cluster = Cluster::start(ClusterOptions { durable: true, ..ClusterOptions::default() }).await.unwrap();
        cluster.prepare_roles().await.unwrap();
        let urls = cluster.create_database("failing", None).await.unwrap();
        tenantry_migration::up(&urls.owner_url()).await.unwrap();
        // A shorter timeout than usual, so that requests time out while the database is paused.
        let http = HttpOptions { request_timeout: Duration::from_secs(2), ..HttpOptions::default() };
        let settings = StoreSettings { max_connections: 6, ..StoreSettings::new(urls.app_url()) };
        let server = CustomServer::start(&settings, Clock::system(), issuing.verifier().clone(), http).await;
        let (clock, client) = (Clock::system(), client());
        let mut callers = Vec::new();
        for slug in ["alpha", "beta", "gamma", "delta"] {
            let (organization, user): (OrganizationId, UserId) = (clock.new_id(), clock.new_id());
            let (org, id) = (organization.as_uuid(), user.as_uuid());
            let founding = format!(
                "INSERT INTO auth.users (id, email, name) VALUES ('{id}', 'owner@{slug}.test', 'Owner');
                 INSERT INTO app.organizations (id, name, slug) VALUES ('{org}', '{slug}', '{slug}');
                 INSERT INTO app.organization_members (organization_id, id, user_id, role)
                     VALUES ('{org}', '{id}', '{id}', 'owner');
                 INSERT INTO app.workspaces (organization_id, id, name, is_default)
                     VALUES ('{org}', gen_random_uuid(), 'General', true);
                 INSERT INTO billing.organization_billing (organization_id, plan) VALUES ('{org}', 'pro');"
            );
            cluster.psql("failing", &founding).await.unwrap();
            let sender = Sender::new(&client, server.url(), issuing.token(user, organization));
            callers.push(Caller { slug: slug.to_owned(), sender });
        }
        Self { cluster, urls, server, callers }
    }

    /// Lets the load run for a while, and makes sure that it does run.
    async fn run(&self, load: &Load, for_: Duration) {
        let before = load.good();
        tokio::time::sleep(for_).await;
        assert!(load.good() > before, "nothing is answered while all is well");
    }

    /// Checks that the database contains what was acknowledged, and in the right organization.
    async fn check(&self, outcome: &Outcome) {
        let query = "SELECT c.name FROM app.clients c JOIN app.organizations o ON o.id = c.organization_id
                     WHERE c.name LIKE o.slug || ' made by %' ORDER BY c.name COLLATE \"C\"";
        let found = self.cluster.psql(self.urls.name(), query).await.unwrap();
        let found: Vec<&str> = found.lines().collect();
        let all = self.cluster.psql(self.urls.name(), "SELECT count(*) FROM app.clients").await.unwrap();
        assert_eq!(all, found.len().to_string(), "rows of one tenant's text under another");
        let lost: Vec<_> =
            outcome.acknowledged.iter().filter(|name| found.binary_search(&name.as_str()).is_err()).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
        let twice = found.windows(2).any(|pair| pair[0] == pair[1]);
        assert!(!twice, "something was written twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_failure_under_load_loses_nothing_and_recovers_within_five_seconds() {
    let _alone = alone().await;
    let issuing = TestApp::start().await;
    let mut fixture = Fixture::build(&issuing).await;
    let load = Load::start(&fixture.callers);
    let second = Duration::from_secs(1);
    let mut told = Vec::new();
    fixture.run(&load, second).await;

    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tenantry_app'";
    for _ in 0..10 {
        fixture.cluster.psql("failing", kill).await.unwrap();
        tokio::time::sleep(second / 10).await;
    }
    told.push(("terminated backends", load.recovered(&fixture.callers, RECOVERY).await));
    fixture.run(&load, second / 2).await;

    fixture.cluster.restart().await.unwrap();
    told.push(("a restart", load.recovered(&fixture.callers, RECOVERY).await));
    fixture.run(&load, second / 2).await;

    // Longer than the request timeout, so that all requests abandon connections that are still open.
    fixture.cluster.pause();
    tokio::time::sleep(4 * second).await;
    fixture.cluster.resume();
    told.push(("a pause", load.recovered(&fixture.callers, RECOVERY).await));
    fixture.run(&load, second / 2).await;

    // Like a crash: clients are not told, and the database recovers from the log.
    fixture.cluster.halt().unwrap();
    tokio::time::sleep(second / 2).await;
    fixture.cluster.launch().await.unwrap();
    told.push(("a crash", load.recovered(&fixture.callers, RECOVERY).await));
    fixture.run(&load, second / 2).await;

    let outcome = load.stop().await;
    println!(
        "{} answers, {} writes acknowledged, failed: {:?}; answered again after {told:?}",
        outcome.good,
        outcome.acknowledged.len(),
        outcome.failed
    );
    for code in outcome.failed.keys() {
        assert!(["UNAVAILABLE", "TIMEOUT"].contains(&code.as_str()), "{code}: {:?}", outcome.failed);
    }
    assert!(outcome.acknowledged.len() > 50, "{outcome:?}");
    fixture.check(&outcome).await;
    let (open, _) = fixture.server.store().connections();
    assert!(open <= 6, "{open} connections");
}
