//! The cost of the parts of a request: opening a scope, reading rows, batching, and writing the answer. On a private
//! PostgreSQL with one large organization.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use std::sync::LazyLock;

use divan::Bencher;
use tenantry_billing::Billing;
use tenantry_domain::project::Project;
use tenantry_domain::task::{Task, TaskParent};
use tenantry_domain::{Identity, OrganizationId, ProjectId, UserId};
use tenantry_graphql::{Caller, Engine, EngineOptions, GraphQlRequest, Membership, Methods, encode};
use tenantry_seed::ScaleOptions;
use tenantry_service::Service;
use tenantry_store::{ColumnSet, ListOf, ListRequest, PageRequest, ReadScope, columns_of, list, list_for};
use tenantry_tests::TestApp;
use tokio::runtime::Runtime;

fn main() {
    divan::main();
}

/// An engine and a caller.
struct Fixture {
    runtime: Runtime,
    app: TestApp,
    identity: Identity,
    engine: Engine,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let (app, identity) = runtime.block_on(async {
        let app = TestApp::start().await;
        let options = ScaleOptions { organizations: 10, users: 400, tasks: 30_000, rng_seed: 7 };
        tenantry_seed::scale(&app.urls().owner_url(), &options, &mut |_| {}).await.unwrap();
        let who = app
            .texts(
                "SELECT o.id::text || ' ' || m.user_id::text FROM app.organizations o JOIN app.organization_members m
                 ON m.organization_id = o.id WHERE o.slug = 'large' AND m.role = 'owner' LIMIT 1",
            )
            .await;
        let (organization, user) = who[0].split_once(' ').unwrap();
        let identity = Identity {
            user_id: UserId::from_uuid(user.parse().unwrap()),
            organization_id: OrganizationId::from_uuid(organization.parse().unwrap()),
        };
        (app, identity)
    });
    let service = Service::new(app.server().store().clone(), Billing::default());
    let engine = Engine::new(service, EngineOptions::default()).unwrap();
    Fixture { runtime, app, identity, engine }
});

impl Fixture {
    fn scope(&self) -> ReadScope {
        self.runtime.block_on(ReadScope::open(self.app.server().store(), self.identity)).unwrap()
    }

    fn execute(&self, query: Query) -> async_graphql::Response {
        let caller = Caller {
            identity: self.identity,
            expires_at: None,
            request_id: String::new(),
            deadline: None,
            membership: Membership::default(),
            idempotency_key: None,
        };
        let request = GraphQlRequest { query: query.text().to_owned(), ..GraphQlRequest::default() };
        let response = self.runtime.block_on(self.engine.execute(caller, request, Methods::QueriesOnly));
        assert!(response.errors.is_empty(), "{:?}", response.errors);
        response
    }
}

/// A query of the benchmark.
#[derive(Debug, Clone, Copy)]
enum Query {
    List,
    Dashboard,
}

impl Query {
    fn text(self) -> &'static str {
        match self {
            Self::List => include_str!("../../bench/queries/list/query.graphql"),
            Self::Dashboard => include_str!("../../bench/queries/dashboard/query.graphql"),
        }
    }
}

/// The columns of a task that are read.
#[derive(Debug, Clone, Copy)]
enum Read {
    All,
    Five,
}

/// Opens a transaction with the membership query, and drops it.
#[divan::bench]
fn scope_opening(bencher: Bencher<'_, '_>) {
    let fixture = &*FIXTURE;
    // A scope that is dropped outside the runtime closes its connection.
    let _inside = fixture.runtime.enter();
    bencher.bench_local(|| drop(fixture.scope()));
}

/// Reads and decodes 100 rows: with all columns, and with the five that a board shows.
#[divan::bench(args = [Read::All, Read::Five])]
fn rows(bencher: Bencher<'_, '_>, read: Read) {
    let fixture = &*FIXTURE;
    let scope = fixture.scope();
    let columns = match read {
        Read::All => ColumnSet::ALL,
        Read::Five => ["title", "status", "priority", "due_at"]
            .map(columns_of::<Task>)
            .into_iter()
            .fold(ColumnSet::ID, ColumnSet::and),
    };
    let page = PageRequest { limit: 100, ..PageRequest::default() };
    let request: ListOf<Task> = ListRequest { page, columns, ..ListRequest::default() };
    bencher.bench_local(|| fixture.runtime.block_on(list::<Task>(&scope, &request).into_future()).unwrap().items.len());
}

/// Reads ten tasks for each of this many projects, in one statement.
#[divan::bench(args = [1, 10, 100])]
fn pages_of_parents(bencher: Bencher<'_, '_>, parents: u32) {
    let fixture = &*FIXTURE;
    let scope = fixture.scope();
    let page = |limit| PageRequest { limit, ..PageRequest::default() };
    let projects: ListOf<Project> = ListRequest { page: page(parents), ..ListRequest::default() };
    let projects = fixture.runtime.block_on(list::<Project>(&scope, &projects).into_future()).unwrap().items;
    let projects: Vec<ProjectId> = projects.iter().map(|project| project.id).collect();
    let request: ListOf<Task> = ListRequest { page: page(10), ..ListRequest::default() };
    bencher.bench_local(|| {
        fixture
            .runtime
            .block_on(list_for::<Task, _>(&scope, TaskParent::Project, &projects, &request).into_future())
            .unwrap()
            .len()
    });
}

/// Runs a whole request, without HTTP.
#[divan::bench(args = [Query::List, Query::Dashboard])]
fn execute(bencher: Bencher<'_, '_>, query: Query) {
    let fixture = &*FIXTURE;
    fixture.execute(query);
    bencher.bench_local(|| fixture.execute(query).data);
}

/// Writes the answer of a request as JSON.
#[divan::bench(args = [Query::List, Query::Dashboard])]
fn serialization(bencher: Bencher<'_, '_>, query: Query) {
    let response = FIXTURE.execute(query);
    bencher.bench_local(|| encode(&response));
}
