//! The system's jobs as commands: which role they run as, and what they do.

use tenantry_tests::TestApp;

use crate::startup::{fails, tenantry};

#[tokio::test]
async fn a_job_runs_as_the_worker_and_as_nobody_else() {
    let app = TestApp::start().await;
    app.organization("acme").create().await;
    app.sql("UPDATE app.organizations SET deletion_requested_at = now(), deletion_due_at = now() - interval '1 hour'")
        .await;
    let urls = app.urls();
    let jobs: [&[&str]; 1] = [&["purge"]];
    for job in jobs {
        for (url, expected) in [
            (urls.superuser_url(), "is a superuser"),
            (urls.owner_url(), "owns tenant tables"),
            (urls.app_url(), "has not the rights of tenantry_worker"),
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
