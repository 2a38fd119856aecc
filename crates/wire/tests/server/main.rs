//! The connection against a real PostgreSQL, and against peers that only pretend to be one.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

#[macro_use]
mod fixture;

mod abandoned;
mod address;
mod copy;
mod exchange;
mod invalid_answers;
mod invalid_startup;
mod refusal;
mod statements;
mod tls;
mod unreadable;
mod values;
