//! API calls and the rate limit, over HTTP: what a client is told, what is refused, and when counts are written.

use std::num::NonZeroU32;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::json;
use tenantry_domain::Clock;
use tenantry_domain::subscription::Period;
use tenantry_tests::{Answer, Org, TestApp, TestAppBuilder};

const LIST: &str = "{ clients { nodes { id } } }";

/// Longer than any test: counts are written only when the test says so.
const NEVER: Duration = Duration::from_hours(1);

fn app() -> TestAppBuilder {
    TestApp::builder().metering(NEVER).acquire_timeout(Duration::from_mins(1))
}

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Allows the organization this many calls a month.
pub(crate) async fn allow(app: &TestApp, org: &Org, calls: i64) {
    app.sql(&format!(
        "INSERT INTO billing.feature_overrides (organization_id, feature, limit_value)
         VALUES ('{}', 'api_calls_per_month', {calls})",
        org.uuid()
    ))
    .await;
}

/// The number of calls that are written.
pub(crate) async fn written(app: &TestApp, org: &Org) -> i64 {
    app.number(&format!(
        "SELECT coalesce(sum(count), 0)::bigint FROM billing.usage_counters
         WHERE organization_id = '{}' AND feature = 'api_calls_per_month'",
        org.uuid()
    ))
    .await
}

/// A numeric header.
#[track_caller]
pub(crate) fn header(answer: &Answer, name: &str) -> Option<i64> {
    answer.headers.get(name).map(|value| value.to_str().unwrap().parse().unwrap())
}

/// The headers' values: the limit, what is left, and the seconds until the count starts over.
#[track_caller]
pub(crate) fn told(answer: &Answer) -> (Option<i64>, Option<i64>, Option<i64>) {
    let of = |name| header(answer, name);
    (of("ratelimit-limit"), of("ratelimit-remaining"), of("ratelimit-reset"))
}

/// When the count of an organization without a subscription starts over.
fn next_month() -> DateTime<Utc> {
    Period::calendar_month(Clock::system().now()).end()
}

fn seconds_left_this_month() -> i64 {
    (next_month() - Clock::system().now()).num_seconds()
}

#[track_caller]
fn assert_refused(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text);
    assert_eq!(answer.error_code(), "RATE_LIMITED");
    assert!(answer.json.get("data").is_none(), "{}", answer.text);
}

#[tokio::test]
async fn headers_report_what_is_left_and_calls_beyond_the_limit_are_refused_until_the_reset() {
    let app = app().start().await;
    let org = app.organization("acme").plan("free").create().await;
    allow(&app, &org, 3).await;
    let owner = app.as_owner(&org);
    for left in [2, 1, 0] {
        let answer = owner.query(LIST, json!({})).await;
        answer.expect_data();
        let (limit, remaining, reset) = told(&answer);
        assert_eq!((limit, remaining), (Some(3), Some(left)));
        assert!((reset.unwrap() - seconds_left_this_month()).abs() <= 2, "{reset:?}");
    }
    // With every method, and for a write as well as a read; nothing is done.
    let write = owner.query("mutation { createClient(input: { name: \"No\" }) { client { id } } }", json!({})).await;
    for refused in [write, owner.query(LIST, json!({})).await, owner.send(owner.get().query(&[("query", LIST)])).await]
    {
        assert_refused(&refused);
        let (limit, remaining, reset) = told(&refused);
        assert_eq!((limit, remaining), (Some(3), Some(0)));
        let retry_after = header(&refused, RETRY_AFTER.as_str());
        assert_eq!(retry_after, reset);
        assert!((reset.unwrap() - seconds_left_this_month()).abs() <= 2, "{reset:?}");
        let message = refused.error_message();
        let time: DateTime<Utc> = message.rsplit(' ').next().unwrap().trim_end_matches('.').parse().unwrap();
        assert_eq!(time, next_month(), "{message}");
    }
    assert_eq!(app.number("SELECT count(*) FROM app.clients").await, 0);
    // Refused calls are not counted.
    assert_eq!(app.server().flush_calls().await, 3);
    assert_eq!(written(&app, &org).await, 3);
}

#[tokio::test]
async fn without_a_limit_calls_are_counted_and_no_headers_are_sent() {
    let app = app().start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let write = "mutation { createClient(input: { name: \"One\" }) { userErrors { code } } }";
    // A call that was refused for its input still counts, and several fields count as one call.
    let refused = "mutation { a: createClient(input: { name: \"\" }) { userErrors { code } } \
                   b: createClient(input: { name: \"\" }) { userErrors { code } } }";
    for document in [LIST, write, refused, LIST] {
        let answer = owner.query(document, json!({})).await;
        answer.expect_data();
        assert_eq!(told(&answer), (None, None, None));
    }
    assert_eq!(app.server().flush_calls().await, 4);
    assert_eq!(written(&app, &org).await, 4);
}

#[tokio::test]
async fn as_many_of_hundreds_of_concurrent_calls_are_accepted_as_are_counted() {
    let app = app().start().await;
    let org = app.organization("acme").plan("free").create().await;
    allow(&app, &org, 40).await;
    let owner = app.as_owner(&org);
    let answers = join_all((0..39).map(|_| owner.query(LIST, json!({})))).await;
    assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
    // One is left, for whichever of many comes first.
    let answers = join_all((0..300).map(|_| owner.query(LIST, json!({})))).await;
    let accepted = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(accepted, 1);
    answers.iter().filter(|answer| answer.status != StatusCode::OK).for_each(assert_refused);
    app.server().flush_calls().await;
    assert_eq!(written(&app, &org).await, 40);
}

#[tokio::test]
async fn two_servers_share_the_count_of_an_organization_with_the_next_batch() {
    let app = app().start().await;
    let org = app.organization("acme").plan("free").create().await;
    allow(&app, &org, 10).await;
    let second = app.another_server().await;
    let (here, there) = (app.as_owner(&org), app.as_owner(&org).at(&second));
    for _ in 0..4 {
        here.query(LIST, json!({})).await.expect_data();
        there.query(LIST, json!({})).await.expect_data();
    }
    assert_eq!((app.server().flush_calls().await, second.flush_calls().await), (4, 4));
    assert_eq!(written(&app, &org).await, 8);
    // The second server has read what the first one had written before.
    assert_eq!(told(&there.query(LIST, json!({})).await).1, Some(1));
}

#[tokio::test]
async fn a_crash_loses_only_what_was_counted_since_the_last_batch() {
    let every = Duration::from_millis(300);
    let app = TestApp::builder().metering(every).start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let second = app.another_server().await;
    let owner = app.as_owner(&org).at(&second);
    for _ in 0..25 {
        owner.query(LIST, json!({})).await.expect_data();
    }
    // One interval later the server itself has written everything.
    let begun = std::time::Instant::now();
    while written(&app, &org).await < 25 {
        assert!(begun.elapsed() < every * 10, "{} of 25 are written", written(&app, &org).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Calls from now on may be lost, because the server is killed; what was written before is not.
    for _ in 0..3 {
        owner.query(LIST, json!({})).await.expect_data();
    }
    drop(second);
    tokio::time::sleep(every * 2).await;
    let after = written(&app, &org).await;
    assert!((25..=28).contains(&after), "{after}");
}

#[tokio::test]
async fn a_read_writes_nothing_and_loads_the_quota_only_once() {
    let app = app().throttle(number(10_000), number(10_000)).logging_statements().start().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    let statements = async || {
        let mark = app.mark().await;
        assert_eq!(told(&owner.query(LIST, json!({})).await).0, Some(1_000));
        app.statements_since(mark).await
    };
    // The first request reads the plan's limit and the count, in a transaction of its own.
    let first = statements().await;
    let writes = |text: &String| ["INSERT", "UPDATE", "DELETE"].iter().any(|word| text.contains(word));
    assert!(first.iter().any(|text| text.contains("usage_counters")), "{first:#?}");
    assert!(!first.iter().any(writes), "{first:#?}");
    for _ in 0..5 {
        let next = statements().await;
        // Open, read, close: the same as without metering.
        assert_eq!(next.len(), 3, "{next:#?}");
        assert!(!next.iter().any(|text| text.contains("billing.") || writes(text)), "{next:#?}");
    }
    let mark = app.mark().await;
    assert_eq!(app.server().flush_calls().await, 6);
    assert!(app.statements_since(mark).await.iter().any(writes), "the batch is what writes");
}

#[tokio::test]
async fn a_burst_is_allowed_and_faster_requests_are_told_when_to_retry() {
    let app = TestApp::builder().throttle(number(1), number(5)).start().await;
    let (acme, other) = (app.organization("acme").create().await, app.organization("other").create().await);
    let owner = app.as_owner(&acme);
    for _ in 0..5 {
        owner.query(LIST, json!({})).await.expect_data();
    }
    let refused = owner.query(LIST, json!({})).await;
    assert_refused(&refused);
    assert_eq!(told(&refused), (None, None, None), "it is not the plan's limit");
    let seconds = header(&refused, RETRY_AFTER.as_str()).unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    // Others are not slowed down, and after the reported time requests are accepted again.
    app.as_owner(&other).query(LIST, json!({})).await.expect_data();
    tokio::time::sleep(Duration::from_secs(seconds.unsigned_abs())).await;
    owner.query(LIST, json!({})).await.expect_data();
}

#[tokio::test]
async fn members_share_the_organizations_burst() {
    let app = TestApp::builder().throttle(number(1), number(6)).start().await;
    let org = app.organization("acme").create().await;
    let (owner, ada) = (app.as_owner(&org), app.as_member(&org, "ada").await);
    // A first call each, by which the server learns that they are members; then three more each, of six in all.
    let mut accepted = 0;
    for _ in 0..5 {
        for session in [&owner, &ada] {
            accepted += i32::from(session.query(LIST, json!({})).await.status == StatusCode::OK);
        }
    }
    assert!((8..=9).contains(&accepted), "{accepted}");
}

#[tokio::test]
async fn unexecuted_requests_are_not_counted_and_tell_members_what_is_left() {
    let app = app().start().await;
    let org = app.organization("acme").plan("free").create().await;
    allow(&app, &org, 10).await;
    let owner = app.as_owner(&org);
    // Before the server knows the caller as a member, nothing is reported.
    let form = || owner.post().header(CONTENT_TYPE, "text/plain").body("{}");
    assert_eq!(told(&owner.send(form()).await), (None, None, None));
    let bodies = [
        (form(), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (owner.post().header(CONTENT_TYPE, "application/json").body("{"), StatusCode::BAD_REQUEST),
        (owner.post().json(&json!({ "query": "x".repeat(300_000) })), StatusCode::PAYLOAD_TOO_LARGE),
    ];
    for (body, status) in bodies {
        owner.query(LIST, json!({})).await.expect_data();
        let answer = owner.send(body).await;
        assert_eq!(answer.status, status);
        let (limit, remaining, _) = told(&answer);
        assert_eq!(limit, Some(10));
        assert!(remaining.is_some_and(|left| (7..=9).contains(&left)), "{remaining:?}");
    }
    // A request that needs nothing from the organization does not count as its call.
    owner.query("{ __typename }", json!({})).await.expect_data();
    owner.query("{ organizations { slug } }", json!({})).await.expect_data();
    assert_eq!(app.server().flush_calls().await, 3);
    assert_eq!(told(&owner.query(LIST, json!({})).await).1, Some(6));
}
