//! `tenantry doctor`: checks a database.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tenantry_store::doctor::{Catalogue, Finding};

use super::say;
use super::token::adopt_development;
use crate::settings::DatabaseSettings;

/// Checks the database.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The folder of `tenantry dev`'s database, which is checked if no other is named.
    #[arg(long, env = "TENANTRY_DATA_DIR", default_value = ".tenantry", value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    database: DatabaseSettings,
}

impl Doctor {
    pub(super) async fn run(mut self) -> anyhow::Result<ExitCode> {
        adopt_development(&self.data_dir, &mut self.database, None)?;
        let url = self.database.url()?;
        let mut catalogue = Catalogue::connect(url).await?;
        let (major, minor) = catalogue.version().await?;
        let role = catalogue.role().await?;
        let tables = catalogue.tenant_tables().await?;
        let mut findings: Vec<Finding> = role.fault().map(Finding::Fault).into_iter().collect();
        let migrations = tenantry_migration::status(url).await?;
        let missing = migrations.iter().filter(|migration| !migration.applied);
        findings
            .extend(missing.map(|migration| Finding::Fault(format!("the migration {} is missing", migration.name))));
        let unknown = migrations.iter().filter(|migration| !migration.known);
        findings.extend(unknown.map(|migration| {
            Finding::Advice(format!(
                "a newer program has applied the migration {}, which this one does not know",
                migration.name
            ))
        }));
        findings.extend(catalogue.findings().await?);
        catalogue.close().await?;

        say(&format!(
            "PostgreSQL {major}.{minor}, role {}, {} migrations known, {} tenant tables",
            role.name,
            migrations.iter().filter(|migration| migration.known).count(),
            tables.len()
        ));
        let mut faults = 0;
        for finding in &findings {
            match finding {
                Finding::Fault(text) => {
                    faults += 1;
                    say(&format!("fault: {text}"));
                }
                Finding::Advice(text) => say(&format!("advice: {text}")),
            }
        }
        if faults > 0 {
            say(&format!("faults: {faults}"));
            return Ok(ExitCode::FAILURE);
        }
        say("no problems found");
        Ok(ExitCode::SUCCESS)
    }
}
