//! Builds a server from the settings, with every check that must pass before the first request.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tenantry_billing::{Billing, BillingOptions, Meter, MeterOptions};
use tenantry_domain::Clock;
use tenantry_graphql::EngineOptions;
use tenantry_graphql::guard::GuardError;
use tenantry_migration::{MigrationError, MigrationStatus};
use tenantry_service::FileStorage;
use tenantry_service::live::{Live, LiveOptions};
use tenantry_service::payment::PaymentPortal;
use tenantry_store::doctor::{Catalogue, CatalogueError, RoleFacts};
use tenantry_store::{Store, StoreError, StoreSettings};
use tenantry_token::{SetupError, Verifier};
use tokio::net::TcpListener;

use crate::http::{
    AppState, Explorer, HttpOptions, LiveLimits, ManifestError, Metering, StripeWebhooks, TrustedDocuments,
};
use crate::settings::{
    FilesSettingsError, GuardSettings, HttpSettings, JwtSettings, PoolSettings, SettingsError, StripeSettings,
};
use crate::{issuer, portal};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A setting is missing or wrong.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database cannot be queried.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// The role has too many privileges.
    #[error("{0}")]
    Role(String),
    /// The record of applied migrations cannot be read.
    #[error(transparent)]
    Migrations(#[from] MigrationError),
    /// The database is older than the program.
    #[error(
        "the database is not up to date: {missing} of {known} migrations are missing, the first is {first}; run `tenantry migrate up`"
    )]
    Outdated {
        /// How many are not applied.
        missing: usize,
        /// How many there are.
        known: usize,
        /// The first that is missing.
        first: String,
    },
    /// The pool could not be opened.
    #[error("cannot open the pool of connections")]
    Store(#[source] StoreError),
    /// The keys cannot be used.
    #[error("tokens cannot be verified")]
    Keys(#[source] SetupError),
    /// The manifest of documents cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The signing key cannot be used.
    #[error("tokens cannot be signed")]
    Signing(#[source] SetupError),
    /// The storage of files cannot be used.
    #[error(transparent)]
    Files(#[from] FilesSettingsError),
    /// The guard cannot read the schema, which a test of the schema rules out.
    #[error("the schema cannot be read")]
    Schema(#[from] GuardError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {}", listen_problem(.cause))]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The reason; it is part of the error's own text.
        cause: io::Error,
    },
}

/// The address under which a client on this machine reaches the server, which may listen on every address.
pub(crate) fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The URL of a server that listens there.
pub(crate) fn url_of(address: SocketAddr) -> String {
    format!("http://{}", reachable(address))
}

fn listen_problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is taken; choose another one with --listen".to_owned(),
        _ => error.to_string(),
    }
}

/// Opens the port.
///
/// # Errors
/// [`StartError::Listen`].
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| StartError::Listen { address, cause })
}

/// Checks that the database may be served: its role is subject to the policies, and its migrations are applied.
///
/// # Errors
/// The first check that fails.
pub(crate) async fn check_database(url: &str) -> Result<(), StartError> {
    check(url, RoleFacts::fault).await
}

async fn check(url: &str, fault: fn(&RoleFacts) -> Option<String>) -> Result<(), StartError> {
    let mut catalogue = Catalogue::connect(url).await?;
    let role = catalogue.role().await?;
    catalogue.close().await?;
    if let Some(fault) = fault(&role) {
        return Err(StartError::Role(fault));
    }
    check_migrations(&tenantry_migration::status(url).await?)
}

fn check_migrations(status: &[MigrationStatus]) -> Result<(), StartError> {
    // While a release goes out, the database is ahead of the servers that still run; that must not stop them.
    let unknown = status.iter().filter(|migration| !migration.known);
    if let Some(first) = unknown.clone().next() {
        tracing::warn!(
            migrations = unknown.count(),
            first = first.name,
            "the database is ahead of this program: a newer one has migrated it"
        );
    }
    let mut missing = status.iter().filter(|migration| !migration.applied);
    let Some(first) = missing.next() else { return Ok(()) };
    Err(StartError::Outdated {
        missing: missing.count() + 1,
        known: status.iter().filter(|migration| migration.known).count(),
        first: first.name.clone(),
    })
}

/// Connects to a database that may be served.
///
/// # Errors
/// When it may not be served, or the pool cannot be opened.
pub(crate) async fn open_store(url: &str, pool: &PoolSettings) -> Result<Store, StartError> {
    check_database(url).await?;
    Store::connect(&pool.store_settings(url), Clock::system()).await.map_err(StartError::Store)
}

/// Connects to the database with the role of background jobs, with at most this many connections.
///
/// # Errors
/// When the role has too many privileges or is not the worker's, a migration is missing, or the pool cannot be opened.
pub(crate) async fn open_worker(url: &str, connections: u32) -> Result<Store, StartError> {
    check(url, RoleFacts::worker_fault).await?;
    let settings = StoreSettings { max_connections: connections, ..StoreSettings::new(url) };
    Store::connect(&settings, Clock::system()).await.map_err(StartError::Store)
}

/// Reads the keys, including those behind a URL, so that a wrong URL is reported at start.
///
/// # Errors
/// When they cannot be read or trusted.
pub(crate) async fn verifier(jwt: &JwtSettings) -> Result<Verifier, StartError> {
    let verifier = Verifier::new(jwt.verifier_config()?).map_err(StartError::Keys)?;
    verifier.load().await.map_err(StartError::Keys)?;
    Ok(verifier)
}

/// What this server does with Stripe.
#[derive(Default)]
pub(crate) struct Stripe {
    portal: Option<Arc<dyn PaymentPortal>>,
    webhooks: Option<StripeWebhooks>,
}

impl Stripe {
    /// Receives webhooks; `None` if there are none.
    pub(crate) fn webhooks(&self) -> Option<&StripeWebhooks> {
        self.webhooks.as_ref()
    }
}

/// Connections for webhooks. They arrive one by one, and those of one customer wait for each other.
const WEBHOOK_CONNECTIONS: u32 = 4;

/// Prepares Stripe, as configured. The worker's address is required only if webhooks are received.
///
/// # Errors
/// When the settings are incomplete, or the worker's database may not be used.
pub(crate) async fn stripe(
    settings: &StripeSettings,
    worker_url: Result<&str, SettingsError>,
    pool: &PoolSettings,
) -> Result<Stripe, StartError> {
    let portal = portal::of(settings)?;
    let webhooks = match settings.webhook_verifier()? {
        None => None,
        Some(verifier) => {
            let worker = open_worker(worker_url?, pool.pool_size.min(WEBHOOK_CONNECTIONS)).await?;
            Some(StripeWebhooks { verifier, worker, prices: settings.stripe_prices.clone() })
        }
    };
    Ok(Stripe { portal, webhooks })
}

/// One connection polls for changes, the other one checks memberships.
const LIVE_CONNECTIONS: u32 = 2;

/// Starts sending changes to subscribers.
///
/// # Errors
/// When the worker's database may not be used.
pub(crate) async fn live(worker_url: &str, store: &Store, pool: &PoolSettings) -> Result<Live, StartError> {
    let worker = open_worker(worker_url, LIVE_CONNECTIONS).await?;
    Ok(Live::start(worker, store.clone(), LiveOptions::of_pool(pool.pool_size)))
}

/// Assembles the server. `explorer` is given by `dev`; else the settings say whether there is one.
///
/// # Errors
/// [`StartError::Schema`], or a signing key or a manifest of documents that cannot be read.
#[expect(clippy::too_many_arguments, reason = "each is one part of the server")]
pub(crate) fn state(
    store: Store,
    verifier: Verifier,
    jwt: &JwtSettings,
    http: &HttpSettings,
    guard: &GuardSettings,
    pool: &PoolSettings,
    stripe: Stripe,
    explorer: Option<Explorer>,
    files: FileStorage,
    live: Option<Live>,
) -> Result<AppState, StartError> {
    let guard = guard.limits(http.introspection);
    let engine = EngineOptions { issuer: issuer::of(jwt)?, portal: stripe.portal, live, ..EngineOptions::new(guard) };
    let options = HttpOptions {
        body_limit: http.body_limit,
        request_timeout: http.request_timeout,
        pool_size: pool.pool_size,
        stripe: stripe.webhooks,
        cors: http.cors_origins.clone(),
        log_requests: http.log_requests,
        live: LiveLimits { connections: http.live_connections, ..LiveLimits::default() },
        explorer: explorer.or_else(|| http.explorer.then(Explorer::default)),
        trusted_documents: http.trusted_documents.as_deref().map(TrustedDocuments::read).transpose()?,
        ..HttpOptions::default()
    };
    let billing = Billing::new(BillingOptions::default());
    let meter = Meter::new(store.clone(), billing.clone(), MeterOptions::default());
    let metering = Metering::new(Some(meter), http.throttle(), store.clock().clone());
    Ok(AppState::assemble(store, verifier, engine, options, billing, metering, files)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_migration_is_named() {
        let status = |name: &str, applied| MigrationStatus { name: name.to_owned(), applied, known: true };
        assert!(check_migrations(&[status("a", true)]).is_ok());
        let error = check_migrations(&[status("a", true), status("b", false), status("c", false)]).unwrap_err();
        assert!(matches!(error, StartError::Outdated { missing: 2, known: 3, ref first } if first == "b"));
    }
}
