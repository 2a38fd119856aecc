//! `tenantry export`: all data of one organization, one row per line, to be saved before it is deleted.

use std::io::BufWriter;
use std::process::ExitCode;

use clap::Args;

use super::token;
use crate::settings::{DatabaseSettings, PoolSettings};
use crate::start;

/// Writes all data of one organization; of the personal tasks, only the owner's own.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The organization's slug.
    #[arg(long, value_name = "SLUG")]
    organization: String,
    /// The e-mail address of an owner.
    #[arg(long, value_name = "EMAIL")]
    email: String,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    pool: PoolSettings,
}

impl Export {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let store = start::open_store(self.database.url()?, &self.pool).await?;
        let identity = token::find(&store, &self.organization, &self.email).await?;
        let mut out = BufWriter::new(std::io::stdout());
        let lines = tenantry_service::export::organization(&store, identity, &mut out).await?;
        eprintln!("{lines} rows");
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
