//! How latency grows: it should not grow with the number of organizations, and it should grow in proportion to the size
//! of a page.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tenantry_seed::ScaleOptions;

use crate::database::Server;
use crate::load::{self, Requests, ask};
use crate::options::Options;
use crate::ours::{Ours, work_folder};
use crate::query::{Query, Variables};
use crate::report::columns;
use crate::stats::{float64, median, percentile};

/// How many requests run at a time.
const CONNECTIONS: u32 = 8;

/// One query at one number of organizations.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) organizations: u64,
    pub(crate) tasks: u64,
    pub(crate) query: String,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    /// The length of the answer in bytes: a longer one takes longer.
    pub(crate) bytes: usize,
}

/// A list with one page size, one request at a time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PageSize {
    pub(crate) rows: u32,
    pub(crate) query: String,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) bytes: usize,
}

/// The lists whose pages are measured.
const PAGES: [(&str, &str); 2] = [
    ("clients", "query Page($first: Int!) { clients(first: $first) { nodes { id name status createdAt } } }"),
    ("tasks", "query Page($first: Int!) { tasks(first: $first) { nodes { id title status priority dueAt } } }"),
];

/// Measures the queries at every size.
///
/// # Errors
/// When a database cannot be created or a server does not answer.
pub(crate) async fn organizations(server: &Server, queries: &[Query], options: &Options) -> Result<Vec<Growth>> {
    let folder = work_folder(&options.data_dir)?;
    let mut running = Vec::new();
    for &organizations in &options.growth_sizes {
        let share = |total: u64| (total * organizations / options.organizations.max(1)).max(1);
        let scale = ScaleOptions {
            organizations,
            users: share(options.users),
            tasks: share(options.tasks),
            rng_seed: options.rng_seed,
        };
        eprintln!("growth: {organizations} organizations …");
        let database = server.seeded(&scale).await?;
        server.warm(&database).await?;
        let ours = Ours::start(&options.server, &server.database(&database), &folder).await?;
        let asked = server.organizations(&database, &options.organization).await?;
        let asked: Vec<_> = asked.into_iter().map(|organization| (organization, vec![Variables::default()])).collect();
        running.push((scale, ours, asked));
    }
    let mut growth = Vec::new();
    // Only queries without variables: an id from one database does not exist in another.
    for query in queries.iter().filter(|query| query.is_read() && query.variables.is_none()) {
        let mut places = Vec::new();
        for (scale, ours, asked) in &running {
            places.push((*scale, ours.requests(query, asked)?));
        }
        let requests: Vec<&Requests> = places.iter().map(|place| &place.1).collect();
        let times = interleaved(&requests, CONNECTIONS, options).await?;
        for ((scale, requests), (p50_ms, p95_ms)) in places.iter().zip(times) {
            let bytes = ask(requests.port, &requests.wire[0]).await?.len();
            let (organizations, tasks, query) = (scale.organizations, scale.tasks, query.name.clone());
            growth.push(Growth { organizations, tasks, query, p50_ms, p95_ms, bytes });
        }
    }
    for (_, ours, _) in running {
        ours.stop().await;
    }
    Ok(growth)
}

/// Measures pages of 1, 10 and 100 rows.
///
/// # Errors
/// When the server does not answer.
pub(crate) async fn pages(server: &Server, ours: &Ours, database: &str, options: &Options) -> Result<Vec<PageSize>> {
    let asked = server.organizations(database, &options.organization).await?;
    let mut pages = Vec::new();
    for (name, document) in PAGES {
        eprintln!("page sizes: {name} …");
        let query = Query {
            name: name.to_owned(),
            document: document.to_owned(),
            peer: None,
            floor: None,
            variables: None,
            clean: None,
        };
        let sizes = [1, 10, 100];
        let mut requests = Vec::new();
        for rows in sizes {
            let variables = Variables::read(&format!("{{\"first\":{rows}}}"))?;
            let asked: Vec<_> =
                asked.iter().map(|organization| (organization.clone(), vec![variables.clone()])).collect();
            requests.push(ours.requests(&query, &asked)?);
        }
        let times = interleaved(&requests.iter().collect::<Vec<_>>(), 1, options).await?;
        for ((rows, requests), (p50_ms, p95_ms)) in sizes.into_iter().zip(&requests).zip(times) {
            let bytes = ask(requests.port, &requests.wire[0]).await?.len();
            pages.push(PageSize { rows, query: name.to_owned(), p50_ms, p95_ms, bytes });
        }
    }
    Ok(pages)
}

/// The medians of p50 and p95 over rounds in which the contestants take turns.
async fn interleaved(requests: &[&Requests], connections: u32, options: &Options) -> Result<Vec<(f64, f64)>> {
    let time = Duration::from_secs(options.seconds.min(5));
    let mut rounds: Vec<Vec<(f64, f64)>> = requests.iter().map(|_| Vec::new()).collect();
    for requests in requests {
        load::run(requests, connections, Duration::from_secs(1)).await?;
    }
    for _ in 0..options.rounds {
        for (requests, rounds) in requests.iter().zip(&mut rounds) {
            let mut sample = load::run(requests, connections, time).await?;
            if let Some(error) = sample.first_error {
                anyhow::bail!("an answer was an error: {error}");
            }
            let mut at = |p| percentile(&mut sample.latencies, p) / 1_000.0;
            rounds.push((at(0.5), at(0.95)));
        }
    }
    let middle = |values: &mut dyn Iterator<Item = f64>| median(values).unwrap_or_default();
    Ok(rounds
        .iter()
        .map(|rounds| {
            (middle(&mut rounds.iter().map(|round| round.0)), middle(&mut rounds.iter().map(|round| round.1)))
        })
        .collect())
}

/// The table of growth; the ratio is to the smallest number of organizations.
pub(crate) fn text(growth: &[Growth]) -> String {
    if growth.is_empty() {
        return String::new();
    }
    let head = ["query", "organizations", "tasks", "p50 ms", "p95 ms", "x smallest", "KB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for point in growth {
        let first = growth.iter().find(|first| first.query == point.query).map_or(point.p95_ms, |first| first.p95_ms);
        rows.push(vec![
            point.query.clone(),
            point.organizations.to_string(),
            point.tasks.to_string(),
            format!("{:.2}", point.p50_ms),
            format!("{:.2}", point.p95_ms),
            format!("{:.2}", point.p95_ms / first),
            kilobytes(point.bytes),
        ]);
    }
    format!(
        "growth with the number of organizations, {CONNECTIONS} connections; the ratio is of p95\n\n{}",
        columns(&rows)
    )
}

/// The table of page sizes.
pub(crate) fn page_text(pages: &[PageSize]) -> String {
    if pages.is_empty() {
        return String::new();
    }
    let head = ["list", "rows", "p50 ms", "p95 ms", "µs a row", "KB"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for page in pages {
        rows.push(vec![
            page.query.clone(),
            page.rows.to_string(),
            format!("{:.3}", page.p50_ms),
            format!("{:.3}", page.p95_ms),
            format!("{:.1}", page.p50_ms * 1_000.0 / f64::from(page.rows)),
            kilobytes(page.bytes),
        ]);
    }
    format!("growth with the size of a page, 1 connection\n\n{}", columns(&rows))
}

fn kilobytes(bytes: usize) -> String {
    format!("{:.1}", float64(bytes as u64) / 1_000.0)
}
