//! The GraphQL endpoint: passes a request's head and body to the engine and returns its answer. The engine interprets
//! the document.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use tenantry_domain::Identity;
use tenantry_graphql::{Caller, ErrorCode, GraphQlRequest, Methods};
use tenantry_token::VerifiedToken;

use super::answer::{METHODS, Refusal, from_engine};
use super::metering::Call;
use super::negotiation::{MediaType, answer_type, is_json};
use super::request_id::RequestId;
use super::{AppState, auth, body};

/// Answers one request to the endpoint, whatever its method.
pub(crate) async fn answer(
    State(state): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    request: Request<Body>,
) -> Response<Body> {
    if request.method() == Method::OPTIONS {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response.headers_mut().insert(ALLOW, METHODS);
        return response;
    }
    let acceptable = answer_type(request.headers());
    let media_type = acceptable.unwrap_or(MediaType::Json);
    let outcome = if acceptable.is_some() {
        execute(&state, &request_id, request).await
    } else {
        spill(&mut request.into_body()).await;
        let message = "Answers come as application/graphql-response+json or application/json.";
        Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::BadUserInput, message))
    };
    match outcome {
        Ok((outcome, call)) => {
            let mut response = match outcome {
                Ok(answer) => from_engine(answer, media_type),
                Err(refusal) => refusal.into_response(media_type, request_id.as_str()),
            };
            call.finish(&mut response);
            response
        }
        Err(refusal) => refusal.into_response(media_type, request_id.as_str()),
    }
}

/// Runs an admitted request; returns its outcome and the call to count.
async fn execute(
    state: &AppState,
    request_id: &RequestId,
    request: Request<Body>,
) -> Result<(Result<async_graphql::Response, Refusal>, Call), Refusal> {
    let (head, mut body) = request.into_parts();
    let (methods, token, call) = match admit(state, &head).await {
        Ok(admitted) => admitted,
        Err(refusal) => {
            spill(&mut body).await;
            return Err(refusal);
        }
    };
    let caller = Caller {
        identity: identity_of(&token),
        expires_at: Some(token.expires_at),
        request_id: request_id.as_str().to_owned(),
        deadline: None,
        membership: call.membership(),
    };
    Ok((run(state, caller, methods, &head, body).await, call))
}

async fn run(
    state: &AppState,
    mut caller: Caller,
    methods: Methods,
    head: &Parts,
    body: Body,
) -> Result<async_graphql::Response, Refusal> {
    let request = match methods {
        Methods::All => post(state, &head.headers, body).await?,
        Methods::QueriesOnly => body::from_query_string(head.uri.query().unwrap_or_default()).map_err(malformed)?,
    };
    caller.deadline = Some(tokio::time::Instant::now() + state.request_timeout());
    Ok(state.engine().execute(caller, request, methods).await)
}

/// Checks done before the body is read, so that unknown callers cannot make the server buffer one.
async fn admit(state: &AppState, head: &Parts) -> Result<(Methods, VerifiedToken, Call), Refusal> {
    let methods = match head.method {
        Method::POST => Methods::All,
        Method::GET | Method::HEAD => Methods::QueriesOnly,
        _ => return Err(Refusal::method_not_allowed()),
    };
    let token = identify(state, &head.headers).await?;
    let call = state.metering().admit(identity_of(&token)).await?;
    Ok((methods, token, call))
}

pub(super) fn identity_of(token: &VerifiedToken) -> Identity {
    Identity { user_id: token.user_id, organization_id: token.organization_id }
}

/// The caller, according to the token. The database is not involved.
pub(super) async fn identify(state: &AppState, headers: &HeaderMap) -> Result<VerifiedToken, Refusal> {
    let token = match auth::bearer(headers) {
        Ok(Some(token)) => token,
        Ok(None) => return Err(Refusal::unauthenticated("Send a token: Authorization: Bearer <token>.", None)),
        Err(_) => {
            let message = "The header Authorization must be one bearer token.";
            return Err(Refusal::unauthenticated(message, Some("invalid_request")));
        }
    };
    match state.verifier().verify(token).await {
        Ok(token) => Ok(token),
        Err(error) if error.is_unavailable() => {
            tracing::error!(%error, "tokens cannot be verified");
            Err(Refusal::unavailable())
        }
        Err(error) => {
            state.metrics().refused_token();
            tracing::debug!(reason = error.code(), "a token was refused");
            Err(Refusal::unauthenticated(error.public_message(), Some("invalid_token")))
        }
    }
}

async fn post(state: &AppState, headers: &HeaderMap, mut body: Body) -> Result<GraphQlRequest, Refusal> {
    if !is_json(headers) {
        spill(&mut body).await;
        let message = "Send the request as uncompressed application/json in UTF-8.";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadUserInput, message));
    }
    let bytes = read_within(body, state.body_limit(), state.request_timeout()).await?;
    body::from_json(&bytes).map_err(malformed)
}

/// How much of a refused request's body is read and discarded, and for how long. A connection with an unread body would
/// have to be closed. Then a client that is still sending may never see the answer. And a client that has sent
/// everything, such as a proxy, may lose the next request on the connection, which can be someone else's.
const SPILL: usize = 4 * 1024 * 1024;
const SPILL_TIME: Duration = Duration::from_secs(1);

async fn spill(body: &mut Body) {
    let rest = async {
        let mut left = SPILL;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(less) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else { break };
            left = less;
        }
    };
    // A client that sends more, or too slowly, is cut off.
    let _ = tokio::time::timeout(SPILL_TIME, rest).await;
}

/// Reads the whole body, with limits on size and time.
pub(super) async fn read_within(mut body: Body, limit: usize, timeout: Duration) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("The request body is larger than {limit} bytes.");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::BadUserInput, message)
    };
    // A body that announces too large a size is refused without buffering any of it.
    if body.size_hint().lower() > limit as u64 {
        spill(&mut body).await;
        return Err(too_large());
    }
    let collected = Limited::new(&mut body, limit).collect();
    match tokio::time::timeout(timeout, collected).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            spill(&mut body).await;
            Err(too_large())
        }
        Ok(Err(_)) => Err(Refusal::bad_request("The request body was incomplete.")),
        Err(_) => {
            let message = "The request body took too long to arrive.";
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Timeout, message))
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn malformed(error: body::BodyError) -> Refusal {
    Refusal::bad_request(error.to_string()).about(error.parameter())
}
