//! The benchmark: a private PostgreSQL with customers of every size, our release server, a peer and a hand-written
//! statement, measured in turns by one load client. All traffic stays on the loopback interface.
//!
//! *Invariant:* nothing is timed before all contestants have given the same answer.

mod arena;
mod database;
mod equal;
mod floor;
mod growth;
mod http;
mod idle;
mod live;
mod load;
mod measure;
mod options;
mod ours;
mod peer;
mod process;
mod query;
mod report;
mod stats;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::arena::{Arena, Entry};
use crate::options::Options;
use crate::query::Query;
use crate::report::{Data, Machine, Report};

// One thread: the cores are for what is measured.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    // However the run ends, everything it started ends when these values are dropped.
    let result = tokio::select! {
        result = run(&options) => result,
        () = interrupted() => Err(anyhow::anyhow!("interrupted")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without a handler the signal ends the process immediately.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn run(options: &Options) -> Result<()> {
    // Checks that cost nothing come first.
    let earlier = options.compare.as_deref().map(Report::read).transpose()?;
    let queries = query::read_all(&options.query_dir, &options.queries)?;
    let load_before = load_of_the_machine();
    let mut arena = Arena::open(options).await?;
    let result = if options.hold { hold(&arena, options).await } else { measure(&mut arena, queries, options).await };
    let mut report = Report::new(
        Machine {
            cores: std::thread::available_parallelism().map_or(0, Into::into),
            postgres: arena.server.version().await?,
            load_before,
        },
        Data {
            organizations: options.organizations,
            users: options.users,
            tasks: options.tasks,
            organization: options.organization.clone(),
            rounds: options.rounds,
            seconds: options.seconds,
        },
    );
    report.left_out.clone_from(&arena.left_out);
    arena.close().await?;
    let found = result?;
    (report.figures, report.growth, report.pages) = (found.figures, found.growth, found.pages);
    (report.idle, report.live) = (found.idle, found.live);
    if options.hold {
        return Ok(());
    }
    println!("{}", report.text());
    if let Some(path) = &options.out {
        report.write(path)?;
        println!("figures: {}", path.display());
    }
    if let Some(earlier) = earlier {
        println!("{}", report.comparison(&earlier));
    }
    Ok(())
}

/// The results of the parts of a run.
#[derive(Default)]
struct Found {
    figures: Vec<measure::Figures>,
    growth: Vec<growth::Growth>,
    pages: Vec<growth::PageSize>,
    idle: Option<idle::Idle>,
    live: Option<live::Live>,
}

async fn measure(arena: &mut Arena, queries: Vec<Query>, options: &Options) -> Result<Found> {
    let organizations = arena.server.organizations(&arena.database, &options.organization).await?;
    let mut entries: Vec<Entry> = Vec::new();
    for query in &queries {
        entries.push(arena.entry(query.clone(), &organizations).await?);
    }
    let mut found = Found::default();
    if !options.skip_table {
        found.figures = measure::measure(arena, &entries, options).await?;
    }
    if options.idle {
        let entry = entries.first().context("no query to work with")?;
        found.idle = Some(idle::measure(&arena.ours, entry).await?);
    }
    if let Some(subscribers) = options.live {
        found.live = Some(live::measure(arena, subscribers).await?);
    }
    if options.growth {
        found.pages = growth::pages(&arena.server, &arena.ours, &arena.database, options).await?;
        found.growth = growth::organizations(&arena.server, &queries, options).await?;
    }
    Ok(found)
}

/// Prints the addresses, and waits.
async fn hold(arena: &Arena, options: &Options) -> Result<Found> {
    println!("server: http://127.0.0.1:{}/graphql, process {}", arena.ours.port, arena.ours.tree().0);
    println!("database: {}", arena.server.database(&arena.database).app_url());
    for organization in arena.server.organizations(&arena.database, &options.organization).await?.iter().take(1) {
        println!("organization: {}\ntoken: {}", organization.id, arena.ours.token(organization)?);
    }
    println!("Ctrl-C ends it");
    std::future::pending().await
}

fn load_of_the_machine() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}
