//! The GraphQL schema: types, batched reads, guard and error mapping.
//!
//! *Invariant:* there is no SQL and no SeaORM here. Whatever hangs on a row is read by a `batch`, so the number of
//! statements depends on the query's shape and never on the data.

pub mod guard;

mod batch;
mod billing;
mod caller;
mod client;
mod connection;
mod documents;
mod encode;
mod engine;
mod entitlement;
mod error;
mod grant;
mod invoice;
mod issuer;
mod leaf;
mod loaders;
mod member;
mod mutation;
mod node;
mod object;
mod organization;
mod project;
mod request;
mod scalar;
mod schema;
mod task;
mod workspace;

pub use caller::{Caller, Membership};
pub use encode::encode;
pub use engine::{Engine, EngineOptions, GraphQlRequest, Methods};
pub use error::{ErrorCode, error_response};
pub use issuer::{IssueError, IssuedToken, TokenIssuer};
#[cfg(any(test, feature = "testing"))]
pub use request::Checked;
pub use request::RequestSchema;
pub use schema::sdl;
