//! The measurements: contestants take turns in rounds, so that other load on the machine affects all of them equally.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::arena::{Arena, Contestant, Entry};
use crate::load::{self, Requests, Sample};
use crate::options::Options;
use crate::stats::{float, float64, median, percentile};

/// One contestant's figures for one query and number of connections: medians over the rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) query: String,
    pub(crate) connections: u32,
    pub(crate) contestant: String,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU seconds of the GraphQL server per thousand requests.
    pub(crate) server_cpu: Option<f64>,
    /// CPU seconds of PostgreSQL per thousand requests.
    pub(crate) postgres_cpu: Option<f64>,
    /// The peak memory of the GraphQL server, in bytes.
    pub(crate) peak_memory: Option<u64>,
    pub(crate) statements_per_request: Option<f64>,
    pub(crate) errors: u64,
    /// Requests per second, divided by those of the peer.
    pub(crate) to_peer: Option<f64>,
    /// Requests per second, divided by those of the floor.
    pub(crate) to_floor: Option<f64>,
    pub(crate) rounds: Vec<Round>,
}

/// One measurement.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Round {
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) server_cpu: Option<f64>,
    pub(crate) postgres_cpu: Option<f64>,
    pub(crate) peak_memory: Option<u64>,
    pub(crate) errors: u64,
}

/// Measures all queries.
///
/// # Errors
/// When a contestant fails.
pub(crate) async fn measure(arena: &Arena, entries: &[Entry], options: &Options) -> Result<Vec<Figures>> {
    let mut figures = Vec::new();
    for entry in entries {
        let statements = count_statements(arena, entry).await?;
        for &connections in &options.connections {
            eprintln!("{} at {connections} connections …", entry.query.name);
            let contestants: Vec<Contestant> =
                Contestant::ALL.into_iter().filter(|contestant| takes_part(entry, *contestant)).collect();
            let mut rounds: Vec<Vec<Round>> = contestants.iter().map(|_| Vec::new()).collect();
            for &contestant in &contestants {
                run(arena, entry, contestant, connections, Duration::from_secs(1)).await?;
            }
            for _ in 0..options.rounds {
                for (contestant, rounds) in contestants.iter().zip(&mut rounds) {
                    let time = Duration::from_secs(options.seconds);
                    rounds.push(round(arena, entry, *contestant, connections, time).await?);
                }
                arena.clean(entry).await?;
            }
            let first = figures.len();
            for ((contestant, rounds), statements) in contestants.iter().zip(rounds).zip(&statements) {
                figures.push(medians(entry, connections, *contestant, *statements, rounds));
            }
            compare(&mut figures[first..]);
        }
    }
    Ok(figures)
}

fn takes_part(entry: &Entry, contestant: Contestant) -> bool {
    match contestant {
        Contestant::Floor => entry.floor,
        Contestant::Ours => true,
        Contestant::Peer => entry.peer.is_some(),
    }
}

async fn run(arena: &Arena, entry: &Entry, contestant: Contestant, connections: u32, time: Duration) -> Result<Sample> {
    let name = || format!("{}: {}", entry.query.name, contestant.name());
    let requests = match contestant {
        Contestant::Floor => {
            let (Some(floor), Some(script)) = (&arena.floor, &entry.query.floor) else { return Ok(Sample::default()) };
            let (organization, variables) = &entry.asked[0];
            return floor.run(script, organization, &variables[0], connections, time).await.with_context(name);
        }
        Contestant::Ours => &entry.ours,
        Contestant::Peer => match &entry.peer {
            Some(peer) => peer,
            None => return Ok(Sample::default()),
        },
    };
    load::run(requests, connections, time).await.with_context(name)
}

async fn round(
    arena: &Arena,
    entry: &Entry,
    contestant: Contestant,
    connections: u32,
    time: Duration,
) -> Result<Round> {
    let tree = match contestant {
        Contestant::Floor => None,
        Contestant::Ours => Some(arena.ours.tree()),
        Contestant::Peer => arena.peer.as_ref().map(crate::peer::Peer::tree),
    };
    if let Some(tree) = tree {
        tree.forget_peak();
    }
    let postgres = arena.server.tree();
    let before = (tree.and_then(crate::process::Tree::cpu_seconds), postgres.cpu_seconds());
    let mut sample = run(arena, entry, contestant, connections, time).await?;
    let after = (tree.and_then(crate::process::Tree::cpu_seconds), postgres.cpu_seconds());
    if let Some(error) = &sample.first_error {
        let errors = sample.errors;
        eprintln!("  {errors} answers of {} were errors; the first: {error}", contestant.name());
        // A refusal is fast, so the other figures would mean nothing.
        let all = sample.latencies.len() as u64 + errors;
        anyhow::ensure!(errors * 100 <= all, "{}: {errors} of {all} answers were errors", entry.query.name);
    }
    let count = float(sample.latencies.len());
    let per_thousand = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / count * 1_000.0);
    let latency = |sample: &mut Sample, p| percentile(&mut sample.latencies, p) / 1_000.0;
    Ok(Round {
        requests_per_second: count / sample.seconds,
        p50_ms: latency(&mut sample, 0.5),
        p95_ms: latency(&mut sample, 0.95),
        p99_ms: latency(&mut sample, 0.99),
        server_cpu: per_thousand(before.0, after.0),
        postgres_cpu: per_thousand(before.1, after.1),
        peak_memory: tree.and_then(crate::process::Tree::peak_memory),
        errors: sample.errors,
    })
}

fn medians(
    entry: &Entry,
    connections: u32,
    contestant: Contestant,
    statements: Option<f64>,
    rounds: Vec<Round>,
) -> Figures {
    let middle = |value: fn(&Round) -> f64| median(rounds.iter().map(value)).unwrap_or_default();
    let middle_of = |value: fn(&Round) -> Option<f64>| median(rounds.iter().filter_map(value));
    Figures {
        query: entry.query.name.clone(),
        connections,
        contestant: contestant.name().to_owned(),
        requests_per_second: middle(|round| round.requests_per_second),
        p50_ms: middle(|round| round.p50_ms),
        p95_ms: middle(|round| round.p95_ms),
        p99_ms: middle(|round| round.p99_ms),
        server_cpu: middle_of(|round| round.server_cpu),
        postgres_cpu: middle_of(|round| round.postgres_cpu),
        peak_memory: rounds.iter().filter_map(|round| round.peak_memory).max(),
        statements_per_request: statements,
        errors: rounds.iter().map(|round| round.errors).sum(),
        to_peer: None,
        to_floor: None,
        rounds,
    }
}

/// Fills in the ratios among the contestants of one query and number of connections.
fn compare(figures: &mut [Figures]) {
    let speed = |contestant: Contestant| {
        let found = figures.iter().find(|figures| figures.contestant == contestant.name());
        found.map(|figures| figures.requests_per_second).filter(|speed| *speed > 0.0)
    };
    let (floor, peer) = (speed(Contestant::Floor), speed(Contestant::Peer));
    for figures in figures {
        figures.to_floor = floor.map(|floor| figures.requests_per_second / floor);
        figures.to_peer = peer.map(|peer| figures.requests_per_second / peer);
    }
}

/// How many statements a request takes, for each running contestant; counted outside the rounds, one request after the
/// other.
async fn count_statements(arena: &Arena, entry: &Entry) -> Result<Vec<Option<f64>>> {
    const REQUESTS: usize = 20;
    let mut counts = Vec::new();
    for contestant in Contestant::ALL.into_iter().filter(|contestant| takes_part(entry, *contestant)) {
        let requests = match contestant {
            // By definition.
            Contestant::Floor => {
                counts.push(Some(1.0));
                continue;
            }
            Contestant::Ours => Some(&entry.ours),
            Contestant::Peer => entry.peer.as_ref(),
        };
        let Some(requests) = requests.filter(|_| arena.server.counts) else {
            counts.push(None);
            continue;
        };
        // Enough requests for every worker to have its statements prepared.
        send(requests, REQUESTS).await?;
        arena.server.begin_counting(&arena.database).await?;
        send(requests, REQUESTS).await?;
        let statements = arena.server.end_counting(&arena.database).await?;
        counts.push(Some(float64(statements) / float(REQUESTS)));
    }
    arena.clean(entry).await?;
    Ok(counts)
}

async fn send(requests: &Requests, count: usize) -> Result<()> {
    for request in requests.wire.iter().cycle().take(count) {
        load::ask(requests.port, request).await?;
    }
    Ok(())
}
