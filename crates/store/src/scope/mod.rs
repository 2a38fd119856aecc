//! Scopes: transactions that are bound to one tenant. There is no other way to the database.
//!
//! A scope opens in one round trip, which also reads the membership, and which may be that of its first statements. It rolls
//! back when it is dropped half-way, before its connection serves anyone else.

mod connection;
mod identity;
mod read;
pub(crate) mod sea_orm;
mod worker;
mod write;

use chrono::NaiveDate;
use tenantry_domain::{Actor, Clock, OrganizationId};

pub use connection::Connection;
pub(crate) use connection::{Begin, Opening};
pub use identity::IdentityScope;
pub use read::ReadScope;
pub use sea_orm::SeaConnection;
pub use worker::WorkerScope;
pub use write::{AsStoreError, WriteOptions, WriteScope, in_write_scope, in_write_scope_until};

/// What every scope of one tenant knows.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Who is asking.
    pub actor: Actor,
    /// Today in the organization's time zone, as of the scope's opening.
    pub today: NaiveDate,
    /// Tells the time and makes ids.
    pub clock: Clock,
}

/// A transaction that is bound to one tenant: a [`ReadScope`] or a [`WriteScope`].
pub trait Scope: sealed::Sealed + Send + Sync {
    /// Who is asking, and when.
    fn tenant(&self) -> &Tenant;

    /// Who is asking.
    fn actor(&self) -> &Actor {
        &self.tenant().actor
    }

    /// The organization that every statement of the scope names.
    fn organization_id(&self) -> OrganizationId {
        self.tenant().actor.organization_id
    }

    /// The scope as a connection of SeaORM's, for entities of the caller's own.
    fn sea_orm(&self) -> SeaConnection<'_> {
        SeaConnection::new(self.connection(), self.organization_id())
    }
}

pub mod sealed {
    /// Gives this crate, and nobody else, the connection.
    pub trait Sealed {
        /// The scope's connection.
        fn connection(&self) -> &super::Connection;
    }
}
