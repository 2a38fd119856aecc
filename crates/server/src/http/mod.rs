//! HTTP: the endpoints, and what is done for every request.

mod answer;
mod auth;
mod body;
mod cors;
mod documents;
mod explorer;
mod export;
mod files;
mod graphql;
mod health;
mod live;
mod metering;
mod metrics;
mod negotiation;
mod observe;
mod request_id;
mod serve;
mod shares;
mod state;
mod stripe;
mod transfers;

use axum::Router;
use axum::body::Body;
use axum::extract::Extension;
use axum::http::{Response, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use tenantry_graphql::ErrorCode;

use answer::Refusal;
use negotiation::MediaType;
use request_id::RequestId;

pub use cors::CorsOrigins;
pub use documents::{ManifestError, TrustedDocuments};
pub use explorer::{Explorer, ExplorerExample, ExplorerPerson};
pub use live::LiveLimits;
pub use metering::Metering;
pub use metrics::Metrics;
pub use serve::{Drained, serve};
pub use state::{AppState, HttpOptions};
pub use stripe::StripeWebhooks;

/// The endpoints: `/`, `/explorer`, `/graphql`, `/export`, `/files/…`, `/healthz`, `/readyz`, `/metrics`, `/webhooks/stripe`.
pub fn router(state: AppState) -> Router {
    let mut api = Router::new().route("/graphql", any(graphql::answer)).route("/export", any(export::answer));
    api = api.route("/files/{*key}", any(files::answer));
    if let Some(cors) = cors::layer(state.cors()) {
        api = api.layer(from_fn_with_state(cors, cors::apply));
    }
    Router::new()
        .merge(api)
        .route("/", get(explorer::page))
        .route("/explorer/session.json", get(explorer::session))
        .route("/explorer/{*path}", get(explorer::asset))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .route("/webhooks/stripe", any(stripe::answer))
        .fallback(nothing_here)
        .layer(from_fn_with_state(state.clone(), observe::request))
        .with_state(state)
}

async fn nothing_here(Extension(request_id): Extension<RequestId>) -> Response<Body> {
    Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "Not found; the GraphQL endpoint is /graphql.")
        .into_response(MediaType::Json, request_id.as_str())
}
