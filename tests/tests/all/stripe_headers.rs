//! Headers from Stripe's own library, and forgeries of them, at the webhook endpoint.
//!
//! `recorded/` contains an event, formatted as Stripe sends it, and the header that the library's
//! `generateTestHeaderString` created for it with [`SECRET`] at [`START`].

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::DateTime;
use futures_util::future::join_all;
use reqwest::StatusCode;
use tenantry_domain::Clock;
use tenantry_tests::TestApp;

use crate::payments::{NEW_SECRET, SECRET, START, app, deliver, project_limit, settings, signature};

const BODY: &str = include_str!("recorded/event.json");
const HEADER: &str = include_str!("recorded/header.txt");

const EVENTS: &str = "SELECT count(*) FROM billing.stripe_events";

/// Assigns the recorded customer to the organization.
const CUSTOMER: &str = "UPDATE billing.organization_billing SET stripe_customer_id = 'cus_Trecorded'";

#[tokio::test]
async fn a_recorded_header_is_accepted_for_five_minutes() {
    let seconds = Arc::new(AtomicI64::new(START));
    let told = Arc::clone(&seconds);
    let clock = Clock::from_fn(move || DateTime::from_timestamp(told.load(Ordering::Relaxed), 0).unwrap());
    let app = TestApp::builder().stripe(settings()).clock(clock).start().await;
    let org = app.organization("acme").plan("free").create().await;
    app.sql(CUSTOMER).await;
    for wrong in [-301, 301] {
        seconds.store(START + wrong, Ordering::Relaxed);
        assert_eq!(deliver(&app, BODY, Some(HEADER)).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(app.number(EVENTS).await, 0);
    for right in [-300, 0, 300] {
        seconds.store(START + right, Ordering::Relaxed);
        assert_eq!(deliver(&app, BODY, Some(HEADER)).await.0, StatusCode::OK, "{right}");
    }
    assert_eq!(app.number(EVENTS).await, 1);
    assert!(project_limit(&app.as_owner(&org)).await.is_null());
}

#[tokio::test]
async fn thirty_forged_headers_are_refused_and_leave_nothing() {
    let app = app().await;
    app.organization("acme").plan("free").create().await;
    app.sql(CUSTOMER).await;
    let mac = HEADER.split_once("v1=").unwrap().1;
    let (time, zeros) = (START.to_string(), "0".repeat(64));
    let last = if mac.ends_with('0') { "1" } else { "0" };
    let signed = |time: &str| signature(SECRET, 0, BODY).replacen("t=0", &format!("t={time}"), 1);
    let forgeries = [
        String::new(),
        ",".to_owned(),
        "null".to_owned(),
        mac.to_owned(),
        format!("t={time}"),
        format!("v1={mac}"),
        format!("{time},{mac}"),
        format!("t={time},v1="),
        format!("t=,v1={mac}"),
        format!("t={time},v1={}", &mac[..63]),
        format!("t={time},v1={mac}0"),
        format!("t={time},v1={}{last}", &mac[..63]),
        format!("t={time},v1={}", mac.to_uppercase()),
        format!("t={time},v1={zeros}"),
        format!("t={time},v1={}", "g".repeat(64)),
        format!("t={time},v0={mac}"),
        format!("t={time},v2={mac}"),
        format!("T={time},V1={mac}"),
        format!("t={},v1={mac}", START + 1),
        format!("t={},v1={mac}", START - 1),
        format!("t={time}.0,v1={mac}"),
        format!("t=+{time},v1={mac}"),
        format!("t=0{time},v1={mac}"),
        format!("t={time}000,v1={mac}"),
        format!("t={time}, v1={mac}"),
        format!("t={time};v1={mac}"),
        format!("t=\"{time}\",v1=\"{mac}\""),
        format!("t={time},t={time},v1={mac}"),
        format!("t={},{HEADER}", START - 10),
        format!("{HEADER},"),
        format!("{HEADER}{}", ",v1=00".repeat(400)),
        signed("0"),
        signed("-1"),
        signature("", START, BODY),
        signature("whsec_", START, BODY),
        signature("whsec_of_somebody_else", START, BODY),
        signature(SECRET, START, "{}"),
        signature(SECRET, START, &BODY.replace('\n', "")),
        signature(SECRET, START - 86_400, BODY),
        signature(SECRET, START + 86_400, BODY),
    ];
    assert!(forgeries.len() >= 30);
    for forged in &forgeries {
        let (status, answer) = deliver(&app, BODY, Some(forged)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{forged}");
        assert_eq!(answer["errors"][0]["message"], "The signature is missing or invalid.", "{forged}");
    }
    // A genuine header does not make another body genuine, however small the difference.
    let other = BODY.replace("\"active\"", "\"trialing\"");
    for body in [&other, BODY.trim_end(), &BODY.replace('\n', "\r\n"), &BODY.replace(": ", ":"), ""] {
        assert_eq!(deliver(&app, body, Some(HEADER)).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(app.number(EVENTS).await, 0);
    assert_eq!(deliver(&app, BODY, Some(HEADER)).await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_simultaneous_requests_with_one_event_have_one_effect() {
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    app.sql(CUSTOMER).await;
    // Counts how often the row is written, not only its final content.
    app.sql(
        "CREATE TABLE public.written (at timestamptz NOT NULL DEFAULT clock_timestamp());
         GRANT INSERT ON public.written TO PUBLIC;
         CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
             'BEGIN INSERT INTO public.written DEFAULT VALUES; RETURN NEW; END';
         CREATE TRIGGER note AFTER UPDATE ON billing.organization_billing FOR EACH ROW EXECUTE FUNCTION public.note();",
    )
    .await;
    let answers = join_all((0..50).map(|_| deliver(&app, BODY, Some(HEADER)))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(app.number(EVENTS).await, 1);
    assert_eq!(app.number("SELECT count(*) FROM public.written").await, 1);
    assert!(project_limit(&app.as_owner(&org)).await.is_null());
}

/// Installs Stripe's own library; `false` without npm, or if its packages cannot be downloaded.
fn install_library(folder: &Path) -> bool {
    let npm = Command::new("npm")
        .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"])
        .args(["--fetch-retries=0", "--fetch-timeout=20000", "stripe@18"])
        .current_dir(folder)
        .output();
    npm.is_ok_and(|output| output.status.success())
}

/// The header that the library creates.
fn library_header(folder: &Path, body: &str, secret: &str, time: i64) -> String {
    let script = r"
        const stripe = require('stripe')('sk_test_x');
        const [payload, secret, timestamp] = process.argv.slice(1);
        process.stdout.write(stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp: Number(timestamp) }));
    ";
    let output = Command::new("node")
        .args(["-e", script, body, secret, &time.to_string()])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn headers_created_by_stripes_own_library_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    if !install_library(folder.path()) {
        eprintln!("passed over: npm cannot install the package `stripe` here");
        return;
    }
    let header = |body: &str, secret: &str, time: i64| library_header(folder.path(), body, secret, time);
    // The recorded header is what the library creates.
    assert_eq!(header(BODY, SECRET, START), HEADER);
    let app = app().await;
    let org = app.organization("acme").plan("free").create().await;
    app.sql(CUSTOMER).await;
    for (secret, time, expected) in [
        ("whsec_of_somebody_else", START, StatusCode::BAD_REQUEST),
        (SECRET, START - 301, StatusCode::BAD_REQUEST),
        (SECRET, START + 301, StatusCode::BAD_REQUEST),
        (NEW_SECRET, START - 300, StatusCode::OK),
        (SECRET, START + 300, StatusCode::OK),
    ] {
        assert_eq!(deliver(&app, BODY, Some(&header(BODY, secret, time))).await.0, expected, "{secret} {time}");
    }
    assert!(project_limit(&app.as_owner(&org)).await.is_null());
    let ended = BODY
        .replace("\"active\"", "\"canceled\"")
        .replace("subscription.created", "subscription.deleted")
        .replace("evt_1Q", "evt_2Q")
        .replace("\"ended_at\": null", "\"ended_at\": 1790000000");
    assert_eq!(deliver(&app, &ended, Some(&header(&ended, SECRET, START))).await.0, StatusCode::OK);
    assert_eq!(app.texts("SELECT status FROM billing.organization_billing").await, ["canceled"]);
}
