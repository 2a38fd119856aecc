//! The foundation of the integration tests: a server with a database of its own, its users, and the requests they can
//! send.
//!
//! ```no_run
//! # async fn example() {
//! use tenantry_tests::TestApp;
//!
//! let app = TestApp::start().await;
//! let acme = app.organization("acme").plan("free").create().await;
//! let ada = app.as_member(&acme, "ada").await;
//! let client = ada.create_client("Zoë").await;
//! assert_eq!(client["name"], "Zoë");
//! # }
//! ```
//!
//! *Invariant:* a test acts through HTTP with a real token. SQL as the superuser sets up what has no mutation yet, and
//! checks what the product wrote.

#![expect(
    clippy::missing_panics_doc,
    reason = "everything here panics when something is not as expected: it fails a test"
)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod answer;
mod app;
mod fixture;
mod full;
mod organization;
mod server;
mod session;
mod socket;
mod statements;
mod tap;

pub use answer::{Answer, UserError};
pub use app::{TestApp, TestAppBuilder};
pub use fixture::spelled;
pub use full::FullOrg;
pub use organization::{Org, OrgBuilder, Person};
pub use server::Server;
pub use session::Session;
pub use socket::{Heard, Socket};
pub use statements::StatementMark;
