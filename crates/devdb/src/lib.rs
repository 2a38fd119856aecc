//! A private Postgres cluster for `tenantry dev` and the tests, run with the Postgres programs on the machine.
//!
//! It finds the programs ([`Binaries`]), runs one cluster that belongs to one process ([`Cluster`]), and one cluster
//! that all test processes of a checkout share ([`shared`]). Migrations and SQL about tenants are elsewhere. The few
//! statements that set up a cluster go through `psql`, so this crate needs no database driver.
//!
//! *Invariant:* a cluster accepts only its own operating-system user on a socket in a 0700 folder and, on the loopback
//! interface, clients with the generated password.
//!
//! *Invariant:* a cluster does not outlive the processes that use it, however they end.

mod account;
mod binaries;
mod cluster;
mod connection;
mod error;
mod folders;
mod process;
mod server;
pub mod shared;

pub use binaries::{Binaries, MINIMUM_MAJOR};
pub use cluster::{Cluster, ClusterOptions};
pub use connection::{Connection, DatabaseUrls, Role};
pub use error::DevDbError;

/// Runs blocking work outside the async threads. A panic in it continues in the caller.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is cancelled only when the runtime shuts down, which also ends this future.
            Err(error) => panic!("{error}"),
        },
    }
}
