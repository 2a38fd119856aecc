//! JSON Web Tokens: who is asking, and for which organization.
//!
//! [`Verifier`] decides whether a bearer token is valid. [`Issuer`] creates tokens for development and tests. The rules
//! follow RFC 8725.
//!
//! *Invariants:*
//! * The algorithm belongs to the key, never to the token. The algorithm in a token is only compared with it.
//! * No claim of a token is read before its signature has been verified.
//! * Keys come only from configuration. A token that carries or points at a key is refused.
//! * One unusable key does not affect the others in its set.
//! * There is no database, GraphQL or server here. The only I/O is reading keys.

mod cache;
mod claim_name;
mod claims;
mod compact;
mod error;
mod id_map;
mod issuer;
mod jwks;
mod key;
mod keystore;
mod small_order;
mod source;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
mod verifier;

pub use claim_name::{ClaimName, ClaimNames};
pub use error::{SetupError, TokenError};
pub use issuer::{Issued, Issuer, IssuerConfig, generate_dev_key};
pub use source::KeySource;
pub use verifier::{KeyCaching, VerifiedToken, Verifier, VerifierConfig};

/// Longer tokens are refused without looking at their content. In bytes.
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;
