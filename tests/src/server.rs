//! The server of a test: the product's own router on a loopback port, in the test's process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tenantry_billing::{Billing, Meter, MeterOptions};
use tenantry_domain::{Clock, Identity};
use tenantry_graphql::guard::GuardLimits;
use tenantry_graphql::{Engine, EngineOptions, IssueError, IssuedToken, TokenIssuer};
use tenantry_server::http::{AppState, HttpOptions, Metering, serve};
use tenantry_service::Service;
use tenantry_service::payment::PaymentPortal;
use tenantry_store::{Store, StoreSettings};
use tenantry_token::{Issuer, Verifier};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running server. It stops when this is dropped, like a process that was killed.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    store: Store,
    task: JoinHandle<()>,
}

/// How a server of a test differs from one in production.
#[derive(Debug, Clone)]
pub(crate) struct ServerOptions {
    pub(crate) clock: Clock,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) guard: GuardLimits,
    pub(crate) http: HttpOptions,
    /// Counts the API calls.
    pub(crate) is_metered: bool,
    /// Signs the tokens of those who switch to another organization.
    pub(crate) issuer: Option<Issuer>,
    /// Leads owners to a payment provider.
    pub(crate) portal: Option<Arc<dyn PaymentPortal>>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        // Patience for a connection, because two cores run several tests at a time.
        let acquire_timeout = Duration::from_secs(20);
        Self {
            clock: Clock::system(),
            max_connections: 10,
            acquire_timeout,
            guard: GuardLimits::default(),
            http: HttpOptions { request_timeout: Duration::from_mins(1), ..HttpOptions::default() },
            is_metered: false,
            issuer: None,
            portal: None,
        }
    }
}

impl Server {
    /// Starts a server over the database at `url`, as the role in it.
    pub(crate) async fn start(url: &str, verifier: Verifier, options: &ServerOptions) -> Self {
        let mut settings = StoreSettings::new(url);
        settings.max_connections = options.max_connections;
        settings.acquire_timeout = options.acquire_timeout;
        settings.lock_timeout = options.acquire_timeout;
        settings.statement_timeout = options.acquire_timeout;
        let store = Store::connect(&settings, options.clock.clone()).await.expect("the test's database is there");
        let service = Service::new(store.clone(), Billing::default());
        let issuer = options.issuer.clone().map(|issuer| Arc::new(HourlyIssuer(issuer)) as Arc<dyn TokenIssuer>);
        let engine =
            EngineOptions { issuer, portal: options.portal.clone(), ..EngineOptions::new(options.guard.clone()) };
        let engine = Engine::new(service, engine).expect("the schema is valid");
        let meter = || Meter::new(store.clone(), Billing::default(), MeterOptions::default());
        let metering =
            Metering { meter: options.is_metered.then(meter), throttle: None, clock: Some(options.clock.clone()) };
        let state = AppState::with_metering(engine, verifier, store.clone(), options.http.clone(), metering);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            serve(listener, state, std::future::pending()).await;
        });
        Self { address, store, task }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
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

/// Signs tokens that are valid for an hour.
struct HourlyIssuer(Issuer);

impl TokenIssuer for HourlyIssuer {
    fn issue(&self, identity: Identity) -> Result<IssuedToken, IssueError> {
        let issued = self.0.issue(identity.user_id, identity.organization_id, Duration::from_hours(1));
        let issued = issued.map_err(|error| IssueError(Box::new(error)))?;
        Ok(IssuedToken { token: issued.token, expires_at: issued.expires_at })
    }
}
