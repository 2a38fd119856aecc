//! The address that the server listens on, and limits on what clients send.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tenantry_billing::ThrottleOptions;

use super::units::{bytes, duration};
use crate::http::CorsOrigins;

/// The HTTP settings.
#[derive(Debug, Clone, Args)]
pub struct HttpSettings {
    /// The address and port to listen on.
    #[arg(long, env = "TENANTRY_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// The largest request body; a larger one is answered with 413.
    #[arg(long, env = "TENANTRY_BODY_LIMIT", default_value = "256KiB", value_parser = bytes, value_name = "SIZE")]
    pub body_limit: usize,
    /// How long a request may take to arrive, and how long it may run.
    #[arg(long, env = "TENANTRY_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub request_timeout: Duration,
    /// Whether clients may read the schema.
    #[arg(long, env = "TENANTRY_INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub introspection: bool,
    /// The origins whose web pages may call the API, separated by commas: `https://app.example`. `dev` also allows this
    /// machine's own, on every port.
    #[arg(long, env = "TENANTRY_CORS_ORIGINS", default_value = "", hide_default_value = true, value_name = "ORIGINS")]
    pub cors_origins: CorsOrigins,
    /// Whether `/` is the explorer, a page for trying queries. `dev` always has it.
    #[arg(long, env = "TENANTRY_EXPLORER", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub explorer: bool,
    /// Whether every request is a line of the log. `dev` always does it.
    #[arg(long, env = "TENANTRY_LOG_REQUESTS", default_value_t = false, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub log_requests: bool,
    /// A manifest of documents: only they may run. As Apollo's, Relay's and GraphQL Code Generator's tools write it.
    #[arg(long, env = "TENANTRY_TRUSTED_DOCUMENTS", value_name = "FILE")]
    pub trusted_documents: Option<PathBuf>,
    /// The most clients that may be connected by WebSocket or event stream; one organization may have a quarter of them.
    #[arg(long, env = "TENANTRY_LIVE_CONNECTIONS", default_value_t = 20_000, value_name = "N")]
    pub live_connections: usize,
    /// How many requests an organization, and each user in it, may send per second, on average; 0 for no limit.
    #[arg(long, env = "TENANTRY_REQUESTS_PER_SECOND", default_value_t = 100, value_name = "N")]
    pub requests_per_second: u32,
    /// How many requests an organization, and each user in it, may send at once.
    #[arg(long, env = "TENANTRY_REQUEST_BURST", default_value_t = 200, value_name = "N")]
    pub request_burst: u32,
}

impl HttpSettings {
    /// The short-window limit of an organization, if there is one.
    pub fn throttle(&self) -> Option<ThrottleOptions> {
        let per_second = NonZeroU32::new(self.requests_per_second)?;
        let burst = NonZeroU32::new(self.request_burst).unwrap_or(NonZeroU32::MIN);
        Some(ThrottleOptions { per_second, burst, ..ThrottleOptions::default() })
    }
}
