//! Finds or starts the shared cluster, and removes what dead processes left in it.
//!
//! There are four kinds of locks in the state folder. The kernel releases them all when their process ends.
//! `setup.lock` is held while a process joins. `alive.lock` is held, shared, as long as a process uses the cluster; the
//! watchdog holds it exclusively while it stops the cluster. `holders/TOKEN` shows others that the owner of a database
//! is alive. And there is one lock per template while it is built.

use std::{
    collections::HashSet,
    env,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use tokio::sync::OnceCell;

use crate::{
    Binaries, Connection, DatabaseUrls, DevDbError,
    account::Account,
    folders::{Folders, create_private, hash_of, older_than, open_lock, random_hex},
    off_thread, process,
    server::{Server, StartOptions, quoted},
};

/// Names a cluster other than the checkout's own, for example to keep two runs apart.
const KEY_VARIABLE: &str = "TENANTRY_TEST_CLUSTER";
/// How many seconds after its last user ends the cluster stops.
const IDLE_VARIABLE: &str = "TENANTRY_TEST_CLUSTER_IDLE";
const IDLE_SECONDS: &str = "20";
/// Increase this when the options of `initdb` change, so that old data folders are not reused.
const LAYOUT: u32 = 1;
/// A data folder older than this is created again: a cleaner of temporary folders may have removed files from it.
const KEEP: Duration = Duration::from_hours(72);
/// Joining processes clean up at most this often, because a test runner may start one for every test.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
/// With more templates than this at a start, all are dropped: most belong to migrations that have changed since.
const KEEP_TEMPLATES: usize = 3;

/// The prefixes of database names: of one test, of a finished template, of an unfinished one.
pub(super) const TEST_PREFIX: &str = "t_";
pub(super) const TEMPLATE_PREFIX: &str = "tmpl_";
pub(super) const BUILD_PREFIX: &str = "build_";

/// The process name that identifies a live watchdog.
const WATCHDOG_NAME: &str = "tenantry-watchdog";

/// Stops the cluster once nobody has held `alive.lock` for a while. It holds the lock while stopping, so a process that
/// joins at that moment waits and then starts the cluster again. `flock` comes with Linux, perl with macOS.
const WATCHDOG: &str = r#"trap '' HUP INT TERM
lock=$1 pg_ctl=$2 data=$3 patience=$4 idle=0
locked() {
  if command -v flock >/dev/null; then
    flock -n -x "$lock" "$@"
  else
    perl -e 'use Fcntl ":flock"; open(my $f, "+<", shift) or exit 1;
      flock($f, LOCK_EX | LOCK_NB) or exit 1; exit(system(@ARGV) ? 1 : 0)' "$lock" "$@"
  fi
}
while [ -e "$lock" ]; do
  sleep 2
  if locked true; then idle=$((idle + 2)); else idle=0; fi
  if [ "$idle" -ge "$patience" ] &&
    locked sh -c '"$1" stop --pgdata "$2" --silent --mode fast --wait; exit 0' sh "$pg_ctl" "$data"
  then exit 0; fi
done
exec "$pg_ctl" stop --pgdata "$data" --silent --mode immediate"#;

/// This process's handle on the shared cluster.
#[derive(Debug)]
pub struct SharedCluster {
    server: Server,
    /// Part of the names of this process's databases; a process id alone is reused.
    token: String,
    next: AtomicU32,
    /// Both are held until the process ends.
    _alive: File,
    _holder: File,
}

/// The shared cluster: found or started at the first call in a process, the same afterwards.
///
/// # Errors
/// [`DevDbError::BinariesMissing`] without Postgres, and others when starting fails.
pub async fn cluster() -> Result<&'static SharedCluster, DevDbError> {
    static CLUSTER: OnceCell<SharedCluster> = OnceCell::const_new();
    CLUSTER.get_or_try_init(|| off_thread(SharedCluster::join)).await
}

impl SharedCluster {
    /// The cluster's address.
    pub fn connection(&self) -> &Connection {
        &self.server.connection
    }

    /// The URLs of one of its databases.
    pub fn database(&self, name: &str) -> DatabaseUrls {
        self.connection().database(name)
    }

    /// The server's log, since the cluster was started. All tests of a run write to it.
    pub fn log_file(&self) -> &Path {
        &self.server.folders.log
    }

    /// Runs statements as the superuser; see [`Cluster::psql`](crate::Cluster::psql).
    ///
    /// # Errors
    /// [`DevDbError::Program`] with Postgres's message at the first statement that fails.
    pub async fn psql(&self, database: &str, statements: &str) -> Result<String, DevDbError> {
        let (server, database, statements) = (self.server.clone(), database.to_owned(), statements.to_owned());
        off_thread(move || server.sql(&database, &statements)).await
    }

    /// A name for this process's next database.
    pub(super) fn next_name(&self) -> String {
        format!("{TEST_PREFIX}{}_{}", self.token, self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(super) fn account(&self) -> Account {
        self.server.account
    }

    /// The folder with one file for each finished template.
    pub(super) fn templates(&self) -> PathBuf {
        templates(&self.server)
    }

    /// Drops a database without waiting, even beyond the end of this process.
    pub(super) fn drop_later(&self, name: &str) {
        drop_detached(&self.server, &[name.to_owned()]);
    }

    fn join() -> Result<Self, DevDbError> {
        let account = Account::for_server()?;
        let override_key = env::var_os(KEY_VARIABLE);
        let key = hash_of((LAYOUT, env!("CARGO_MANIFEST_DIR"), override_key, env::var_os("TENANTRY_PG_BIN")));
        let folders = Folders::shared(&key, account)?;

        let setup = open_lock(&folders.base.join("setup.lock"), account)?;
        setup.lock().map_err(DevDbError::io("lock", folders.base.join("setup.lock")))?;
        let alive = open_lock(&folders.base.join("alive.lock"), account)?;
        alive.lock_shared().map_err(DevDbError::io("lock", folders.base.join("alive.lock")))?;

        let swept = folders.base.join("swept");
        let server = match running(&folders, account)? {
            Some(server) => server,
            None => start(folders, account)?,
        };
        watch(&server)?;

        let holders = server.folders.base.join("holders");
        create_private(&holders, account)?;
        if modified_before(&swept, SWEEP_EVERY) {
            sweep(&server, &holders)?;
            fs::write(&swept, "").map_err(DevDbError::io("write", &swept))?;
        }
        let token = format!("{}_{}", std::process::id(), random_hex(2)?);
        let holder = open_lock(&holders.join(&token), account)?;
        holder.lock().map_err(DevDbError::io("lock", holders.join(&token)))?;
        Ok(Self { server, token, next: AtomicU32::new(0), _alive: alive, _holder: holder })
    }
}

/// The cluster as started by another process. It uses the programs that this process recorded, because finding them
/// takes longer than everything else in joining.
fn running(folders: &Folders, account: Account) -> Result<Option<Server>, DevDbError> {
    match Binaries::recall(&folders.base.join("programs")) {
        Some(binaries) => Server::running(folders.clone(), account, binaries),
        None => Ok(None),
    }
}

/// Starts the cluster. The caller holds the setup lock and nobody uses the cluster. Without `fsync` only a data folder
/// that was shut down cleanly can be trusted; any other is created again.
fn start(folders: Folders, account: Account) -> Result<Server, DevDbError> {
    let (stamp, programs) = (folders.base.join("started"), folders.base.join("programs"));
    // Written again at the very end: an interrupted start does not count as a running cluster.
    fs::remove_file(&programs).unwrap_or_default();
    let too_old = folders.data.exists() && modified_before(&stamp, KEEP);
    let usable = match Server::open(folders.clone(), account, false) {
        Ok(server) => Some(server).filter(|server| server.is_clean() && !too_old),
        // This Postgres has been replaced by a newer version.
        Err(DevDbError::DataVersion { .. }) => None,
        Err(error) => return Err(error),
    };
    let mut server = if let Some(server) = usable {
        server
    } else {
        fs::remove_dir_all(&folders.data).map_err(DevDbError::io("remove", &folders.data))?;
        Server::open(folders, account, false)?
    };
    let mut settings = Vec::new();
    if server.binaries.has_module("pg_stat_statements") {
        // Tests use it to count statements.
        settings.push(("shared_preload_libraries".to_owned(), "pg_stat_statements".to_owned()));
        settings.push(("pg_stat_statements.max".to_owned(), "20000".to_owned()));
        settings.push(("pg_stat_statements.save".to_owned(), "off".to_owned()));
    }
    // The server outlives this process. Its parent at the end reaps it.
    drop(server.start(&StartOptions { settings, port: None, durable: false })?);
    server.prepare_roles()?;
    tidy_databases(&server)?;
    fs::write(&stamp, "").map_err(DevDbError::io("write", stamp))?;
    server.binaries.note(&programs)?;
    Ok(server)
}

/// Drops what earlier runs left, and records which templates there are.
fn tidy_databases(server: &Server) -> Result<(), DevDbError> {
    let names = server.sql("postgres", "SELECT datname FROM pg_database")?;
    let templates: Vec<&str> = names.lines().filter(|name| name.starts_with(TEMPLATE_PREFIX)).collect();
    let keep = templates.len() <= KEEP_TEMPLATES;
    let drops: Vec<String> = names
        .lines()
        .filter(|name| {
            name.starts_with(TEST_PREFIX)
                || name.starts_with(BUILD_PREFIX)
                || (name.starts_with(TEMPLATE_PREFIX) && !keep)
        })
        .map(|name| format!("DROP DATABASE {};", quoted(name)))
        .collect();
    if !drops.is_empty() {
        server.sql("postgres", &drops.join("\n"))?;
    }
    let folder = self::templates(server);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(DevDbError::io("remove", &folder))?;
    }
    create_private(&folder, server.account)?;
    for name in templates.iter().filter(|_| keep) {
        fs::write(folder.join(name), "").map_err(DevDbError::io("write", folder.join(name)))?;
    }
    Ok(())
}

fn templates(server: &Server) -> PathBuf {
    server.folders.base.join("templates")
}

/// Drops the databases of processes that are gone. The caller holds the setup lock, so no process is between creating
/// its holder file and locking it.
fn sweep(server: &Server, holders: &Path) -> Result<(), DevDbError> {
    let mut live = HashSet::new();
    for entry in fs::read_dir(holders).map_err(DevDbError::io("read", holders))?.filter_map(Result::ok) {
        let dead = File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if dead {
            fs::remove_file(entry.path()).unwrap_or_default();
        } else {
            live.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let names = server.sql("postgres", "SELECT datname FROM pg_database")?;
    let orphans: Vec<String> = names
        .lines()
        .filter(|name| {
            let token = name.strip_prefix(TEST_PREFIX).and_then(|rest| rest.rsplit_once('_'));
            token.is_some_and(|(token, _)| !live.contains(token))
        })
        .map(str::to_owned)
        .collect();
    drop_detached(server, &orphans);
    Ok(())
}

/// Starts a `psql` that drops databases; nobody waits for it.
fn drop_detached(server: &Server, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let mut command = server.psql("postgres");
    for name in names {
        // Another process may be dropping the same one.
        command.arg("-c").arg(format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name)));
    }
    let child = command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match child {
        // A thread waits for it, so that a long-lived process accumulates no zombies.
        Ok(mut child) => drop(thread::spawn(move || child.wait())),
        Err(error) => tracing::warn!(%error, "cannot drop test databases; the next run will"),
    }
}

/// Makes sure that a watchdog is running. The caller holds the setup lock.
fn watch(server: &Server) -> Result<(), DevDbError> {
    let pid_file = server.folders.base.join("watchdog.pid");
    let known = fs::read_to_string(&pid_file).ok().and_then(|pid| pid.trim().parse().ok());
    let data = server.folders.data.to_string_lossy();
    if known
        .and_then(process::command_line)
        .is_some_and(|line| line.contains(WATCHDOG_NAME) && line.contains(data.as_ref()))
    {
        return Ok(());
    }
    let idle = env::var(IDLE_VARIABLE).unwrap_or_else(|_| IDLE_SECONDS.to_owned());
    let mut command = server.account.command(Path::new("sh"));
    command.args(["-c", WATCHDOG, WATCHDOG_NAME]).arg(server.folders.base.join("alive.lock"));
    command.arg(server.binaries.program("pg_ctl")).arg(&server.folders.data).arg(idle);
    let watchdog = command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(DevDbError::io("run", "sh"))?;
    fs::write(&pid_file, watchdog.id().to_string()).map_err(DevDbError::io("write", pid_file))
}

/// Whether a file was last written longer ago than this, or does not exist.
fn modified_before(path: &Path, age: Duration) -> bool {
    fs::metadata(path).and_then(|meta| meta.modified()).map_or(true, |at| older_than(at, age))
}
