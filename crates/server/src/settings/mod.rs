//! All settings of the process: each is an environment variable and a flag. Only parsing and limits are here; nothing
//! is built from them here.

mod database;
mod dev_file;
mod files;
mod guard;
mod http;
mod keys;
mod log;
mod secret;
mod stripe;
mod units;

pub use database::{DatabaseSettings, MigrateSettings, PoolSettings, WorkerSettings};
pub use dev_file::DevFile;
pub use files::{FilesSettings, FilesSettingsError};
pub use guard::GuardSettings;
pub use http::HttpSettings;
pub use keys::{JwtAlgorithm, JwtSettings};
pub use log::{LogFormat, LogSettings};
pub use secret::Secret;
pub use stripe::StripeSettings;
pub use units::{bytes, duration};

/// A setting that is missing or contradicts another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A required setting is missing.
    #[error("{variable} is not set (or {flag}); {purpose}")]
    Missing {
        /// The environment variable.
        variable: &'static str,
        /// The flag.
        flag: &'static str,
        /// What it is for.
        purpose: &'static str,
    },
    /// The settings contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// A setting cannot be parsed.
    #[error("{variable} is malformed: {problem}")]
    Malformed {
        /// The environment variable.
        variable: &'static str,
        /// What is wrong with it; never its value.
        problem: String,
    },
}
