//! Shared state of the endpoints.

use std::sync::Arc;
use std::time::Duration;

use tenantry_billing::Billing;
use tenantry_graphql::guard::GuardError;
use tenantry_graphql::{Engine, EngineOptions};
use tenantry_service::{FileStorage, Service};
use tenantry_store::Store;
use tenantry_token::Verifier;
use tokio::sync::Semaphore;

use super::auth::RefusedTokens;
use super::cors::CorsOrigins;
use super::documents::{Documents, TrustedDocuments};
use super::explorer::Explorer;
use super::health::Readiness;
use super::live::{LiveLimits, Seats};
use super::metering::Metering;
use super::metrics::Metrics;
use super::request_id::RequestIds;
use super::stripe::StripeWebhooks;
use super::transfers::{self, Transfers};

/// The limits of a request, and settings of the other endpoints.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub request_timeout: Duration,
    /// The pool's maximum number of connections; for the metrics.
    pub pool_size: u32,
    /// How long a client may read nothing of an export before it is cut off. Shorter than the database's idle
    /// transaction timeout.
    pub export_stall: Duration,
    /// What is needed to receive Stripe's webhooks. Without it the endpoint does not exist.
    pub stripe: Option<StripeWebhooks>,
    /// The origins whose pages may call the API.
    pub cors: CorsOrigins,
    /// Whether every request is a line of the log.
    pub log_requests: bool,
    /// The documents that alone may run; `None` lets any run.
    pub trusted_documents: Option<TrustedDocuments>,
    /// Limits of connections that stay open.
    pub live: LiveLimits,
    /// The explorer. Without it there is a page that says what this is.
    pub explorer: Option<Explorer>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            body_limit: 256 * 1024,
            request_timeout: Duration::from_secs(10),
            pool_size: 10,
            export_stall: Duration::from_secs(10),
            stripe: None,
            cors: CorsOrigins::default(),
            log_requests: false,
            trusted_documents: None,
            live: LiveLimits::default(),
            explorer: None,
        }
    }
}

/// Shared state of the endpoints. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    engine: Engine,
    verifier: Verifier,
    store: Store,
    options: HttpOptions,
    metrics: Metrics,
    request_ids: RequestIds,
    readiness: Readiness,
    metering: Metering,
    refused_tokens: RefusedTokens,
    documents: Documents,
    /// One permit for each export that may run at a time: they take at most a quarter of the connections.
    exports: Arc<Semaphore>,
    /// The files that are sent to this server.
    sent: Arc<Transfers>,
    /// The files that are fetched from it.
    fetched: Arc<Transfers>,
    /// The places for live connections.
    seats: Seats,
}

impl AppState {
    /// Combines the parts. `store` is the one that `engine` uses.
    pub fn new(engine: Engine, verifier: Verifier, store: Store, options: HttpOptions) -> Self {
        Self::with_metering(engine, verifier, store, options, Metering::default())
    }

    /// As [`new`](Self::new), with rate limits and quotas.
    pub fn with_metering(
        engine: Engine,
        verifier: Verifier,
        store: Store,
        options: HttpOptions,
        metering: Metering,
    ) -> Self {
        let exports = Arc::new(Semaphore::new((options.pool_size as usize / 4).max(1)));
        let documents = Documents::new(options.trusted_documents.clone());
        Self(Arc::new(Shared {
            exports,
            sent: Transfers::new(transfers::SENT),
            fetched: Transfers::new(transfers::FETCHED),
            seats: Seats::new(options.live),
            documents,
            engine,
            verifier,
            store,
            options,
            metrics: Metrics::default(),
            request_ids: RequestIds::default(),
            readiness: Readiness::default(),
            metering,
            refused_tokens: RefusedTokens::default(),
        }))
    }

    /// Assembles the whole server over a database and a verifier.
    ///
    /// # Errors
    /// [`GuardError`] when the guard cannot read the schema, which a test of the schema rules out.
    pub fn assemble(
        store: Store,
        verifier: Verifier,
        engine: EngineOptions,
        options: HttpOptions,
        billing: Billing,
        metering: Metering,
        files: FileStorage,
    ) -> Result<Self, GuardError> {
        let engine = Engine::new(Service::new(store.clone(), billing).with_files(files), engine)?;
        Ok(Self::with_metering(engine, verifier, store, options, metering))
    }

    /// The process's counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(super) fn metering(&self) -> &Metering {
        &self.0.metering
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(super) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    pub(super) fn documents(&self) -> &Documents {
        &self.0.documents
    }

    pub(super) fn explorer(&self) -> Option<&Explorer> {
        self.0.options.explorer.as_ref()
    }

    pub(super) fn log_requests(&self) -> bool {
        self.0.options.log_requests
    }

    pub(super) fn refused_tokens(&self) -> &RefusedTokens {
        &self.0.refused_tokens
    }

    pub(super) fn exports(&self) -> &Arc<Semaphore> {
        &self.0.exports
    }

    pub(super) fn sent(&self) -> &Arc<Transfers> {
        &self.0.sent
    }

    pub(super) fn fetched(&self) -> &Arc<Transfers> {
        &self.0.fetched
    }

    pub(super) fn seats(&self) -> &Seats {
        &self.0.seats
    }

    pub(super) fn live_limits(&self) -> &LiveLimits {
        &self.0.options.live
    }

    pub(super) fn export_stall(&self) -> Duration {
        self.0.options.export_stall
    }

    pub(super) fn request_ids(&self) -> &RequestIds {
        &self.0.request_ids
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(super) fn body_limit(&self) -> usize {
        self.0.options.body_limit
    }

    pub(super) fn request_timeout(&self) -> Duration {
        self.0.options.request_timeout
    }

    pub(super) fn pool_size(&self) -> u32 {
        self.0.options.pool_size
    }

    pub(super) fn cors(&self) -> &CorsOrigins {
        &self.0.options.cors
    }

    pub(super) fn stripe(&self) -> Option<&StripeWebhooks> {
        self.0.options.stripe.as_ref()
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("options", &self.0.options).finish_non_exhaustive()
    }
}
