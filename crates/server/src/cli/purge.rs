//! `tenantry purge`: deletes the organizations whose deletion is due. A server with `WORKER_DATABASE_URL` does this by
//! itself.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tenantry_domain::causes::causes;
use tenantry_files::Files;
use tenantry_service::payment::SubscriptionEnd;
use tenantry_service::purge_due_and_end;

use super::say;
use crate::portal;
use crate::settings::{FilesSettings, StripeSettings, WorkerSettings};
use crate::start::{self, StartError};

/// Enough for one transaction and the next.
const CONNECTIONS: u32 = 2;

/// How often a running server looks for due deletions.
const EVERY: Duration = Duration::from_hours(1);

/// Deletes the organizations whose deletion is due.
#[derive(Debug, Args)]
pub(super) struct Purge {
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    stripe: StripeSettings,
    #[command(flatten)]
    files: FilesSettings,
}

impl Purge {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = start::open_worker(self.worker.required_url()?, CONNECTIONS).await?;
        let end = portal::end_of(&self.stripe)?;
        let files = self.files.existing()?;
        if files.is_none() {
            eprintln!(
                "tenantry: files are deleted by the next sweep only, because no storage is named; set TENANTRY_FILES"
            );
        }
        let purged = purge_due_and_end(&store, end.as_deref(), files.as_ref(), store.clock().now()).await?;
        for id in &purged.deleted {
            say(&format!("deleted {id}"));
        }
        for (id, error) in &purged.failed {
            eprintln!("tenantry: {id} was not deleted: {}", causes(error));
        }
        if purged.deleted.is_empty() && purged.failed.is_empty() {
            say("no deletions are due");
        }
        store.close().await;
        Ok(if purged.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Looks for due deletions again and again, for as long as the server runs.
pub(super) async fn forever(url: &str, stripe: &StripeSettings, files: Files) -> Result<(), StartError> {
    let end: Option<Arc<dyn SubscriptionEnd>> = portal::end_of(stripe)?;
    let store = start::open_worker(url, CONNECTIONS).await?;
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = purge_due_and_end(&store, end.as_deref(), Some(&files), store.clock().now()).await {
                tracing::warn!(%error, "the due deletions could not be listed");
            }
        }
    });
    Ok(())
}
