//! `tenantry reindex`: makes the index of search anew. Needed once for rows that were there before it, and after an upgrade whose notes say
//! so.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tenantry_domain::OrganizationId;
use tenantry_domain::causes::causes;
use tenantry_store::{StoreError, organization, search};

use super::progress::bar;
use super::say;
use crate::settings::WorkerSettings;
use crate::start;

/// How progress is shown.
const BAR: &str = "organizations {bar:30} {human_pos}/{human_len} {elapsed} {wide_msg}";

/// Makes the index of search anew from the rows. It may run while the server does.
#[derive(Debug, Args)]
pub(super) struct Reindex {
    /// Only this organization, by its id; all by default.
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,
    #[command(flatten)]
    worker: WorkerSettings,
}

impl Reindex {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = start::open_worker(self.worker.required_url()?, 1).await?;
        let organizations = match self.organization {
            Some(organization) => vec![organization],
            None => organization::list_ids(&store).await.context("cannot list the organizations")?,
        };
        let bar = bar(BAR);
        bar.set_length(organizations.len() as u64);
        let mut rows = 0;
        let mut failed = 0;
        for organization in &organizations {
            let mut progress = |more| {
                rows += more;
                bar.set_message(format!("{rows} rows"));
            };
            match search::rebuild(&store, *organization, &mut progress).await {
                Ok(()) => {}
                // It was deleted in the meantime.
                Err(StoreError::NotAMember) if self.organization.is_none() => {}
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| eprintln!("tenantry: {organization} was not indexed: {}", causes(&error)));
                }
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        say(&format!("indexed {rows} rows of {} organizations", organizations.len() - failed));
        store.close().await;
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
