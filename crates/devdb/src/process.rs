//! Inspecting and signalling other processes without `unsafe`: with `/proc` if it exists, else with `ps` and `kill`.

use std::{
    fs,
    process::{Command, Stdio},
};

/// The command line of a live process, with its arguments separated by spaces; `None` when it is gone or a zombie.
pub(crate) fn command_line(pid: u32) -> Option<String> {
    if fs::exists("/proc/self/cmdline").unwrap_or(false) {
        let raw = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let line = String::from_utf8_lossy(&raw).replace('\0', " ").trim().to_owned();
        return (!line.is_empty()).then_some(line);
    }
    let output = Command::new("ps").args(["-o", "args=", "-p", &pid.to_string()]).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !line.is_empty()).then_some(line)
}

/// The processes whose parent is `parent`.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    if let Ok(entries) = fs::read_dir("/proc") {
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let found: Vec<u32> = pids.filter(|&pid| parent_of(pid) == Some(parent)).collect();
        if !found.is_empty() {
            return found;
        }
    }
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().map(str::parse::<u32>);
            let pid = fields.next()?.ok()?;
            (fields.next()?.ok()? == parent).then_some(pid)
        })
        .collect()
}

/// The fourth field of `stat`. The second field, a name in brackets, may itself contain spaces and brackets.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a signal, by name, to each process; a process that is already gone is not an error.
pub(crate) fn signal(name: &str, pids: &[u32]) {
    // The shell's own `kill`, because minimal systems may lack the program.
    let list: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let script = format!("kill -s {name} {}", list.join(" "));
    if let Err(error) = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status() {
        tracing::warn!(%error, "cannot signal PostgreSQL");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen_and_a_dead_one_is_not() {
        assert!(command_line(std::process::id()).is_some());
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(children_of(std::process::id()).contains(&child.id()));
        signal("KILL", &[child.id()]);
        child.wait().unwrap();
        assert_eq!(command_line(child.id()), None);
    }
}
