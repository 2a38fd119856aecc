//! Background jobs as commands: which role they run with, and what they do.

use reqwest::StatusCode;
use tenantry_tests::TestApp;

use crate::payments::{app, checkout, deliver_signed, subscription};
use crate::startup::{fails, tenantry};

#[tokio::test]
async fn a_job_runs_only_with_the_workers_role() {
    let app = TestApp::start().await;
    app.organization("acme").create().await;
    app.sql("UPDATE app.organizations SET deletion_requested_at = now(), deletion_due_at = now() - interval '1 hour'")
        .await;
    let urls = app.urls();
    let jobs: [&[&str]; 2] = [&["purge"], &["stripe", "replay"]];
    for job in jobs {
        for (url, expected) in [
            (urls.superuser_url(), "is a superuser"),
            (urls.owner_url(), "tenant tables, such as"),
            (urls.app_url(), "does not have the privileges of tenantry_worker"),
        ] {
            let mut command = tenantry(job);
            command.env("WORKER_DATABASE_URL", url);
            let line = fails(command).await;
            assert!(line.contains(expected), "{line}");
        }
        assert!(fails(tenantry(job)).await.contains("WORKER_DATABASE_URL"));
    }
    assert_eq!(app.number("SELECT count(*) FROM app.organizations").await, 1);
    let output = tenantry(&["purge"]).env("WORKER_DATABASE_URL", urls.worker_url()).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(app.number("SELECT count(*) FROM app.organizations").await, 0);
}

#[tokio::test]
async fn events_pending_for_a_price_are_replayed_once_it_has_a_plan() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    assert_eq!(deliver_signed(&app, &checkout(&org)).await, StatusCode::OK);
    let odd = subscription("evt_2", "created", "active", "price_unheard_of");
    assert_eq!(deliver_signed(&app, &odd).await, StatusCode::INTERNAL_SERVER_ERROR);
    let mut replay = tenantry(&["stripe", "replay"]);
    replay.env("WORKER_DATABASE_URL", app.urls().worker_url());
    let output = replay.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("price_unheard_of"), "{output:?}");
    let output = replay.env("TENANTRY_STRIPE_PRICES", "price_unheard_of=pro").output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 applied, 0 still pending\n");
    assert_eq!(app.texts("SELECT plan FROM billing.organization_billing").await, ["pro"]);
}
