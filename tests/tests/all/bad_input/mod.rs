//! Bad input: the answer is a typed error that names the field, and nothing is written.

mod arguments;
mod texts;
mod values;

use serde_json::Value;
use tenantry_tests::{Answer, FullOrg, Session, TestApp};

/// Asserts a top-level error with this subject: an argument, or the path to an input's field.
#[track_caller]
fn refused_about(answer: &Answer, about: &str) {
    assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{}", answer.text);
    let extensions = &answer.error()["extensions"];
    let field: Vec<&str> = extensions["field"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let named = field.join(".");
    assert_eq!(named, about, "{}", answer.text);
}

/// The number of rows in the tables that these tests could write to.
async fn rows(app: &TestApp) -> i64 {
    app.number(
        "SELECT (SELECT count(*) FROM app.clients) + (SELECT count(*) FROM app.projects) + (SELECT count(*) FROM app.tasks)
             + (SELECT count(*) FROM app.invoices) + (SELECT coalesce(sum(count), 0)::bigint FROM billing.usage_counters)",
    )
    .await
}

struct Fixture {
    app: TestApp,
    full: FullOrg,
    owner: Session,
    before: i64,
}

async fn fixture() -> Fixture {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let before = rows(&app).await;
    Fixture { app, full, owner, before }
}

impl Fixture {
    async fn expect_nothing_written(&self) {
        assert_eq!(rows(&self.app).await, self.before, "something was written");
    }
}
