//! What is done for every request: id, timing, metrics and log.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::{Method, Request, Response, StatusCode};
use axum::middleware::Next;

use super::AppState;
use super::request_id::{HEADER, RequestId};

/// A request that takes longer than this gets a log line of its own.
const SLOW: Duration = Duration::from_secs(1);

/// Wraps a request: assigns its id, times it, counts it, logs it.
pub(crate) async fn request(State(state): State<AppState>, mut request: Request<Body>, next: Next) -> Response<Body> {
    let started = Instant::now();
    let in_flight = state.metrics().request();
    let id = state.request_ids().of(request.headers());
    let method = request.method().clone();
    // Only the path is logged, because the query string contains variables.
    let uri = request.uri().clone();
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    response.headers_mut().insert(&HEADER, id.to_header());
    let took = started.elapsed();
    state.metrics().answered(response.status().as_u16(), took);
    drop(in_flight);
    log(&id, &method, uri.path(), response.status(), took, state.log_requests());
    response
}

/// Failures are always logged, slow requests at level info, and everything else at level debug unless all are wanted: one line for
/// each of ten thousand requests a second would cost more than answering them.
fn log(id: &RequestId, method: &Method, path: &str, status: StatusCode, took: Duration, all: bool) {
    let (status, took_ms) = (status.as_u16(), took.as_secs_f64() * 1000.0);
    // The path is the caller's text; a long one would fill the log.
    let path = path.get(..200).unwrap_or(path);
    if status >= 500 {
        tracing::warn!(target: "tenantry::access", request_id = %id, %method, path, status, took_ms, "failed");
    } else if took >= SLOW {
        tracing::info!(target: "tenantry::access", request_id = %id, %method, path, status, took_ms, "slow");
    } else if all {
        tracing::info!(target: "tenantry::access", request_id = %id, "{method} {path} {status} in {took_ms:.1} ms");
    } else {
        tracing::debug!(target: "tenantry::access", request_id = %id, %method, path, status, took_ms, "answered");
    }
}
