//! Billing against a real PostgreSQL, each test in a database of its own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod cost;
mod downgrade;
mod entitlements;
mod fixture;
mod metering;
mod metering_stalled;
mod plans;
mod races;
mod stripe;
mod stripe_orders;
mod stripe_replay;
