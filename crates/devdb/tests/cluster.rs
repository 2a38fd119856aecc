//! A cluster of one process: it starts, answers, refuses strangers, and leaves nothing behind.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use tenantry_devdb::{Binaries, Cluster, ClusterOptions, DevDbError, Role};

/// Runs `psql` as any client would; returns the answer or the error text.
fn ask(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new(Binaries::find().unwrap().folder().join("psql"))
        .args(["-X", "-A", "-t", "-c", sql, url])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

fn alive(pid: u32) -> bool {
    Command::new("sh").args(["-c", &format!("kill -0 {pid}")]).stderr(Stdio::null()).status().unwrap().success()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A folder that another account can (0755) or cannot (0700) reach.
fn folder(mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    folder
}

fn kept_in(folder: &Path) -> ClusterOptions {
    ClusterOptions { data_dir: Some(folder.join("dev")), ..ClusterOptions::default() }
}

#[tokio::test]
async fn roles_and_databases_work_through_the_urls() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    cluster.prepare_roles().await.unwrap();
    cluster.prepare_roles().await.unwrap();
    let urls = cluster.create_database("tenantry", None).await.unwrap();
    assert!(cluster.has_database("tenantry").await.unwrap());
    assert!(!cluster.has_database("other").await.unwrap());

    for role in [Role::Owner, Role::App, Role::Auth, Role::Worker] {
        assert_eq!(ask(&urls.url(role), "SELECT current_user").unwrap(), role.name());
        assert_eq!(ask(&urls.socket_url(role), "SELECT current_user").unwrap(), role.name());
    }
    let powers = "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'tenantry%' \
                  AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR NOT rolcanlogin)";
    assert_eq!(ask(&urls.superuser_url(), powers).unwrap(), "0");
    assert_eq!(ask(&urls.owner_url(), "CREATE TABLE t (i int)").unwrap(), "CREATE TABLE");
    assert_eq!(ask(&urls.owner_url(), "SHOW server_encoding").unwrap(), "UTF8");

    cluster.create_database("copy", Some("tenantry")).await.unwrap();
    assert_eq!(ask(&cluster.url("tenantry_owner", "copy"), "SELECT count(*) FROM t").unwrap(), "0");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn the_port_asks_for_a_password_and_the_socket_is_closed_to_others() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let bare = format!("postgres://postgres:wrong@127.0.0.1:{}/postgres", cluster.port());
    assert!(ask(&bare, "SELECT 1").unwrap_err().contains("password authentication failed"));
    assert_eq!(fs::metadata(cluster.socket_dir()).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(cluster.data_dir().join("password")).unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn root_does_not_run_the_server() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let own = fs::metadata(format!("/proc/{}", std::process::id()));
    let Ok(server) = fs::metadata(format!("/proc/{}", cluster.pid())) else { return };
    assert_ne!(server.uid(), 0);
    let own = own.unwrap().uid();
    assert!(own == 0 || own == server.uid());
}

#[tokio::test]
async fn a_temporary_cluster_leaves_nothing_behind() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    let (pid, base) = (cluster.pid(), cluster.data_dir().to_owned());
    assert!(base.exists() && alive(pid));
    drop(cluster);
    assert!(!base.exists() && !alive(pid));
}

#[tokio::test]
async fn data_survives_a_restart_and_a_second_owner_is_refused() {
    let folder = folder(0o755);
    let mut cluster = Cluster::start(kept_in(folder.path())).await.unwrap();
    cluster.psql("postgres", "CREATE TABLE kept AS SELECT 7 AS n").await.unwrap();

    let refused = Cluster::start(kept_in(folder.path())).await.unwrap_err();
    assert!(matches!(refused, DevDbError::AlreadyRunning { pid: Some(pid), .. } if pid == cluster.pid()), "{refused}");
    assert!(refused.to_string().contains("is in use by another process"), "{refused}");

    let (pid, url) = (cluster.pid(), cluster.superuser_url("postgres"));
    cluster.restart().await.unwrap();
    assert_ne!(cluster.pid(), pid);
    assert_eq!(ask(&url, "SELECT n FROM kept").unwrap(), "7");
    cluster.stop().await.unwrap();

    let cluster = Cluster::start(kept_in(folder.path())).await.unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT n FROM kept").await.unwrap(), "7");
}

#[tokio::test]
async fn a_stale_pid_file_is_recovered_even_if_the_pid_is_in_use() {
    let folder = folder(0o755);
    let cluster = Cluster::start(kept_in(folder.path())).await.unwrap();
    let pid_file = cluster.data_dir().join("data/postmaster.pid");
    let stale = fs::read_to_string(&pid_file).unwrap();
    cluster.stop().await.unwrap();

    // As after a power failure, when another process (this one) now has that pid.
    let rest = stale.split_once('\n').unwrap().1;
    fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    let cluster = Cluster::start(kept_in(folder.path())).await.unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT 1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_port_in_use_is_reported() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let refused = Cluster::start(ClusterOptions { port: Some(port), ..ClusterOptions::default() }).await.unwrap_err();
    assert!(matches!(refused, DevDbError::PortTaken { port: named } if named == port), "{refused}");
}

#[tokio::test]
async fn a_paused_server_can_be_resumed() {
    let mut cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    cluster.pause();
    let url = cluster.superuser_url("postgres");
    let question = std::thread::spawn(move || ask(&url, "SELECT 1"));
    std::thread::sleep(Duration::from_millis(200));
    assert!(!question.is_finished());
    cluster.resume();
    assert_eq!(question.join().unwrap().unwrap(), "1");
    cluster.pause();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_that_the_server_cannot_reach_is_replaced() {
    let closed = folder(0o700);
    let cluster = Cluster::start(kept_in(closed.path())).await.unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT 1").await.unwrap(), "1");
    let used = cluster.data_dir().to_owned();
    cluster.stop().await.unwrap();
    // Only root uses another account for the server.
    if !used.starts_with(closed.path()) {
        assert!(used.starts_with("/var/lib/tenantry"), "{}", used.display());
        fs::remove_dir_all(used).unwrap();
    }
}

/// Not a test: this is the process that the next test kills.
#[tokio::test]
#[ignore = "started by another test"]
async fn child_that_is_killed() {
    let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
    println!("CLUSTER {} {}", cluster.pid(), cluster.data_dir().display());
    std::future::pending::<()>().await;
}

#[test]
fn the_cluster_of_a_killed_process_stops() {
    use std::io::{BufRead, BufReader};
    for signal in ["TERM", "KILL"] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--ignored", "--nocapture"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let line = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("CLUSTER ").map(|(_, rest)| rest.to_owned()))
            .unwrap();
        let (pid, base) = line.split_once(' ').unwrap();
        let pid = pid.parse().unwrap();
        assert!(alive(pid));
        Command::new("sh").args(["-c", &format!("kill -s {signal} {}", child.id())]).status().unwrap();
        child.wait().unwrap();
        wait_until("server gone", || !alive(pid));
        wait_until("folder gone", || !Path::new(base).exists());
    }
}
