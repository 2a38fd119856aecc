//! `tenantry sweep`: finds files without an attachment and attachments without a file. A server with `WORKER_DATABASE_URL` does this by itself.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use clap::Args;
use tenantry_domain::causes::causes;
use tenantry_files::Files;
use tenantry_service::sweep::{SweepOptions, Swept, sweep};

use super::progress::bar;
use super::say;
use crate::settings::{FilesSettings, WorkerSettings, duration};
use crate::start::{self, StartError};

/// How progress is shown.
const BAR: &str = "organizations {bar:30} {human_pos}/{human_len} {elapsed}";

/// Enough for one transaction and the next.
const CONNECTIONS: u32 = 2;

/// The shortest grace.
const SHORTEST: Duration = Duration::from_hours(1);

/// How often a running server sweeps.
const EVERY: Duration = Duration::from_hours(24);

/// When it does so for the first time.
const FIRST: Duration = Duration::from_mins(10);

/// Finds files without an attachment and attachments without a file.
#[derive(Debug, Args)]
pub(super) struct Sweep {
    /// How old a file without an attachment must be before it is deleted.
    #[arg(long, default_value = "24h", value_parser = grace, value_name = "DURATION")]
    grace: Duration,
    /// Also deletes the files of organizations that the database does not know. Be sure that no other database uses this storage.
    #[arg(long)]
    unknown_organizations: bool,
    /// Sweeps a storage that belonged to another database, such as the one that this one was restored from. It belongs to this one from then on.
    #[arg(long)]
    adopt: bool,
    #[command(flatten)]
    worker: WorkerSettings,
    #[command(flatten)]
    files: FilesSettings,
}

impl Sweep {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = start::open_worker(self.worker.required_url()?, CONNECTIONS).await?;
        let files = self.files.existing()?.context("no storage of files is named; set TENANTRY_FILES")?;
        let grace = TimeDelta::from_std(self.grace)?;
        let options = SweepOptions { grace, unknown_organizations: self.unknown_organizations, adopt: self.adopt };
        let bar = bar(BAR);
        let mut progress = |done: usize, all: usize| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        };
        let swept = sweep(&store, &files, options, &mut progress).await?;
        bar.finish_and_clear();
        store.close().await;
        Ok(report(&swept))
    }
}

/// Long enough for an upload to become an attachment.
fn grace(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|grace| if grace < SHORTEST { Err("use an hour or more".to_owned()) } else { Ok(grace) })
}

fn report(swept: &Swept) -> ExitCode {
    say(&format!("deleted {} files without an attachment, forgot {} expired uploads", swept.files, swept.uploads));
    if swept.unknown > 0 {
        say(&format!("left {} files of organizations that the database does not know", swept.unknown));
    }
    for (organization, attachment) in &swept.lost {
        eprintln!("tenantry: the file of {attachment} in {organization} is gone");
    }
    for (organization, error) in &swept.failed {
        eprintln!("tenantry: the files of {organization} were not swept: {}", causes(error));
    }
    if swept.lost.is_empty() && swept.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Sweeps once a day, for as long as the server runs.
pub(super) async fn forever(url: &str, files: Files) -> Result<(), StartError> {
    let store = start::open_worker(url, CONNECTIONS).await?;
    tokio::spawn(async move {
        let mut pause = FIRST;
        loop {
            tokio::time::sleep(pause).await;
            pause = EVERY;
            match sweep(&store, &files, SweepOptions::default(), &mut |_, _| {}).await {
                Ok(swept) => log(&swept),
                Err(error) => tracing::warn!(error = causes(&error), "the storage of files could not be swept"),
            }
        }
    });
    Ok(())
}

fn log(swept: &Swept) {
    let Swept { files, uploads, unknown, lost, .. } = swept;
    tracing::info!(files, uploads, unknown, "swept the storage of files");
    if let Some((organization, attachment)) = lost.first() {
        let lost = lost.len();
        tracing::error!(lost, %organization, %attachment, "the files of attachments are gone; `tenantry sweep` lists them");
    }
}
