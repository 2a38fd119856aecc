//! `tenantry serve`: the API over an existing database.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::stripe::forever as replay_forever;
use super::{maintain, purge, sweep};
use crate::http::serve;
use crate::settings::{
    DatabaseSettings, FilesSettings, GuardSettings, HttpSettings, JwtSettings, PoolSettings, StripeSettings,
    WorkerSettings,
};
use crate::{shutdown, start};

/// How long the pool may take to close once all requests are answered.
const CLOSE: Duration = Duration::from_secs(1);

/// Serves the API.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    pool: PoolSettings,
    #[command(flatten)]
    http: HttpSettings,
    #[command(flatten)]
    jwt: JwtSettings,
    #[command(flatten)]
    guard: GuardSettings,
    #[command(flatten)]
    stripe: StripeSettings,
    #[command(flatten)]
    files: FilesSettings,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let url = self.database.url()?;
        // The checks that need no database come first.
        let verifier = start::verifier(&self.jwt).await?;
        let listener = start::listen(self.http.listen).await?;
        let files = self.files.storage(None, &start::url_of(listener.local_addr()?))?;
        let store = start::open_store(url, &self.pool).await?;
        maintain::forever(&store).await;
        let stripe = start::stripe(&self.stripe, self.worker.required_url(), &self.pool).await?;
        if let Some(webhooks) = stripe.webhooks() {
            replay_forever(webhooks);
        }
        let live = match self.worker.url() {
            Some(url) => Some(start::live(url, &store, &self.pool).await?),
            None => None,
        };
        let state = start::state(
            store.clone(),
            verifier,
            &self.jwt,
            &self.http,
            &self.guard,
            &self.pool,
            stripe,
            None,
            files.clone(),
            live,
        )?;
        if let Some(url) = self.worker.url() {
            purge::forever(url, &self.stripe, files.files.clone()).await?;
            sweep::forever(url, files.files.clone()).await?;
        } else {
            tracing::warn!(
                "WORKER_DATABASE_URL is not set: there are no subscriptions, due organizations are not deleted until `tenantry purge` runs, and files without an attachment until `tenantry sweep` does"
            );
        }
        if files.files.as_local().is_some() && !self.files.has_public_url() {
            tracing::warn!(
                "TENANTRY_PUBLIC_URL is not set: files are sent and fetched at the address that is listened on"
            );
        }
        tracing::info!(address = %listener.local_addr()?, pool_size = self.pool.pool_size, "serving");
        serve(listener, state, shutdown::signal()).await;
        // The database closes connections that hang.
        let _ = tokio::time::timeout(CLOSE, store.close()).await;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}
