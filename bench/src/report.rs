//! The printed and the written results.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tenantry_domain::Clock;

use crate::growth::{Growth, PageSize};
use crate::idle::Idle;
use crate::live::Live;
use crate::measure::Figures;
use crate::stats::float64;

/// The format version of the result file; only files of the same version can be compared.
const FORM: u32 = 1;

/// All results of a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) form: u32,
    /// When the run began.
    pub(crate) at: String,
    pub(crate) machine: Machine,
    pub(crate) data: Data,
    pub(crate) figures: Vec<Figures>,
    #[serde(default)]
    pub(crate) growth: Vec<Growth>,
    #[serde(default)]
    pub(crate) pages: Vec<PageSize>,
    #[serde(default)]
    pub(crate) idle: Option<Idle>,
    #[serde(default)]
    pub(crate) live: Option<Live>,
    /// What could not run, and why.
    pub(crate) left_out: Vec<String>,
}

/// The machine it ran on.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) postgres: String,
    /// How many processes wanted a core in the minute before the run.
    pub(crate) load_before: Option<f64>,
}

/// The data and the settings of the run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) organizations: u64,
    pub(crate) users: u64,
    pub(crate) tasks: u64,
    pub(crate) organization: String,
    pub(crate) rounds: u32,
    pub(crate) seconds: u64,
}

impl Report {
    /// An empty report.
    pub(crate) fn new(machine: Machine, data: Data) -> Self {
        Self {
            form: FORM,
            at: Clock::system().now().to_rfc3339(),
            machine,
            data,
            figures: Vec::new(),
            growth: Vec::new(),
            pages: Vec::new(),
            idle: None,
            live: None,
            left_out: Vec::new(),
        }
    }

    /// Reads an earlier run's file.
    ///
    /// # Errors
    /// When it does not exist, or is not a result file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let failed = || format!("{} is no result of an earlier run", path.display());
        let report: Self =
            serde_json::from_str(&fs::read_to_string(path).with_context(failed)?).with_context(failed)?;
        anyhow::ensure!(report.form == FORM, "{} has another form than this program's", path.display());
        Ok(report)
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))
    }

    /// The whole report as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Data { organizations, users, tasks, organization, rounds, seconds } = &self.data;
        let Machine { cores, postgres, load_before } = &self.machine;
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{organizations} organizations, {users} users, {tasks} tasks; asked for: {organization}\n\
             {cores} cores, PostgreSQL {postgres}; medians of {rounds} rounds of {seconds} s"
        );
        if let Some(load) = load_before.filter(|load| *load > 0.5) {
            let _ =
                writeln!(text, "the machine was not idle before the run (load {load:.1}): take the figures for that");
        }
        if !self.figures.is_empty() {
            text.push('\n');
            text.push_str(&table(&self.figures));
            text.push_str(
                "CPU: seconds in 1,000 requests, of the GraphQL server and of PostgreSQL. memory: the GraphQL server's peak.\n\
                 x peer, x floor: requests/s in proportion to theirs.\n",
            );
        }
        for part in [crate::growth::text(&self.growth), crate::growth::page_text(&self.pages)] {
            if !part.is_empty() {
                let _ = write!(text, "\n{part}");
            }
        }
        if let Some(idle) = &self.idle {
            let _ = write!(text, "\n{}", idle.text());
        }
        if let Some(live) = &self.live {
            let _ = write!(text, "\n{}", live.text());
        }
        for left_out in &self.left_out {
            let _ = writeln!(text, "\nleft out: {left_out}");
        }
        text
    }

    /// Our figures next to those of an earlier run.
    pub(crate) fn comparison(&self, earlier: &Self) -> String {
        let mut rows = vec![
            ["query", "conns", "contestant", "req/s", "before", "ratio", "p95 ratio", "CPU ratio"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for now in &self.figures {
            let same = |before: &&Figures| {
                (&before.query, before.connections, &before.contestant)
                    == (&now.query, now.connections, &now.contestant)
            };
            let Some(before) = earlier.figures.iter().find(same) else { continue };
            let cpu = |figures: &Figures| Some(figures.server_cpu.unwrap_or(0.0) + figures.postgres_cpu?);
            rows.push(vec![
                now.query.clone(),
                now.connections.to_string(),
                now.contestant.clone(),
                format!("{:.0}", now.requests_per_second),
                format!("{:.0}", before.requests_per_second),
                format!("{:.2}", now.requests_per_second / before.requests_per_second),
                format!("{:.2}", now.p95_ms / before.p95_ms),
                shown(cpu(now).zip(cpu(before)).map(|(now, before)| now / before), 2),
            ]);
        }
        format!("compared with the run of {}\n\n{}", earlier.at, columns(&rows))
    }
}

fn table(figures: &[Figures]) -> String {
    let head = [
        "query",
        "conns",
        "contestant",
        "req/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "CPU server",
        "CPU PG",
        "memory MB",
        "statements",
        "x peer",
        "x floor",
        "errors",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for figures in figures {
        rows.push(vec![
            figures.query.clone(),
            figures.connections.to_string(),
            figures.contestant.clone(),
            format!("{:.0}", figures.requests_per_second),
            format!("{:.2}", figures.p50_ms),
            format!("{:.2}", figures.p95_ms),
            format!("{:.2}", figures.p99_ms),
            shown(figures.server_cpu, 3),
            shown(figures.postgres_cpu, 3),
            shown(figures.peak_memory.map(|bytes| float64(bytes) / 1e6), 0),
            shown(figures.statements_per_request, 1),
            shown(figures.to_peer, 2),
            shown(figures.to_floor, 2),
            figures.errors.to_string(),
        ]);
    }
    columns(&rows)
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// Rows as lines, each column as wide as its widest cell; text is left-aligned, numbers right-aligned.
pub(crate) fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |n: usize| rows.iter().filter_map(|row| row.get(n)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).map(|n| width(n).unwrap_or(0)).collect();
    let is_text = |n: usize| {
        let mut cells = rows.iter().skip(1).filter_map(|row| row.get(n));
        cells.any(|cell| cell.chars().next().is_some_and(char::is_alphabetic))
    };
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (n, cell) in row.iter().enumerate() {
            let width = widths[n];
            // Writing to a String cannot fail.
            let _ = if is_text(n) { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [["name", "n"], ["a", "1"], ["abc", "10"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns(&rows), "name   n\na      1\nabc   10\n");
    }
}
