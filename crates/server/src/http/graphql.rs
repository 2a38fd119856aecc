//! The GraphQL endpoint: passes a request's head and body to the engine and returns its answer. The engine interprets
//! the document.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::ALLOW;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use tenantry_domain::Identity;
use tenantry_graphql::{Caller, ErrorCode, GraphQlRequest, Methods, error_response};
use tenantry_token::VerifiedToken;

use super::answer::{METHODS, Refusal, from_batch, from_engine};
use super::body::Sent;
use super::documents::DocumentError;
use super::explorer::{first_page, wants_page};
use super::metering::Call;
use super::negotiation::{MediaType, answer_type, is_json};
use super::request_id::RequestId;
use super::{AppState, auth, body, live};

/// What a client calls a request that it may send again.
static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

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
    if wants_page(request.method(), request.headers(), request.uri().query()) {
        return first_page(&state);
    }
    if live::wants_socket(request.method(), request.headers()) {
        let upgraded = live::upgrade(&state, &request_id, request).await;
        return upgraded.unwrap_or_else(|refusal| refusal.into_response(MediaType::Json, request_id.as_str()));
    }
    let wants_events = live::wants_events(request.headers());
    let acceptable = if wants_events { Some(MediaType::Json) } else { answer_type(request.headers()) };
    let media_type = acceptable.unwrap_or(MediaType::Json);
    let outcome = if acceptable.is_some() {
        execute(&state, &request_id, request, wants_events).await
    } else {
        spill(&mut request.into_body()).await;
        let message = "Answers come as application/graphql-response+json, application/json or text/event-stream.";
        Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::BadUserInput, message))
    };
    match outcome {
        Ok((outcome, call)) => {
            let mut response = match outcome {
                Ok(Answered::One(answer)) if wants_events => live::events(&answer),
                Ok(Answered::One(answer)) => from_engine(*answer, media_type),
                Ok(Answered::Batch(answers)) => from_batch(&answers),
                Ok(Answered::Events(events)) => *events,
                Err(refusal) => refusal.into_response(media_type, request_id.as_str()),
            };
            call.finish(&mut response);
            response
        }
        Err(refusal) => refusal.into_response(media_type, request_id.as_str()),
    }
}

/// The engine's answer.
enum Answered {
    /// To one request.
    One(Box<async_graphql::Response>),
    /// To a batch, in its order.
    Batch(Vec<async_graphql::Response>),
    /// To a subscription.
    Events(Box<Response<Body>>),
}

/// Runs an admitted request; returns its outcome and the call to count.
async fn execute(
    state: &AppState,
    request_id: &RequestId,
    request: Request<Body>,
    wants_events: bool,
) -> Result<(Result<Answered, Refusal>, Call), Refusal> {
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
        idempotency_key: None,
    };
    // As events, a subscription is answered, too.
    let methods = if wants_events && methods == Methods::All { Methods::Any } else { methods };
    let (caller, sent) = match read(state, caller, methods, &head, body).await {
        Ok(read) => read,
        Err(refusal) => return Ok((Err(refusal), call)),
    };
    let sent = match sent {
        Requests::Batch(_) if wants_events => {
            return Ok((Err(Refusal::bad_request("Only one request can be answered by events.")), call));
        }
        Requests::One(request) if methods == Methods::Any => match *request {
            Ok(request) if state.engine().is_subscription(&request) => {
                let events = Box::pin(live::follow(state, caller, token.expires_at, request)).await;
                return Ok((events.map(|events| Answered::Events(Box::new(events))), call));
            }
            request => Requests::One(Box::new(request)),
        },
        sent => sent,
    };
    if caller.idempotency_key.is_none() || !sent.iter().flatten().any(|request| state.engine().is_mutation(request)) {
        return Ok((Ok(run(state, caller, methods, sent).await), call));
    }
    // In a task of its own, with the call that it counts as: if the client hangs up, the answer is kept for when it comes again.
    let state = state.clone();
    let running = tokio::spawn(async move {
        let _running = state.metrics().request();
        (Ok(run(&state, caller, methods, sent).await), call)
    });
    running.await.map_err(|error| {
        tracing::error!(%error, "the task of a request with a key ended early");
        Refusal::unavailable()
    })
}

/// The requests of a body, each with its document, or why that is not known.
enum Requests {
    One(Box<Result<GraphQlRequest, DocumentError>>),
    Batch(Vec<Result<GraphQlRequest, DocumentError>>),
}

impl Requests {
    fn iter(&self) -> impl Iterator<Item = &Result<GraphQlRequest, DocumentError>> {
        match self {
            Self::One(request) => std::slice::from_ref(&**request).iter(),
            Self::Batch(requests) => requests.iter(),
        }
    }
}

/// Reads what is asked for, and when it has to be answered.
async fn read(
    state: &AppState,
    mut caller: Caller,
    methods: Methods,
    head: &Parts,
    body: Body,
) -> Result<(Caller, Requests), Refusal> {
    let sent = if methods == Methods::QueriesOnly {
        Sent::One(body::from_query_string(head.uri.query().unwrap_or_default()).map_err(malformed)?)
    } else {
        post(state, &head.headers, body).await?
    };
    caller.deadline = Some(tokio::time::Instant::now() + state.request_timeout());
    caller.idempotency_key = idempotency_key(&head.headers)?;
    let requests = match sent {
        Sent::One(request) => {
            let resolved = state.documents().resolve(request);
            if let Err(error) = resolved {
                return Err(unknown_document(error));
            }
            Requests::One(Box::new(resolved))
        }
        Sent::Batch(requests) => {
            Requests::Batch(requests.into_iter().map(|request| state.documents().resolve(request)).collect())
        }
    };
    Ok((caller, requests))
}

/// Runs the requests whose documents are known; in a batch each answer has the place of its request.
async fn run(state: &AppState, caller: Caller, methods: Methods, requests: Requests) -> Answered {
    let unknown = |error: DocumentError, request_id: &str| error_response(error.code(), error.to_string(), request_id);
    let requests = match requests {
        Requests::One(request) => {
            return Answered::One(Box::new(match *request {
                Ok(request) => state.engine().execute(caller, request, methods).await,
                Err(error) => unknown(error, &caller.request_id),
            }));
        }
        Requests::Batch(requests) => requests,
    };
    let mut places = Vec::with_capacity(requests.len());
    let mut known = Vec::with_capacity(requests.len());
    for (place, request) in requests.into_iter().enumerate() {
        places.push(request.map(|request| known.push((place, request))));
    }
    // On the heap, because few requests are batches.
    let mut answers = Box::pin(state.engine().execute_batch(&caller, known, methods)).await.into_iter();
    let answer = |place: Result<(), DocumentError>| match place {
        Ok(()) => answers.next().unwrap_or_default(),
        Err(error) => unknown(error, &caller.request_id),
    };
    Answered::Batch(places.into_iter().map(answer).collect())
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
    identify_token(state, token).await
}

/// The caller, according to this token.
pub(super) async fn identify_token(state: &AppState, token: &str) -> Result<VerifiedToken, Refusal> {
    match state.verifier().verify(token).await {
        Ok(token) => Ok(token),
        Err(error) if error.is_unavailable() => {
            tracing::error!(%error, "tokens cannot be verified");
            Err(Refusal::unavailable())
        }
        Err(error) => {
            state.metrics().refused_token();
            state.refused_tokens().log(&error);
            Err(Refusal::unauthenticated(error.public_message(), Some("invalid_token")))
        }
    }
}

/// The longest idempotency key, in bytes. A UUID has 36.
const MAX_KEY: usize = 255;

/// The header `Idempotency-Key`: visible ASCII characters, with or without quotation marks around them, as in the draft of
/// RFC "The Idempotency-Key HTTP Header Field".
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.as_bytes();
    let text = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    let is_key = (1..=MAX_KEY).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    match String::from_utf8(text.to_vec()) {
        Ok(key) if is_key && values.next().is_none() => Ok(Some(key)),
        _ => {
            let message = format!("The header Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters.");
            Err(Refusal::bad_request(message).about(Some("Idempotency-Key")))
        }
    }
}

async fn post(state: &AppState, headers: &HeaderMap, mut body: Body) -> Result<Sent, Refusal> {
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

pub(super) async fn spill(body: &mut Body) {
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

fn unknown_document(error: DocumentError) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, error.code(), error.to_string()).about(Some(error.parameter()))
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn malformed(error: body::BodyError) -> Refusal {
    Refusal::bad_request(error.to_string()).about(error.parameter())
}
