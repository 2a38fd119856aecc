//! The server: HTTP, settings and the command line of `tenantry`.
//!
//! *Invariant:* there is no GraphQL type, no use case and no SQL here. The server reads a request, verifies its token,
//! has the engine execute it, and writes the answer.

pub mod cli;
pub mod http;
mod issuer;
pub mod portal;
pub mod settings;
pub mod shutdown;
mod start;
