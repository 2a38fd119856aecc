//! Both seeds against a real database: what they load, what they refuse, and that the catalogue stays as it was.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::process::Command;

use chrono::DateTime;
use tenantry_devdb::shared::{Template, TestDatabase};
use tenantry_devdb::{Binaries, DatabaseUrls};
use tenantry_domain::UserId;
use tenantry_domain::user::User;
use tenantry_migration::MigrationError;
use tenantry_seed::{EPOCH, Outcome, Phase, ScaleOptions, SeedError, demo_at, scale};
use tenantry_store::bulk::BulkLoad;
use tenantry_store::{ConstraintKind, StoreError};
use uuid::Uuid;

const OPTIONS: ScaleOptions = ScaleOptions { organizations: 12, users: 60, tasks: 3_000, rng_seed: 7 };

async fn database() -> TestDatabase {
    let migrate = async |empty: DatabaseUrls| -> Result<(), MigrationError> {
        tenantry_migration::up(&empty.owner_url()).await.map(drop)
    };
    let template = Template::prepare(&tenantry_migration::template_key(), migrate).await.unwrap();
    TestDatabase::create(&template).await.unwrap()
}

fn catalogue(database: &TestDatabase) -> String {
    let program = Binaries::find().unwrap().folder().join("pg_dump");
    let output = Command::new(program).args(["--schema-only", "--dbname", &database.superuser_url()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Newer versions put a random word around the dump.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

/// A digest of every row of every loaded table.
async fn content(database: &TestDatabase) -> String {
    let tables = database
        .psql(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
             WHERE schemaname IN ('auth', 'app', 'billing') AND tablename NOT IN ('plans', 'plan_features') ORDER BY 1",
        )
        .await
        .unwrap();
    let mut digests = String::new();
    for table in tables.lines() {
        let statement =
            format!("SELECT '{table}', count(*), md5(string_agg(t::text, ',' ORDER BY t::text)) FROM {table} t");
        digests.push_str(&database.psql(&statement).await.unwrap());
    }
    digests
}

async fn number(database: &TestDatabase, question: &str) -> i64 {
    database.psql(question).await.unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn the_same_options_give_the_same_rows_and_the_catalogue_stays() {
    let (first, second) = (database().await, database().await);
    let before = catalogue(&first);
    let mut phases = Vec::new();
    let summary = scale(&first.owner_url(), &OPTIONS, &mut |progress| {
        assert!(progress.done <= progress.total);
        if phases.last() != Some(&progress.phase) {
            phases.push(progress.phase);
        }
    })
    .await
    .unwrap();
    assert_eq!(phases, [Phase::Rows, Phase::Indexes, Phase::Statistics, Phase::ForeignKeys, Phase::Commit]);
    assert_eq!(catalogue(&first), before);
    assert!(summary.rows.contains(&("app.tasks", 3_000)));
    // With a role that may become the owner, which must give the same result.
    scale(&second.superuser_url(), &OPTIONS, &mut |_| {}).await.unwrap();
    assert_eq!(content(&first).await, content(&second).await);

    let again = scale(&first.owner_url(), &OPTIONS, &mut |_| {}).await;
    assert!(matches!(again, Err(SeedError::NotEmpty)), "{again:?}");
    assert_eq!(catalogue(&first), before);
}

/// Tasks billed by more than one invoice that is not void.
const BILLED_TWICE: &str = "SELECT count(*) FROM (SELECT FROM app.invoice_tasks t JOIN app.invoices i \
     ON i.organization_id = t.organization_id AND i.id = t.invoice_id WHERE i.status <> 'void' \
     GROUP BY t.organization_id, t.task_id HAVING count(*) > 1) d";

#[tokio::test]
async fn scale_data_follows_the_rules_that_no_constraint_checks() {
    let database = database().await;
    scale(&database.owner_url(), &OPTIONS, &mut |_| {}).await.unwrap();
    for broken in [
        // Numbers are contiguous and follow the dates.
        "SELECT count(*) FROM (SELECT number, row_number() OVER (PARTITION BY organization_id ORDER BY issue_date, created_at, \
         id) AS rank FROM app.invoices WHERE number IS NOT NULL) n WHERE split_part(number, '-', 3)::int <> rank",
        // Lines add up.
        "SELECT count(*) FROM app.invoices i WHERE subtotal <> (SELECT sum((l->>'amount')::bigint) \
         FROM jsonb_array_elements(line_items) l) OR (status = 'paid') <> (amount_paid = total)",
        // An organization has an owner, a default workspace and a plan.
        "SELECT count(*) FROM app.organizations o \
         WHERE NOT EXISTS (SELECT FROM app.organization_members m WHERE m.organization_id = o.id AND m.role = 'owner') \
            OR NOT EXISTS (SELECT FROM app.workspaces w WHERE w.organization_id = o.id AND w.is_default) \
            OR NOT EXISTS (SELECT FROM billing.organization_billing b WHERE b.organization_id = o.id)",
        // A subtask comes after its parent, and positions in a project are distinct.
        "SELECT count(*) FROM app.tasks t JOIN app.tasks p ON p.organization_id = t.organization_id AND p.id = t.parent_task_id \
         WHERE t.created_at < p.created_at OR t.position <= p.position",
        "SELECT count(*) FROM (SELECT FROM app.tasks GROUP BY organization_id, project_id, position HAVING count(*) > 1) d",
        BILLED_TWICE,
    ] {
        assert_eq!(number(&database, broken).await, 0, "{broken}");
    }
    let known = "SELECT count(*) FROM app.organizations o JOIN app.organization_members m ON m.organization_id = o.id \
                 JOIN auth.users u ON u.id = m.user_id \
                 WHERE m.role = 'owner' AND u.email = 'owner@' || o.slug || '.example'";
    assert_eq!(number(&database, known).await, 3);
}

#[tokio::test]
async fn a_few_users_may_own_many_organizations_and_zero_tasks_are_allowed() {
    for options in
        [ScaleOptions { users: 5, ..OPTIONS }, ScaleOptions { organizations: 1, users: 1, tasks: 0, rng_seed: 0 }]
    {
        let database = database().await;
        let summary = scale(&database.owner_url(), &options, &mut |_| {}).await.unwrap();
        assert!(summary.rows.contains(&("auth.users", options.users)));
        assert!(summary.rows.contains(&("app.organizations", options.organizations)));
    }
}

#[tokio::test]
async fn a_load_that_fails_leaves_everything_as_it_was() {
    let database = database().await;
    let before = (catalogue(&database), content(&database).await);
    let mut load = BulkLoad::open(&database.owner_url()).await.unwrap();
    load.set_indexes_aside().await.unwrap();
    let user = User {
        id: UserId::from_uuid(Uuid::nil()),
        email: "twice@example.com".into(),
        name: "Twice".into(),
        avatar_url: None,
        created_at: EPOCH,
    };
    load.push(&user).await.unwrap();
    load.push(&user).await.unwrap();
    let refused = load.commit(&mut |_| {}).await;
    assert!(matches!(refused, Err(StoreError::Constraint { kind: ConstraintKind::Unique, .. })), "{refused:?}");
    assert_eq!((catalogue(&database), content(&database).await), before);
}

#[tokio::test]
async fn the_application_may_not_load_anything() {
    let database = database().await;
    let refused = demo_at(&database.app_url(), EPOCH).await;
    assert!(matches!(refused, Err(SeedError::Store(_))), "{refused:?}");
}

#[tokio::test]
async fn the_demo_is_created_once() {
    let database = database().await;
    let before = catalogue(&database);
    let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
    let made = demo_at(&database.owner_url(), now).await.unwrap();
    assert!(matches!(made, Outcome::Created(_)), "{made:?}");
    let rows = content(&database).await;
    let later = demo_at(&database.owner_url(), now + chrono::Duration::days(1)).await.unwrap();
    assert_eq!(later, Outcome::AlreadyThere);
    assert_eq!(content(&database).await, rows);
    assert_eq!(catalogue(&database), before);
    // Nothing is in the future.
    let future = format!(
        "SELECT (SELECT count(*) FROM app.tasks WHERE greatest(created_at, completed_at) > to_timestamp({0})) \
              + (SELECT count(*) FROM app.invoices WHERE greatest(created_at, paid_at, voided_at) > to_timestamp({0}))",
        now.timestamp()
    );
    assert_eq!(number(&database, &future).await, 0);
    assert_eq!(number(&database, BILLED_TWICE).await, 0);
    let covered = number(&database, "SELECT count(*) FROM app.invoice_tasks").await;
    assert!(covered > 5, "invoices cover tasks: {covered}");
    let roles = "SELECT count(DISTINCT m.role) FROM app.organization_members m \
                 JOIN app.organizations o ON o.id = m.organization_id WHERE o.slug = 'northwind'";
    assert_eq!(number(&database, roles).await, 5);
}

#[tokio::test]
async fn options_out_of_bounds_are_refused_before_anything_is_done() {
    for (options, name) in [
        (ScaleOptions { organizations: 0, ..OPTIONS }, "organizations"),
        (ScaleOptions { users: 0, ..OPTIONS }, "users"),
        (ScaleOptions { tasks: u64::MAX, ..OPTIONS }, "tasks"),
    ] {
        let refused = scale("postgres://nowhere.invalid/", &options, &mut |_| {}).await;
        assert!(matches!(refused, Err(SeedError::Option { option, .. }) if option == name), "{refused:?}");
    }
}
