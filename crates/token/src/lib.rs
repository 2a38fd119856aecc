//! JSON Web Tokens: who is asking, and for which organization.
//!
//! [`Verifier`] decides whether a bearer token is to be believed, [`Issuer`] makes tokens for development and tests.
//! The checklist behind the rules is RFC 8725.
//!
//! *Invariants:*
//! * The algorithm belongs to the key, never to the token: a token names its algorithm only to be compared.
//! * Nothing of a token's claims is read before its signature has been verified.
//! * Keys come from configuration alone; a token that carries or points at a key is refused.
//! * One key that cannot be used does not stop the others of its set.
//! * There is no database, GraphQL or server here. The only I/O is reading keys.

mod cache;
mod claims;
mod compact;
mod error;
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

pub use error::{SetupError, TokenError};
pub use issuer::{Issued, Issuer, IssuerConfig, generate_dev_key};
pub use source::KeySource;
pub use verifier::{KeyCaching, VerifiedToken, Verifier, VerifierConfig};

/// Tokens longer than this are refused before anything of them is looked at. In bytes.
pub const MAX_TOKEN_LENGTH: usize = 8 * 1024;
