//! `/graphql` as it goes on: requests and subscriptions over a WebSocket, and subscriptions as a stream of events.

mod message;
mod operations;
mod seats;
mod socket;
mod stream;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tenantry_graphql::ErrorCode;

use super::AppState;
use super::answer::Refusal;
use super::request_id::RequestId;
use message::Close;

pub(super) use seats::Seats;
pub(super) use stream::{events, follow, wants_events};

/// The name of the protocol, as of <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.
const PROTOCOL: &str = "graphql-transport-ws";

/// Every connection has a buffer of this size for what it reads. Messages may be longer.
const READ_BUFFER: usize = 4 * 1024;

/// Limits of what goes on.
#[derive(Debug, Clone, Copy)]
pub struct LiveLimits {
    /// How many connections and streams there are at a time; a quarter of them in one organization, and a two-hundredth, but at least 20, of one user in it.
    pub connections: usize,
    /// How many operations a connection runs at a time.
    pub operations: usize,
    /// How long a client may take to say who they are.
    pub init_timeout: std::time::Duration,
    /// How often a client is asked whether they are there.
    pub ping_every: std::time::Duration,
    /// How long a client may take to read a message.
    pub stall: std::time::Duration,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            operations: 100,
            init_timeout: std::time::Duration::from_secs(5),
            ping_every: std::time::Duration::from_secs(20),
            stall: std::time::Duration::from_secs(10),
        }
    }
}

/// Whether a request wants to become a WebSocket.
pub(super) fn wants_socket(method: &Method, headers: &HeaderMap) -> bool {
    let has = |name, wanted: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(wanted)))
    };
    *method == Method::GET && has(CONNECTION, "upgrade") && has(UPGRADE, "websocket")
}

/// Makes a WebSocket of a request.
pub(super) async fn upgrade(
    state: &AppState,
    request_id: &RequestId,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (mut head, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut head, state).await else {
        return Err(Refusal::bad_request("This is no complete request for a WebSocket of version 13."));
    };
    if state.engine().live_feed().is_none() {
        let message = "This server tells nothing as it happens: it has no connection of the worker's.";
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, ErrorCode::Unavailable, message));
    }
    let offered = offered(&head.headers);
    let is_ours = offered.iter().any(|protocol| protocol == PROTOCOL);
    // Clients take a refusal by a status for the end, and come back after a close frame.
    let admitted = match state.seats().take_unknown() {
        _ if !is_ours => Err(Close::Subprotocol),
        _ if state.seats().is_draining() => Err(Close::Restart),
        Some(seat) => Ok(seat),
        None => Err(Close::TryAgain("Too many connections".into())),
    };
    let limit = state.body_limit();
    let mut upgrade =
        upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0).max_message_size(limit).max_frame_size(limit);
    // A client would not see why another protocol is closed, unless it is accepted first.
    let chosen = if is_ours { Some(PROTOCOL.to_owned()) } else { offered.into_iter().next() };
    if let Some(chosen) = chosen.and_then(|chosen| HeaderValue::from_str(&chosen).ok()) {
        upgrade.set_selected_protocol(chosen);
    }
    let (state, id) = (state.clone(), request_id.as_str().to_owned());
    Ok(upgrade.on_upgrade(async move |socket| {
        // On the heap: the future is large, and what is waited for here is most of its life.
        Box::pin(socket::serve(state, socket, admitted, head.headers, id)).await;
    }))
}

/// The protocols that the client speaks, in its order.
fn offered(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|text| text.split(',').map(str::trim).filter(|protocol| !protocol.is_empty()).map(str::to_owned))
        .collect()
}
