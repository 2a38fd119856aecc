//! The addresses of the database, and the pool's settings.

use std::time::Duration;

use clap::Args;
use tenantry_store::StoreSettings;

use super::units::duration;
use super::{Secret, SettingsError};

/// The database that the API serves.
#[derive(Debug, Clone, Default, Args)]
pub struct DatabaseSettings {
    /// The database, with the role that the API runs as: `postgres://tenantry_app:…@host/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<Secret>,
}

impl DatabaseSettings {
    /// The address.
    ///
    /// # Errors
    /// When none is set.
    pub fn url(&self) -> Result<&str, SettingsError> {
        given(self.database_url.as_ref()).ok_or(SettingsError::Missing {
            variable: "DATABASE_URL",
            flag: "--database-url",
            purpose: "it names the database and the role tenantry_app; `tenantry dev` needs none",
        })
    }
}

/// The database, accessed as its owner.
#[derive(Debug, Clone, Default, Args)]
pub struct MigrateSettings {
    /// The database, with the role that owns the tables: `postgres://tenantry_owner:…@host/database`.
    #[arg(long, env = "MIGRATE_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub migrate_database_url: Option<Secret>,
}

impl MigrateSettings {
    /// The address.
    ///
    /// # Errors
    /// When none is set.
    pub fn url(&self) -> Result<&str, SettingsError> {
        given(self.migrate_database_url.as_ref()).ok_or(SettingsError::Missing {
            variable: "MIGRATE_DATABASE_URL",
            flag: "--migrate-database-url",
            purpose: "it names the database and the role tenantry_owner",
        })
    }
}

/// The database, accessed by background jobs.
#[derive(Debug, Clone, Default, Args)]
pub struct WorkerSettings {
    /// The database, with the role of background jobs: `postgres://tenantry_worker:…@host/database`.
    #[arg(long, env = "WORKER_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub worker_database_url: Option<Secret>,
}

impl WorkerSettings {
    /// The address, if one is set.
    pub fn url(&self) -> Option<&str> {
        given(self.worker_database_url.as_ref())
    }

    /// The address.
    ///
    /// # Errors
    /// When none is set.
    pub fn required_url(&self) -> Result<&str, SettingsError> {
        self.url().ok_or(SettingsError::Missing {
            variable: "WORKER_DATABASE_URL",
            flag: "--worker-database-url",
            purpose: "it names the database and the role tenantry_worker",
        })
    }
}

/// An environment variable that is empty counts as not set.
fn given(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::reveal).filter(|text| !text.trim().is_empty())
}

/// The settings of the connection pool.
#[derive(Debug, Clone, Args)]
pub struct PoolSettings {
    /// The most connections that are open at a time.
    #[arg(long, env = "TENANTRY_POOL_SIZE", default_value_t = 10, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub pool_size: u32,
    /// How long a request waits for a connection before it is answered with 503.
    #[arg(long, env = "TENANTRY_POOL_TIMEOUT", default_value = "900ms", value_parser = duration, value_name = "DURATION")]
    pub pool_timeout: Duration,
    /// How long one statement may take.
    #[arg(long, env = "TENANTRY_STATEMENT_TIMEOUT", default_value = "5s", value_parser = duration, value_name = "DURATION")]
    pub statement_timeout: Duration,
    /// How long a transaction may wait for a lock.
    #[arg(long, env = "TENANTRY_LOCK_TIMEOUT", default_value = "4s", value_parser = duration, value_name = "DURATION")]
    pub lock_timeout: Duration,
}

impl PoolSettings {
    /// The store's settings, for the database at `url`.
    pub fn store_settings(&self, url: &str) -> StoreSettings {
        let mut settings = StoreSettings::new(url);
        settings.max_connections = self.pool_size;
        settings.acquire_timeout = self.pool_timeout;
        settings.statement_timeout = self.statement_timeout;
        settings.lock_timeout = self.lock_timeout;
        settings
    }
}
