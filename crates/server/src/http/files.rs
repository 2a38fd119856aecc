//! `/files/…`: takes and gives the bytes of attachments at signed addresses, if they are kept in a folder. No token is needed.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyDataStream, BodyExt as _, StreamBody};
use hyper::body::Frame;
use tenantry_domain::causes::causes;
use tenantry_files::{Admitted, LinkError, Local, ReceiveError};
use tenantry_graphql::ErrorCode;
use tokio::sync::mpsc;
use tower::{BoxError, ServiceExt as _};
use tower_http::services::ServeFile;

use super::AppState;
use super::answer::Refusal;
use super::graphql::spill;
use super::negotiation::MediaType;
use super::request_id::RequestId;
use super::transfers::{Busy, Transfer};

/// The methods of the endpoint.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, OPTIONS");

/// How long a client may send nothing.
const STALL: Duration = Duration::from_secs(30);

/// How long a file may take to be fetched, and how many pieces of it are read ahead.
const LONGEST: Duration = Duration::from_hours(1);
const AHEAD: usize = 2;

/// How long one that began in time may take to be sent.
const SHORTEST: Duration = Duration::from_mins(10);

/// `Retry-After` while too many others send files, in seconds.
const LATER: HeaderValue = HeaderValue::from_static("2");

/// Nothing that is fetched may run anything, even if a browser shows it.
const HARMLESS: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Answers one request to the endpoint, whatever its method.
pub(crate) async fn answer(
    State(state): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, mut body) = request.into_parts();
    // As it was sent: what is signed has nothing in it that would have to be escaped.
    let key = head.uri.path().strip_prefix("/files/").unwrap_or_default();
    let answered = match local(&state) {
        Some(local) => respond(&state, local, key, &head, &mut body).await,
        None => Err(Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "Not found.")),
    };
    match answered {
        Ok(response) => response,
        Err(refusal) => {
            // A client that is still sending sees no answer.
            spill(&mut body).await;
            refusal.into_response(MediaType::Json, request_id.as_str())
        }
    }
}

fn local(state: &AppState) -> Option<&Local> {
    state.engine().service().files()?.files.as_local()
}

async fn respond(
    state: &AppState,
    local: &Local,
    key: &str,
    head: &Parts,
    body: &mut Body,
) -> Result<Response<Body>, Refusal> {
    let method = &head.method;
    if *method == Method::OPTIONS {
        let mut response = status(StatusCode::NO_CONTENT);
        response.headers_mut().insert(ALLOW, METHODS);
        return Ok(response);
    }
    if ![Method::GET, Method::HEAD, Method::PUT].contains(method) {
        let message = "Send a file by PUT, and fetch it by GET.";
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message);
        return Err(refusal.with_header(ALLOW, METHODS));
    }
    let admitted = local.admit(method.as_str(), key, head.uri.query().unwrap_or_default()).map_err(not_good)?;
    match admitted {
        Admitted::Put { key, byte_size, mime_type, expires_at } => {
            check_head(&head.headers, byte_size, &mime_type)?;
            let _transfer = state.sent().begin(&key).map_err(busy)?;
            let left = (expires_at - state.store().clock().now()).to_std().unwrap_or_default();
            let received = receive(local, &key, byte_size, body);
            // An address that has expired takes nothing more.
            tokio::time::timeout(left.max(SHORTEST), received).await.unwrap_or_else(|_| Err(too_slow()))?;
            Ok(status(StatusCode::OK))
        }
        Admitted::Get { path, disposition, mime_type } => {
            let transfer = state.fetched().begin(key).map_err(busy)?;
            check_readable(&path).await?;
            let request = Request::from_parts(head.clone(), Body::empty());
            let mut response = match ServeFile::new(path).oneshot(request).await {
                Ok(response) => response.map(|body| held(state, body, transfer)),
                Err(never) => match never {},
            };
            if response.status().is_server_error() || response.status() == StatusCode::NOT_FOUND {
                return Err(Refusal::unavailable());
            }
            make_harmless(response.headers_mut(), &disposition, &mime_type);
            Ok(response)
        }
    }
}

/// Whether a file is there, as far as it says so itself.
async fn check_readable(path: &std::path::Path) -> Result<(), Refusal> {
    match tokio::fs::File::open(path).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Refusal::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, "This file is gone."))
        }
        Err(error) => {
            tracing::error!(%error, path = %path.display(), "a file could not be read");
            Err(Refusal::unavailable())
        }
    }
}

/// A body that counts as a transfer, and as a request that runs, until it ends. A client that reads nothing for too long gets no more.
fn held<B>(state: &AppState, body: B, transfer: Transfer) -> Body
where
    B: hyper::body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError> + Send,
{
    let (sender, parts) = mpsc::channel::<Result<Frame<Bytes>, BoxError>>(AHEAD);
    let state = state.clone();
    let send = async move {
        let _held = (transfer, state.metrics().request());
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            let sent = tokio::time::timeout(STALL, sender.send(frame.map_err(Into::into))).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    };
    tokio::spawn(tokio::time::timeout(LONGEST, send));
    // A body that is shorter than its length ends the connection.
    let frames = stream::unfold(parts, async |mut parts| parts.recv().await.map(|frame| (frame, parts)));
    Body::new(StreamBody::new(frames))
}

fn make_harmless(headers: &mut HeaderMap, disposition: &str, mime_type: &str) {
    let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("attachment"));
    let mut set = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
    set(CONTENT_DISPOSITION, text(disposition));
    set(CONTENT_TYPE, HeaderValue::from_str(mime_type).unwrap_or(HeaderValue::from_static("application/octet-stream")));
    set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(CONTENT_SECURITY_POLICY, HARMLESS);
    set(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}

/// The headers must be those that were given with the address.
fn check_head(headers: &HeaderMap, byte_size: u64, mime_type: &str) -> Result<(), Refusal> {
    let given = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if !given(CONTENT_TYPE).is_some_and(|given| given.eq_ignore_ascii_case(mime_type)) {
        return Err(Refusal::bad_request(format!("Send the header Content-Type: {mime_type}.")));
    }
    // A client that does not know it in advance is cut off when there is too much.
    match given(CONTENT_LENGTH).map(str::parse::<u64>) {
        Some(Ok(length)) if length != byte_size => Err(wrong_size(byte_size)),
        _ => Ok(()),
    }
}

async fn receive(local: &Local, key: &str, byte_size: u64, body: &mut Body) -> Result<(), Refusal> {
    match local.receive(key, byte_size, BodyDataStream::new(body), STALL).await {
        Ok(()) => Ok(()),
        Err(ReceiveError::Size) => Err(wrong_size(byte_size)),
        Err(ReceiveError::Stalled) => Err(too_slow()),
        Err(ReceiveError::Body(_)) => Err(Refusal::bad_request("The file was cut off.")),
        Err(ReceiveError::Files(error)) => {
            tracing::error!(error = causes(&error), "a file could not be stored");
            Err(Refusal::unavailable())
        }
    }
}

fn wrong_size(byte_size: u64) -> Refusal {
    Refusal::bad_request(format!("Send exactly {byte_size} bytes, as announced."))
}

fn not_good(error: LinkError) -> Refusal {
    let message = match error {
        LinkError::Invalid => "This address is not valid for this method.",
        LinkError::Expired => "This address has expired; ask for a new one.",
    };
    Refusal::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, message)
}

fn too_slow() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, "The file took too long to arrive.")
}

fn busy(busy: Busy) -> Refusal {
    let message = match busy {
        Busy::Full => "Too many files are sent or fetched; try again in a moment.",
        Busy::Same => "This file is being sent already; try again in a moment.",
    };
    Refusal::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message).with_header(RETRY_AFTER, LATER)
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
