//! What is logged, and in which format. Logs go to standard error, answers to standard output.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON anywhere else.
    Auto,
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The default filter. The migrations' own lines repeat what the commands print, and the database's notices are about
/// objects that already exist.
const DEFAULT_FILTER: &str = "info,sea_orm_migration=warn,sqlx=warn";

/// The log's settings.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs")]
pub struct LogSettings {
    /// What is logged: a level, or `target=level` pairs. `info,tenantry::access=debug` shows every request
    #[arg(long = "log", env = "TENANTRY_LOG", default_value = DEFAULT_FILTER, global = true, value_name = "FILTER")]
    pub filter: String,
    /// The format of the log lines.
    #[arg(long, env = "TENANTRY_LOG_FORMAT", default_value = "auto", global = true, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

impl LogSettings {
    /// Starts logging; does nothing if logging is already set up.
    ///
    /// # Errors
    /// When the filter cannot be parsed.
    pub fn install(&self) -> Result<(), super::SettingsError> {
        let filter = EnvFilter::try_new(&self.filter).map_err(|error| super::SettingsError::Malformed {
            variable: "TENANTRY_LOG",
            problem: error.to_string(),
        })?;
        let json = match self.log_format {
            LogFormat::Auto => !std::io::stderr().is_terminal(),
            LogFormat::Text => false,
            LogFormat::Json => true,
        };
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        // Fails if logging is already set up; that one stays.
        let _ = if json {
            log.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        } else {
            log.with_ansi(std::io::stderr().is_terminal()).compact().try_init()
        };
        Ok(())
    }
}
