//! The server: HTTP, settings and the command line of `tenantry`.
//!
//! *Invariant:* there is no GraphQL type, no use case and no SQL here. A request is read and its token verified, the engine
//! executes it, and the answer is written.

pub mod cli;
pub mod http;
mod issuer;
pub mod portal;
pub mod settings;
pub mod shutdown;
mod start;
