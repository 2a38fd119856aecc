//! Tests of the whole crate: forgeries, key material, and the key set over time.

mod forgery;
mod keys;
mod log;
mod providers;
mod rfc;
mod rotation;
mod support;
