//! The GraphQL schema: types, root fields, loaders and error mapping. What executes requests for it is in `executor`.
//!
//! *Invariant:* there is no SQL and no SeaORM here. Whatever hangs on a row is read by a loader, so the number of
//! statements depends on the query's shape and never on the data.

mod activity;
mod attachment;
mod billing;
mod client;
mod comment;
mod engine;
mod entitlement;
mod enumeration;
mod error;
mod grant;
mod invoice;
mod issuer;
mod live;
mod loaders;
mod member;
mod mutation;
mod node;
mod noun;
mod nouns;
mod object;
mod organization;
mod party;
mod plan;
mod project;
mod report;
mod schema;
mod search;
mod settings;
mod subscription;
mod task;

pub use engine::{Engine, EngineOptions};
pub use issuer::{IssueError, IssuedToken, TokenIssuer};
pub use schema::sdl;
pub use subscription::{NO_SUBSCRIPTIONS, Presence, Subscription, SubscriptionEnd};
// What the engine takes and gives.
pub use tenantry_executor::error::{ErrorCode, WENT_WRONG, error_response, has_code};
pub use tenantry_executor::{Caller, GraphQlRequest, Membership, Methods, encode, guard};
pub use tenantry_service::live::Live;
