//! Data to look at and data to measure with: a small believable organization ([`demo()`]), and any number of organizations of
//! life-like sizes ([`scale()`]). Both are loaded with COPY, in one transaction, as the role that owns the tables.
//!
//! *Invariant:* no SQL here. This crate makes rows; `tenantry_store::bulk` knows tables and columns.
//!
//! *Invariant:* what is made depends on the arguments and on nothing else, so the same arguments give the same rows down to the
//! ids. Only [`demo()`] asks the clock, to be about today, and hands what it says to [`demo_at`].

mod bill;
mod chance;
mod demo;
mod error;
mod scale;
mod text;

pub use chance::EPOCH;
pub use demo::{Outcome, demo, demo_at};
pub use error::SeedError;
pub use scale::{Phase, PhaseTime, Progress, ScaleOptions, Summary, scale};
