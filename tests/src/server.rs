//! The server of a test: the product's own router on a loopback port, in the test's process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tempfile::TempDir;
use tenantry_billing::{Billing, BillingOptions, Meter, MeterOptions, ThrottleOptions};
use tenantry_domain::{Clock, Identity};
use tenantry_files::Files;
use tenantry_graphql::guard::GuardLimits;
use tenantry_graphql::{Engine, EngineOptions, IssueError, IssuedToken, TokenIssuer};
use tenantry_server::http::{AppState, HttpOptions, Metering, serve};
use tenantry_service::live::{Live, LiveOptions};
use tenantry_service::payment::PaymentPortal;
use tenantry_service::{FileStorage, Service};
use tenantry_store::{Store, StoreSettings};
use tenantry_token::{Issuer, Verifier};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A running server. It stops when this is dropped, like a process that was killed.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    store: Store,
    billing: Billing,
    meter: Option<Meter>,
    task: JoinHandle<()>,
    stop: Arc<Notify>,
    files: Files,
    /// Keeps the folder of files.
    _folder: Arc<TempDir>,
}

/// The options of a test's server.
#[derive(Debug, Clone)]
pub(crate) struct ServerOptions {
    pub(crate) clock: Clock,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) guard: GuardLimits,
    pub(crate) http: HttpOptions,
    /// Signs the tokens of callers who switch to another organization.
    pub(crate) issuer: Option<Issuer>,
    /// How long plans are cached.
    pub(crate) plans_cached_for: Duration,
    /// Counts API calls, and writes them at this interval.
    pub(crate) meter: Option<MeterOptions>,
    /// The rate limit.
    pub(crate) throttle: Option<ThrottleOptions>,
    /// Connects owners with a payment provider.
    pub(crate) portal: Option<Arc<dyn PaymentPortal>>,
    /// Where files are kept; in a new folder by default.
    pub(crate) files: Option<Files>,
    /// The most bytes of a file.
    pub(crate) max_file_size: i32,
    /// The database with the worker's role, for a server with subscriptions.
    pub(crate) live: Option<String>,
    /// The options of subscriptions; those for the pool's size unless set.
    pub(crate) live_options: Option<LiveOptions>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        // A long timeout, because several tests share two cores.
        let acquire_timeout = Duration::from_secs(20);
        Self {
            clock: Clock::system(),
            max_connections: 10,
            acquire_timeout,
            guard: GuardLimits::default(),
            http: HttpOptions { request_timeout: Duration::from_mins(1), ..HttpOptions::default() },
            issuer: None,
            plans_cached_for: BillingOptions::default().plans_cached_for,
            meter: None,
            throttle: None,
            portal: None,
            files: None,
            max_file_size: 1024 * 1024,
            live: None,
            live_options: None,
        }
    }
}

impl Server {
    /// Starts a server over the database at `url`, with the role in the URL.
    pub(crate) async fn start(url: &str, verifier: Verifier, options: &ServerOptions) -> Self {
        let mut settings = StoreSettings::new(url);
        settings.max_connections = options.max_connections;
        settings.acquire_timeout = options.acquire_timeout;
        settings.lock_timeout = options.acquire_timeout;
        settings.statement_timeout = options.acquire_timeout;
        let store = Store::connect(&settings, options.clock.clone()).await.expect("the test's database is there");
        let billing =
            Billing::new(BillingOptions { plans_cached_for: options.plans_cached_for, ..BillingOptions::default() });
        let meter = options.meter.map(|options| Meter::new(store.clone(), billing.clone(), options));
        let metering = Metering::new(meter.clone(), options.throttle, options.clock.clone());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let folder = TempDir::new().expect("a folder for files");
        let public_url = format!("http://{address}").parse().expect("an address");
        let in_folder = || Files::local(folder.path(), &public_url, options.clock.clone()).expect("a folder for files");
        let files = options.files.clone().unwrap_or_else(in_folder);
        let storage = FileStorage { files: files.clone(), max_byte_size: options.max_file_size };
        let service = Service::new(store.clone(), billing.clone()).with_files(storage);
        let issuer = options.issuer.clone().map(|issuer| Arc::new(HourlyIssuer(issuer)) as Arc<dyn TokenIssuer>);
        let live = match &options.live {
            Some(url) => {
                let settings = StoreSettings {
                    max_connections: 2,
                    acquire_timeout: options.acquire_timeout,
                    ..StoreSettings::new(url)
                };
                let worker =
                    Store::connect(&settings, options.clock.clone()).await.expect("the worker's role is there");
                Some(Live::start(
                    worker,
                    store.clone(),
                    options.live_options.unwrap_or(LiveOptions::of_pool(options.max_connections)),
                ))
            }
            None => None,
        };
        let portal = options.portal.clone();
        let engine = EngineOptions { issuer, portal, live, ..EngineOptions::new(options.guard.clone()) };
        let engine = Engine::new(service, engine).expect("the schema is valid");
        let state = AppState::with_metering(engine, verifier, store.clone(), options.http.clone(), metering);
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            serve(listener, state, stopped.notified()).await;
        });
        Self { address, store, billing, meter, task, stop, files, _folder: Arc::new(folder) }
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Begins to stop the server, as a signal does.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// Stops the server, and waits until it has stopped.
    pub async fn stop_and_wait(&self) {
        self.stop();
        while !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The server's storage of files.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The server's plans.
    pub fn billing(&self) -> &Billing {
        &self.billing
    }

    /// Writes the API calls that were counted so far; returns how many.
    ///
    /// Needs an app built with [`metering`](crate::TestAppBuilder::metering).
    pub async fn flush_calls(&self) -> i64 {
        self.meter.as_ref().expect("the app is metering").flush().await.calls
    }

    /// The server's pool.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Signs tokens that are valid for an hour, but no longer than those they replace.
struct HourlyIssuer(Issuer);

impl TokenIssuer for HourlyIssuer {
    fn issue(&self, identity: Identity, not_after: Option<DateTime<Utc>>) -> Result<IssuedToken, IssueError> {
        let (user, organization, ttl) = (identity.user_id, identity.organization_id, Duration::from_hours(1));
        let issued = match not_after {
            Some(not_after) => self.0.issue_until(user, organization, ttl, not_after),
            None => self.0.issue(user, organization, ttl),
        };
        let issued = issued.map_err(|error| IssueError(Box::new(error)))?;
        Ok(IssuedToken { token: issued.token, expires_at: issued.expires_at })
    }
}
