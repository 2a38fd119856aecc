//! The migrations against a real database, run by a superuser. Reverting drops the roles, which belong to the whole
//! cluster, so each test has a cluster of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail by panicking")]

use std::process::Command;

use sea_orm_migration::sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement};
use tenantry_devdb::{Binaries, Cluster, ClusterOptions};
use tenantry_migration::{down, fresh, names, status, up};

const ADA: &str = "00000000-0000-7000-8000-00000000000a";
const BOB: &str = "00000000-0000-7000-8000-00000000000b";
const ONE: &str = "00000000-0000-7000-8000-000000000001";
const TWO: &str = "00000000-0000-7000-8000-000000000002";

/// An empty database in a cluster of this test's own; dropping the cluster stops it.
async fn database(name: &str) -> (Cluster, String) {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let admin = Database::connect(cluster.superuser_url("postgres")).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    admin.close().await.unwrap();
    let url = cluster.superuser_url(name);
    (cluster, url)
}

fn dump(url: &str) -> String {
    let program = Binaries::find().unwrap().folder().join("pg_dump");
    let output = Command::new(program).args(["--schema-only", "--dbname", url]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Newer versions put a random word around the dump.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

async fn run(database: &DatabaseConnection, sql: &str) -> Result<(), DbErr> {
    database.execute_unprepared(sql).await.map(drop)
}

/// Runs the statements as `role` in one transaction that sets `organization`, and commits them.
async fn run_as(database: &DatabaseConnection, role: &str, organization: &str, sql: &str) -> Result<(), DbErr> {
    let script = format!(
        "BEGIN; SET LOCAL ROLE {role}; SET LOCAL app.current_organization_id = '{organization}'; {sql}; COMMIT"
    );
    let outcome = run(database, &script).await;
    if outcome.is_err() {
        run(database, "ROLLBACK").await.unwrap();
    }
    outcome
}

async fn count_as(database: &DatabaseConnection, role: &str, settings: &str, table: &str) -> i64 {
    run(database, &format!("BEGIN; SET LOCAL ROLE {role}; {settings}")).await.unwrap();
    let query = Statement::from_string(DbBackend::Postgres, format!("SELECT count(*) AS n FROM {table}"));
    let row = database.query_one_raw(query).await.unwrap().unwrap();
    run(database, "ROLLBACK").await.unwrap();
    row.try_get("", "n").unwrap()
}

async fn strings(database: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "value").unwrap()).collect()
}

async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm_migration::sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    Database::connect(options).await.unwrap()
}

#[tokio::test]
async fn up_down_up_leaves_the_same_catalogue() {
    let (_cluster, url) = database("migration_round_trip").await;
    let empty = dump(&url);
    assert_eq!(up(&url).await.unwrap(), names());
    let first = dump(&url);
    assert_eq!(up(&url).await.unwrap(), Vec::<String>::new(), "nothing is left to apply");

    // One step at a time, because each `down` must work on its own.
    for name in names().iter().rev() {
        assert_eq!(down(&url, Some(1)).await.unwrap(), std::slice::from_ref(name));
    }
    assert_eq!(dump(&url), empty, "nothing is left behind");
    assert!(status(&url).await.unwrap().iter().all(|migration| !migration.applied));
    up(&url).await.unwrap();
    assert_eq!(dump(&url), first);

    assert_eq!(down(&url, None).await.unwrap().len(), names().len());
    up(&url).await.unwrap();
    assert_eq!(fresh(&url).await.unwrap(), names());
    assert_eq!(dump(&url), first);
}

#[tokio::test]
async fn two_processes_may_migrate_at_once() {
    let (_cluster, url) = database("migration_at_once").await;
    let (one, two, three) = tokio::join!(up(&url), up(&url), up(&url));
    let applied = [one.unwrap(), two.unwrap(), three.unwrap()].concat();
    assert_eq!(applied, names(), "each migration is applied by exactly one of them");
}

#[tokio::test]
async fn everything_belongs_to_the_owner_and_the_application_reads_the_status() {
    let (_cluster, url) = database("migration_owner").await;
    up(&url).await.unwrap();
    let admin = connect(&url).await;
    let strangers = strings(
        &admin,
        "SELECT c.oid::regclass::text AS value FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND c.relowner <> 'tenantry_owner'::regrole",
    )
    .await;
    assert_eq!(strangers, Vec::<String>::new());
    run(&admin, "ALTER ROLE tenantry_app PASSWORD 'app'; ALTER ROLE tenantry_owner PASSWORD 'owner'").await.unwrap();
    let sign_in = |role: &str, password: &str| {
        let (_, rest) = url.split_once('@').expect("the URL names a user");
        format!("postgres://{role}:{password}@{rest}")
    };
    let seen = status(&sign_in("tenantry_app", "app")).await.unwrap();
    assert!(seen.iter().all(|migration| migration.applied) && seen.len() == names().len());
    // The owner alone, without an administrator, can revert everything and apply it again.
    let owner = sign_in("tenantry_owner", "owner");
    down(&owner, None).await.unwrap();
    assert_eq!(up(&owner).await.unwrap(), names());
    assert!(up(&sign_in("tenantry_app", "app")).await.is_err(), "the application may not migrate");
}

/// Two organizations with the same shape of data: a member, a workspace, a client, a project, a task, an invoice.
async fn populate(admin: &DatabaseConnection) {
    for (organization, user) in [(ONE, ADA), (TWO, BOB)] {
        let auth = format!(
            "SET ROLE tenantry_auth;
             INSERT INTO auth.users (id, email, name) VALUES ('{user}', '{user}@example.com', 'x'); RESET ROLE"
        );
        run(admin, &auth).await.unwrap();
        let rows = format!(
            "INSERT INTO app.organizations (id, name, slug) VALUES ('{organization}', 'x', 's-{organization}');
             INSERT INTO app.organization_members (organization_id, id, user_id, role, invited_by)
                 VALUES ('{organization}', '{user}', '{user}', 'owner', '{user}');
             INSERT INTO app.workspaces (organization_id, id, name, is_default) VALUES ('{organization}', '{organization}', 'w', true);
             INSERT INTO app.clients (organization_id, id, name) VALUES ('{organization}', '{organization}', 'c');
             INSERT INTO app.projects (organization_id, id, workspace_id, client_id, name, owner_id, created_by) VALUES
                 ('{organization}', '{organization}', '{organization}', '{organization}', 'p', '{user}', '{user}');
             INSERT INTO app.tasks (organization_id, id, project_id, title, position, created_by) VALUES
                 ('{organization}', '{organization}', '{organization}', 't', 'a0', '{user}');
             INSERT INTO app.tasks (organization_id, id, project_id, parent_task_id, title, position) VALUES
                 ('{organization}', '{user}', '{organization}', '{organization}', 't', 'a0');
             INSERT INTO app.task_assignees (organization_id, task_id, user_id) VALUES ('{organization}', '{organization}', '{user}');
             INSERT INTO app.invoices (organization_id, id, client_id, project_id, currency, issue_date) VALUES
                 ('{organization}', '{organization}', '{organization}', '{organization}', 'EUR', '2026-01-01');
             INSERT INTO app.invoice_tasks (organization_id, invoice_id, task_id) VALUES ('{organization}', '{organization}', '{organization}');
             INSERT INTO app.workspace_members (organization_id, workspace_id, user_id, permission) VALUES ('{organization}', '{organization}', '{user}', 'edit');
             INSERT INTO app.project_members (organization_id, project_id, user_id, permission) VALUES ('{organization}', '{organization}', '{user}', 'edit');
             INSERT INTO app.organization_invitations (organization_id, id, email, token_hash, expires_at)
                 VALUES ('{organization}', '{organization}', 'x@example.com', sha256('{organization}'), now());
             INSERT INTO billing.organization_billing (organization_id) VALUES ('{organization}');
             SELECT 1 FROM billing.organization_billing WHERE organization_id = '{organization}' FOR UPDATE;
             INSERT INTO billing.usage_counters AS c (organization_id, feature, period_start, period_end, count)
                 VALUES ('{organization}', 'projects', '2026-01-01', '2026-02-01', 1)
                 ON CONFLICT (organization_id, feature, period_start) DO UPDATE SET count = c.count + 1 WHERE c.count < 5"
        );
        run_as(admin, "tenantry_app", organization, &rows).await.unwrap();
        let exception = format!(
            "INSERT INTO billing.feature_overrides (organization_id, feature) VALUES ('{organization}', 'projects')"
        );
        assert!(run_as(admin, "tenantry_app", organization, &exception).await.is_err());
        run_as(admin, "tenantry_owner", organization, &exception).await.unwrap();
    }
}

#[tokio::test]
async fn no_tenant_sees_or_refers_to_another() {
    let (_cluster, url) = database("migration_isolation").await;
    up(&url).await.unwrap();
    let admin = connect(&url).await;
    populate(&admin).await;

    let tables = strings(
        &admin,
        "SELECT attrelid::regclass::text AS value FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
         WHERE attname = 'organization_id' AND relkind IN ('r', 'p') AND NOT relispartition AND attrelid <> 'billing.stripe_events'::regclass",
    )
    .await;
    assert!(tables.len() >= 14, "{tables:?}");
    for table in tables.iter().map(String::as_str).chain(["app.organizations"]) {
        let own = format!("SET LOCAL app.current_organization_id = '{ONE}'");
        let all = count_as(&admin, "postgres", "", table).await;
        for role in ["tenantry_app", "tenantry_worker", "tenantry_owner"] {
            assert_eq!(count_as(&admin, role, &own, table).await * 2, all, "{table} as {role}");
        }
        for settings in ["", "SET LOCAL app.current_organization_id = ''"] {
            assert_eq!(count_as(&admin, "tenantry_app", settings, table).await, 0, "{table} with {settings:?}");
            assert_eq!(count_as(&admin, "tenantry_owner", settings, table).await, 0, "{table} with {settings:?}");
        }
    }

    // Another tenant's id in each composite key is refused, with and without row-level security.
    for (table, column) in [
        ("projects", "workspace_id"),
        ("projects", "client_id"),
        ("projects", "owner_id"),
        ("tasks", "project_id"),
        ("invoices", "client_id"),
        ("invoices", "project_id"),
    ] {
        let foreign = if column == "owner_id" { BOB } else { TWO };
        let sql = format!("UPDATE app.{table} SET {column} = '{foreign}' WHERE organization_id = '{ONE}'");
        for role in ["tenantry_app", "postgres"] {
            let error = run_as(&admin, role, ONE, &sql).await.unwrap_err().to_string();
            assert!(error.contains("foreign key"), "{table}.{column} as {role}: {error}");
        }
    }
    let assign = format!(
        "INSERT INTO app.task_assignees (organization_id, task_id, user_id) VALUES ('{ONE}', '{ONE}', '{BOB}')"
    );
    assert!(run_as(&admin, "postgres", ONE, &assign).await.unwrap_err().to_string().contains("foreign key"));

    // A tenant can neither write a row for another tenant nor move a row there.
    let smuggle = format!("INSERT INTO app.clients (organization_id, id, name) VALUES ('{TWO}', '{ADA}', 'x')");
    assert!(
        run_as(&admin, "tenantry_app", ONE, &smuggle).await.unwrap_err().to_string().contains("row-level security")
    );
    let move_away = format!("UPDATE app.clients SET organization_id = '{TWO}'");
    assert!(
        run_as(&admin, "tenantry_app", ONE, &move_away).await.unwrap_err().to_string().contains("permission denied")
    );
    for hidden in ["SELECT password_hash FROM auth.users", "SELECT token_hash FROM app.organization_invitations"] {
        let error = run_as(&admin, "tenantry_app", ONE, hidden).await.unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{hidden}: {error}");
    }

    // Before an organization is chosen: the user's own memberships, and the organizations they refer to.
    let me = format!("SET LOCAL app.current_user_id = '{ADA}'; SET LOCAL app.current_organization_ids = '{{{ONE}}}'");
    assert_eq!(count_as(&admin, "tenantry_app", &me, "app.organization_members").await, 1);
    assert_eq!(count_as(&admin, "tenantry_app", &me, "app.organizations").await, 1);
    assert_eq!(count_as(&admin, "tenantry_app", &me, "app.clients").await, 0);
    assert_eq!(count_as(&admin, "tenantry_worker", "", "billing.organization_billing").await, 2);
    assert_eq!(count_as(&admin, "tenantry_worker", "", "app.organizations").await, 0);
}

#[tokio::test]
async fn deletes_follow_the_rules() {
    let (_cluster, url) = database("migration_deletes").await;
    up(&url).await.unwrap();
    let admin = connect(&url).await;
    populate(&admin).await;
    let of_one = format!("SET LOCAL app.current_organization_id = '{ONE}'");
    let count = |table: &'static str| count_as(&admin, "tenantry_app", &of_one, table);

    run_as(&admin, "tenantry_app", ONE, "DELETE FROM app.clients").await.unwrap();
    assert_eq!(count("app.projects WHERE client_id IS NULL").await, 1);
    assert_eq!(count("app.invoices WHERE client_id IS NULL").await, 1);
    assert!(run_as(&admin, "tenantry_app", ONE, "DELETE FROM app.workspaces").await.is_err());
    run_as(&admin, "tenantry_app", ONE, "DELETE FROM app.projects").await.unwrap();
    assert_eq!(count("app.tasks").await, 0);
    assert_eq!(count("app.invoices WHERE project_id IS NULL").await, 1);

    // A user is deleted: the memberships too, but not what the user wrote.
    run(&admin, &format!("DELETE FROM auth.users WHERE id = '{BOB}'")).await.unwrap();
    let of_two = format!("SET LOCAL app.current_organization_id = '{TWO}'");
    assert_eq!(count_as(&admin, "tenantry_app", &of_two, "app.organization_members").await, 0);
    assert_eq!(count_as(&admin, "tenantry_app", &of_two, "app.task_assignees").await, 0);
    let orphaned = "app.projects WHERE owner_id IS NULL AND created_by IS NULL";
    assert_eq!(count_as(&admin, "tenantry_app", &of_two, orphaned).await, 1);

    // The worker deletes an organization with everything in it, but only once it is due.
    let remove =
        format!("BEGIN; SET LOCAL ROLE tenantry_worker; DELETE FROM app.organizations WHERE id = '{TWO}'; COMMIT");
    run(&admin, &remove).await.unwrap();
    assert_eq!(count_as(&admin, "postgres", "", "app.organizations").await, 2);
    let schedule = "UPDATE app.organizations SET deletion_requested_at = now(), deletion_due_at = now()";
    run_as(&admin, "tenantry_app", TWO, schedule).await.unwrap();
    run(&admin, &remove).await.unwrap();
    assert_eq!(count_as(&admin, "postgres", "", "app.organizations").await, 1);
    assert_eq!(count_as(&admin, "postgres", "", &format!("app.projects WHERE organization_id = '{TWO}'")).await, 0);
}

#[tokio::test]
async fn an_address_is_read_as_every_other_command_reads_it() {
    let (cluster, url) = database("forms").await;
    let (folder, port) = (cluster.socket_dir().display().to_string(), cluster.port());
    up(&url).await.unwrap();
    for address in [
        format!("postgres://postgres@/forms?host={folder}&port={port}"),
        format!("host='{folder}' port={port} user=postgres dbname=forms connect_timeout=10 keepalives_idle=30"),
        format!("{url}?channel_binding=prefer&target_session_attrs=any&connect_timeout=10"),
    ] {
        let found = status(&address).await.unwrap_or_else(|error| panic!("{address}: {error:?}"));
        assert!(found.iter().all(|migration| migration.applied), "{address}");
    }
    for (refused, part) in [
        ("postgres://a:sesame@h/db?target_session_attrs=primary", "target_session_attrs"),
        ("postgres://a:sesame@h/db?channel_binding=require", "channel_binding"),
        ("postgres://a:sesame/w@h/db", "port"),
        ("postgres://a:sesame@h,i/db", "several hosts"),
    ] {
        let error = status(refused).await.unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("sesame"), "{error}");
        assert_eq!(error.matches("malformed").count(), 1, "{error}");
    }
}
