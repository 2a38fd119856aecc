//! `GET /export`: all data of one organization and nothing of another, in one snapshot, for owners.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_server::http::HttpOptions;
use tenantry_tests::{Org, Session, TestApp};

use crate::organizations::rows;

async fn fetch(app: &TestApp, session: &Session) -> Response {
    let token = session.token().unwrap();
    app.http().get(app.server().url("/export")).bearer_auth(token).send().await.unwrap()
}

async fn refusal(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    (status, answer["errors"][0]["extensions"]["code"].as_str().unwrap().to_owned())
}

/// How many rows of each table a complete export contains; asserts that all belong to the organization.
fn counted(text: &str, org: &Org) -> BTreeMap<String, i64> {
    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let table = line["table"].as_str().unwrap();
        *found.entry(table.to_owned()).or_default() += 1;
        let owner = match table {
            "auth.users" => continue,
            "app.organizations" => &line["row"]["id"],
            _ => &line["row"]["organization_id"],
        };
        assert_eq!(owner, &json!(org.id.to_string()), "{table}");
    }
    found
}

/// The expected content of the organization's export, from the current tables.
async fn expected(app: &TestApp, org: &Org) -> BTreeMap<String, i64> {
    let mut expected = rows(app, org).await;
    // Only the worker has a grant on it.
    expected.remove("billing.stripe_events");
    // Requests that may come again are no data of the organization.
    expected.remove("app.idempotency_keys");
    // Words are made from the rows.
    expected.remove("app.search_terms");
    expected.remove("app.uploads");
    expected.insert("auth.users".to_owned(), expected["app.organization_members"]);
    expected.retain(|_, count| *count > 0);
    expected
}

/// More than the buffers between server and client can hold: 60 MB.
async fn fill(app: &TestApp, org: &Org) {
    app.sql(&format!(
        "INSERT INTO app.clients (organization_id, id, name, notes)
             SELECT '{}', gen_random_uuid(), 'Client ' || n, repeat('long ', 400) FROM generate_series(1, 30000) n",
        org.uuid()
    ))
    .await;
}

/// Waits until no connection of the server is in use.
async fn until_idle(app: &TestApp) {
    let begun = Instant::now();
    while let (open, idle) = app.server().store().connections()
        && idle < usize::try_from(open).unwrap()
    {
        assert!(begun.elapsed() < Duration::from_secs(10), "a connection stays in use");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn an_owner_fetches_every_row_of_the_organization_and_no_other() {
    let app = TestApp::start().await;
    let (acme, other) = (app.full_organization("acme").await, app.full_organization("other").await);
    for org in [&acme.org, &other.org] {
        let response = fetch(&app, &app.as_owner(org)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], "application/jsonl");
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{}.jsonl\"", org.id));
        let text = response.text().await.unwrap();
        assert_eq!(counted(&text, org), expected(&app, org).await);
        assert!(!text.contains("token_hash") && !text.contains("password_hash"));
        let foreign = if org.id == acme.org.id { &other.org } else { &acme.org };
        assert!(
            !text.contains(&foreign.id.to_string())
                && !text.contains(&foreign.uuid().to_string())
                && !text.contains(&format!("@{}.test", foreign.slug))
        );
    }
}

/// The rows of an export.
fn parsed(text: &str) -> Vec<(String, Value)> {
    let read = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        (line["table"].as_str().unwrap().to_owned(), line["row"].take())
    };
    text.lines().map(read).collect()
}

/// Whether a value contains a number anywhere.
fn has_number(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::Array(values) => values.iter().any(has_number),
        Value::Object(fields) => fields.values().any(has_number),
        _ => false,
    }
}

/// Every column of the exported tables with ids or numbers, from the catalogue: `table column kind`.
async fn spelled_columns(app: &TestApp) -> Vec<String> {
    app.texts(
        "SELECT format('%s.%s %s %s', n.nspname, c.relname, a.attname, CASE a.atttypid WHEN 'uuid'::regtype THEN 'id' ELSE 'number' END)
             FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               -- Requests that may come again are no data of the organization, and words are made from the rows.
               AND c.oid NOT IN ('app.idempotency_keys'::regclass, 'app.search_terms'::regclass, 'app.uploads'::regclass)
               AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege('tenantry_app', c.oid, a.attnum, 'SELECT')
               AND (c.oid = 'app.organizations'::regclass OR EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = c.oid
                   AND o.attname = 'organization_id' AND has_column_privilege('tenantry_app', c.oid, o.attnum, 'SELECT')))
               AND a.atttypid = ANY ('{uuid,int2,int4,int8,numeric,float4,float8,money}'::regtype[]) ORDER BY 1",
    )
    .await
}

/// Wrongly formatted values: an id must be a TypeID of a row in the same export, and a number must be a decimal in a
/// string. A column without any value proves nothing, which counts as a fault of the test's data.
fn misspelled(columns: &[String], rows: &[(String, Value)]) -> Vec<String> {
    let named: std::collections::BTreeSet<&str> = rows.iter().filter_map(|(_, row)| row["id"].as_str()).collect();
    let is_wrong = |column: &&String| {
        let [table, name, kind] = column.split(' ').collect::<Vec<_>>()[..] else { panic!("{column}") };
        let values =
            rows.iter().filter(|(of, _)| of == table).map(|(_, row)| &row[name]).filter(|value| !value.is_null());
        let values: Vec<&Value> = values.collect();
        let is_right = |value: &&Value| match (kind, value.as_str()) {
            ("id", Some(id)) => tenantry_domain::typeid::split(id).is_ok() && named.contains(id),
            ("number", Some(number)) => number.parse::<i128>().is_ok() || number.parse::<f64>().is_ok(),
            _ => false,
        };
        values.is_empty() || !values.iter().all(is_right)
    };
    columns.iter().filter(is_wrong).cloned().collect()
}

#[tokio::test]
async fn every_id_has_the_apis_format_and_every_number_is_exact() {
    let app = TestApp::start().await;
    let acme = app.full_organization("acme").await;
    let owner = app.as_owner(&acme.org);
    // 2⁵³ + 1, which a float cannot hold.
    app.sql(
        "UPDATE app.invoices SET subtotal = 9007199254740993, tax_amount = 0, total = 9007199254740993, tax_rate = 0.09975,
             line_items = '[{\"description\": \"Work: 7, \\\"8\\\"\", \"quantity\": \"1\", \"rate\": \"1.10\", \"amount\": 9007199254740993}]'
             WHERE number = 'INV-2'",
    )
    .await;
    let rows = parsed(&fetch(&app, &owner).await.text().await.unwrap());
    let columns = spelled_columns(&app).await;
    assert!(columns.len() > 40, "{columns:?}");
    assert_eq!(misspelled(&columns, &rows), Vec::<String>::new());
    let numbers: Vec<_> = rows.iter().filter(|(_, row)| has_number(row)).collect();
    assert!(numbers.is_empty(), "{numbers:?}");

    let exported: Vec<&Value> = rows.iter().filter(|(table, _)| table == "app.invoices").map(|(_, row)| row).collect();
    let exported = exported.into_iter().find(|row| row["number"] == "INV-2").unwrap();
    assert_eq!((&exported["id"], &exported["client_id"]), (&json!(acme.invoices[1]), &json!(acme.clients[0])));
    assert_eq!((&exported["total"], &exported["tax_rate"]), (&json!("9007199254740993"), &json!("0.09975000")));
    let line =
        json!({ "description": "Work: 7, \"8\"", "quantity": "1", "rate": "1.10", "amount": "9007199254740993" });
    assert_eq!(exported["line_items"], json!([line]));
    assert_eq!(exported["created_by"], json!(acme.org.owner.user_id.to_string()));

    // An enum's value is the API's in lower case.
    let document = "query($id: ID!) { invoice(id: $id) { status } }";
    let answer = owner.query(document, json!({ "id": acme.invoices[3] })).await;
    let void = rows.iter().find(|(_, row)| row["id"] == json!(acme.invoices[3])).map(|(_, row)| &row["status"]);
    assert_eq!(void.and_then(Value::as_str), Some(answer.text_at("invoice.status").to_lowercase().as_str()));
}

#[tokio::test]
async fn a_column_added_later_is_formatted_correctly_or_detected() {
    let app = TestApp::start().await;
    let acme = app.full_organization("acme").await;
    let owner = app.as_owner(&acme.org);
    app.sql(&format!(
        "ALTER TABLE app.clients ADD COLUMN worth bigint NOT NULL DEFAULT 9007199254740993,
             ADD COLUMN score numeric NOT NULL DEFAULT 0.1000000000000000055511151231257827, ADD COLUMN steward_id uuid,
             ADD FOREIGN KEY (organization_id, steward_id) REFERENCES app.organization_members (organization_id, user_id);
         UPDATE app.clients SET steward_id = '{}' WHERE organization_id = '{}';
         ALTER TABLE app.tasks ADD COLUMN stray uuid NOT NULL DEFAULT gen_random_uuid();",
        acme.ada.user_id.as_uuid(),
        acme.org.uuid()
    ))
    .await;
    let rows = parsed(&fetch(&app, &owner).await.text().await.unwrap());
    for (_, row) in rows.iter().filter(|(table, _)| table == "app.clients") {
        assert_eq!(row["worth"], "9007199254740993");
        assert_eq!(row["score"], "0.1000000000000000055511151231257827");
        assert_eq!(row["steward_id"], json!(acme.ada.user_id.to_string()));
    }
    // A column that refers to an unknown table cannot be formatted as an id, and this is detected.
    assert_eq!(misspelled(&spelled_columns(&app).await, &rows), ["app.tasks stray id"]);
}

#[tokio::test]
async fn only_owners_can_export() {
    let app = TestApp::start().await;
    let (acme, other) = (app.organization("acme").create().await, app.organization("other").create().await);
    for role in [Role::Admin, Role::Member, Role::Viewer, Role::Guest] {
        let session = app.as_role(&acme, role).await;
        assert_eq!(refusal(fetch(&app, &session).await).await, (403, "FORBIDDEN".to_owned()), "{role}");
    }
    let stranger = app.sign_in(&acme, &other.owner);
    assert_eq!(refusal(fetch(&app, &stranger).await).await, (403, "FORBIDDEN".to_owned()));
    let url = app.server().url("/export");
    let nobody = app.http().get(&url).send().await.unwrap();
    assert_eq!(refusal(nobody).await, (401, "UNAUTHENTICATED".to_owned()));
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let token = app.as_owner(&acme).token().unwrap().to_owned();
        let response = app.http().request(method, &url).bearer_auth(token).send().await.unwrap();
        assert_eq!(response.headers()["allow"], "GET");
        assert_eq!(refusal(response).await, (405, "METHOD_NOT_ALLOWED".to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_one_snapshot_and_only_one_runs_at_a_time() {
    let app = TestApp::start().await;
    let (acme, other) = (app.full_organization("acme").await, app.full_organization("other").await);
    fill(&app, &acme.org).await;
    let before = expected(&app, &acme.org).await;
    let owner = app.as_owner(&acme.org);
    // The body is not read yet, so the export has not progressed far.
    let first = fetch(&app, &owner).await;
    assert_eq!(first.status(), StatusCode::OK);
    let second = fetch(&app, &owner).await;
    assert!(second.headers().contains_key("retry-after"));
    assert_eq!(refusal(second).await, (429, "RATE_LIMITED".to_owned()));
    // Another organization does not have to wait. Neither do writes, which the export does not see.
    let theirs = fetch(&app, &app.as_owner(&other.org)).await.text().await.unwrap();
    assert_eq!(counted(&theirs, &other.org), expected(&app, &other.org).await);
    app.sql(&format!("DELETE FROM app.tasks WHERE organization_id = '{0}'; DELETE FROM app.clients WHERE organization_id = '{0}' AND name LIKE 'Client %'", acme.org.uuid()))
        .await;
    let text = first.text().await.unwrap();
    assert_eq!(counted(&text, &acme.org), before);
    until_idle(&app).await;
    let after = fetch(&app, &owner).await.text().await.unwrap();
    assert_eq!(counted(&after, &acme.org), expected(&app, &acme.org).await);
    assert!(after.len() < text.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_disconnects_or_stalls_frees_the_connection() {
    let http = HttpOptions { export_stall: Duration::from_millis(500), ..HttpOptions::default() };
    let app = TestApp::builder().http(http).start().await;
    let acme = app.organization("acme").create().await;
    fill(&app, &acme).await;
    let owner = app.as_owner(&acme);
    let hung_up = fetch(&app, &owner).await;
    assert_eq!(hung_up.status(), StatusCode::OK);
    drop(hung_up);
    until_idle(&app).await;
    let stalled = fetch(&app, &owner).await;
    assert_eq!(stalled.status(), StatusCode::OK);
    until_idle(&app).await;
    // A response that was cut off does not look complete.
    assert!(stalled.text().await.is_err());
    let whole = fetch(&app, &owner).await.text().await.unwrap();
    assert_eq!(counted(&whole, &acme), expected(&app, &acme).await);
}

#[tokio::test]
async fn an_export_is_an_api_call() {
    let app = TestApp::builder().metering(std::time::Duration::from_hours(1)).start().await;
    let acme = app.organization("acme").plan("solo").create().await;
    let owner = app.as_owner(&acme);
    let mut left = Vec::new();
    for _ in 0..3 {
        let response = fetch(&app, &owner).await;
        assert_eq!(response.status(), StatusCode::OK);
        left.push(response.headers()["ratelimit-remaining"].to_str().unwrap().parse::<i64>().unwrap());
        drop(response.text().await.unwrap());
        until_idle(&app).await;
    }
    assert_eq!(left, [19_999, 19_998, 19_997]);
}
