//! `tenantry maintain`: what has to be done to the tables now and then. A running server makes partitions by itself.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use chrono::NaiveDate;
use clap::Args;
use tenantry_domain::causes::causes;
use tenantry_store::{Store, StoreError, partitions};

use super::say;
use crate::settings::WorkerSettings;
use crate::start;

/// The table whose old partitions can be detached.
const ACTIVITIES: &str = "app.activities";

/// How often a running server looks for missing partitions. They are made months ahead.
const EVERY: Duration = Duration::from_hours(6);

/// When it looks again after a failure.
const SOON: Duration = Duration::from_mins(1);

/// How often detaching is tried, and how long to leave the others alone in between.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// Makes the partitions of the coming months; detaches old ones if asked to.
#[derive(Debug, Args)]
pub(super) struct Maintain {
    /// Detaches the activities of all months before this one: no feed shows them any more, and their tables stay until you drop them.
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    detach_activities_before: Option<NaiveDate>,
    #[command(flatten)]
    worker: WorkerSettings,
}

impl Maintain {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = start::open_worker(self.worker.required_url()?, 1).await?;
        let made = partitions::make(&store).await.context("cannot make partitions")?;
        for name in &made {
            say(&format!("made {name}"));
        }
        let mut detached = Vec::new();
        if let Some(before) = self.detach_activities_before {
            detached = detach(&store, before).await.context("cannot detach partitions")?;
        }
        for name in &detached {
            say(&format!("detached {name}"));
        }
        if made.is_empty() && detached.is_empty() {
            say("nothing to do");
        }
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Each attempt waits half a second for the transactions that use the table, and everybody else waits behind it meanwhile.
async fn detach(store: &Store, before: NaiveDate) -> Result<Vec<String>, StoreError> {
    let mut left = ATTEMPTS;
    loop {
        match partitions::detach(store, ACTIVITIES, before).await {
            Err(StoreError::Timeout(_)) if left > 1 => left -= 1,
            result => return result,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The first day of a month that is written as `2026-01`.
fn month(text: &str) -> Result<NaiveDate, String> {
    let day = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
    day.map_err(|_| "this is not a month such as 2026-01".to_owned())
}

/// Makes what partitions are missing, and again and again for as long as the server runs. It is no reason not to serve when that fails: there
/// are those that were made months ago.
pub(super) async fn forever(store: &Store) {
    let mut pause = make(store).await;
    let store = store.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(pause).await;
            pause = make(&store).await;
        }
    });
}

/// Makes what partitions are missing; gives when to look again.
async fn make(store: &Store) -> Duration {
    match partitions::make(store).await {
        Ok(made) => {
            if !made.is_empty() {
                tracing::info!(partitions = made.join(", "), "partitions were made");
            }
            EVERY
        }
        Err(error) => {
            tracing::error!(error = causes(&error), "the partitions of the coming months could not be made");
            SOON
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_a_year_and_a_month() {
        assert_eq!(month("2026-02"), Ok(NaiveDate::from_ymd_opt(2026, 2, 1).unwrap()));
        for wrong in ["2026-13", "2026", "2026-02-01", "", "02-2026"] {
            assert!(month(wrong).is_err(), "{wrong}");
        }
    }
}
