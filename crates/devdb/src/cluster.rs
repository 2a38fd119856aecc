//! A cluster that belongs to this process and stops with it.

use std::{
    fmt::Write as _,
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
};

use crate::{
    Connection, DatabaseUrls, DevDbError, Role,
    account::Account,
    folders::Folders,
    off_thread, process,
    server::{Server, StartOptions, StopMode, quoted},
};

/// How to start a [`Cluster`]. The default is a temporary one on a free port, without crash safety.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// The folder that keeps the cluster between starts; `None` for one that is removed at the end.
    pub data_dir: Option<PathBuf>,
    /// Postgres settings that take precedence over the built-in ones.
    pub settings: Vec<(String, String)>,
    /// The loopback port; `None` for any free one.
    pub port: Option<u16>,
    /// Whether the data must survive a crash of the machine.
    pub durable: bool,
}

/// A private Postgres cluster. It stops when it is dropped. It also stops when this process ends in any other way: a
/// small watchdog waits for the end of a pipe that only this process holds.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    options: StartOptions,
    ephemeral: bool,
    postmaster: Child,
    watchdog: Option<Child>,
    /// The processes that [`Cluster::pause`] has frozen.
    paused: Vec<u32>,
    /// Held as long as the cluster is ours.
    _lock: File,
}

/// Waits for the end of standard input, which comes when the owner is gone. Then it stops the server and removes what
/// is temporary. Signals are ignored because a terminal or a supervisor may send them to the watchdog as well. The pid
/// is compared because the next owner may already have started a server of its own in the same folder.
const WATCHDOG: &str = r#"trap '' HUP INT TERM
while read -r _; do :; done
read -r running <"$2/postmaster.pid"
[ "$running" != "$4" ] || "$1" stop --pgdata "$2" --silent --mode "$3" --wait
[ -z "$5" ] || rm -rf "$5" "$6""#;

impl Cluster {
    /// Starts a cluster, creating its data folder at the first start. It first stops or removes what an earlier process
    /// left behind after a crash.
    ///
    /// # Errors
    /// [`DevDbError::BinariesMissing`] without Postgres, [`DevDbError::AlreadyRunning`] when another process uses the
    /// data folder, [`DevDbError::PortTaken`], and others of its variants.
    pub async fn start(options: ClusterOptions) -> Result<Self, DevDbError> {
        off_thread(move || Self::start_blocking(options)).await
    }

    fn start_blocking(options: ClusterOptions) -> Result<Self, DevDbError> {
        let account = Account::for_server()?;
        let ephemeral = options.data_dir.is_none();
        let folders = match &options.data_dir {
            Some(base) => Folders::named(base, account)?,
            None => Folders::ephemeral(account)?,
        };
        let opened = folders.lock(account).and_then(|lock| {
            let options = StartOptions { settings: options.settings, port: options.port, durable: options.durable };
            let mut server = Server::open(folders.clone(), account, options.durable)?;
            let postmaster = server.start(&options)?;
            Ok(Self { server, options, ephemeral, postmaster, watchdog: None, paused: Vec::new(), _lock: lock })
        });
        let mut cluster = match opened {
            Ok(cluster) => cluster,
            Err(error) => {
                if ephemeral {
                    folders.remove();
                }
                return Err(error);
            }
        };
        cluster.watch()?;
        sweep(account);
        Ok(cluster)
    }

    /// Starts the watchdog of the current postmaster and ends the previous watchdog.
    fn watch(&mut self) -> Result<(), DevDbError> {
        self.unwatch();
        let folders = &self.server.folders;
        let mut command = self.server.account.command(Path::new("sh"));
        command.args(["-c", WATCHDOG, "tenantry-watchdog"]);
        command.arg(self.server.binaries.program("pg_ctl")).arg(&folders.data).arg(self.stop_mode().name());
        command.arg(self.pid().to_string());
        if self.ephemeral {
            command.arg(&folders.base).arg(&folders.socket);
        } else {
            command.args(["", ""]);
        }
        let watchdog = command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(DevDbError::io("run", "sh"))?;
        self.watchdog = Some(watchdog);
        Ok(())
    }

    fn unwatch(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            // It is killed before its standard input ends, so it does nothing.
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
    }

    /// The cluster's address.
    pub fn connection(&self) -> &Connection {
        &self.server.connection
    }

    /// `postgres://role:password@127.0.0.1:port/database`.
    pub fn url(&self, role: &str, database: &str) -> String {
        self.connection().url(role, database)
    }

    /// The URL of the superuser `postgres`.
    pub fn superuser_url(&self, database: &str) -> String {
        self.url(Role::Superuser.name(), database)
    }

    /// The URLs of one database, a method per role.
    pub fn database(&self, name: &str) -> DatabaseUrls {
        self.connection().database(name)
    }

    /// The cluster's folder. Not always the requested one: if this process is root, the server's own account may be
    /// unable to reach that.
    pub fn data_dir(&self) -> &Path {
        &self.server.folders.base
    }

    /// The folder of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.server.folders.socket
    }

    /// The server's log since this start.
    pub fn log_file(&self) -> &Path {
        &self.server.folders.log
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.connection().port()
    }

    /// The process id of the postmaster.
    pub fn pid(&self) -> u32 {
        self.postmaster.id()
    }

    /// Runs statements through `psql` as the superuser, each in its own transaction, and returns the rows: columns
    /// separated by `|`, one row per line.
    ///
    /// # Errors
    /// [`DevDbError::Program`] with Postgres's message at the first statement that fails.
    pub async fn psql(&self, database: &str, statements: &str) -> Result<String, DevDbError> {
        let (server, database, statements) = (self.server.clone(), database.to_owned(), statements.to_owned());
        off_thread(move || server.sql(&database, &statements)).await
    }

    /// Creates the product's roles, or corrects existing ones: none is a superuser, bypasses row-level security, or
    /// creates roles and databases.
    ///
    /// # Errors
    /// [`DevDbError::Program`] when Postgres refuses.
    pub async fn prepare_roles(&self) -> Result<(), DevDbError> {
        let server = self.server.clone();
        off_thread(move || server.prepare_roles()).await
    }

    /// Creates a database owned by `tenantry_owner`, as a copy of `template` if given.
    ///
    /// # Errors
    /// [`DevDbError::Program`] when it exists, or when there are connections to the template.
    pub async fn create_database(&self, name: &str, template: Option<&str>) -> Result<DatabaseUrls, DevDbError> {
        let (server, statement) = (self.server.clone(), create_statement(name, template));
        off_thread(move || server.sql("postgres", &statement)).await?;
        Ok(self.database(name))
    }

    /// Drops a database and all that is in it, and ends the connections to it.
    ///
    /// # Errors
    /// [`DevDbError::Program`] when there is none with this name.
    pub async fn drop_database(&self, name: &str) -> Result<(), DevDbError> {
        self.psql("postgres", &format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await.map(drop)
    }

    /// Whether there is a database with this name.
    ///
    /// # Errors
    /// [`DevDbError::Program`] when the server does not answer.
    pub async fn has_database(&self, name: &str) -> Result<bool, DevDbError> {
        let literal = name.replace('\'', "''");
        let rows = self.psql("postgres", &format!("SELECT 1 FROM pg_database WHERE datname = '{literal}'")).await?;
        Ok(rows == "1")
    }

    /// Stops the server (ending its sessions) and starts it again at the same address.
    ///
    /// # Errors
    /// [`DevDbError::StartFailed`] or [`DevDbError::PortTaken`] when it cannot start again.
    pub async fn restart(&mut self) -> Result<(), DevDbError> {
        self.resume();
        self.server.stop(&mut self.postmaster, StopMode::Fast)?;
        self.launch().await
    }

    /// Stops the server immediately, like a crash, and leaves it stopped until [`Cluster::launch`]. Without
    /// [`ClusterOptions::durable`] the last commits may be lost.
    ///
    /// # Errors
    /// [`DevDbError::Program`] when it had to be killed.
    pub fn halt(&mut self) -> Result<(), DevDbError> {
        self.resume();
        self.server.stop(&mut self.postmaster, StopMode::Immediate)
    }

    /// Starts the server again after [`Cluster::halt`], at the same address.
    ///
    /// # Errors
    /// As for [`Cluster::restart`].
    pub async fn launch(&mut self) -> Result<(), DevDbError> {
        let mut server = self.server.clone();
        let options = StartOptions { port: Some(self.port()), ..self.options.clone() };
        self.postmaster = off_thread(move || server.start(&options)).await?;
        self.watch()
    }

    /// Freezes the server and its sessions: connections stay open and nothing answers.
    pub fn pause(&mut self) {
        // The postmaster first, so that it cannot fork a session that is missing from the list.
        process::signal("STOP", &[self.pid()]);
        let children = process::children_of(self.pid());
        process::signal("STOP", &children);
        self.paused.push(self.pid());
        self.paused.extend(children);
    }

    /// Resumes a paused server.
    pub fn resume(&mut self) {
        if !self.paused.is_empty() {
            process::signal("CONT", &std::mem::take(&mut self.paused));
        }
    }

    /// Stops the cluster and waits until it is down; a temporary one is removed.
    ///
    /// # Errors
    /// [`DevDbError::Program`] when the server had to be killed.
    pub async fn stop(mut self) -> Result<(), DevDbError> {
        off_thread(move || self.shut_down()).await
    }

    fn stop_mode(&self) -> StopMode {
        if self.ephemeral { StopMode::Immediate } else { StopMode::Fast }
    }

    fn shut_down(&mut self) -> Result<(), DevDbError> {
        self.resume();
        let mode = self.stop_mode();
        let stopped = self.server.stop(&mut self.postmaster, mode);
        self.unwatch();
        if self.ephemeral {
            self.server.folders.remove();
        }
        stopped
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::warn!(%error, "PostgreSQL did not stop cleanly");
        }
    }
}

impl Server {
    /// See [`Cluster::prepare_roles`].
    pub(crate) fn prepare_roles(&self) -> Result<(), DevDbError> {
        let password = &self.connection.password;
        let mut statements = format!("ALTER ROLE {} PASSWORD '{password}';\n", Role::Superuser);
        for role in Role::CREATED {
            // Writing to a String cannot fail.
            let _ = write!(
                statements,
                "SELECT 'CREATE ROLE {role}' WHERE to_regrole('{role}') IS NULL \\gexec\n\
                 ALTER ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION \
                 PASSWORD '{password}';\n"
            );
        }
        self.sql("postgres", &statements).map(drop)
    }
}

/// Copying the template's files takes a quarter of the time of copying its blocks through the log (40 ms against 170 ms
/// for 11 MB). Without `fsync`, the checkpoints that it requires cost almost nothing.
pub(crate) fn create_statement(name: &str, template: Option<&str>) -> String {
    let template = template.map(|template| format!(" TEMPLATE {}", quoted(template))).unwrap_or_default();
    format!("CREATE DATABASE {} OWNER {}{template} STRATEGY file_copy", quoted(name), Role::Owner)
}

/// Removes the temporary clusters of processes that are gone. Usually the watchdogs have done so, unless they were
/// killed too.
fn sweep(account: Account) {
    for (folders, _lock) in Folders::abandoned(account) {
        // Opening recovers the folder: it stops a server that is still running.
        if folders.data.exists()
            && let Err(error) = Server::open(folders.clone(), account, false)
        {
            tracing::warn!(%error, folder = %folders.base.display(), "cannot sweep an abandoned cluster");
            continue;
        }
        folders.remove();
    }
}
