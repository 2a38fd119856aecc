//! Persistence: SeaORM entities (private), scopes (transactions bound to a tenant), reads (single, batched, paged) and
//! writes.
//!
//! *Invariant:* this is the only crate that knows SQL, and there is no way to the database but through a scope: a
//! [`ReadScope`], a [`WriteScope`], an [`IdentityScope`] or a [`WorkerScope`]. The one exception, [`bulk`], runs as the owner of
//! the tables, which the API never is.

#![expect(
    unreachable_pub,
    reason = "the hidden half of the sealed traits is made of items that are public but cannot be named from outside"
)]

mod apart;
mod column_set;
mod columns;
mod entity;
mod error;
#[cfg(test)]
mod fixture;
mod junction;
mod label;
mod membership;
mod narrowing;
mod nouns;
mod ordering;
mod page;
mod pool;
mod read;
mod record;
mod scope;
mod shelf;
mod sql;
mod visibility;
mod write;

pub mod access;
pub mod activity;
pub mod attachment;
pub mod billing;
pub mod board;
pub mod bulk;
pub mod client;
pub mod comment;
pub mod doctor;
pub mod export;
pub mod grant;
pub mod idempotency;
pub mod invoice;
pub mod live;
pub mod member;
pub mod numbering;
pub mod organization;
pub mod partitions;
pub mod project;
pub mod report;
pub mod search;
pub mod settings;
pub mod task;
pub mod user;
pub mod workspace;

pub use column_set::ColumnSet;
pub use error::{ConstraintKind, StoreError};
pub use page::{Direction, Page, PageRequest};
pub use pool::{Store, StoreSettings};
pub use read::Read;
pub use record::{
    ListOf, ListRequest, Record, columns_of, count, count_for, cursor, exists, get, get_for_update, get_many, list,
    list_for, lock, sort_columns,
};
pub use scope::{
    AsStoreError, IdentityScope, ReadScope, Scope, SeaConnection, Tenant, WorkerScope, WriteOptions, WriteScope,
    in_write_scope, in_write_scope_until,
};
pub use write::{delete, insert, origin, update};
