//! The load: a number of connections, each sending its next request when the last one is answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::http::{Connection, find};

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    pub(crate) port: u16,
    /// Sent in turn; every connection starts at a different one.
    pub(crate) wire: Arc<Vec<Vec<u8>>>,
}

/// The result of one measurement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    /// How long the measurement took, in seconds.
    pub(crate) seconds: f64,
    /// The time from sending to the last byte, in microseconds.
    pub(crate) latencies: Vec<u32>,
    /// The number of failed requests.
    pub(crate) errors: u64,
    /// The message of the first of them.
    pub(crate) first_error: Option<String>,
}

/// Sends requests for this long.
///
/// # Errors
/// When a connection cannot be opened or breaks.
pub(crate) async fn run(requests: &Requests, connections: u32, time: Duration) -> Result<Sample> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(requests.port).await?);
    }
    let start = Instant::now();
    let end = start + time;
    let count = open.len();
    let tasks: Vec<_> = open
        .into_iter()
        .enumerate()
        .map(|(n, connection)| {
            let wire = Arc::clone(&requests.wire);
            let first = n * wire.len() / count;
            tokio::spawn(send(connection, wire, first, end))
        })
        .collect();
    let mut sample = Sample::default();
    for task in tasks {
        let part = task.await??;
        sample.latencies.extend(part.latencies);
        sample.errors += part.errors;
        sample.first_error = sample.first_error.or(part.first_error);
    }
    sample.seconds = start.elapsed().as_secs_f64();
    Ok(sample)
}

async fn send(mut connection: Connection, wire: Arc<Vec<Vec<u8>>>, first: usize, end: Instant) -> Result<Sample> {
    let mut sample = Sample::default();
    for request in wire.iter().cycle().skip(first) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let answer = connection.exchange(request).await?;
        let took = sent.elapsed();
        if answer.status == 200 && is_answer(answer.body) {
            sample.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        } else {
            sample.errors += 1;
            if sample.first_error.is_none() {
                let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)]).into_owned();
                sample.first_error = Some(format!("{}: {text}", answer.status));
            }
        }
    }
    Ok(sample)
}

/// Whether the body is an answer and not an error. Only the ends of a long body are searched, because errors are there.
fn is_answer(body: &[u8]) -> bool {
    const END: usize = 400;
    let has = |part: &[u8], text: &[u8]| find(part, text).is_some();
    let (start, end) = (&body[..body.len().min(END)], &body[body.len().saturating_sub(END)..]);
    let refused = |part| has(part, b"\"errors\":") || has(part, b"\"userErrors\":[{");
    has(start, b"\"data\":") && !refused(start) && !refused(end)
}

/// Sends one request on a new connection; returns the body of the answer.
///
/// # Errors
/// When there is no answer, or it is an error.
pub(crate) async fn ask(port: u16, request: &[u8]) -> Result<Vec<u8>> {
    let mut connection = Connection::open(port).await?;
    let answer = connection.exchange(request).await?;
    if answer.status != 200 || !is_answer(answer.body) {
        let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(2_000)]);
        bail!("the answer was {}: {text}", answer.status);
    }
    Ok(answer.body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_not_an_answer() {
        assert!(is_answer(br#"{"data":{"a":1,"userErrors":[]}}"#));
        assert!(!is_answer(br#"{"data":null,"errors":[{"message":"no"}]}"#));
        assert!(!is_answer(br#"{"data":{"userErrors":[{"code":"CONFLICT"}]}}"#));
        assert!(!is_answer(b"not ready"));
    }
}
