//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Compares the server with a hand-written statement (the floor) and a peer, in one run on one machine.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, Parser)]
#[command(name = "bench/run", max_term_width = 110, args_override_self = true)]
pub(crate) struct Options {
    /// How often each measurement is repeated; the table shows medians.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) rounds: u32,
    /// How long each measurement lasts, in seconds.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub(crate) seconds: u64,
    /// How many requests run at a time.
    #[arg(long, value_delimiter = ',', default_value = "1,8,32", value_parser = clap::value_parser!(u32).range(1..=512))]
    pub(crate) connections: Vec<u32>,
    /// Which folders of `queries` are measured; by default all.
    #[arg(long, value_delimiter = ',')]
    pub(crate) queries: Vec<String>,
    /// Which contestants run: floor, ours, peer; by default all.
    #[arg(long, value_delimiter = ',')]
    pub(crate) contestants: Vec<String>,
    /// The slug of the organization whose data is requested, or `many` to request the data of many organizations in
    /// turn.
    #[arg(long, default_value = "large", value_name = "SLUG")]
    pub(crate) organization: String,
    /// How many organizations the data has.
    #[arg(long, default_value_t = 1_247)]
    pub(crate) organizations: u64,
    /// How many users the data has.
    #[arg(long, default_value_t = 42_318)]
    pub(crate) users: u64,
    /// How many tasks the data has.
    #[arg(long, default_value_t = 3_200_000)]
    pub(crate) tasks: u64,
    /// The random seed of the data.
    #[arg(long, default_value_t = 1)]
    pub(crate) rng_seed: u64,
    /// The file for the figures, as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The file of an earlier run to compare with.
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Also measures how latency grows with the number of organizations and with the size of the page.
    #[arg(long)]
    pub(crate) growth: bool,
    /// The numbers of organizations for `--growth`; users and tasks are in proportion.
    #[arg(long, value_delimiter = ',', default_value = "10,100,1247,5000")]
    pub(crate) growth_sizes: Vec<u64>,
    /// Also measures the cost of idle connections.
    #[arg(long)]
    pub(crate) idle: bool,
    /// Also measures the cost of so many subscribers, and the delay until a change reaches them.
    #[arg(long, value_name = "N")]
    pub(crate) live: Option<usize>,
    /// Only runs what `--growth`, `--idle` and `--live` request.
    #[arg(long)]
    pub(crate) skip_table: bool,
    /// Only prepares the database, and keeps it and the server running until Ctrl-C; for a profiler.
    #[arg(long)]
    pub(crate) hold: bool,
    /// The server to measure.
    #[arg(long, value_name = "FILE")]
    pub(crate) server: PathBuf,
    /// The folder with the queries.
    #[arg(long, value_name = "DIR")]
    pub(crate) query_dir: PathBuf,
    /// The folder with the peer's `start`.
    #[arg(long, env = "TENANTRY_BENCH_PEER", value_name = "DIR")]
    pub(crate) peer: Option<PathBuf>,
    /// The folder that keeps the database between runs.
    #[arg(long, env = "TENANTRY_BENCH_DATA", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}
