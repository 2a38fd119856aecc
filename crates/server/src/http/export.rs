//! `GET /export`: all data of the caller's organization as JSON lines, for its owners, streamed as it is read.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use tenantry_domain::Identity;
use tenantry_domain::causes::causes;
use tenantry_graphql::ErrorCode;
use tenantry_service::ServiceError;
use tenantry_service::export::{Export, ExportError};
use tenantry_store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::AppState;
use super::answer::Refusal;
use super::graphql::{identify, identity_of};
use super::metering::Call;
use super::negotiation::MediaType;
use super::request_id::RequestId;

/// How many chunks are buffered for a client that reads more slowly than the database is read.
const AHEAD: usize = 2;

/// How long an export may take. While its snapshot is open, the database cannot vacuum rows that were deleted since.
const LONGEST: Duration = Duration::from_mins(15);

/// `Retry-After` while another export runs, in seconds.
const LATER: HeaderValue = HeaderValue::from_static("10");

/// A part of the body. Without an end part, the export was cut off.
enum Part {
    Lines(String),
    End,
}

/// Answers one request to the endpoint, whatever its method.
pub(crate) async fn answer(
    State(state): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    request: Request<Body>,
) -> Response<Body> {
    match admit(&state, &request.into_parts().0).await {
        Ok((identity, call)) => {
            let mut response = match begin(&state, identity, &call).await {
                Ok(parts) => lines(parts, identity),
                Err(refusal) => refusal.into_response(MediaType::Json, request_id.as_str()),
            };
            call.finish(&mut response);
            response
        }
        Err(refusal) => refusal.into_response(MediaType::Json, request_id.as_str()),
    }
}

fn lines(parts: mpsc::Receiver<Part>, identity: Identity) -> Response<Body> {
    let mut response = Response::new(body(parts));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let file = format!("attachment; filename=\"{}.jsonl\"", identity.organization_id);
    if let Ok(file) = HeaderValue::from_str(&file) {
        headers.insert(CONTENT_DISPOSITION, file);
    }
    response
}

async fn admit(state: &AppState, head: &Parts) -> Result<(Identity, Call), Refusal> {
    if head.method != Method::GET {
        let refusal =
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, "Use GET for an export.");
        return Err(refusal.with_header(ALLOW, HeaderValue::from_static("GET")));
    }
    let identity = identity_of(&identify(state, &head.headers).await?);
    let call = state.metering().admit(identity).await?;
    Ok((identity, call))
}

async fn begin(state: &AppState, identity: Identity, call: &Call) -> Result<mpsc::Receiver<Part>, Refusal> {
    // Exports must not take every connection away from the requests.
    let Ok(permit) = Arc::clone(state.exports()).try_acquire_owned() else { return Err(Refusal::unavailable()) };
    let export = Export::begin(state.store(), identity).await;
    // The role is not sufficient, or another export is running: either way the caller is a member.
    if matches!(export, Ok(_) | Err(ExportError::Running | ExportError::Service(ServiceError::Forbidden))) {
        call.membership().prove();
    }
    let export = export.map_err(|error| refusal(&error))?;
    let (sender, parts) = mpsc::channel(AHEAD);
    let stall = state.export_stall();
    tokio::spawn(async move {
        let sent = tokio::time::timeout(LONGEST, send(export, &sender, stall, permit)).await;
        let problem = match sent {
            Ok(Ok(())) => return,
            Ok(Err(problem)) => problem,
            Err(_) => "it took too long".to_owned(),
        };
        tracing::info!(organization = %identity.organization_id, problem, "an export was cut off");
    });
    Ok(parts)
}

/// Reads the export and passes it on, as fast as the client reads. The database connection is returned at the end, or
/// when the client hangs up or reads nothing for `stall`.
async fn send(
    mut export: Export,
    sender: &mpsc::Sender<Part>,
    stall: Duration,
    _permit: OwnedSemaphorePermit,
) -> Result<(), String> {
    loop {
        let next = export.next().await.map_err(|error| causes(&error))?;
        let is_end = next.is_none();
        let part = next.map_or(Part::End, |(lines, _)| Part::Lines(lines));
        match tokio::time::timeout(stall, sender.send(part)).await {
            Ok(Ok(())) if is_end => return Ok(()),
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err("the client hung up".to_owned()),
            Err(_) => return Err("the client stopped reading".to_owned()),
        }
    }
}

/// The parts as a body. A body that was cut off fails, so that no client takes it for complete.
fn body(parts: mpsc::Receiver<Part>) -> Body {
    let chunks = stream::try_unfold(parts, async |mut parts| match parts.recv().await {
        Some(Part::Lines(lines)) => Ok(Some((Bytes::from(lines), parts))),
        Some(Part::End) => Ok(None),
        None => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the export was cut off")),
    });
    Body::from_stream(chunks)
}

fn refusal(error: &ExportError) -> Refusal {
    let internal = || {
        tracing::error!(error = causes(error), "an export failed");
        Refusal::internal()
    };
    let forbidden = |message| Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message);
    match error {
        ExportError::Running => {
            let message = "An export of this organization is already running; only one can run at a time.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message).with_header(RETRY_AFTER, LATER)
        }
        ExportError::Service(ServiceError::Forbidden) => forbidden("Your role does not allow this."),
        ExportError::Service(ServiceError::Store(StoreError::NotAMember)) => {
            forbidden("You do not belong to this organization.")
        }
        ExportError::Service(ServiceError::Store(
            StoreError::Unavailable(_) | StoreError::Timeout(_) | StoreError::Conflict(_),
        )) => {
            tracing::warn!(error = causes(error), "an export could not begin");
            Refusal::unavailable()
        }
        ExportError::Service(_) | ExportError::Write(_) => internal(),
    }
}
