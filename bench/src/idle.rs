//! The cost of idle connections: memory each, how many the process holds, and how they affect an active client.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::arena::Entry;
use crate::http::{Connection, get};
use crate::load;
use crate::ours::Ours;
use crate::process::Tree;
use crate::stats::{float, float64, percentile};

/// File descriptors that both processes need for other things.
const SPARE: u64 = 200;

/// The maximum, whatever the limit: one address has only so many client ports.
const MOST: u64 = 25_000;

/// How long the server has to accept one of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a client works while the others are idle.
const WORK: Duration = Duration::from_secs(4);

/// The results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Idle {
    /// How many files the server may have open.
    pub(crate) file_limit: u64,
    /// How many connections were opened, each with one answered request.
    pub(crate) opened: usize,
    /// How many of them the server held when the last one was opened.
    pub(crate) held_at_once: usize,
    /// How many of them it still held after the client had worked; it may close those that are idle for long.
    pub(crate) held_later: usize,
    /// The server's memory per idle connection, in bytes.
    pub(crate) bytes_each: Option<f64>,
    /// The p99 of an active client, without the idle connections and with them.
    pub(crate) p99_alone_ms: f64,
    pub(crate) p99_meanwhile_ms: f64,
    /// Why there are not more.
    pub(crate) stopped_by: String,
}

/// Opens connections up to the limit of either process.
///
/// # Errors
/// When the active client gets no answer.
pub(crate) async fn measure(ours: &Ours, entry: &Entry) -> Result<Idle> {
    let server_limit = ours.tree().file_limit().unwrap_or(1_024);
    let own_limit = Tree(std::process::id()).file_limit().unwrap_or(1_024);
    let limit = usize::try_from(server_limit.min(own_limit).saturating_sub(SPARE).min(MOST))?;
    let p99_alone_ms = p99(entry).await?;
    eprintln!("idle: opening up to {limit} connections …");
    let before = ours.tree().memory();
    let mut connections = Vec::with_capacity(limit);
    let mut stopped_by =
        if server_limit <= own_limit { "the server's file limit" } else { "the client's file limit" }.to_owned();
    let deadline = Instant::now() + Duration::from_mins(1);
    while connections.len() < limit && Instant::now() < deadline {
        match open(ours.port, connections.len(), limit).await {
            Ok(opened) => connections.extend(opened),
            Err(error) => {
                stopped_by = error.to_string();
                break;
            }
        }
    }
    let after = ours.tree().memory();
    let opened = connections.len();
    let held_at_once = held(&connections);
    let p99_meanwhile_ms = p99(entry).await?;
    let held_later = held(&connections);
    let bytes_each =
        before.zip(after).map(|(before, after)| float64(after.saturating_sub(before)) / float(opened.max(1)));
    Ok(Idle {
        file_limit: server_limit,
        opened,
        held_at_once,
        held_later,
        bytes_each,
        p99_alone_ms,
        p99_meanwhile_ms,
        stopped_by,
    })
}

/// Opens the next connections in batches, and sends a request on each: a server may accept a connection and do nothing
/// with it.
async fn open(port: u16, already: usize, limit: usize) -> Result<Vec<Connection>> {
    const AT_A_TIME: usize = 64;
    let mut opening = JoinSet::new();
    for _ in already..(already + AT_A_TIME).min(limit) {
        opening.spawn(async move {
            let opened = async {
                let mut connection = Connection::open(port).await?;
                connection.exchange(&get(port, "/healthz")).await?;
                connection.shrink();
                Ok::<_, std::io::Error>(connection)
            };
            tokio::time::timeout(PATIENCE, opened)
                .await
                .context("the server did not answer in time")?
                .map_err(Into::into)
        });
    }
    opening.join_all().await.into_iter().collect()
}

fn held(connections: &[Connection]) -> usize {
    connections.iter().filter(|connection| !connection.is_closed()).count()
}

async fn p99(entry: &Entry) -> Result<f64> {
    let mut sample = load::run(&entry.ours, 1, WORK).await?;
    Ok(percentile(&mut sample.latencies, 0.99) / 1_000.0)
}

impl Idle {
    /// The results as text.
    pub(crate) fn text(&self) -> String {
        let each = self.bytes_each.map_or_else(|| "-".to_owned(), |bytes| format!("{:.1} KB", bytes / 1_000.0));
        format!(
            "idle connections\n\n{} opened (stopped by {}; the server's file limit is {}), {} of them held at once and {} after {} s; \
             {each} each\np99 of one working client: {:.2} ms alone, {:.2} ms meanwhile\n",
            self.opened,
            self.stopped_by,
            self.file_limit,
            self.held_at_once,
            self.held_later,
            WORK.as_secs(),
            self.p99_alone_ms,
            self.p99_meanwhile_ms
        )
    }
}
