//! Where the server listens, and what it takes from a client.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use super::units::{bytes, duration};

/// The HTTP side's settings.
#[derive(Debug, Clone, Args)]
pub struct HttpSettings {
    /// The address and port to listen on.
    #[arg(long, env = "TENANTRY_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR")]
    pub listen: SocketAddr,
    /// The largest request body; a larger one is answered with 413.
    #[arg(long, env = "TENANTRY_BODY_LIMIT", default_value = "256KiB", value_parser = bytes, value_name = "SIZE")]
    pub body_limit: usize,
    /// How long a request may take to arrive, and how long to be executed.
    #[arg(long, env = "TENANTRY_REQUEST_TIMEOUT", default_value = "10s", value_parser = duration, value_name = "DURATION")]
    pub request_timeout: Duration,
    /// Whether the schema may be asked about itself.
    #[arg(long, env = "TENANTRY_INTROSPECTION", default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub introspection: bool,
}
