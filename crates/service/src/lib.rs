//! Use cases: authorise, check limits, write; each in one transaction.
//!
//! *Invariant:* every function that writes asks `domain::permission::decide` first, and takes the scope it writes in, so that
//! a caller can put several into one transaction. There is no GraphQL and no SQL here.

mod activity;
mod authorize;
mod client;
mod comment;
mod constraint;
mod error;
mod invoice_work;
mod nouns;
mod project;
mod purge;
mod workspace;

pub mod bulk;
pub mod export;
pub mod grant;
pub mod invoice;
pub mod member;
pub mod noun;
pub mod organization;
pub mod payment;
pub mod task;
pub mod user;

use futures_util::future::BoxFuture;
use tenantry_billing::Billing;
use tenantry_domain::Identity;
use tenantry_store::{Store, WriteOptions, WriteScope, in_write_scope_until};

pub use error::ServiceError;
pub use purge::{PurgeError, Purged, purge_due, purge_due_and_end};

/// The use cases' common ground: the database and the plans.
#[derive(Debug, Clone)]
pub struct Service {
    store: Store,
    billing: Billing,
}

impl Service {
    /// The use cases over this database and these plans.
    pub fn new(store: Store, billing: Billing) -> Self {
        Self { store, billing }
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The plans.
    pub fn billing(&self) -> &Billing {
        &self.billing
    }

    /// Runs `work` in one transaction of `identity`, again if it lost against a concurrent one.
    ///
    /// # Errors
    /// What `work` returns, in which case nothing was written; or the failure of the transaction.
    pub async fn write<T>(
        &self,
        identity: Identity,
        options: WriteOptions<'_>,
        work: impl for<'s> FnMut(&'s mut WriteScope) -> BoxFuture<'s, Result<T, ServiceError>> + Send,
    ) -> Result<T, ServiceError> {
        in_write_scope_until(&self.store, identity, options, work).await
    }
}
