//! Organizations: creating, switching, changing, exporting, and deleting in two steps.

use std::collections::BTreeMap;

use chrono::{DateTime, Duration, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_domain::{Clock, Identity, Role};
use tenantry_service::{export, purge_due};
use tenantry_store::doctor::{Catalogue, Finding};
use tenantry_store::{Store, StoreSettings};
use tenantry_tests::{Answer, Org, Person, Session, TestApp};

const SUMMARY: &str = "organization { organizationId name slug logoUrl role isCurrent deletionDueAt createdAt }";
const ORGANIZATION: &str = "organization { id name slug logoUrl timeZone deletionDueAt updatedAt }";

/// Every table with an organization, from the catalogue, and the organizations table itself.
const TABLES: &str =
    "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('app', 'auth', 'billing', 'platform') ORDER BY 1";

async fn create(session: &Session, slug: &str) -> Answer {
    session.mutate("createOrganization", json!({ "name": "New", "slug": slug }), SUMMARY).await
}

async fn switch(session: &Session, id: &Value) -> Answer {
    let selection = format!("token expiresAt {SUMMARY}");
    session.mutate("switchOrganization", json!({ "organizationId": id }), &selection).await
}

/// How many rows of an organization each table has.
pub(crate) async fn rows(app: &TestApp, org: &Org) -> BTreeMap<String, i64> {
    let id = org.uuid();
    let mut rows = BTreeMap::new();
    for table in app.texts(TABLES).await {
        let count = format!("SELECT count(*) FROM {table} WHERE organization_id = '{id}'");
        rows.insert(table, app.number(&count).await);
    }
    rows.insert(
        "app.organizations".to_owned(),
        app.number(&format!("SELECT count(*) FROM app.organizations WHERE id = '{id}'")).await,
    );
    rows
}

#[tokio::test]
async fn a_new_organization_has_an_owner_a_workspace_and_the_free_plan() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    // Anyone may create one, whatever their role elsewhere.
    let guest = app.as_role(&acme, Role::Guest).await;
    let input = json!({ "name": "  Zoë & Söhne ", "slug": "zoe-2", "logoUrl": "https://zoe.test/logo.png" });
    let created = guest.mutate("createOrganization", input, SUMMARY).await.expect_done().clone();
    assert_eq!((&created["name"], &created["slug"]), (&json!("Zoë & Söhne"), &json!("zoe-2")));
    assert_eq!((&created["role"], &created["isCurrent"]), (&json!("OWNER"), &json!(false)));

    // The creator's token still names the other organization.
    let data = guest.data("{ organization { slug } organizations { slug role isCurrent } }").await;
    assert_eq!(data["organization"]["slug"], "acme");
    let expected = json!([
        { "slug": "acme", "role": "GUEST", "isCurrent": true },
        { "slug": "zoe-2", "role": "OWNER", "isCurrent": false },
    ]);
    assert_eq!(data["organizations"], expected);

    let switched = switch(&guest, &created["organizationId"]).await;
    assert_eq!(switched.payload()["userErrors"], json!([]));
    let owner = app.with_token(Some(switched.text_at("switchOrganization.token")));
    let data = owner
        .data("{ viewer { role } organization { name defaultWorkspace { name isDefault } } members(first: 9) { nodes { role } } }")
        .await;
    assert_eq!(data["viewer"]["role"], "OWNER");
    assert_eq!(data["organization"]["defaultWorkspace"], json!({ "name": "General", "isDefault": true }));
    assert_eq!(data["members"]["nodes"], json!([{ "role": "OWNER" }]));
    // The free plan allows five projects, and there is a workspace for them.
    owner.create_project("First", None).await;
    let plans = app.texts("SELECT plan FROM billing.organization_billing b JOIN app.organizations o ON o.id = b.organization_id WHERE o.slug = 'zoe-2'").await;
    assert_eq!(plans, ["free"]);
}

#[tokio::test]
async fn a_slug_belongs_to_one_organization() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let ada = app.as_member(&acme, "ada").await;
    create(&ada, "acme").await.expect_refused(&[("TAKEN", "slug")]);
    for slug in ["", "Acme", "a--b", "-a", "a b", &"x".repeat(64)] {
        create(&ada, slug).await.expect_refused(&[("INVALID", "slug")]);
    }
    let input = json!({ "name": " ", "slug": "x", "logoUrl": "javascript:alert(1)" });
    let refused = ada.mutate("createOrganization", input, SUMMARY).await;
    refused.expect_refused(&[("REQUIRED", "name"), ("INVALID", "logoUrl")]);

    // Of several concurrent requests one gets it, and the others leave nothing behind.
    let answers = join_all((0..8).map(|_| create(&ada, "rush"))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.user_errors().is_empty());
    assert_eq!(done.len(), 1);
    for answer in &refused {
        answer.expect_refused(&[("TAKEN", "slug")]);
    }
    assert_eq!(app.number("SELECT count(*) FROM app.organizations").await, 2);
    assert_eq!(app.number("SELECT count(*) FROM app.workspaces").await, 2);
    assert_eq!(app.number("SELECT count(*) FROM billing.organization_billing").await, 2);
}

#[tokio::test]
async fn users_can_switch_only_to_their_own_organizations() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let other = app.organization("other").create().await;
    let ada = app.as_member(&acme, "ada").await;
    // A foreign organization is answered like one that does not exist.
    let unknown: tenantry_domain::OrganizationId = Clock::system().new_id();
    let mut messages = Vec::new();
    for id in [other.id, unknown] {
        let answer = switch(&ada, &json!(id.to_string())).await;
        answer.expect_refused(&[("NOT_FOUND", "organizationId")]);
        messages.push(answer.text);
    }
    assert_eq!(messages[0], messages[1]);
    assert_eq!(switch(&ada, &json!("client_01h455vb4pex5vsknk084sn02q")).await.error_code(), "BAD_USER_INPUT");

    // A user who was removed from one organization can still switch to another.
    app.join(other.id, "ada@acme.test", Role::Viewer).await;
    app.sql(
        "DELETE FROM app.organization_members m USING auth.users u, app.organizations o
             WHERE u.id = m.user_id AND o.id = m.organization_id AND u.email = 'ada@acme.test' AND o.slug = 'acme'",
    )
    .await;
    assert_eq!(ada.query("{ organization { id } }", json!({})).await.error_code(), "FORBIDDEN");
    assert_eq!(ada.data("{ organizations { slug } }").await["organizations"], json!([{ "slug": "other" }]));
    let switched = switch(&ada, &json!(other.id.to_string())).await;
    let session = app.with_token(Some(switched.text_at("switchOrganization.token")));
    assert_eq!(session.data("{ viewer { role } }").await["viewer"]["role"], "VIEWER");

    // A banned user can switch nowhere.
    app.sql("UPDATE auth.users SET banned_at = now() WHERE email = 'ada@acme.test'").await;
    assert_eq!(ada.query("{ organizations { slug } }", json!({})).await.error_code(), "FORBIDDEN");
    assert_eq!(switch(&ada, &json!(other.id.to_string())).await.error_code(), "FORBIDDEN");
    assert_eq!(create(&ada, "banned").await.error_code(), "FORBIDDEN");
}

#[tokio::test]
async fn a_switch_does_not_extend_a_session() {
    let app = TestApp::start().await;
    let (acme, other) = (app.organization("acme").create().await, app.organization("other").create().await);
    app.join(other.id, &acme.owner.email, Role::Member).await;
    let (user, minutes) = (acme.owner.user_id, std::time::Duration::from_mins);
    let issued = app.issuer().issue(user, acme.id, minutes(10)).unwrap();
    let mut session = app.with_token(Some(&issued.token));
    // Back and forth, and never later than the first expiry.
    for id in [other.id, acme.id, other.id] {
        let answer = switch(&session, &json!(id.to_string())).await;
        let token = answer.text_at("switchOrganization.token").to_owned();
        assert_eq!(app.verifier().verify(&token).await.unwrap().expires_at, issued.expires_at);
        let told: DateTime<Utc> = answer.text_at("switchOrganization.expiresAt").parse().unwrap();
        assert_eq!(told, issued.expires_at);
        session = app.with_token(Some(&token));
        session.data("{ viewer { role } }").await;
    }
    // A long-lived token yields one with the usual lifetime and no longer.
    let issued = app.issuer().issue(user, acme.id, minutes(60 * 24)).unwrap();
    let answer = switch(&app.with_token(Some(&issued.token)), &json!(other.id.to_string())).await;
    let token = app.verifier().verify(answer.text_at("switchOrganization.token")).await.unwrap();
    let left = token.expires_at - Clock::system().now();
    assert!(left <= Duration::hours(1) && left > Duration::minutes(59), "{left}");
}

#[tokio::test]
async fn a_server_that_cannot_sign_says_so() {
    let app = TestApp::builder().issuing_no_tokens().start().await;
    let acme = app.organization("acme").create().await;
    let answer = switch(&app.as_owner(&acme), &json!(acme.id.to_string())).await;
    answer.expect_refused(&[("INVALID", "")]);
    assert!(answer.text.contains("identity provider"), "{}", answer.text);
}

#[tokio::test]
async fn listing_organizations_several_times_takes_one_connection() {
    let app = TestApp::builder().max_connections(2).start().await;
    let acme = app.organization("acme").create().await;
    let often: Vec<String> = (0..10).map(|n| format!("o{n}: organizations {{ slug }}")).collect();
    let often = often.join(" ");
    let data = app.as_owner(&acme).data(&format!("{{ viewer {{ role }} {often} }}")).await;
    assert_eq!(data["o9"], json!([{ "slug": "acme" }]));
}

#[tokio::test]
async fn owners_and_admins_can_rename() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    app.organization("other").create().await;
    let update =
        async |session: &Session, input: Value| session.mutate("updateOrganization", input, ORGANIZATION).await;
    for role in [Role::Member, Role::Viewer, Role::Guest] {
        let session = app.as_role(&acme, role).await;
        assert_eq!(update(&session, json!({ "name": "Mine" })).await.error_code(), "FORBIDDEN", "{role}");
    }
    let admin = app.as_role(&acme, Role::Admin).await;
    let input =
        json!({ "name": "Acme 2", "slug": "acme-2", "logoUrl": "https://a.test/l.png", "timeZone": "Asia/Kolkata" });
    let renamed = update(&admin, input).await.expect_done().clone();
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Acme 2"), &json!("acme-2")));
    assert_eq!(renamed["timeZone"], "Asia/Kolkata");

    // Fields that are not given stay; null clears optional ones.
    let cleared = update(&admin, json!({ "logoUrl": null })).await.expect_done().clone();
    assert_eq!((&cleared["logoUrl"], &cleared["name"]), (&Value::Null, &json!("Acme 2")));
    update(&admin, json!({ "name": null })).await.expect_refused(&[("REQUIRED", "name")]);
    update(&admin, json!({ "slug": "other" })).await.expect_refused(&[("TAKEN", "slug")]);
    for zone in ["Mars/Olympus", "europe/berlin", "EST9", "UTC+3", "posixrules", "x'; --"] {
        update(&admin, json!({ "timeZone": zone })).await.expect_refused(&[("INVALID", "timeZone")]);
    }
    let stale = json!({ "name": "Late", "expectedUpdatedAt": renamed["updatedAt"] });
    update(&admin, stale).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    let fresh = json!({ "name": "In time", "expectedUpdatedAt": cleared["updatedAt"] });
    assert_eq!(update(&admin, fresh).await.expect_done()["name"], "In time");
}

#[tokio::test]
async fn a_deletion_is_scheduled_by_the_owner_and_can_be_cancelled() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let (owner, admin) = (app.as_owner(&acme), app.as_role(&acme, Role::Admin).await);
    let schedule = async |session: &Session| session.mutate("deleteOrganization", json!({}), ORGANIZATION).await;
    let cancel = async |session: &Session| session.mutate("cancelOrganizationDeletion", json!({}), ORGANIZATION).await;
    assert_eq!(schedule(&admin).await.error_code(), "FORBIDDEN");
    assert_eq!(cancel(&admin).await.error_code(), "FORBIDDEN");
    cancel(&owner).await.expect_refused(&[("INVALID", "")]);

    let scheduled = schedule(&owner).await.expect_done().clone();
    let due: DateTime<Utc> = scheduled["deletionDueAt"].as_str().unwrap().parse().unwrap();
    let in_thirty_days = Clock::system().now() + Duration::days(30);
    assert!((in_thirty_days - due).abs() < Duration::minutes(1), "{due}");
    // Asking again does not postpone it, and until then everything works.
    schedule(&owner).await.expect_refused(&[("INVALID", "")]);
    admin.create_client("Business as usual").await;

    assert_eq!(cancel(&owner).await.expect_done()["deletionDueAt"], Value::Null);
    assert_eq!(app.number("SELECT count(*) FROM app.organizations WHERE deletion_due_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn only_due_organizations_are_purged() {
    let app = TestApp::start().await;
    let (full, kept) = (app.full_organization("acme").await, app.full_organization("kept").await);
    for org in [&full.org, &kept.org] {
        let (id, slug) = (org.uuid(), &org.slug);
        app.sql(&format!(
            "INSERT INTO billing.stripe_events (id, type, created, organization_id, payload)
             VALUES ('evt_{slug}', 'invoice.paid', now(), '{id}', '{{}}')"
        ))
        .await;
    }
    let before = rows(&app, &kept.org).await;
    for (table, count) in rows(&app, &full.org).await {
        assert!(count > 0, "{table} is empty, so its purge is not tested");
    }
    let settings = StoreSettings::new(app.urls().worker_url());
    let worker = Store::connect(&settings, Clock::system()).await.unwrap();
    let now = Clock::system().now();

    // Neither is due; then one is, by the scheduled time and the database's clock.
    app.sql("UPDATE app.organizations SET deletion_requested_at = now(), deletion_due_at = now() + interval '1 hour'")
        .await;
    assert!(purge_due(&worker, now + Duration::days(1)).await.unwrap().deleted.is_empty());
    app.sql("UPDATE app.organizations SET deletion_due_at = now() - interval '1 hour' WHERE slug = 'acme'").await;
    assert!(purge_due(&worker, now - Duration::days(1)).await.unwrap().deleted.is_empty());
    // The API's role sees nothing that is due, and could not delete it.
    assert!(purge_due(app.server().store(), now).await.unwrap().deleted.is_empty());

    let (one, two) = futures_util::future::join(purge_due(&worker, now), purge_due(&worker, now)).await;
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(one.failed.is_empty() && two.failed.is_empty(), "{one:?} {two:?}");
    assert_eq!([one.deleted, two.deleted].concat(), [full.org.id]);

    for (table, count) in rows(&app, &full.org).await {
        assert_eq!(count, 0, "{table}");
    }
    assert_eq!(rows(&app, &kept.org).await, before);
    let gone = app.as_owner(&full.org).query("{ organization { id } }", json!({})).await;
    assert_eq!(gone.error_code(), "FORBIDDEN");
    worker.close().await;
}

#[tokio::test]
async fn an_unknown_time_zone_counts_as_utc_and_can_be_corrected() {
    // Late in the evening in UTC, the next morning in Tokyo.
    let now = DateTime::parse_from_rfc3339("2026-03-31T20:00:00Z").unwrap().with_timezone(&Utc);
    let app = TestApp::builder().clock(Clock::fixed(now)).start().await;
    let (acme, other) = (app.organization("acme").create().await, app.organization("other").create().await);
    let owner = app.as_owner(&acme);
    owner.data("{ viewer { role } }").await;
    // As left by a database with a newer list of time zones, or by an older release of this program.
    app.sql(&format!("UPDATE app.organizations SET time_zone = 'Mars/Olympus' WHERE id = '{}'", acme.uuid())).await;

    assert_eq!(owner.data("{ organization { timeZone } }").await["organization"]["timeZone"], "Mars/Olympus");
    let client = owner.create_client("A").await;
    let draft = json!({ "clientId": client["id"], "currency": "USD" });
    let invoice = owner.mutate("createInvoice", draft.clone(), "invoice { issueDate }").await.expect_done().clone();
    assert_eq!(invoice["issueDate"], "2026-03-31");
    // Background work continues as well.
    let scope = tenantry_store::WriteScope::open_system(app.server().store(), acme.id).await.unwrap();
    assert_eq!(tenantry_store::Scope::tenant(&scope).today.to_string(), "2026-03-31");
    drop(scope);

    let faults = unknown_time_zones(&app).await;
    assert!(
        matches!(&faults[..], [fault] if fault.contains("acme") && fault.contains(&acme.id.to_string()) && fault.contains("Mars/Olympus")),
        "{faults:?}"
    );
    // This is not visible from within another organization.
    let seen = app
        .test_database()
        .psql(&format!(
            "BEGIN; SET LOCAL ROLE tenantry_app; SET LOCAL app.current_organization_id = '{}';
             SET LOCAL app.known_time_zones = '{{}}'; SELECT slug FROM app.organizations; ROLLBACK",
            other.uuid()
        ))
        .await
        .unwrap();
    assert_eq!(seen, "other");

    let update = async |input| owner.mutate("updateOrganization", input, ORGANIZATION).await;
    update(json!({ "timeZone": "Mars/Olympus" })).await.expect_refused(&[("INVALID", "timeZone")]);
    assert_eq!(update(json!({ "timeZone": "Asia/Tokyo" })).await.expect_done()["timeZone"], "Asia/Tokyo");
    let invoice = owner.mutate("createInvoice", draft, "invoice { issueDate }").await.expect_done().clone();
    assert_eq!(invoice["issueDate"], "2026-04-01");
    assert_eq!(unknown_time_zones(&app).await, Vec::<String>::new());
}

/// What `tenantry doctor` reports about time zones.
async fn unknown_time_zones(app: &TestApp) -> Vec<String> {
    let mut catalogue = Catalogue::connect(&app.urls().app_url()).await.unwrap();
    let findings = catalogue.findings().await.unwrap();
    catalogue.close().await.unwrap();
    let faults = findings.into_iter().filter_map(|finding| match finding {
        Finding::Fault(text) => Some(text),
        Finding::Advice(_) => None,
    });
    let faults: Vec<String> = faults.collect();
    assert!(faults.iter().all(|fault| fault.contains("time zone")), "{faults:?}");
    faults
}

#[tokio::test]
async fn an_export_has_every_readable_row_of_the_organization_and_no_other() {
    let app = TestApp::start().await;
    let (full, _other) = (app.full_organization("acme").await, app.full_organization("other").await);
    let store = app.server().store();
    let identity = |person: &Person| Identity { user_id: person.user_id, organization_id: full.org.id };
    let mut out = Vec::new();
    let lines = export::organization(store, identity(&full.org.owner), &mut out).await.unwrap();

    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    for line in String::from_utf8(out).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let table = line["table"].as_str().unwrap();
        *found.entry(table.to_owned()).or_default() += 1;
        assert!(line["row"].get("token_hash").is_none() && line["row"].get("password_hash").is_none(), "{line}");
        let owner = match table {
            "auth.users" => continue,
            "app.organizations" => &line["row"]["id"],
            _ => &line["row"]["organization_id"],
        };
        assert_eq!(owner, &json!(full.org.id.to_string()), "{table}");
    }
    assert_eq!(found.values().sum::<i64>().unsigned_abs(), lines);
    let members = found.remove("auth.users");
    assert_eq!(members, found.get("app.organization_members").copied());
    // Only the worker has a grant on it.
    let mut expected = rows(&app, &full.org).await;
    expected.remove("billing.stripe_events");
    // Requests that may come again are no data of the organization.
    expected.remove("app.idempotency_keys");
    // Files that are announced are nothing yet.
    expected.remove("app.uploads");
    // Words are made from the rows.
    expected.remove("app.search_terms");
    assert_eq!(found, expected);

    let refused = export::organization(store, identity(&full.ada), &mut Vec::new()).await;
    assert!(refused.is_err());
}
