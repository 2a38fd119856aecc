//! `tenantry migrate`: changes the database schema, up and down.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use tenantry_migration::{down, fresh, status, up};

use super::say;
use crate::settings::MigrateSettings;

/// Changes the database schema.
#[derive(Debug, Args)]
pub(super) struct Migrate {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Applies the missing migrations.
    Up(MigrateSettings),
    /// Reverts the newest migrations, including the data in what they created.
    Down(Down),
    /// Lists applied and missing migrations, and those of a newer program as unknown.
    Status(MigrateSettings),
    /// Drops everything, including data, and applies all migrations.
    Fresh(Fresh),
}

#[derive(Debug, Args)]
struct Down {
    /// How many migrations to revert.
    #[arg(long, default_value_t = 1, value_name = "N", conflicts_with = "all")]
    steps: u32,
    /// Reverts all of them.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    settings: MigrateSettings,
}

#[derive(Debug, Args)]
struct Fresh {
    /// Confirms that everything is dropped.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    settings: MigrateSettings,
}

impl Migrate {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.action {
            Action::Up(settings) => report("applied", &up(settings.url()?).await?),
            Action::Down(Down { steps, all, settings }) => {
                report("took back", &down(settings.url()?, (!all).then_some(steps)).await?);
            }
            Action::Status(settings) => {
                for migration in status(settings.url()?).await? {
                    let state = match (migration.applied, migration.known) {
                        (true, true) => "applied",
                        (true, false) => "unknown",
                        (false, _) => "missing",
                    };
                    say(&format!("{state}  {}", migration.name));
                }
            }
            Action::Fresh(Fresh { yes: false, .. }) => {
                bail!("`migrate fresh` drops every table and all data; pass --yes to confirm")
            }
            Action::Fresh(Fresh { settings, .. }) => report("applied", &fresh(settings.url()?).await?),
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn report(what: &str, names: &[String]) {
    for name in names {
        say(&format!("{what} {name}"));
    }
    if names.is_empty() {
        say("nothing to do");
    }
}
