//! Connections that are no scope's: for an operator's work as the owner of the tables, and for looks into the catalogue.

use tenantry_wire::{Address, Connection, Error};

/// Connects to this address, by this name.
pub(crate) async fn connect(url: &str, name: &str) -> Result<Connection, Error> {
    open(&url.parse::<Address>()?.named(name)).await
}

/// Connects to this address.
#[expect(clippy::disallowed_methods, reason = "nothing of a tenant is read or written in the API's name")]
pub(crate) async fn open(address: &Address) -> Result<Connection, Error> {
    Connection::open(address).await
}
