//! A server with a database of its own, and sessions for it.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use reqwest::Client;
use sqlx::postgres::{PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tenantry_billing::{MeterOptions, ThrottleOptions};
use tenantry_devdb::DatabaseUrls;
use tenantry_devdb::shared::{Template, TestDatabase};
use tenantry_domain::{Clock, OrganizationId, Role, UserId};
use tenantry_files::Files;
use tenantry_graphql::guard::GuardLimits;
use tenantry_server::http::{HttpOptions, StripeWebhooks};
use tenantry_server::settings::StripeSettings;
use tenantry_service::live::LiveOptions;
use tenantry_store::{Store, StoreSettings};
use tenantry_token::testing::Ed25519Pem;
use tenantry_token::{ClaimNames, Issuer, IssuerConfig, KeySource, Verifier, VerifierConfig};

use crate::organization::{Org, OrgBuilder, Person};
use crate::server::{Server, ServerOptions};
use crate::session::Session;
use crate::tap::Tap;

/// The `iss` of the tests' tokens.
const ISSUER: &str = "tenantry-tests";
/// The `aud` of the tests' tokens.
const AUDIENCE: &str = "tenantry";

/// A server with a database of its own. Dropping this ends both.
pub struct TestApp {
    server: Server,
    options: ServerOptions,
    verifier: Verifier,
    issuer: Issuer,
    keys: Ed25519Pem,
    http: Client,
    admin: PgPool,
    database: TestDatabase,
    tap: Option<Tap>,
    /// Keeps the public key's file as long as the verifier may read it again.
    _folder: TempDir,
}

impl fmt::Debug for TestApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestApp").field("server", &self.server).finish_non_exhaustive()
    }
}

/// The options of a [`TestApp`].
#[derive(Debug, Clone, Default)]
pub struct TestAppBuilder {
    options: ServerOptions,
    logs_statements: bool,
    counts_round_trips: bool,
    issues_no_tokens: bool,
    stripe: Option<StripeSettings>,
}

impl TestAppBuilder {
    /// Gives the server another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.options.clock = clock;
        self
    }

    /// How many connections the server may open; 10 unless set.
    #[must_use]
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.options.max_connections = connections;
        self
    }

    /// How long a request waits for a connection, a lock or a statement; 20 seconds unless set.
    #[must_use]
    pub fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.options.acquire_timeout = timeout;
        self
    }

    /// What a document may contain; the product's defaults unless set.
    #[must_use]
    pub fn guard(mut self, guard: GuardLimits) -> Self {
        self.options.guard = guard;
        self
    }

    /// The limits of a request.
    #[must_use]
    pub fn http(mut self, http: HttpOptions) -> Self {
        self.options.http = http;
        self
    }

    /// Makes the database log what the server sends; see [`TestApp::mark`]. The server then has one connection, so that
    /// statements sent once per connection are sent once.
    #[must_use]
    pub fn logging_statements(mut self) -> Self {
        self.logs_statements = true;
        self.options.max_connections = 1;
        self
    }

    /// Counts the round trips between the server and the database; see [`TestApp::round_trips`].
    #[must_use]
    pub fn counting_round_trips(mut self) -> Self {
        self.counts_round_trips = true;
        self
    }

    /// Makes the server count API calls against the plan, and write them after this time. Killing the server loses what
    /// was not written.
    #[must_use]
    pub fn metering(mut self, flush_every: Duration) -> Self {
        self.options.meter = Some(MeterOptions { flush_every, ..MeterOptions::default() });
        self
    }

    /// Limits the rate to `per_second` requests on average and `burst` at once.
    #[must_use]
    pub fn throttle(mut self, per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        self.options.throttle = Some(ThrottleOptions { per_second, burst, ..ThrottleOptions::default() });
        self
    }

    /// How long the server caches plans; ten seconds unless set.
    #[must_use]
    pub fn plans_cached_for(mut self, time: Duration) -> Self {
        self.options.plans_cached_for = time;
        self
    }

    /// The server issues no tokens for switching to another organization.
    #[must_use]
    pub fn issuing_no_tokens(mut self) -> Self {
        self.issues_no_tokens = true;
        self
    }

    /// Where the server keeps files; in a new folder unless set.
    #[must_use]
    pub fn files(mut self, files: Files) -> Self {
        self.options.files = Some(files);
        self
    }

    /// The most bytes of a file; one MiB unless set.
    #[must_use]
    pub fn max_file_size(mut self, bytes: i32) -> Self {
        self.options.max_file_size = bytes;
        self
    }

    /// Makes the server offer subscriptions.
    #[must_use]
    pub fn live(mut self) -> Self {
        // The database is not there yet.
        self.options.live = Some(String::new());
        self
    }

    /// The same, with other options.
    #[must_use]
    pub fn live_options(mut self, options: LiveOptions) -> Self {
        self.options.live_options = Some(options);
        self.live()
    }

    /// Makes the server take payments through Stripe, or a fake of it.
    #[must_use]
    pub fn stripe(mut self, settings: StripeSettings) -> Self {
        self.stripe = Some(settings);
        self
    }

    /// Creates the database and starts the server.
    pub async fn start(mut self) -> TestApp {
        let database = TestApp::database().await;
        let admin = PgPoolOptions::new().max_connections(2).connect(&database.superuser_url()).await.unwrap();
        if self.logs_statements {
            let name = database.name();
            let set = format!("ALTER ROLE tenantry_app IN DATABASE \"{name}\" SET log_statement = 'all'");
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&admin).await.unwrap();
        }

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("public.pem");
        let keys = Ed25519Pem::generate().unwrap();
        std::fs::write(&path, &keys.public).unwrap();
        let source = KeySource::PublicKeyFile { path, key_id: None };
        let clock = self.options.clock.clone();
        let config = VerifierConfig { clock: clock.clone(), ..VerifierConfig::new(ISSUER, AUDIENCE, source) };
        let verifier = Verifier::new(config).unwrap();
        let config = IssuerConfig {
            issuer: ISSUER.into(),
            audience: AUDIENCE.into(),
            key_id: None,
            claims: ClaimNames::default(),
            clock,
        };
        let issuer = Issuer::from_ed25519_pem(keys.private.as_bytes(), config).unwrap();

        if let Some(stripe) = &self.stripe {
            self.options.portal = tenantry_server::portal::of(stripe).unwrap();
            if let Some(verifier) = stripe.webhook_verifier().unwrap() {
                let mut settings = StoreSettings::new(database.worker_url());
                settings.acquire_timeout = self.options.acquire_timeout;
                let worker = Store::connect(&settings, self.options.clock.clone()).await.unwrap();
                let prices = stripe.stripe_prices.clone();
                self.options.http.stripe = Some(StripeWebhooks { verifier, worker, prices });
            }
        }
        self.options.live = self.options.live.map(|_| database.worker_url());
        self.options.issuer = Some(issuer.clone()).filter(|_| !self.issues_no_tokens);

        let mut url = database.app_url();
        let mut tap = None;
        if self.counts_round_trips {
            let port = database.connection().port();
            let counting = Tap::before(port).await;
            url = url.replace(&format!(":{port}/"), &format!(":{}/", counting.port()));
            tap = Some(counting);
        }
        let server = Server::start(&url, verifier.clone(), &self.options).await;
        let http = Client::builder().timeout(Duration::from_mins(2)).no_proxy().build().unwrap();
        TestApp { server, options: self.options, verifier, issuer, keys, http, admin, database, tap, _folder: folder }
    }
}

impl TestApp {
    /// Starts a server on a migrated, empty database.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Starts building a server with other options.
    pub fn builder() -> TestAppBuilder {
        TestAppBuilder::default()
    }

    /// A migrated, empty database without a server.
    pub async fn database() -> TestDatabase {
        let migrate = async |empty: DatabaseUrls| tenantry_migration::up(&empty.owner_url()).await.map(drop);
        let template = Template::prepare(&tenantry_migration::template_key(), migrate).await.unwrap();
        TestDatabase::create(&template).await.unwrap()
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Starts another server on the same database, like a second process of a deployment.
    pub async fn another_server(&self) -> Server {
        Server::start(&self.database.app_url(), self.verifier.clone(), &self.options).await
    }

    /// How many round trips there were so far between the server and the database.
    ///
    /// Needs an app built with [`counting_round_trips`](TestAppBuilder::counting_round_trips).
    pub fn round_trips(&self) -> usize {
        self.tap.as_ref().expect("the app counts round trips").trips()
    }

    /// The URLs of the database.
    pub fn urls(&self) -> &DatabaseUrls {
        &self.database
    }

    /// The database, with its cluster.
    pub fn test_database(&self) -> &TestDatabase {
        &self.database
    }

    /// The database as the superuser, who is subject to no policy: for setting up and checking, never for acting as the
    /// product.
    pub fn admin(&self) -> &PgPool {
        &self.admin
    }

    /// A connection of its own as the superuser, for a transaction that stays open.
    pub async fn admin_connection(&self) -> PgConnection {
        PgConnection::connect(&self.database.superuser_url()).await.unwrap()
    }

    /// Runs statements as the superuser.
    pub async fn sql(&self, statements: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&self.admin).await;
        done.unwrap_or_else(|error| panic!("{error}: {statements}"));
    }

    /// One number, as the superuser sees it.
    pub async fn number(&self, query: &str) -> i64 {
        let found = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&self.admin).await;
        found.unwrap_or_else(|error| panic!("{error}: {query}"))
    }

    /// The texts of one column, as the superuser sees them.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let found = sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&self.admin).await;
        found.unwrap_or_else(|error| panic!("{error}: {query}"))
    }

    /// The HTTP client of the tests.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// Signs the tests' tokens.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Verifies the tests' tokens.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The key pair that signs the tests' tokens.
    pub fn keys(&self) -> &Ed25519Pem {
        &self.keys
    }

    /// Starts building an organization with this slug. It has an owner, a default workspace and, unless set otherwise,
    /// the plan `pro`.
    pub fn organization(&self, slug: &str) -> OrgBuilder<'_> {
        OrgBuilder::new(self, slug)
    }

    /// A session of the organization's owner.
    pub fn as_owner(&self, org: &Org) -> Session {
        self.sign_in(org, &org.owner)
    }

    /// A session of `NAME@ORGANIZATION.test`, who becomes a member first if necessary.
    pub async fn as_member(&self, org: &Org, name: &str) -> Session {
        self.sign_in(org, &self.person(org, name, Role::Member).await)
    }

    /// A session of someone with this role, who joins first if necessary.
    pub async fn as_role(&self, org: &Org, role: Role) -> Session {
        self.sign_in(org, &self.person(org, role.as_str(), role).await)
    }

    /// A session of this person in an organization, member or not.
    pub fn sign_in(&self, org: &Org, person: &Person) -> Session {
        self.with_token(Some(&self.token(person.user_id, org.id)))
    }

    /// A session with this token, or without one.
    pub fn with_token(&self, token: Option<&str>) -> Session {
        Session::new(self.http.clone(), self.server.url("/graphql"), token)
    }

    /// A token that is valid for an hour.
    pub fn token(&self, user: UserId, organization: OrganizationId) -> String {
        self.issuer.issue(user, organization, Duration::from_hours(1)).unwrap().token
    }
}
