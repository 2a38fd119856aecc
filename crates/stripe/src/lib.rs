//! Stripe as seen from here: whether a webhook is genuine, what its event contains, and a small client of the API.
//!
//! *Invariant:* nothing here decides what an event means for an organization; `billing` does. Time and keys are passed
//! in, and only the client (the feature `client`) does I/O.

#[cfg(feature = "client")]
pub mod client;
pub mod event;
mod signature;

pub use event::{Content, Event, EventError};
pub use signature::{MAX_HEADER_BYTES, NoSecret, SignatureError, TOLERANCE, WebhookVerifier};
