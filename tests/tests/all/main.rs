//! Every test sends HTTP requests to a server with a PostgreSQL database of its own.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod activities;
mod agency_week;
mod attachments;
mod bad_input;
mod batches;
mod billed_work;
mod bulk;
mod columns;
mod cors;
mod crate_edges;
mod explorer;
mod export;
mod first_read;
mod first_steps;
mod idempotency;
mod introspection;
mod limits;
mod live;
#[path = "../../../crates/domain/tests/matrix/mod.rs"]
mod matrix;
mod members;
mod metering;
mod metering_members;
mod migrations;
mod money;
mod moving_tasks;
mod nouns;
mod organizations;
mod paging;
mod payments;
mod persisted;
mod plan_changes;
mod plans;
mod questions;
mod races;
mod reading;
mod requests;
mod schema_snapshot;
mod search;
mod spans;
mod startup;
mod statements;
mod stripe_faults;
mod stripe_headers;
mod stripe_pages;
mod subscriptions;
mod talk;
mod tokens;
mod workers;
mod writing;
mod writing_tasks;
