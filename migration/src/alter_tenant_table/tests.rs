//! The builder's SQL, and a change made with it that is run against a real database: there, back, there again, and cut off.

use std::process::Command;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use tenantry_devdb::{Binaries, Cluster, ClusterOptions};

use super::*;
use crate::step::Step;

const ORGANIZATION: &str = "00000000-0000-7000-8000-000000000001";

/// A bit of everything, on a table that has rows.
fn sample() -> AlterTenantTable {
    AlterTenantTable::new("app.projects")
        .optional_text("website", 2_048)
        .one_of("phase", &["first", "second"])
        .fixed("origin", "text")
        .column("billed_client_id", "uuid")
        .column("lead_id", "uuid")
        .reference("billed_client_id", "app.clients", OnDelete::SetNull, "created_at, id")
        .reference_member("lead_id", OnDelete::SetNull, "")
        .index_where("website", "website, id", "website IS NOT NULL")
        .unique_index("origin", "origin", "origin IS NOT NULL")
        .required("description")
}

/// The first secret of a table that is readable as a whole.
fn secret() -> AlterTenantTable {
    AlterTenantTable::new("app.workspace_members").optional_text("note", 20).first_secret(
        "key_hash",
        "bytea",
        "organization_id, id, workspace_id, user_id, permission, created_at, updated_at",
    )
}

fn up_text() -> String {
    sample().up().text()
}

#[test]
fn a_lock_that_stops_everybody_is_never_held_while_a_table_is_read() {
    for change in [sample().up(), sample().down(), secret().up(), secret().down()] {
        let Change::Parts(parts) = change else { panic!("it runs in parts") };
        for part in parts {
            let text = part.text();
            match part {
                Part::Brief(_) => assert!(!text.contains("VALIDATE") && !text.contains("CONCURRENTLY"), "{text}"),
                Part::Patient(statements) => assert_eq!(statements.len(), 1, "{text}"),
                Part::Alone(_) => assert!(!text.contains("BEGIN"), "{text}"),
                Part::Unforced { .. } => {}
            }
            assert!(text.contains("lock_timeout"), "{text}");
        }
    }
}

#[test]
fn what_is_added_keeps_the_rules_of_tenant_tables() {
    let sql = up_text();
    for line in [
        "ADD COLUMN IF NOT EXISTS website text;",
        "ADD CONSTRAINT projects_website_check CHECK (char_length(website) <= 2048) NOT VALID;",
        "GRANT SELECT (website), UPDATE (website) ON app.projects TO tenantry_app, tenantry_worker;",
        "GRANT SELECT (origin) ON app.projects TO tenantry_app, tenantry_worker;",
        "CHECK (phase IN ('first', 'second')) NOT VALID;",
        "FOREIGN KEY (organization_id, billed_client_id)\n    REFERENCES app.clients (organization_id, id) ON DELETE SET NULL (billed_client_id) NOT VALID;",
        "REFERENCES app.organization_members (organization_id, user_id) ON DELETE SET NULL (lead_id) NOT VALID;",
        "CREATE INDEX CONCURRENTLY projects_billed_client_id_idx ON app.projects (organization_id, billed_client_id, created_at, id);",
        "CREATE UNIQUE INDEX CONCURRENTLY projects_origin_key ON app.projects (organization_id, origin) WHERE origin IS NOT NULL;",
        "DROP INDEX CONCURRENTLY IF EXISTS app.projects_website_idx;",
    ] {
        assert!(sql.contains(line), "{line} is missing in\n{sql}");
    }
}

#[test]
fn nothing_is_granted_that_the_roles_may_not_do_with_the_table() {
    let sql = AlterTenantTable::new("billing.feature_overrides")
        .operations(&[Operation::Select])
        .optional_text("note", 20)
        .up()
        .text();
    assert!(sql.contains("GRANT SELECT (note) ON billing.feature_overrides TO"), "{sql}");
    assert!(!sql.contains("UPDATE ("), "{sql}");
}

#[test]
fn an_index_comes_before_its_key_and_a_key_is_proven_last() {
    let sql = up_text();
    let at = |text: &str| sql.find(text).unwrap_or_else(|| panic!("{text} is missing in\n{sql}"));
    assert!(at("ADD COLUMN IF NOT EXISTS billed") < at("CREATE INDEX CONCURRENTLY projects_billed"));
    assert!(at("CREATE INDEX CONCURRENTLY projects_billed") < at("ADD CONSTRAINT projects_billed"));
    assert!(at("ADD CONSTRAINT projects_billed") < at("VALIDATE CONSTRAINT projects_billed"));
}

#[test]
fn the_way_back_undoes_it_in_the_opposite_order() {
    let sql = sample().down().text();
    let at = |text: &str| sql.find(text).unwrap_or_else(|| panic!("{text} is missing in\n{sql}"));
    assert!(at("DROP CONSTRAINT IF EXISTS projects_billed_client_id_fkey") < at("projects_billed_client_id_idx"));
    assert!(at("projects_billed_client_id_idx") < at("DROP COLUMN IF EXISTS billed_client_id"));
    assert!(at("DROP CONSTRAINT IF EXISTS projects_website_check") < at("DROP COLUMN IF EXISTS website"));
}

/// All migrations, and on top the one that is tried.
fn with(step: Step) -> Vec<Box<dyn MigrationTrait>> {
    crate::steps().into_iter().chain([step]).map(|step| Box::new(step) as Box<dyn MigrationTrait>).collect()
}

struct WithSample;

impl MigratorTrait for WithSample {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        with(Step::new("m99999999_000001_sample", || sample().up(), || sample().down()))
    }
}

struct WithSecret;

impl MigratorTrait for WithSecret {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        with(Step::new("m99999999_000001_secret", || secret().up(), || secret().down()))
    }
}

/// A migrated database with a project in it, and a connection that acts as the owner. The cluster ends with the value.
async fn database() -> (Cluster, String, DatabaseConnection) {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let url = cluster.superuser_url("postgres");
    crate::up(&url).await.unwrap();
    let mut options = ConnectOptions::new(&url);
    options.max_connections(1).sqlx_logging(false);
    let database = Database::connect(options).await.unwrap();
    for sql in [
        &format!("INSERT INTO app.organizations (id, name, slug) VALUES ('{ORGANIZATION}', 'x', 'x')"),
        &format!(
            "INSERT INTO app.workspaces (organization_id, id, name) VALUES ('{ORGANIZATION}', '{ORGANIZATION}', 'w')"
        ),
        &format!(
            "INSERT INTO app.projects (organization_id, id, workspace_id, name, description)
             SELECT '{ORGANIZATION}', gen_random_uuid(), '{ORGANIZATION}', 'p', 'd' FROM generate_series(1, 3)"
        ),
        "SET ROLE tenantry_owner",
        "SET search_path = platform",
    ] {
        run(&database, sql).await.unwrap();
    }
    (cluster, url, database)
}

async fn run(database: &DatabaseConnection, sql: &str) -> Result<(), DbErr> {
    database.execute_unprepared(sql).await.map(drop)
}

async fn number(database: &DatabaseConnection, query: &str) -> i64 {
    let query = Statement::from_string(DbBackend::Postgres, query);
    database.query_one_raw(query).await.unwrap().unwrap().try_get_by_index(0).unwrap()
}

fn dump(url: &str) -> String {
    let program = Binaries::find().unwrap().folder().join("pg_dump");
    let output = Command::new(program).args(["--schema-only", "--dbname", url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Newer versions fence the dump with a random word.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

/// How many tables do not force their policies, how many constraints of ours are not proven, and how many indexes are of no use.
const UNFINISHED: &str = "SELECT (SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity)
    + (SELECT count(*) FROM pg_constraint WHERE conrelid = 'app.projects'::regclass AND NOT convalidated)
    + (SELECT count(*) FROM pg_index WHERE NOT indisvalid)";

#[tokio::test]
async fn there_and_back_and_there_again() {
    let (_cluster, url, database) = database().await;
    let before = dump(&url);
    WithSample::up(&database, None).await.unwrap();
    let after = dump(&url);
    assert_ne!(after, before);
    assert_eq!(number(&database, UNFINISHED).await, 0);
    assert!(WithSample::get_pending_migrations(&database).await.unwrap().is_empty(), "it is recorded");
    WithSample::down(&database, Some(1)).await.unwrap();
    assert_eq!(dump(&url), before);
    WithSample::up(&database, None).await.unwrap();
    assert_eq!(dump(&url), after);
    // Nobody's own settings are left behind.
    assert_eq!(
        number(
            &database,
            "SELECT count(*) FROM pg_settings WHERE name ~ '^(lock|statement)_timeout$' AND setting <> '0'"
        )
        .await,
        0
    );
}

#[tokio::test]
async fn a_secret_column_is_written_and_not_read() {
    let (_cluster, url, database) = database().await;
    let before = dump(&url);
    WithSecret::up(&database, None).await.unwrap();
    let after = dump(&url);
    let may = async |column: &str, privilege: &str| {
        let query = format!(
            "SELECT has_column_privilege('tenantry_app', 'app.workspace_members', '{column}', '{privilege}')::int::bigint"
        );
        number(&database, &query).await == 1
    };
    assert!(!may("key_hash", "SELECT").await && may("key_hash", "INSERT").await && !may("key_hash", "UPDATE").await);
    assert!(may("note", "SELECT").await && may("permission", "SELECT").await);
    WithSecret::down(&database, Some(1)).await.unwrap();
    assert_eq!(dump(&url), before);
    WithSecret::up(&database, None).await.unwrap();
    assert_eq!(dump(&url), after);

    let careless = AlterTenantTable::new("app.clients").secret("key_hash", "bytea").up();
    let error = careless.run(&SchemaManager::new(&database), false).await.unwrap_err().to_string();
    assert!(error.contains("would be readable"), "{error}");
}

#[tokio::test]
async fn cut_off_anywhere_it_starts_over() {
    let (_cluster, url, database) = database().await;
    let manager = SchemaManager::new(&database);
    let Change::Parts(parts) = sample().up() else { panic!("it runs in parts") };
    let Change::Parts(back) = sample().down() else { panic!("it runs in parts") };
    let before = dump(&url);
    sample().up().run(&manager, false).await.unwrap();
    let after = dump(&url);
    for done in 0..=parts.len() {
        Change::Parts(parts[..done].to_vec()).run(&manager, false).await.unwrap();
        sample().up().run(&manager, false).await.unwrap();
        assert_eq!(dump(&url), after, "after {done} parts");
    }
    for done in 0..=back.len() {
        Change::Parts(back[..done].to_vec()).run(&manager, false).await.unwrap();
        sample().down().run(&manager, false).await.unwrap();
        assert_eq!(dump(&url), before, "after {done} parts back");
        sample().up().run(&manager, false).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_that_could_not_be_built_is_built_anew() {
    let (_cluster, _url, database) = database().await;
    let manager = SchemaManager::new(&database);
    let change = || AlterTenantTable::new("app.projects").unique_index("name", "name", "");
    assert!(
        change().up().run(&manager, false).await.unwrap_err().to_string().contains("could not create unique index")
    );
    assert_eq!(number(&database, UNFINISHED).await, 1, "what is left is of no use");
    run(&database, "SET app.current_organization_id = '00000000-0000-7000-8000-000000000001'").await.unwrap();
    run(&database, "UPDATE app.projects SET name = id::text").await.unwrap();
    change().up().run(&manager, false).await.unwrap();
    assert_eq!(number(&database, UNFINISHED).await, 0);
}

#[tokio::test]
async fn a_key_is_proven_for_rows_that_the_policies_hide_from_the_owner() {
    let (_cluster, _url, database) = database().await;
    run(&database, "ALTER TABLE app.projects ADD COLUMN lead_id uuid DEFAULT gen_random_uuid()").await.unwrap();
    assert_eq!(number(&database, "SELECT count(*) FROM app.projects").await, 0, "the owner sees nobody's rows");
    let change = || AlterTenantTable::new("app.projects").reference_member("lead_id", OnDelete::SetNull, "");
    let error = change().up().run(&SchemaManager::new(&database), false).await.unwrap_err().to_string();
    assert!(error.contains("projects_lead_id_fkey"), "{error}");
    // The one constraint, and no policy.
    assert_eq!(number(&database, UNFINISHED).await, 1);
    run(&database, "ALTER TABLE app.projects DROP COLUMN lead_id").await.unwrap();
    run(&database, "ALTER TABLE app.projects ADD COLUMN lead_id uuid").await.unwrap();
    change().up().run(&SchemaManager::new(&database), false).await.unwrap();
    assert_eq!(number(&database, UNFINISHED).await, 0);
}
