//! A private Postgres cluster for `tenantry dev` and the tests, made from the Postgres programs on the machine.
//!
//! What lives here: finding the programs ([`Binaries`]), one cluster that belongs to one process ([`Cluster`]), and
//! one cluster that all test processes of a checkout share ([`shared`]). What does not: migrations and any SQL about
//! tenants. The few statements that set a cluster up go through `psql`, so this crate needs no database driver.
//!
//! *Invariant:* a cluster accepts its own operating-system user on a socket in a 0700 folder and, on the loopback
//! interface, whoever has the generated password; nobody else.
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

/// Runs blocking work off the async threads. A panic inside goes on in the caller.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is cancelled only when the runtime goes down, and this future with it.
            Err(error) => panic!("{error}"),
        },
    }
}
