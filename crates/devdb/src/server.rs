//! The Postgres server of one base folder: creating its data folder, starting, querying and stopping it.
//!
//! Everything here blocks; [`Cluster`](crate::Cluster) and [`shared`](crate::shared) decide when a server runs.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Binaries, Connection, DevDbError, Role,
    account::Account,
    folders::{Folders, PostmasterFile, create_private},
    process,
};

/// How long a server may take to start, including crash recovery of a large data folder.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How long a server may take to stop before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(20);
/// Another process may take the free port before the server does; then the next one is tried.
const PORT_ATTEMPTS: u32 = 5;

/// How Postgres stops: with or without a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopMode {
    /// Ends sessions and writes everything; the data folder is clean afterwards.
    Fast,
    /// Drops everything immediately; for data that nobody will read again.
    Immediate,
}

impl StopMode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Immediate => "immediate",
        }
    }
}

/// How to start a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartOptions {
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) port: Option<u16>,
    pub(crate) durable: bool,
}

/// The programs, folders and address of one server.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) binaries: Binaries,
    pub(crate) account: Account,
    pub(crate) folders: Folders,
    pub(crate) connection: Connection,
}

impl Server {
    /// Takes over a base folder whose lock the caller holds: stops what a crashed process left running, and creates the
    /// data folder if it does not exist.
    pub(crate) fn open(folders: Folders, account: Account, durable: bool) -> Result<Self, DevDbError> {
        let binaries = match fs::read_to_string(folders.data.join("PG_VERSION")) {
            Ok(version) => Binaries::find_major(&folders.base, version.trim().parse().unwrap_or(0))?,
            Err(_) => Binaries::find()?,
        };
        let password = folders.read_or_make_password(account)?;
        let connection = Connection { port: 0, password, socket_dir: folders.socket.clone() };
        let server = Self { binaries, account, folders, connection };
        server.recover()?;
        if !server.folders.data.exists() {
            server.init(durable)?;
        }
        Ok(server)
    }

    /// Refers to a server that another process started; `None` when it is not running.
    pub(crate) fn running(folders: Folders, account: Account, binaries: Binaries) -> Result<Option<Self>, DevDbError> {
        let password = folders.read_or_make_password(account)?;
        let connection = Connection { port: 0, password, socket_dir: folders.socket.clone() };
        let mut server = Self { binaries, account, folders, connection };
        match server.postmaster() {
            Some(PostmasterFile { ready: true, port: Some(port), .. }) => {
                server.connection.port = port;
                Ok(Some(server))
            }
            _ => Ok(None),
        }
    }

    /// The live postmaster of this data folder. The pid in a stale file may belong to another process now, so the
    /// process must also look like ours.
    pub(crate) fn postmaster(&self) -> Option<PostmasterFile> {
        let file = PostmasterFile::read(&self.folders.data)?;
        let line = process::command_line(file.pid)?;
        let data = self.folders.data.to_string_lossy();
        (line.contains("postgres") && line.contains(data.as_ref())).then_some(file)
    }

    /// Stops a postmaster that outlived its owner, or removes the file of one that did not.
    fn recover(&self) -> Result<(), DevDbError> {
        if let Some(orphan) = self.postmaster() {
            tracing::warn!(pid = orphan.pid, "stopping a PostgreSQL that a crashed process left running");
            self.stop_unowned(StopMode::Fast)
        } else {
            let path = PostmasterFile::path(&self.folders.data);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(DevDbError::Io { action: "remove", path, source: error })
                }
                _ => Ok(()),
            }
        }
    }

    /// Runs `initdb` in a folder that gets its final name only when it is complete.
    fn init(&self, durable: bool) -> Result<(), DevDbError> {
        let unfinished = self.folders.base.join("data.new");
        for locale in ["C.UTF-8", "C"] {
            if unfinished.exists() {
                fs::remove_dir_all(&unfinished).map_err(DevDbError::io("remove", &unfinished))?;
            }
            create_private(&unfinished, self.account)?;
            let mut command = self.program("initdb");
            command
                .arg("--pgdata")
                .arg(&unfinished)
                .arg("--pwfile")
                .arg(&self.folders.password)
                .args(["--username", Role::Superuser.name(), "--encoding", "UTF8", "--locale", locale])
                .args(["--auth-local", "trust", "--auth-host", "scram-sha-256", "--no-instructions"]);
            if !durable {
                command.arg("--no-sync");
            }
            match run("initdb", &mut command) {
                Ok(_) => break,
                // Not every system has C.UTF-8. Plain C is the same except for upper and lower case beyond ASCII.
                Err(DevDbError::Program { output, .. }) if locale == "C.UTF-8" && output.contains("locale") => {}
                Err(error) => return Err(error),
            }
        }
        fs::rename(&unfinished, &self.folders.data).map_err(DevDbError::io("rename", &unfinished))
    }

    /// Starts the server in a process group of its own, so that Ctrl-C in a terminal reaches only this process, and
    /// waits until it accepts connections. The server inherits none of our files, so a test runner can see that this
    /// process has ended.
    pub(crate) fn start(&mut self, options: &StartOptions) -> Result<Child, DevDbError> {
        let mut attempt = 1;
        loop {
            let port = match options.port {
                Some(port) => port,
                None => free_port()?,
            };
            match self.start_on(port, options) {
                Ok(child) => {
                    self.connection.port = port;
                    return Ok(child);
                }
                Err(DevDbError::StartFailed { log }) if log.contains("could not bind") => {
                    if let Some(port) = options.port {
                        return Err(DevDbError::PortTaken { port });
                    }
                    if attempt == PORT_ATTEMPTS {
                        return Err(DevDbError::StartFailed { log });
                    }
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn start_on(&self, port: u16, options: &StartOptions) -> Result<Child, DevDbError> {
        let log = self.fresh_log()?;
        let also_log = log.try_clone().map_err(DevDbError::io("open", &self.folders.log))?;
        let mut command = self.program("postgres");
        command.arg("-D").arg(&self.folders.data);
        for (name, value) in self.settings(port, options) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(also_log)
            .stderr(log)
            .spawn()
            .map_err(DevDbError::io("run", self.binaries.program("postgres")))?;
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if PostmasterFile::read(&self.folders.data).is_some_and(|file| file.pid == child.id() && file.ready) {
                return Ok(child);
            }
            let ended = !matches!(child.try_wait(), Ok(None));
            if ended || Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                return Err(DevDbError::StartFailed { log: self.log_tail() });
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn settings(&self, port: u16, options: &StartOptions) -> Vec<(String, String)> {
        let socket = format!("\"{}\"", self.folders.socket.to_string_lossy().replace('"', "\"\""));
        let mut settings: Vec<(String, String)> = [
            ("listen_addresses", "127.0.0.1"),
            ("port", &port.to_string()),
            ("unix_socket_directories", &socket),
            ("unix_socket_permissions", "0700"),
            ("max_connections", "200"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("lc_messages", "C"),
            ("logging_collector", "off"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if !options.durable {
            // Nobody reads this data after a crash, so crash safety is switched off. A small buffer pool speeds up
            // CREATE and DROP DATABASE, which both scan it.
            settings.extend(
                [
                    ("fsync", "off"),
                    ("synchronous_commit", "off"),
                    ("full_page_writes", "off"),
                    ("wal_level", "minimal"),
                    ("max_wal_senders", "0"),
                    ("checkpoint_timeout", "1h"),
                    ("shared_buffers", "64MB"),
                    ("autovacuum", "off"),
                    ("jit", "off"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
            );
        }
        settings.extend(options.settings.iter().cloned());
        settings
    }

    /// Waits for our own child to stop; kills it if it does not.
    pub(crate) fn stop(&self, child: &mut Child, mode: StopMode) -> Result<(), DevDbError> {
        if !matches!(child.try_wait(), Ok(None)) {
            return Ok(());
        }
        // Without waiting: `pg_ctl` checks ten times a second, while a parent notices at once.
        let asked = self.pg_ctl(mode, false);
        let deadline = Instant::now() + STOP_PATIENCE;
        while asked.is_ok() && Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(2));
        }
        tracing::warn!(pid = child.id(), "PostgreSQL did not stop when asked; killing it");
        child.kill().and_then(|()| child.wait()).map_err(DevDbError::io("kill", self.binaries.program("postgres")))?;
        asked
    }

    /// Stops a server that is not our child, and waits.
    pub(crate) fn stop_unowned(&self, mode: StopMode) -> Result<(), DevDbError> {
        match self.pg_ctl(mode, true) {
            // Its watchdog may have been faster.
            Err(_) if self.postmaster().is_none() => Ok(()),
            done => done,
        }
    }

    fn pg_ctl(&self, mode: StopMode, wait: bool) -> Result<(), DevDbError> {
        let mut command = self.program("pg_ctl");
        command.arg("stop").arg("--pgdata").arg(&self.folders.data).args(["--silent", "--mode", mode.name()]);
        command.arg(if wait { "--wait" } else { "--no-wait" });
        run("pg_ctl", &mut command).map(drop)
    }

    /// Whether the data folder was shut down cleanly. Without `fsync`, no other state can be trusted.
    pub(crate) fn is_clean(&self) -> bool {
        let mut command = self.program("pg_controldata");
        command.arg(&self.folders.data);
        run("pg_controldata", &mut command).is_ok_and(|output| {
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .any(|line| line.starts_with("Database cluster state:") && line.ends_with(" shut down"))
        })
    }

    /// Runs statements as the superuser, each in its own transaction, and returns the rows: columns separated by `|`,
    /// one row per line. The text is passed on standard input, so no password appears in a process list.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> Result<String, DevDbError> {
        let mut command = self.psql(database);
        let mut child = command
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(DevDbError::io("run", self.binaries.program("psql")))?;
        if let Some(mut stdin) = child.stdin.take() {
            // If `psql` could not connect it has closed its input; its own message is more useful.
            let _ = stdin.write_all(statements.as_bytes());
        }
        let output = child.wait_with_output().map_err(DevDbError::io("run", self.binaries.program("psql")))?;
        Ok(String::from_utf8_lossy(&checked("psql", output)?.stdout).trim_end().to_owned())
    }

    /// A `psql` as the superuser that stops at the first error.
    pub(crate) fn psql(&self, database: &str) -> Command {
        let mut command = self.program("psql");
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", Role::Superuser.name(), "-d", database])
            .arg("-h")
            .arg(&self.folders.socket)
            .args(["-p", &self.connection.port.to_string()]);
        command
    }

    pub(crate) fn program(&self, name: &str) -> Command {
        self.account.command(&self.binaries.program(name))
    }

    fn fresh_log(&self) -> Result<File, DevDbError> {
        let log = &self.folders.log;
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(log)
            .map_err(DevDbError::io("open", log))
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.folders.log).unwrap_or_default();
        let lines: Vec<&str> = text.trim_end().lines().collect();
        let tail = lines.iter().skip(lines.len().saturating_sub(5)).copied().collect::<Vec<_>>().join("; ");
        if tail.is_empty() { format!("nothing in {}", self.folders.log.display()) } else { tail }
    }
}

fn free_port() -> Result<u16, DevDbError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(DevDbError::io("listen on", Path::new("127.0.0.1")))
}

fn run(program: &'static str, command: &mut Command) -> Result<Output, DevDbError> {
    let path = command.get_program().to_owned();
    let output = command.stdin(Stdio::null()).output().map_err(DevDbError::io("run", path))?;
    checked(program, output)
}

fn checked(program: &'static str, output: Output) -> Result<Output, DevDbError> {
    if output.status.success() {
        return Ok(output);
    }
    let text = format!("{}{}", String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    let text = text.trim();
    let text = if text.is_empty() { output.status.to_string() } else { text.to_owned() };
    Err(DevDbError::Program { program, output: text })
}

/// An SQL identifier in quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
