//! What the API says of the plans, and of what the organization has subscribed to.

use serde_json::{Value, json};
use tenantry_billing::PlanFile;
use tenantry_domain::Role;
use tenantry_tests::TestApp;

const PLANS: &str =
    "{ plans { id name isCurrent monthlyPrice { amount currency } limits { feature kind included limit } } }";

const SUBSCRIPTION: &str =
    "{ subscription { plan { id isCurrent } effectivePlan { id isCurrent } status periodStart periodEnd trialEndsAt
    cancelAtPeriodEnd pastDueSince canceledAt accessEndsAt } }";

/// Plans with prices, one of which is not offered to everybody.
fn plans() -> PlanFile {
    let limits = |projects: &str| {
        format!(
            r#""limits": {{ "active_clients": null, "projects": {projects}, "invoices_per_month": null, "vault_items": false,
               "team_members": null, "api_calls_per_month": null }}"#
        )
    };
    format!(
        r#"{{ "plans": [
            {{ "id": "free", "name": "Free", {} }},
            {{ "id": "pro", "name": "Pro", "monthly_price": {{ "amount": "29.5", "currency": "EUR" }}, {} }},
            {{ "id": "staff", "name": "Staff", "public": false, "monthly_price": {{ "amount": "0", "currency": "JPY" }}, {} }}
        ] }}"#,
        limits("3"),
        limits("50"),
        limits("null")
    )
    .parse()
    .unwrap()
}

#[tokio::test]
async fn a_pricing_page_can_be_drawn() {
    let app = TestApp::start().await;
    app.server().billing().load_plans(&app.urls().owner_url(), &plans()).await.unwrap();
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    let shown = owner.data(PLANS).await["plans"].clone();
    let shown = shown.as_array().unwrap();
    let names: Vec<_> =
        shown.iter().map(|plan| (plan["id"].as_str().unwrap(), plan["isCurrent"].as_bool().unwrap())).collect();
    assert_eq!(names, [("free", true), ("pro", false)], "in the order of the file, without what is not offered");
    assert_eq!(shown[0]["monthlyPrice"], Value::Null);
    assert_eq!(shown[1]["monthlyPrice"], json!({ "amount": "29.50", "currency": "EUR" }));
    let limit = |plan: &Value, feature: &str| {
        let limits = plan["limits"].as_array().unwrap();
        limits.iter().find(|limit| limit["feature"] == feature).unwrap().clone()
    };
    let of = |included: bool, most: Option<i64>, feature: &str, kind: &str| json!({ "feature": feature, "kind": kind, "included": included, "limit": most });
    assert_eq!(limit(&shown[1], "PROJECTS"), of(true, Some(50), "PROJECTS", "LEVEL"));
    assert_eq!(limit(&shown[1], "VAULT_ITEMS"), of(false, Some(0), "VAULT_ITEMS", "LEVEL"));
    assert_eq!(limit(&shown[1], "INVOICES_PER_MONTH"), of(true, None, "INVOICES_PER_MONTH", "MONTHLY"));

    // A plan that is not offered is shown to those who have it, and to no other organization.
    app.sql("UPDATE billing.organization_billing SET plan = 'staff'").await;
    let other = app.organization("globex").plan("pro").create().await;
    let ids = async |session: &tenantry_tests::Session| {
        let plans = session.data("{ plans { id } }").await["plans"].clone();
        plans.as_array().unwrap().iter().map(|plan| plan["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&owner).await, ["free", "pro", "staff"]);
    assert_eq!(ids(&app.as_owner(&other)).await, ["free", "pro"]);
}

#[tokio::test]
async fn every_state_of_a_subscription_can_be_shown() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("pro").create().await;
    let owner = app.as_owner(&org);
    // In the year 2126 these tests are wrong.
    let (past, future) = ("2026-01-01T00:00:00Z", "2126-01-01T00:00:00Z");
    let period = format!("period_start = '{past}', period_end = '{future}'");
    let none = "period_start = NULL, period_end = NULL";
    let over = format!("period_start = '2025-01-01T00:00:00Z', period_end = '{past}'");
    for (set, status, effective, ends) in [
        (format!("status = 'active', {none}"), "ACTIVE", "pro", None),
        (format!("status = 'active', {period}"), "ACTIVE", "pro", None),
        (format!("status = 'active', cancel_at_period_end = true, {period}"), "ACTIVE", "pro", Some(future)),
        (format!("status = 'trialing', trial_ends_at = '{future}', {period}"), "TRIALING", "pro", Some(future)),
        (format!("status = 'trialing', trial_ends_at = '{past}', {over}"), "TRIALING", "free", Some(past)),
        (format!("status = 'past_due', past_due_since = '{past}', {none}"), "PAST_DUE", "free", Some("later")),
        (format!("status = 'past_due', past_due_since = '{past}', {period}"), "PAST_DUE", "pro", Some("later")),
        (format!("status = 'canceled', canceled_at = '{past}', {period}"), "CANCELED", "pro", Some(future)),
        (format!("status = 'canceled', canceled_at = '{past}', {over}"), "CANCELED", "free", Some(past)),
        (format!("status = 'canceled', canceled_at = '{past}', {none}"), "CANCELED", "free", None),
        (format!("status = 'incomplete', {none}"), "INCOMPLETE", "free", None),
    ] {
        app.sql(&format!(
            "UPDATE billing.organization_billing SET trial_ends_at = NULL, past_due_since = NULL, canceled_at = NULL,
                 cancel_at_period_end = false;
             UPDATE billing.organization_billing SET {set}"
        ))
        .await;
        let shown = owner.data(SUBSCRIPTION).await["subscription"].clone();
        assert_eq!(shown["plan"], json!({ "id": "pro", "isCurrent": true }), "{set}: {shown}");
        assert_eq!(
            (&shown["status"], &shown["effectivePlan"]["id"]),
            (&json!(status), &json!(effective)),
            "{set}: {shown}"
        );
        match ends {
            Some("later") => assert!(shown["accessEndsAt"].as_str().is_some_and(|end| end > past), "{set}: {shown}"),
            ends => assert_eq!(shown["accessEndsAt"], json!(ends), "{set}: {shown}"),
        }
    }
}

#[tokio::test]
async fn guests_see_neither_plans_nor_subscription() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    for (role, sees) in [(Role::Admin, true), (Role::Member, true), (Role::Guest, false)] {
        let session = app.as_role(&org, role).await;
        for field in ["plans { id }", "subscription { status }"] {
            let answer = session.query(&format!("{{ {field} }}"), json!({})).await;
            let found = answer.json["errors"].as_array().map(|errors| errors[0]["extensions"]["code"].clone());
            assert_eq!(found, (!sees).then(|| json!("FORBIDDEN")), "{role:?}: {}", answer.text);
        }
    }
}
