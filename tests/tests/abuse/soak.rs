//! A great many requests from many organizations over five connections, with everything that can go wrong with a
//! request: every answer belongs to its caller, and every write is in the right organization.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tenantry_domain::{ClientId, Clock, Identity};
use tenantry_server::http::HttpOptions;
use tenantry_store::{ReadScope, StoreSettings};
use tenantry_tests::{Answer, TestApp};
use tokio::task::JoinSet;

use crate::custom_server::{CustomServer, Sender, alone, client, code};

/// The number of requests if `TENANTRY_SOAK_REQUESTS` is not set.
const REQUESTS: usize = 20_000;
const CONNECTIONS: u32 = 5;
const ORGANIZATIONS: usize = 60;
/// The number of concurrent requests: more than connections, so that each connection is reused at once.
const WORKERS: usize = 16;

/// The clock panics at every so many calls, wherever that is: before a transaction, in one, after it.
const PANIC_EVERY: usize = 211;
const PANIC: &str = "the soak's clock is broken";

/// A marker in every text of an organization. No id can contain it.
const MARK: &str = "tenant-";

const LIST: &str = "{ organization { name slug } viewer { member { name } }
    clients(first: 5) { totalCount nodes { id name notes projects(first: 1) { nodes { name client { name } } } } } }";
const SHORT: &str = "{ organization { slug } clients(first: 3) { nodes { name } } }";
const NODE: &str = "query($id: ID!) { node(id: $id) { id ... on Client { name } } organization { slug } }";
const CREATE: &str = "mutation($name: String!) { createClient(input: { name: $name }) {
    client { id name projects(first: 1) { totalCount } } userErrors { code } } }";
const UPDATE: &str = "mutation($id: ID!, $notes: String) { updateClient(input: { id: $id, notes: $notes }) {
    client { name notes } userErrors { code } } }";

/// One organization from its owner's view.
struct Tenant {
    slug: String,
    identity: Identity,
    sender: Sender,
    client: String,
    uuid: uuid::Uuid,
}

/// How requests ended.
#[derive(Debug, Default)]
struct Tally {
    outcomes: BTreeMap<String, usize>,
    /// The names of clients whose creation was acknowledged.
    acknowledged: Vec<String>,
}

impl Tally {
    fn count(&mut self, outcome: &str) {
        *self.outcomes.entry(outcome.to_owned()).or_default() += 1;
    }

    fn of(&self, outcome: &str) -> usize {
        self.outcomes.get(outcome).copied().unwrap_or_default()
    }

    fn add(&mut self, other: Self) {
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
        self.acknowledged.extend(other.acknowledged);
    }
}

struct Soak {
    app: TestApp,
    server: CustomServer,
    tenants: Vec<Tenant>,
    panics: Arc<AtomicUsize>,
    armed: Arc<AtomicBool>,
    left: AtomicUsize,
}

impl Soak {
    async fn prepare(requests: usize) -> Self {
        let app = TestApp::start().await;
        let (panics, armed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let settings = StoreSettings {
            max_connections: CONNECTIONS,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_millis(300),
            lock_timeout: Duration::from_millis(150),
            ..StoreSettings::new(app.urls().app_url())
        };
        let clock = breaking_clock(Arc::clone(&panics), Arc::clone(&armed));
        let server = CustomServer::start(&settings, clock, app.verifier().clone(), HttpOptions::default()).await;
        let http = client();
        let mut tenants = Vec::new();
        for index in 0..ORGANIZATIONS {
            let slug = format!("{MARK}{index:03}");
            let org = app.organization(&slug).create().await;
            let identity = Identity { user_id: org.owner.user_id, organization_id: org.id };
            let sender = Sender::new(&http, server.url(), app.token(org.owner.user_id, org.id));
            let uuid = Clock::system().new_id::<ClientId>();
            let (client, uuid) = (uuid.to_string(), uuid.as_uuid());
            tenants.push(Tenant { slug, identity, sender, client, uuid });
        }
        let first: Vec<String> = tenants
            .iter()
            .map(|t| format!("('{}', '{}'::uuid)", t.identity.organization_id.as_uuid(), t.uuid))
            .collect();
        // Each has clients and projects whose names contain its slug, and so does the owner's name.
        app.sql(&format!(
            "UPDATE auth.users u SET name = 'Owner of ' || o.slug FROM app.organizations o
                 JOIN app.organization_members m ON m.organization_id = o.id WHERE u.id = m.user_id;
             INSERT INTO app.clients (organization_id, id, name)
                 SELECT o.id, f.id, o.slug || ' client 0' FROM app.organizations o
                 JOIN (VALUES {}) f (org, id) ON f.org::uuid = o.id;
             INSERT INTO app.clients (organization_id, id, name)
                 SELECT o.id, gen_random_uuid(), o.slug || ' client ' || n FROM app.organizations o, generate_series(1, 8) n;
             INSERT INTO app.projects (organization_id, id, workspace_id, client_id, name)
                 SELECT c.organization_id, gen_random_uuid(), w.id, c.id, c.name || ' project'
                 FROM app.clients c JOIN app.workspaces w ON w.organization_id = c.organization_id;
             ANALYZE app.clients, app.projects;",
            first.join(", ")
        ))
        .await;
        Self { app, server, tenants, panics, armed, left: AtomicUsize::new(requests) }
    }

    /// Takes one of the remaining requests, and returns its number.
    fn take(&self) -> Option<usize> {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok()
    }

    /// Sends requests until none are left.
    async fn work(&self, seed: u64) -> Tally {
        let mut random = StdRng::seed_from_u64(seed);
        let mut tally = Tally::default();
        while let Some(number) = self.take() {
            let tenant = self.tenants.choose(&mut random).unwrap();
            match random.random_range(0..100) {
                0..8 => self.hang_up(tenant, number, &mut random, &mut tally).await,
                8..9 => self.panic_in_a_scope(tenant, &mut tally).await,
                kind => {
                    let (document, variables) = self.request(tenant, number, kind, &mut random);
                    let answer = tenant.sender.ask(document, variables).await.expect("whoever waits is answered");
                    check(tenant, document, &answer, &mut tally);
                }
            }
        }
        tally
    }

    fn request(&self, tenant: &Tenant, number: usize, kind: u32, random: &mut StdRng) -> (&'static str, Value) {
        match kind {
            0..20 => (CREATE, json!({ "name": format!("{} made by {number}", tenant.slug) })),
            20..30 => (UPDATE, json!({ "id": tenant.client, "notes": format!("{} noted {number}", tenant.slug) })),
            30..40 => (NODE, json!({ "id": tenant.client })),
            40..50 => (NODE, json!({ "id": self.tenants.choose(random).unwrap().client })),
            50..70 => (LIST, json!({})),
            _ => (SHORT, json!({})),
        }
    }

    /// A client that disconnects before the answer arrives, at any moment of the request.
    async fn hang_up(&self, tenant: &Tenant, number: usize, random: &mut StdRng, tally: &mut Tally) {
        let kind = random.random_range(0..80);
        let (document, variables) = self.request(tenant, number, kind, random);
        let patience = Duration::from_micros(random.random_range(0..12_000));
        match tokio::time::timeout(patience, tenant.sender.ask(document, variables)).await {
            Err(_) => tally.count("hung up"),
            Ok(answer) => check(tenant, document, &answer.expect("an answer in time"), tally),
        }
    }

    /// A task that panics while it holds a scope, like a resolver that reads by itself.
    async fn panic_in_a_scope(&self, tenant: &Tenant, tally: &mut Tally) {
        let (store, identity) = (self.server.store().clone(), tenant.identity);
        let task = tokio::spawn(async move {
            let scope = ReadScope::open(&store, identity).await;
            let found = match &scope {
                Ok(scope) => tenantry_store::organization::get_own(scope).await.ok().flatten(),
                Err(_) => None,
            };
            std::panic::panic_any(found.map_or(String::new(), |organization| organization.slug));
        });
        let told = task.await.unwrap_err().into_panic();
        // A `&str` comes from the clock's panic, which happened first.
        if let Some(slug) = told.downcast_ref::<String>() {
            assert!(slug.is_empty() || *slug == tenant.slug, "{slug} in the scope of {}", tenant.slug);
        }
        tally.count("panicked in a scope");
    }

    /// Kills connections and holds locks until it is stopped.
    async fn trouble(&self, stopped: &AtomicBool) -> (usize, usize) {
        let mut random = StdRng::seed_from_u64(7);
        let (mut killed, mut locked) = (0, 0);
        while !stopped.load(Ordering::Relaxed) {
            killed += self
                .app
                .number(
                    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'tenantry_app' ORDER BY random() LIMIT 1) one",
                )
                .await;
            let tenant = self.tenants.choose(&mut random).unwrap();
            let lock = if random.random_ratio(1, 8) {
                "LOCK TABLE app.projects IN ACCESS EXCLUSIVE MODE".to_owned()
            } else {
                format!("PERFORM 1 FROM app.clients WHERE id = '{}' FOR UPDATE", tenant.uuid)
            };
            self.app.sql(&format!("DO $$ BEGIN {lock}; PERFORM pg_sleep(0.35); END $$")).await;
            locked += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        (usize::try_from(killed).unwrap(), locked)
    }

    /// Checks what must hold afterwards.
    async fn settle(&self, acknowledged: &[String]) {
        // No transaction is left open, whatever happened to its owner.
        let begun = Instant::now();
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                    AND usename = 'tenantry_app' AND state <> 'idle'";
        while self.app.number(open).await > 0 {
            assert!(begun.elapsed() < Duration::from_secs(10), "transactions are left open");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (connections, _) = self.server.store().connections();
        assert!(connections <= CONNECTIONS);
        // An idle session has no tenant set.
        for _ in 0..CONNECTIONS {
            let tenant = &self.tenants[0];
            let answer = tenant.sender.ask(LIST, json!({})).await.unwrap();
            assert_eq!(answer.text_at("organization.slug"), tenant.slug);
        }
        let strangers = "SELECT count(*) FROM app.clients c JOIN app.organizations o ON o.id = c.organization_id
             WHERE c.name NOT LIKE o.slug || ' %' OR c.notes NOT LIKE o.slug || ' %'";
        assert_eq!(self.app.number(strangers).await, 0, "rows of one tenant's text under another");
        let made = self.app.texts("SELECT name FROM app.clients WHERE name LIKE '% made by %' ORDER BY name").await;
        let mut once = made.clone();
        once.dedup();
        assert_eq!(once.len(), made.len(), "something was written twice");
        for name in acknowledged {
            assert!(made.binary_search(name).is_ok(), "acknowledged and lost: {name}");
        }
    }
}

/// Asserts that the answer belongs to this tenant, and that it is an allowed one.
fn check(tenant: &Tenant, document: &str, answer: &Answer, tally: &mut Tally) {
    for (start, _) in answer.text.match_indices(MARK) {
        let whose = &answer.text[start..start + tenant.slug.len()];
        assert_eq!(whose, tenant.slug, "in an answer to {}: {}", tenant.slug, answer.text);
    }
    let errors = answer.json["errors"].as_array().map_or(0, Vec::len);
    if errors > 0 {
        let code = code(answer).unwrap_or_default();
        let allowed = match code {
            "INTERNAL" => answer.status.as_u16() == 500,
            "UNAVAILABLE" | "TIMEOUT" => true,
            _ => false,
        };
        assert!(allowed, "{}: {} {}", tenant.slug, answer.status, answer.text);
        return tally.count(code);
    }
    let data = &answer.json["data"];
    if document == LIST {
        assert_eq!(data["organization"]["slug"], tenant.slug.as_str(), "{}", answer.text);
        assert_eq!(data["viewer"]["member"]["name"], format!("Owner of {}", tenant.slug), "{}", answer.text);
        assert!(data["clients"]["totalCount"].as_i64() >= Some(9), "{}", answer.text);
        assert_eq!(data["clients"]["nodes"].as_array().map(Vec::len), Some(5), "{}", answer.text);
        tally.count("listed");
    } else if document == SHORT {
        assert_eq!(data["organization"]["slug"], tenant.slug.as_str(), "{}", answer.text);
        assert_eq!(data["clients"]["nodes"].as_array().map(Vec::len), Some(3), "{}", answer.text);
        tally.count("listed in short");
    } else if document == NODE {
        assert_eq!(data["organization"]["slug"], tenant.slug.as_str(), "{}", answer.text);
        let own = data["node"]["id"] == tenant.client.as_str();
        assert!(own || data["node"].is_null(), "{}: {}", tenant.slug, answer.text);
        tally.count(if own { "found" } else { "not found" });
    } else if document == CREATE {
        let name = data["createClient"]["client"]["name"].as_str();
        tally.acknowledged.push(name.unwrap_or_else(|| panic!("{}", answer.text)).to_owned());
        tally.count("created");
    } else {
        assert!(data["updateClient"]["client"]["notes"].is_string(), "{}", answer.text);
        tally.count("updated");
    }
}

/// The machine's clock, which panics regularly once it is armed.
fn breaking_clock(panics: Arc<AtomicUsize>, armed: Arc<AtomicBool>) -> Clock {
    let (clock, asked) = (Clock::system(), AtomicUsize::new(0));
    Clock::from_fn(move || {
        if armed.load(Ordering::Relaxed) && asked.fetch_add(1, Ordering::Relaxed) % PANIC_EVERY == PANIC_EVERY - 1 {
            panics.fetch_add(1, Ordering::Relaxed);
            std::panic::panic_any(PANIC);
        }
        clock.now()
    })
}

/// Hides the test's intentional panics from its output.
fn hush() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let expected = panic.payload().downcast_ref::<&str>() == Some(&PANIC)
            || panic.payload().downcast_ref::<String>().is_some_and(|text| text.is_empty() || text.starts_with(MARK));
        if !expected {
            usual(panic);
        }
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_belongs_to_its_caller() {
    let _alone = alone().await;
    let requests = std::env::var("TENANTRY_SOAK_REQUESTS").map_or(REQUESTS, |text| text.parse().expect("a number"));
    hush();
    let soak = Arc::new(Soak::prepare(requests).await);
    let begun = Instant::now();
    soak.armed.store(true, Ordering::Relaxed);
    let stopped = Arc::new(AtomicBool::new(false));
    let trouble = tokio::spawn({
        let (soak, stopped) = (Arc::clone(&soak), Arc::clone(&stopped));
        async move { soak.trouble(&stopped).await }
    });
    let mut workers = JoinSet::new();
    for seed in 0..WORKERS as u64 {
        let soak = Arc::clone(&soak);
        workers.spawn(async move { soak.work(seed).await });
    }
    let mut tally = Tally::default();
    while let Some(worker) = workers.join_next().await {
        tally.add(worker.unwrap());
    }
    let took = begun.elapsed();
    stopped.store(true, Ordering::Relaxed);
    soak.armed.store(false, Ordering::Relaxed);
    let (killed, locked) = trouble.await.unwrap();
    let panics = soak.panics.load(Ordering::Relaxed);
    println!("{requests} requests in {took:?}: {:?}; {panics} panics, {killed} kills, {locked} locks", tally.outcomes);
    soak.settle(&tally.acknowledged).await;

    assert!(tally.of("INTERNAL") <= panics, "a fault that is no panic");
    let good =
        ["listed", "listed in short", "found", "not found", "created", "updated"].map(|outcome| tally.of(outcome));
    assert!(good.iter().sum::<usize>() * 10 >= requests * 8, "too little came of it: {:?}", tally.outcomes);
    // Each kind of failure must have occurred, or nothing was tested.
    for outcome in ["INTERNAL", "TIMEOUT", "hung up", "panicked in a scope"] {
        assert!(tally.of(outcome) > 0, "no request was {outcome}");
    }
    assert!(killed > 10 && panics > 10 && good.iter().all(|count| *count > 0), "{:?}", tally.outcomes);
}
