//! Whether the process is up, and whether it can serve requests.

use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use tokio::sync::Mutex;

use super::AppState;

/// Anyone may send probes, so the database is asked at most this often.
const KEPT: Duration = Duration::from_millis(250);

/// If the answer takes longer than this, it counts as no.
const PATIENCE: Duration = Duration::from_secs(2);

/// The last result of asking the database.
#[derive(Debug, Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, bool)>>);

/// `GET /healthz`: the process is up.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and keys are loaded.
pub(crate) async fn ready(State(state): State<AppState>) -> (StatusCode, &'static str) {
    let mut last = state.readiness().0.lock().await;
    let ready = match *last {
        Some((at, ready)) if at.elapsed() < KEPT => ready,
        _ => {
            let ready = tokio::time::timeout(PATIENCE, is_ready(&state)).await.unwrap_or(false);
            *last = Some((Instant::now(), ready));
            ready
        }
    };
    if ready { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}

async fn is_ready(state: &AppState) -> bool {
    if let Err(error) = state.verifier().prime().await {
        tracing::warn!(%error, "not ready");
        return false;
    }
    match tenantry_store::doctor::ping(state.store()).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(error = tenantry_domain::causes::causes(&error), "not ready");
            false
        }
    }
}
