//! `tenantry plans`: loads plans from a file, without a deploy.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use tenantry_billing::{Billing, BillingOptions, PlanFile};

use super::say;
use crate::settings::MigrateSettings;

/// Changes what the plans allow.
#[derive(Debug, Args)]
pub(super) struct Plans {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Replaces all plans by those of a JSON file, after validating it.
    Load(Load),
}

#[derive(Debug, Args)]
struct Load {
    /// The file; docs/plans.md describes it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    settings: MigrateSettings,
}

impl Plans {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Load(load) = self.action;
        let text = tokio::fs::read_to_string(&load.file)
            .await
            .with_context(|| format!("cannot read {}", load.file.display()))?;
        let file: PlanFile = text.parse().with_context(|| format!("{} is invalid", load.file.display()))?;
        Billing::new(BillingOptions::default()).load_plans(load.settings.url()?, &file).await?;
        say("the plans are loaded; running servers use them within ten seconds");
        Ok(ExitCode::SUCCESS)
    }
}
