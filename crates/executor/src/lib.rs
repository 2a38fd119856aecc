//! What executes GraphQL requests, whatever the schema: the request layer, the cost guard, batched reads, connections, the
//! resolution of objects a level at a time, and the scalars.
//!
//! *Invariant:* nothing here knows a noun, and there is no SQL. Whatever hangs on a row is read by a
//! [`Loader`](dataloader::Loader), so the number of statements depends on the query's shape and never on the data.

pub mod connection;
pub mod dataloader;
pub mod error;
pub mod guard;
mod idempotency;
pub mod leaf;
pub mod loaders;
pub mod mutation;
pub mod object;
pub mod scalar;

mod caller;
mod documents;
mod encode;
mod execute;
mod prepare;
mod request;

pub use caller::{Caller, Membership};
pub use encode::encode;
pub use execute::Executor;
pub use prepare::{GraphQlRequest, Methods};
#[cfg(any(test, feature = "testing"))]
pub use request::Checked;
pub use request::{RequestSchema, ScalarRule, Scalars};
