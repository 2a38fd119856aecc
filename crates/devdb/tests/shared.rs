//! The cluster that test processes share. Each test simulates a test run of its own with a separately named cluster.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tenantry_devdb::{
    DatabaseUrls,
    shared::{Template, TestDatabase, cluster},
};

const KEY: &str = "TENANTRY_TEST_CLUSTER";

/// Runs one of the ignored tests below in a process of its own.
fn spawn(test: &str, key: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(KEY, key)
        .env("TENANTRY_TEST_CLUSTER_IDLE", "2")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ended(child: Child) -> Output {
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// What a child printed after this word.
fn said(output: &Output, word: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once(word)).unwrap_or_else(|| panic!("no {word} in {text}"));
    line.1.trim().to_owned()
}

async fn build(empty: DatabaseUrls) -> Result<(), std::io::Error> {
    let cluster = cluster().await.unwrap();
    println!("BUILT by {}", std::process::id());
    cluster.psql(empty.name(), "CREATE TABLE marker AS SELECT 42 AS n").await.unwrap();
    Ok(())
}

fn unique_key() -> String {
    format!("{}-{:?}", std::process::id(), Instant::now())
}

#[tokio::test]
#[ignore = "started by another test"]
async fn child_uses_a_database() {
    let template = Template::prepare("one", build).await.unwrap();
    let database = TestDatabase::create(&template).await.unwrap();
    assert_eq!(database.psql("SELECT n FROM marker").await.unwrap(), "42");
    println!("PORT {}", database.connection().port());
    println!("LOG {}", database.cluster().log_file().display());
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test]
#[ignore = "started by another test"]
async fn child_crashes() {
    let template = Template::prepare("one", build).await.unwrap();
    let database = TestDatabase::create(&template).await.unwrap();
    println!("LOST {}", database.name());
    std::mem::forget(database);
}

#[tokio::test]
#[ignore = "started by another test"]
async fn child_looks_for_orphans() {
    let cluster = cluster().await.unwrap();
    let count = "SELECT count(*) FROM pg_database WHERE datname LIKE 't\\_%'";
    let deadline = Instant::now() + Duration::from_secs(10);
    while cluster.psql("postgres", count).await.unwrap() != "0" {
        assert!(Instant::now() < deadline, "a dead process's database is still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn processes_share_one_cluster_and_one_template_and_it_stops_when_idle() {
    let key = unique_key();
    let children: Vec<Child> = (0..4).map(|_| spawn("child_uses_a_database", &key)).collect();
    let outputs: Vec<Output> = children.into_iter().map(ended).collect();

    let ports: Vec<String> = outputs.iter().map(|output| said(output, "PORT ")).collect();
    assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
    let built = outputs.iter().filter(|output| String::from_utf8_lossy(&output.stdout).contains("BUILT by")).count();
    assert_eq!(built, 1, "the template was built more or less than once");

    let log = said(&outputs[0], "LOG ");
    let base = Path::new(&log).parent().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while base.join("data/postmaster.pid").exists() {
        assert!(Instant::now() < deadline, "the cluster still runs");
        std::thread::sleep(Duration::from_millis(100));
    }

    // The next run starts it again and finds the template.
    let again = ended(spawn("child_uses_a_database", &key));
    assert!(!String::from_utf8_lossy(&again.stdout).contains("BUILT by"));
    forget(base);
}

#[test]
fn databases_of_dead_processes_are_swept() {
    let key = unique_key();
    let output = ended(spawn("child_crashes", &key));
    said(&output, "LOST ");
    let log = said(&ended(spawn("child_uses_a_database", &key)), "LOG ");
    let base = Path::new(&log).parent().unwrap();
    // Joining processes clean up only every ten seconds; this forces it now.
    std::fs::remove_file(base.join("swept")).unwrap();
    ended(spawn("child_looks_for_orphans", &key));
    forget(base);
}

/// Removes a cluster that no other run will use; its watchdog notices and ends.
fn forget(base: &Path) {
    let pid_file = base.join("data/postmaster.pid");
    // On a slow machine it may already be idle and stopped.
    if let Ok(text) = std::fs::read_to_string(&pid_file) {
        let pid = text.lines().next().unwrap();
        Command::new("sh").args(["-c", &format!("kill -s QUIT {pid}")]).status().unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while pid_file.exists() {
        assert!(Instant::now() < deadline, "the cluster still runs");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Renamed first, because the watchdog creates its lock file again when the folder has none.
    let gone = base.with_extension("gone");
    std::fs::rename(base, &gone).unwrap();
    std::fs::remove_dir_all(gone).unwrap();
}

#[tokio::test]
async fn tests_of_one_process_get_databases_of_their_own() {
    let template = Template::prepare("one", build).await.unwrap();
    let (first, second) = tokio::join!(TestDatabase::create(&template), TestDatabase::create(&template));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_ne!(first.name(), second.name());
    first.psql("UPDATE marker SET n = 1").await.unwrap();
    assert_eq!(second.psql("SELECT n FROM marker").await.unwrap(), "42");
    let empty = TestDatabase::empty().await.unwrap();
    assert_eq!(empty.psql("SELECT to_regclass('marker') IS NULL").await.unwrap(), "t");

    let locked = first.cluster().psql(template.name(), "SELECT 1").await.unwrap_err();
    assert!(locked.to_string().contains("not currently accepting connections"), "{locked}");
}

#[tokio::test]
async fn a_template_that_fails_can_be_tried_again() {
    let key = unique_key();
    let failed = Template::prepare(&key, async |_| Err("broken migration")).await.unwrap_err();
    assert_eq!(std::error::Error::source(&failed).unwrap().to_string(), "broken migration");
    let template = Template::prepare(&key, build).await.unwrap();
    TestDatabase::create(&template).await.unwrap();
    cluster().await.unwrap().psql("postgres", &format!("DROP DATABASE {}", template.name())).await.unwrap();
}
