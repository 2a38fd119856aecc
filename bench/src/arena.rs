//! The contestants, all on the same database, and the queries that each gets.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tenantry_seed::ScaleOptions;

use crate::database::{Organization, Server, pgbench};
use crate::equal::{difference, normal};
use crate::floor::{self, Floor};
use crate::load::{Requests, ask};
use crate::options::Options;
use crate::ours::{Ours, work_folder};
use crate::peer::Peer;
use crate::query::{Query, Variables};

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// The hand-written statement.
    Floor,
    /// Our server.
    Ours,
    /// The other GraphQL server.
    Peer,
}

impl Contestant {
    /// In the order of a round.
    pub(crate) const ALL: [Self; 3] = [Self::Floor, Self::Ours, Self::Peer];

    /// The name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Peer => "peer",
        }
    }
}

/// Everything that runs during the benchmark.
#[derive(Debug)]
pub(crate) struct Arena {
    pub(crate) server: Server,
    pub(crate) database: String,
    pub(crate) ours: Ours,
    pub(crate) peer: Option<Peer>,
    pub(crate) floor: Option<Floor>,
    /// What could not run, and why.
    pub(crate) left_out: Vec<String>,
}

/// A query, prepared for each contestant.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) query: Query,
    pub(crate) asked: Vec<(Organization, Vec<Variables>)>,
    pub(crate) ours: Requests,
    pub(crate) peer: Option<Requests>,
    /// Whether the floor runs and has a statement for it.
    pub(crate) floor: bool,
}

impl Arena {
    /// Starts everything.
    ///
    /// # Errors
    /// When the database or our server does not start; any other contestant that does not start is left out.
    pub(crate) async fn open(options: &Options) -> Result<Self> {
        let folder = work_folder(&options.data_dir)?;
        let server = Server::start(&options.data_dir.join("postgres")).await?;
        let database = server.seeded(&scale(options)).await?;
        eprintln!("reading the data into memory …");
        server.warm(&database).await?;
        let urls = server.database(&database);
        let ours = Ours::start(&options.server, &urls, &folder).await?;
        let mut left_out = Vec::new();
        let wanted = |contestant: Contestant| {
            options.contestants.is_empty() || options.contestants.iter().any(|name| name == contestant.name())
        };
        let floor = match pgbench() {
            _ if !wanted(Contestant::Floor) => None,
            Some(program) => Some(Floor::new(program, &urls, &folder)),
            None => {
                left_out.push("floor: there is no pgbench beside the PostgreSQL that was found".to_owned());
                None
            }
        };
        let peer = match &options.peer {
            Some(peer) if wanted(Contestant::Peer) => start_peer(peer, &urls, &folder, &mut left_out).await,
            _ => None,
        };
        if !server.counts {
            left_out.push("statements per request: the module pg_stat_statements is not installed".to_owned());
        }
        Ok(Self { server, database, ours, peer, floor, left_out })
    }

    /// Prepares a query, and makes sure that all contestants that answer it give the same answer.
    ///
    /// # Errors
    /// When the answers differ, or one of them is an error.
    pub(crate) async fn entry(&mut self, query: Query, organizations: &[Organization]) -> Result<Entry> {
        let mut asked = Vec::new();
        for organization in organizations {
            let variables = self.variables(&query, organization).await?;
            // An organization may be too small for this query.
            if !variables.is_empty() {
                asked.push((organization.clone(), variables));
            }
        }
        let Some((organization, variables)) = asked.first() else {
            bail!("{}: its variables.sql gives nothing for this organization", query.name)
        };
        let one = organizations.len() == 1;
        if !one && self.floor.take().is_some() {
            self.left_out.push("floor: pgbench asks for one organization only".to_owned());
        }
        let entry = Entry {
            ours: self.ours.requests(&query, &asked)?,
            peer: self.peer.as_ref().and_then(|peer| peer.requests(&query, &asked)),
            floor: one && self.floor.is_some() && query.floor.is_some(),
            asked: asked.clone(),
            query,
        };
        if entry.query.is_read() {
            self.compare(&entry, organization, &variables[0]).await?;
        } else {
            ask(entry.ours.port, &entry.ours.wire[0]).await.with_context(|| entry.query.name.clone())?;
            // The rows that the next query asks for must still exist.
            self.clean(&entry).await?;
        }
        Ok(entry)
    }

    /// Compares the first request's answers.
    async fn compare(&self, entry: &Entry, organization: &Organization, variables: &Variables) -> Result<()> {
        let name = &entry.query.name;
        let ours = data(entry.ours.port, &entry.ours.wire[0]).await.with_context(|| format!("{name}: ours"))?;
        if let Some(peer) = &entry.peer {
            let peers = data(peer.port, &peer.wire[0]).await.with_context(|| format!("{name}: the peer"))?;
            if let Some(place) = difference(&ours, &peers) {
                bail!("{name}: ours and the peer's answer differ at data{place}; nothing is timed");
            }
        }
        let floors = floor::answer(&self.server, &self.database, &entry.query, organization, variables).await;
        if let Some(floors) = floors.with_context(|| format!("{name}: the floor"))?
            && let Some(place) = difference(&ours, &normal(&floors))
        {
            bail!("{name}: ours and the floor's answer differ at data{place}; nothing is timed");
        }
        Ok(())
    }

    async fn variables(&self, query: &Query, organization: &Organization) -> Result<Vec<Variables>> {
        let Some(statement) = &query.variables else { return Ok(vec![Variables::default()]) };
        let statement = floor::bound(statement, "organization", &organization.id.to_string());
        let rows = self.server.psql(&self.database, &statement).await?;
        rows.lines().filter(|row| !row.is_empty()).map(Variables::read).collect()
    }

    /// Removes what a query wrote.
    ///
    /// # Errors
    /// When the database refuses.
    pub(crate) async fn clean(&self, entry: &Entry) -> Result<()> {
        if entry.query.is_read() {
            return Ok(());
        }
        if let Some(clean) = &entry.query.clean {
            for (organization, _) in &entry.asked {
                let statement = floor::bound(clean, "organization", &organization.id.to_string());
                self.server.psql(&self.database, &statement).await?;
            }
        }
        self.server.psql(&self.database, "VACUUM (ANALYZE) app.tasks").await?;
        Ok(())
    }

    /// Stops everything.
    ///
    /// # Errors
    /// When the database does not stop.
    pub(crate) async fn close(self) -> Result<()> {
        if let Some(peer) = self.peer {
            peer.stop().await;
        }
        self.ours.stop().await;
        self.server.stop().await
    }
}

/// The requested data.
pub(crate) fn scale(options: &Options) -> ScaleOptions {
    let Options { organizations, users, tasks, rng_seed, .. } = *options;
    ScaleOptions { organizations, users, tasks, rng_seed }
}

async fn start_peer(
    folder: &Path,
    urls: &tenantry_devdb::DatabaseUrls,
    logs: &Path,
    left_out: &mut Vec<String>,
) -> Option<Peer> {
    eprintln!("starting the peer; the first time it is installed …");
    match Peer::start(folder, urls, logs).await {
        Ok(peer) => Some(peer),
        Err(error) => {
            left_out.push(format!("peer: it does not start: {error:#}"));
            None
        }
    }
}

/// The `data` of an answer, normalised.
async fn data(port: u16, request: &[u8]) -> Result<Value> {
    let body = ask(port, request).await?;
    let mut answer: Value = serde_json::from_slice(&body)?;
    Ok(normal(&answer["data"].take()))
}
