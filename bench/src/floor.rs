//! The floor: one hand-written statement that makes PostgreSQL build the whole answer, run by pgbench with the same
//! role and policies. No server of this kind can be expected to be faster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tenantry_devdb::{DatabaseUrls, Role};
use tokio::process::Command;

use crate::database::{Organization, Server};
use crate::load::Sample;
use crate::query::{Query, Variables};

/// The pgbench program, and the address of the database.
#[derive(Debug)]
pub(crate) struct Floor {
    program: PathBuf,
    folder: PathBuf,
    url: String,
}

impl Floor {
    /// The floor over this database; `folder` is for its scripts and logs.
    pub(crate) fn new(program: PathBuf, urls: &DatabaseUrls, folder: &Path) -> Self {
        Self { program, folder: folder.join("floor"), url: urls.url(Role::App) }
    }

    /// Runs the statement for this long.
    ///
    /// # Errors
    /// When pgbench or a statement fails.
    pub(crate) async fn run(
        &self,
        script: &str,
        organization: &Organization,
        variables: &Variables,
        connections: u32,
        time: Duration,
    ) -> Result<Sample> {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder)?;
        let file = self.folder.join("script.sql");
        fs::write(&file, script)?;
        let (address, password) = without_password(&self.url)?;
        let mut command = Command::new(&self.program);
        command.args(["-n", "-M", "prepared", "-c", &connections.to_string(), "-j", &connections.min(2).to_string()]);
        command.args(["-T", &time.as_secs().max(1).to_string()]).arg("-f").arg(&file);
        command.arg("-l").arg("--log-prefix").arg(self.folder.join("log"));
        command.arg("-D").arg(format!("organization={}", organization.id));
        for (name, value) in variables.texts() {
            command.arg("-D").arg(format!("{name}={value}"));
        }
        command.arg(address).env("PGPASSWORD", password);
        command.env("PGOPTIONS", format!("-c app.current_organization_id={}", organization.id));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let start = Instant::now();
        let output = command.output().await.context("cannot run pgbench")?;
        let mut seconds = start.elapsed().as_secs_f64();
        if !output.status.success() {
            bail!("pgbench: {}", String::from_utf8_lossy(&output.stderr));
        }
        let mut sample = Sample { latencies: self.latencies()?, ..Sample::default() };
        // Excludes the time for connecting, which pgbench leaves out of its own figure.
        let text = String::from_utf8_lossy(&output.stdout);
        let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse::<f64>().ok());
        if let Some(tps) = tps.filter(|tps| *tps > 0.0) {
            seconds = crate::stats::float(sample.latencies.len()) / tps;
        }
        sample.seconds = seconds;
        Ok(sample)
    }

    /// The third column of the logs: a transaction's time in microseconds.
    fn latencies(&self) -> Result<Vec<u32>> {
        let mut latencies = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            latencies.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u32>().ok()));
            fs::remove_file(&path)?;
        }
        Ok(latencies)
    }
}

/// The statement's answer for the application's role.
///
/// # Errors
/// When the statement fails or its answer is not JSON.
pub(crate) async fn answer(
    server: &Server,
    database: &str,
    query: &Query,
    organization: &Organization,
    variables: &Variables,
) -> Result<Option<serde_json::Value>> {
    let Some(script) = &query.floor else { return Ok(None) };
    let mut statement = bound(script, "organization", &organization.id.to_string());
    for (name, value) in variables.texts() {
        statement = bound(&statement, &name, &value);
    }
    let organization = organization.id;
    let rows = server
        .psql(
            database,
            &format!("SET app.current_organization_id = '{organization}'; SET ROLE tenantry_app; {statement}"),
        )
        .await?;
    Ok(Some(serde_json::from_str(rows.trim()).context("the floor's answer is no JSON")?))
}

/// Replaces a variable of a script by its value.
pub(crate) fn bound(script: &str, name: &str, value: &str) -> String {
    script.replace(&format!(":{name}"), &format!("'{}'", value.replace('\'', "''")))
}

/// The address without its password, which would be visible in a process list, and the password.
fn without_password(url: &str) -> Result<(String, String)> {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (login, place) = rest.split_once('@')?;
        let (role, password) = login.split_once(':')?;
        Some((format!("{scheme}://{role}@{place}"), password.to_owned()))
    });
    parts.context("the database's address has no password")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_passed_as_an_argument() {
        let (address, password) = without_password("postgres://app:secret@127.0.0.1:5432/db").unwrap();
        assert_eq!((address.as_str(), password.as_str()), ("postgres://app@127.0.0.1:5432/db", "secret"));
    }
}
