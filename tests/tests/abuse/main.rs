//! What the server does under abuse, forgery and failures: over HTTP, against a real PostgreSQL, and partly against the
//! program itself.
//!
//! Most of these tests measure time or memory, so each runs alone as far as possible; see [`custom_server::alone`] and
//! `.config/nextest.toml`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod audits;
mod browser;
mod clients;
mod custom_server;
mod failing;
mod forgeries;
mod hostile;
mod javascript;
mod killed;
mod live;
mod load;
mod methods;
mod program;
mod retries;
mod soak;
mod stopping;
mod storages;
