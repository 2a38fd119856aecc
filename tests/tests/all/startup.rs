//! A server that cannot start prints the reason in one line and exits; these tests run the program itself.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Output;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;
use tenantry_devdb::shared::TestDatabase;
use tenantry_tests::TestApp;
use tenantry_token::generate_dev_key;
use tokio::io::AsyncBufReadExt as _;
use tokio::process::Command;

/// The program, next to this test's own binary, where cargo puts both. Built if it does not exist yet.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let program = own.ancestors().nth(2).unwrap().join(format!("tenantry{}", std::env::consts::EXE_SUFFIX));
        if !program.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let build = ["build", "--package", "tenantry-server", "--bin", "tenantry"];
            let status = std::process::Command::new(cargo).args(build).current_dir(env!("CARGO_MANIFEST_DIR")).status();
            assert!(status.unwrap().success(), "the program does not build");
        }
        program
    })
}

/// A command of the program without any of this process's settings.
pub(crate) fn tenantry(arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).env_clear().kill_on_drop(true);
    for kept in ["PATH", "HOME", "TMPDIR", "SYSTEMROOT"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// `serve` with everything set correctly except what the test sets.
fn serve(folder: &TempDir, database_url: impl AsRef<OsStr>) -> Command {
    let key = folder.path().join("key");
    if !key.exists() {
        generate_dev_key(&key).unwrap();
    }
    let mut command = tenantry(&["serve"]);
    command.env("DATABASE_URL", database_url).env("TENANTRY_LISTEN", "127.0.0.1:0");
    command.env("TENANTRY_FILES", folder.path().join("files"));
    command.env("TENANTRY_JWT_ISSUER", "tests").env("TENANTRY_JWT_AUDIENCE", "tests");
    command.env("TENANTRY_JWT_ALGORITHM", "HS256").env("TENANTRY_JWT_KEY_FILE", key);
    command
}

/// Runs a command that must fail: exit 1, nothing on standard output, one line on standard error. Returns the line.
pub(crate) async fn fails(mut command: Command) -> String {
    let output = tokio::time::timeout(Duration::from_secs(30), command.output()).await.expect("it ends").unwrap();
    let Output { status, stdout, stderr } = output;
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(1), "{stdout}{stderr}");
    assert_eq!(stdout, "");
    let lines: Vec<_> = stderr.lines().collect();
    assert_eq!(lines.len(), 1, "{stderr}");
    assert!(lines[0].starts_with("tenantry: "), "{stderr}");
    lines[0].to_owned()
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    // A port that was free a moment ago.
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let line = fails(serve(&folder, format!("postgres://tenantry_app:secret-word@127.0.0.1:{port}/x"))).await;
    assert!(line.contains("cannot connect to the database") && line.contains(&port.to_string()), "{line}");
    assert!(!line.contains("secret-word"), "{line}");

    let database = TestApp::database().await;
    let wrong = database.app_url().replacen("tenantry_app:", "tenantry_app:not-", 1);
    let line = fails(serve(&folder, wrong)).await;
    assert!(line.contains("cannot connect to the database") && line.contains("password"), "{line}");
    assert!(!line.contains("not-"), "{line}");
    for malformed in ["not a url", "mysql://x@y/z", ""] {
        let line = fails(serve(&folder, malformed)).await;
        assert!(line.contains("database") || line.contains("DATABASE_URL"), "{malformed}: {line}");
    }
    // Every command says what is wrong with the address, not that a statement was.
    for arguments in [
        &["migrate", "up"][..],
        &["seed", "demo"],
        &["user", "create", "--email", "a@example.com", "--name", "A"],
        &["organization", "create", "--name", "A", "--slug", "a", "--owner", "a@example.com"],
        &["purge"],
        &["doctor"],
    ] {
        let mut command = tenantry(arguments);
        for variable in ["DATABASE_URL", "MIGRATE_DATABASE_URL", "WORKER_DATABASE_URL"] {
            command.env(variable, "postgres://a@h:99999/x");
        }
        let line = fails(command).await;
        assert!(
            line.contains("address of the database is malformed") && line.contains("port"),
            "{arguments:?}: {line}"
        );
        assert!(!line.contains("statement"), "{arguments:?}: {line}");
    }
}

#[tokio::test]
async fn a_role_not_subject_to_row_level_security_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestApp::database().await;
    let line = fails(serve(&folder, database.superuser_url())).await;
    assert!(line.contains("postgres is a superuser"), "{line}");
    let line = fails(serve(&folder, database.owner_url())).await;
    assert!(line.contains("tenantry_owner owns") && line.contains("tenant tables"), "{line}");

    // One role bypasses policies, and one is a member of the owner. Roles belong to the whole cluster, so their names
    // contain the database's name, and they are dropped with the test.
    let name = format!("bypass_{}", database.name());
    let port = database.connection().port();
    for (make, expected) in [
        (format!("CREATE ROLE {name} LOGIN PASSWORD 'x' BYPASSRLS"), "bypasses row-level security"),
        (format!("CREATE ROLE {name} LOGIN PASSWORD 'x' IN ROLE tenantry_owner"), "tenant tables, such as"),
    ] {
        database.psql(&format!("{make}; GRANT USAGE ON SCHEMA platform TO {name}")).await.unwrap();
        let url = format!("postgres://{name}:x@127.0.0.1:{port}/{}", database.name());
        let line = fails(serve(&folder, url)).await;
        database.psql(&format!("DROP OWNED BY {name}; DROP ROLE {name}")).await.unwrap();
        assert!(line.contains(expected), "{line}");
    }
}

#[tokio::test]
async fn missing_migrations_are_counted_and_the_first_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let names = tenantry_migration::names();
    let database = TestApp::database().await;
    tenantry_migration::down(&database.owner_url(), Some(2)).await.unwrap();
    let line = fails(serve(&folder, database.app_url())).await;
    assert!(line.contains("not up to date") && line.contains(&names[names.len() - 2]), "{line}");
    assert!(line.contains("tenantry migrate up"), "{line}");

    let empty = TestDatabase::empty().await.unwrap();
    let line = fails(serve(&folder, empty.app_url())).await;
    assert!(line.contains("not up to date") && line.contains(&names[0]), "{line}");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestApp::database().await;
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = serve(&folder, database.app_url());
    command.env("TENANTRY_LISTEN", &address);
    let line = fails(command).await;
    assert!(line.contains(&address) && line.contains("taken"), "{line}");
}

#[tokio::test]
async fn missing_settings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for setting in [
        "DATABASE_URL",
        "TENANTRY_JWT_ISSUER",
        "TENANTRY_JWT_AUDIENCE",
        "TENANTRY_JWT_ALGORITHM",
        "TENANTRY_JWT_KEY_FILE",
    ] {
        let mut command = serve(&folder, "postgres://tenantry_app@127.0.0.1:1/x");
        command.env_remove(setting);
        let line = fails(command).await;
        assert!(line.contains(setting), "{setting}: {line}");
    }
    let mut command = serve(&folder, "postgres://tenantry_app@127.0.0.1:1/x");
    command.env("TENANTRY_JWT_KEY_FILE", folder.path().join("nothing"));
    let line = fails(command).await;
    assert!(line.contains("nothing"), "{line}");
}

#[tokio::test]
async fn without_postgres_programs_the_message_names_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tenantry(&["dev", "--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(folder.path().join("data"));
    command.env("TENANTRY_PG_BIN", folder.path());
    let output = tokio::time::timeout(Duration::from_secs(30), command.output()).await.expect("it ends").unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let line = stderr.lines().last().unwrap();
    assert!(line.contains("no PostgreSQL 15 or newer found"), "{stderr}");
    assert!(line.contains("postgresql"), "no package is named: {stderr}");
}

#[tokio::test]
async fn with_valid_settings_it_serves_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestApp::database().await;
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let mut command = serve(&folder, database.app_url());
    command.env("TENANTRY_LISTEN", free.to_string());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let ready = async {
        loop {
            let answer = http.get(format!("http://{free}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it becomes ready");
    let pid = child.id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let status = tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it stops").unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn a_database_ahead_of_the_program_is_served_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestApp::database().await;
    let admin = sqlx::PgPool::connect(&database.superuser_url()).await.unwrap();
    let newer = "INSERT INTO platform.seaql_migrations VALUES ('m29990101_000001_newer', 0)";
    sqlx::query(newer).execute(&admin).await.unwrap();
    let mut status = tenantry(&["migrate", "status"]);
    let status = status.env("MIGRATE_DATABASE_URL", database.owner_url()).output().await.unwrap();
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.lines().any(|line| line == "unknown  m29990101_000001_newer"), "{status}");
    let mut doctor = tenantry(&["doctor"]);
    doctor.env("TENANTRY_FILES", folder.path());
    let doctor = doctor.env("DATABASE_URL", database.app_url()).output().await.unwrap();
    assert!(doctor.status.success());
    let doctor = String::from_utf8(doctor.stdout).unwrap();
    assert!(doctor.contains(": written, copied, read and deleted"), "{doctor}");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().flatten().filter(|entry| entry.path().is_file()).count(),
        0,
        "nothing is left"
    );
    assert!(doctor.contains("advice: a newer program has applied the migration m29990101_000001_newer"), "{doctor}");

    let mut child = serve(&folder, database.app_url()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = tokio::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let warned = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("the database is ahead of this program") {
                return line;
            }
        }
        panic!("it says nothing of it");
    };
    let line = tokio::time::timeout(Duration::from_secs(30), warned).await.expect("it starts");
    assert!(line.contains("m29990101_000001_newer"), "{line}");
}

#[tokio::test]
async fn the_schema_is_printed_without_a_database() {
    let output = tenantry(&["schema"]).output().await.unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("type Query {") && printed.contains("\"\"\""), "{printed}");
}
