//! `tenantry doctor`: checks a database.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tenantry_domain::causes::causes;
use tenantry_store::doctor::{Catalogue, Finding};

use super::say;
use super::token::adopt_development;
use crate::settings::{DatabaseSettings, FilesSettings};

/// Checks the database.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The folder of `tenantry dev`'s database, which is checked if no other is named.
    #[arg(long, env = "TENANTRY_DATA_DIR", default_value = ".tenantry", value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    files: FilesSettings,
}

impl Doctor {
    pub(super) async fn run(mut self) -> anyhow::Result<ExitCode> {
        adopt_development(&self.data_dir, &mut self.database, None, Some(&mut self.files))?;
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
        findings.extend(self.check_files().await?);

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

    /// Writes, reads and deletes something in the storage of files, if one is named.
    async fn check_files(&self) -> anyhow::Result<Option<Finding>> {
        let files = match self.files.existing() {
            Ok(Some(files)) => files,
            Ok(None) => {
                let advice = "the storage of files was not checked; name it with TENANTRY_FILES";
                return Ok(Some(Finding::Advice(advice.to_owned())));
            }
            Err(error) => return Ok(Some(Finding::Fault(causes(&error)))),
        };
        match files.probe().await {
            Ok(()) => {
                say(&format!("files in {}: written, copied, read and deleted", files.place()));
                Ok(None)
            }
            Err(problem) => Ok(Some(Finding::Fault(problem))),
        }
    }
}
