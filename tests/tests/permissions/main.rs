//! Who may do what, over HTTP: role × grant × operation against the running server, according to the tables in
//! `docs/permissions.md`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

mod fixture;
#[path = "../../../crates/domain/tests/matrix/mod.rs"]
mod matrix;
mod placed;
mod probes;
mod reads;
mod rules;
mod schema;
mod visible;
mod writes;

use tenantry_domain::Role;
use tenantry_tests::TestApp;

use fixture::{Fixture, Standing};

/// Reads and writes everything with a role, without and with each grant.
async fn walk(roles: &[Role]) {
    let app = TestApp::start().await;
    for standing in Standing::all(roles) {
        let fixture = Fixture::build(&app, standing).await;
        reads::check(&app, &fixture).await;
        writes::check(&app, &fixture).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_admins_have_the_permissions_of_the_matrix() {
    walk(&[Role::Owner, Role::Admin]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_have_the_permissions_of_the_matrix() {
    walk(&[Role::Member]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_have_the_permissions_of_the_matrix() {
    walk(&[Role::Viewer]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_have_the_permissions_of_the_matrix() {
    walk(&[Role::Guest]).await;
}
