//! The errors of a private cluster, worded for the person at the terminal.

use std::{io, path::PathBuf};

use crate::binaries::{MINIMUM_MAJOR, install_hint};

/// Why a private cluster could not be started, used or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevDbError {
    /// No usable Postgres server programs on this machine.
    #[error("no PostgreSQL {MINIMUM_MAJOR} or newer found{}; {}", found_note(.found.as_deref()), install_hint())]
    BinariesMissing {
        /// What was found instead: a version that is too old, or an override that names a folder without the programs.
        found: Option<String>,
    },

    /// The data folder was written by a Postgres major version that is not installed here.
    #[error(
        "{} was written by PostgreSQL {data_major}, which is not installed; install it or choose another folder",
        .data_dir.display()
    )]
    DataVersion {
        /// The data folder.
        data_dir: PathBuf,
        /// The major version that it requires.
        data_major: u32,
    },

    /// Another process runs a cluster in the same data folder.
    #[error("{} is in use by another process{}; stop it or choose another folder", .data_dir.display(), pid_note(*.pid))]
    AlreadyRunning {
        /// The folder that both use.
        data_dir: PathBuf,
        /// The running postmaster, if known.
        pid: Option<u32>,
    },

    /// The requested port is in use.
    #[error("port {port} on 127.0.0.1 is taken")]
    PortTaken {
        /// The requested port.
        port: u16,
    },

    /// The process is root and there is no account to run the server as.
    #[error("PostgreSQL refuses to run as root, and neither of the accounts `postgres` and `nobody` exists")]
    NoUnprivilegedAccount,

    /// A folder that should belong to us belongs to someone else.
    #[error("{} belongs to another user; remove it or set TMPDIR", .path.display())]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
    },

    /// The server ended, or did not come up in time.
    #[error("PostgreSQL did not start: {log}")]
    StartFailed {
        /// The last lines of the server's log.
        log: String,
    },

    /// A Postgres program ended with an error.
    #[error("{program} failed: {output}")]
    Program {
        /// The program, for instance `psql`.
        program: &'static str,
        /// What it wrote.
        output: String,
    },

    /// A file, folder or program could not be reached.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The failed action, as a verb: `create`, `lock`, `run`.
        action: &'static str,
        /// The path it was tried on.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },

    /// The caller's closure could not fill the template database.
    #[error("the template database could not be built")]
    Template(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl DevDbError {
    /// For `map_err`: names the action and the path of an I/O error.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn found_note(found: Option<&str>) -> String {
    found.map(|found| format!(" ({found})")).unwrap_or_default()
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (postmaster {pid})")).unwrap_or_default()
}
