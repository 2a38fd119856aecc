//! The resources that processes use, as Linux reports them (other systems report nothing), and starting and stopping
//! processes.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command as StdCommand, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::process::{Child, Command};

use crate::stats::float64;

/// A process and all its descendants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tree(pub(crate) u32);

impl Tree {
    fn members(self) -> Vec<u32> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            if let Some(parent) = stat(pid).and_then(|fields| fields.get(1)?.parse().ok()) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let (mut members, mut next) = (vec![self.0], 0);
        while let Some(pid) = members.get(next) {
            members.extend(children.remove(pid).unwrap_or_default());
            next += 1;
        }
        members
    }

    /// The CPU time used so far, in seconds. The time of an ended process counts for the one that waited for it.
    pub(crate) fn cpu_seconds(self) -> Option<f64> {
        let mut ticks = 0;
        for pid in self.members() {
            // utime, stime, cutime and cstime, counted from the state, which is the first field here. A process that
            // has just ended is counted by its parent.
            let Some(fields) = stat(pid) else { continue };
            ticks += fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
        }
        (ticks > 0).then(|| float64(ticks) / ticks_per_second())
    }

    /// The sum of the peak memory of all its processes, in bytes.
    pub(crate) fn peak_memory(self) -> Option<u64> {
        self.sum("VmHWM:")
    }

    /// The memory of its processes, in bytes.
    pub(crate) fn memory(self) -> Option<u64> {
        self.sum("VmRSS:")
    }

    fn sum(self, name: &str) -> Option<u64> {
        let values = self.members().into_iter().filter_map(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        });
        Some(values.sum::<u64>() * 1024).filter(|bytes| *bytes > 0)
    }

    /// Resets [`Tree::peak_memory`], if the kernel allows it.
    pub(crate) fn forget_peak(self) {
        for pid in self.members() {
            // The value 5 resets the peak and nothing else.
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    /// How many files the process may have open.
    pub(crate) fn file_limit(self) -> Option<u64> {
        let limits = fs::read_to_string(format!("/proc/{}/limits", self.0)).ok()?;
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok())
    }
}

/// The fields of `/proc/<pid>/stat` after the name, which may contain anything.
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn ticks_per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let output = StdCommand::new("getconf").arg("CLK_TCK").output().ok();
        output.and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok()).unwrap_or(100.0)
    })
}

/// A child process that ends with this process.
#[derive(Debug)]
pub(crate) struct Service {
    child: Child,
    pid: u32,
}

impl Service {
    /// Starts a program and writes all its output to a file.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let program = Path::new(command.as_std().get_program()).to_owned();
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).kill_on_drop(true);
        let child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("the process has already ended")?;
        Ok(Self { child, pid })
    }

    /// The process and its descendants.
    pub(crate) fn tree(&self) -> Tree {
        Tree(self.pid)
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks it to end, and kills it if it does not.
    pub(crate) async fn stop(mut self) {
        let _ = Command::new("kill").arg(self.pid.to_string()).status().await;
        if tokio::time::timeout(Duration::from_secs(12), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// A free loopback port.
///
/// # Errors
/// When there is none.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
