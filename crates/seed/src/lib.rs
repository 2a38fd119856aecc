//! Data to look at and data to measure with: a small realistic organization ([`demo()`]), and any number of
//! organizations of realistic sizes ([`scale()`]). Both are loaded with COPY, in one transaction, with the role that
//! owns the tables.
//!
//! *Invariant:* no SQL here. This crate generates rows; `tenantry_store::bulk` knows tables and columns.
//!
//! *Invariant:* the data depends only on the arguments, so the same arguments give the same rows, including the ids.
//! Only [`demo()`] reads the clock, so that the data is current, and passes it to [`demo_at`].

mod bill;
mod chance;
mod demo;
mod error;
mod scale;
mod text;

pub use chance::EPOCH;
pub use demo::{DemoMember, Outcome, demo, demo_at, demo_members};
pub use error::SeedError;
pub use scale::{Phase, PhaseTime, Progress, ScaleOptions, Summary, scale};
