//! Counters of the process, in Prometheus's text format. Only numbers: nothing about a tenant, a token or a document.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use tenantry_graphql::Live;

use super::AppState;

/// Upper bounds of the latency histogram, in microseconds.
const BOUNDS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];

/// The first and the last status that is counted individually.
const STATUSES: std::ops::RangeInclusive<u16> = 100..=599;

/// The process's counters.
#[derive(Debug)]
pub struct Metrics {
    by_status: Box<[AtomicU64]>,
    /// Each bucket on its own; they are summed up when they are shown.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
    in_flight: AtomicI64,
    connections: AtomicI64,
    refused_tokens: AtomicU64,
    told: AtomicU64,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            by_status: STATUSES.map(|_| AtomicU64::new(0)).collect(),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
            microseconds: AtomicU64::new(0),
            in_flight: AtomicI64::new(0),
            connections: AtomicI64::new(0),
            refused_tokens: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }
}

/// Counts something for as long as it exists.
#[derive(Debug)]
pub struct Gauge<'m>(&'m AtomicI64);

impl<'m> Gauge<'m> {
    fn raise(gauge: &'m AtomicI64) -> Self {
        gauge.fetch_add(1, Ordering::Relaxed);
        Self(gauge)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// A request is being answered.
    pub fn request(&self) -> Gauge<'_> {
        Gauge::raise(&self.in_flight)
    }

    /// How many requests are being answered.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// A client is connected.
    pub fn connection(&self) -> Gauge<'_> {
        Gauge::raise(&self.connections)
    }

    /// A request was answered.
    pub fn answered(&self, status: u16, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let index = usize::from(status.clamp(*STATUSES.start(), *STATUSES.end()) - STATUSES.start());
        self.by_status[index].fetch_add(1, Ordering::Relaxed);
        self.buckets[BOUNDS.partition_point(|bound| *bound < took)].fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(took, Ordering::Relaxed);
    }

    /// A token was refused.
    pub fn refused_token(&self) {
        self.refused_tokens.fetch_add(1, Ordering::Relaxed);
    }

    /// An event was sent to a subscriber.
    pub fn told(&self) {
        self.told.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything, in Prometheus's text format. `live` is the number of open live connections, and of subscriptions.
    pub fn render(&self, (open, idle): (u32, usize), pool_size: u32, live: (usize, usize)) -> String {
        let mut text = String::with_capacity(4096);
        // Writing to a String cannot fail.
        let _ = self.write(&mut text, (open, idle), pool_size, live);
        text
    }

    fn write(
        &self,
        text: &mut String,
        (open, idle): (u32, usize),
        pool_size: u32,
        (connections, subscriptions): (usize, usize),
    ) -> std::fmt::Result {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        text.push_str("# HELP tenantry_http_requests_total Requests answered, by status.\n");
        text.push_str("# TYPE tenantry_http_requests_total counter\n");
        for (status, counter) in STATUSES.zip(&self.by_status) {
            let count = read(counter);
            if count > 0 {
                writeln!(text, "tenantry_http_requests_total{{status=\"{status}\"}} {count}")?;
            }
        }
        text.push_str("# HELP tenantry_http_request_duration_seconds Time from a request's head to its answer.\n");
        text.push_str("# TYPE tenantry_http_request_duration_seconds histogram\n");
        let mut total = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            total += read(bucket);
            match BOUNDS.get(index) {
                Some(bound) => {
                    let bound = seconds(*bound);
                    writeln!(text, "tenantry_http_request_duration_seconds_bucket{{le=\"{bound}\"}} {total}")?;
                }
                None => writeln!(text, "tenantry_http_request_duration_seconds_bucket{{le=\"+Inf\"}} {total}")?,
            }
        }
        writeln!(text, "tenantry_http_request_duration_seconds_sum {}", seconds(read(&self.microseconds)))?;
        writeln!(text, "tenantry_http_request_duration_seconds_count {total}")?;
        let mut single = |kind: &str, name: &str, help: &str, value: i64| {
            writeln!(text, "# HELP tenantry_{name} {help}\n# TYPE tenantry_{name} {kind}\ntenantry_{name} {value}")
        };
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let many = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let idle = many(idle);
        single("gauge", "http_requests_in_flight", "Requests being answered.", self.in_flight())?;
        single("gauge", "http_connections", "Clients connected.", self.connections.load(Ordering::Relaxed))?;
        single("counter", "tokens_refused_total", "Refused tokens.", signed(read(&self.refused_tokens)))?;
        single("gauge", "live_connections", "Open WebSockets and event streams.", many(connections))?;
        single("gauge", "live_subscriptions", "Open subscriptions.", many(subscriptions))?;
        single("counter", "live_events_total", "Events sent to subscribers.", signed(read(&self.told)))?;
        single("gauge", "pool_connections_max", "The maximum number of database connections.", pool_size.into())?;
        single("gauge", "pool_connections_open", "Connections to the database.", open.into())?;
        single("gauge", "pool_connections_idle", "Idle connections to the database.", idle)
    }
}

/// Microseconds as seconds for Prometheus, exactly.
fn seconds(microseconds: u64) -> String {
    let text = format!("{}.{:06}", microseconds / 1_000_000, microseconds % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `GET /metrics`.
pub(crate) async fn show(State(state): State<AppState>) -> impl IntoResponse {
    let subscriptions = state.engine().live_feed().map_or(0, Live::feeds);
    let live = (state.seats().taken(), subscriptions);
    let text = state.metrics().render(state.store().connections(), state.pool_size(), live);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative() {
        let metrics = Metrics::default();
        metrics.answered(200, Duration::from_micros(500));
        metrics.answered(200, Duration::from_micros(501));
        metrics.answered(503, Duration::from_secs(20));
        let _in_flight = metrics.request();
        let text = metrics.render((3, 2), 10, (5, 4));
        for line in [
            "tenantry_http_requests_total{status=\"200\"} 2",
            "tenantry_http_requests_total{status=\"503\"} 1",
            "tenantry_http_request_duration_seconds_bucket{le=\"0.0005\"} 1",
            "tenantry_http_request_duration_seconds_bucket{le=\"0.001\"} 2",
            "tenantry_http_request_duration_seconds_bucket{le=\"10\"} 2",
            "tenantry_http_request_duration_seconds_bucket{le=\"+Inf\"} 3",
            "tenantry_http_request_duration_seconds_sum 20.001001",
            "tenantry_http_request_duration_seconds_count 3",
            "tenantry_http_requests_in_flight 1",
            "tenantry_pool_connections_idle 2",
            "tenantry_live_connections 5",
            "tenantry_live_subscriptions 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
