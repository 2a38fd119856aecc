//! `tenantry seed`: demo data, or as much data as the largest customers have.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use tenantry_seed::{Outcome, Progress, ScaleOptions, Summary};

use super::progress::bar;
use super::say;
use crate::settings::MigrateSettings;

/// How progress is shown.
const BAR: &str = "{prefix:<22} {bar:30} {human_pos:>10}/{human_len} {elapsed} {wide_msg}";

/// Fills the database.
#[derive(Debug, Args)]
pub(super) struct Seed {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// A small organization to look at.
    Demo(MigrateSettings),
    /// Many organizations of every size.
    Scale(Scale),
}

#[derive(Debug, Args)]
struct Scale {
    /// How many organizations.
    #[arg(long, default_value_t = 1_247, value_name = "N")]
    organizations: u64,
    /// How many users.
    #[arg(long, default_value_t = 42_318, value_name = "N")]
    users: u64,
    /// How many tasks.
    #[arg(long, default_value_t = 3_200_000, value_name = "N")]
    tasks: u64,
    /// The random seed: the same number creates the same data.
    #[arg(long, default_value_t = 1, value_name = "S")]
    rng_seed: u64,
    #[command(flatten)]
    settings: MigrateSettings,
}

impl Seed {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        match self.what {
            What::Demo(settings) => match tenantry_seed::demo(settings.url()?).await? {
                Outcome::Created(rows) => list(&rows),
                Outcome::AlreadyThere => say("the demo data already exists; nothing was changed"),
            },
            What::Scale(scale) => {
                let options = ScaleOptions {
                    organizations: scale.organizations,
                    users: scale.users,
                    tasks: scale.tasks,
                    rng_seed: scale.rng_seed,
                };
                let url = scale.settings.url()?;
                let bar = bar(BAR);
                let summary = tenantry_seed::scale(url, &options, &mut |progress| show(&bar, progress)).await;
                bar.finish_and_clear();
                report(&summary?);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(bar: &ProgressBar, progress: Progress<'_>) {
    let label = progress.phase.label();
    if bar.prefix() != label {
        bar.set_prefix(label);
    }
    bar.set_length(progress.total);
    bar.set_position(progress.done);
    bar.set_message(progress.name.to_owned());
}

fn list(rows: &[(&'static str, u64)]) {
    for (table, rows) in rows {
        say(&format!("{rows:>12}  {table}"));
    }
}

fn report(summary: &Summary) {
    list(&summary.rows);
    for phase in &summary.phases {
        say(&format!("{:>10.1} s  {}", phase.time.as_secs_f64(), phase.phase.label()));
    }
}
