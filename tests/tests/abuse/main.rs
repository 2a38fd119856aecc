//! What the server does when it is abused, lied to or let down: over HTTP, against a real PostgreSQL, some of it against the
//! program itself.
//!
//! Most of these tests measure time or memory, so each has the machine to itself as far as that can be arranged; see
//! [`bed::alone`] and `.config/nextest.toml`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod audits;
mod bed;
mod failing;
mod forgeries;
mod hostile;
mod load;
mod methods;
mod program;
mod soak;
mod stopping;
