//! Connections to `/graphql` that stay open: over a WebSocket for all kinds of requests, and as a stream of events for subscriptions.

mod message;
mod operations;
mod seats;
mod socket;
mod stream;

use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts as _;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::{CONNECTION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tenantry_graphql::{ErrorCode, NO_SUBSCRIPTIONS};

use super::AppState;
use super::answer::Refusal;
use super::request_id::RequestId;
use message::Close;

pub(super) use seats::Seats;
pub(super) use stream::{events, follow, wants_events};

/// The sub-protocol: <https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md>.
const PROTOCOL: &str = "graphql-transport-ws";

/// The size of each connection's read buffer. Messages may be longer.
const READ_BUFFER: usize = 4 * 1024;

/// Limits of connections that stay open.
#[derive(Debug, Clone, Copy)]
pub struct LiveLimits {
    /// The most connections of this process. One organization may have a quarter of them, and one of its users 1 in 200, but at least 20.
    pub connections: usize,
    /// The most operations that a connection runs at the same time.
    pub operations: usize,
    /// How long a client may take to send `connection_init`.
    pub init_timeout: Duration,
    /// How often a client is pinged.
    pub ping_every: Duration,
    /// How long a client may take to read a message.
    pub stall: Duration,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            operations: 100,
            init_timeout: Duration::from_secs(5),
            ping_every: Duration::from_secs(20),
            stall: Duration::from_secs(10),
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

/// Upgrades a request to a WebSocket.
pub(super) async fn upgrade(
    state: &AppState,
    request_id: &RequestId,
    request: Request<Body>,
) -> Result<Response<Body>, Refusal> {
    let (mut head, _) = request.into_parts();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut head, state).await else {
        return Err(Refusal::bad_request("This is not a valid WebSocket request of version 13."));
    };
    if state.engine().live_feed().is_none() {
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, ErrorCode::Unavailable, NO_SUBSCRIPTIONS));
    }
    let offered = offered(&head.headers);
    let is_ours = offered.iter().any(|protocol| protocol == PROTOCOL);
    // Refused by a close frame: after an HTTP error status, clients do not try again.
    let admitted = match state.seats().take_unknown() {
        _ if !is_ours => Err(Close::Subprotocol),
        _ if state.seats().is_draining() => Err(Close::Restart),
        Some(seat) => Ok(seat),
        None => Err(Close::TryAgain("Too many connections".into())),
    };
    let limit = state.body_limit();
    let mut upgrade =
        upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0).max_message_size(limit).max_frame_size(limit);
    // Another protocol is accepted first, because otherwise the client would not see the close code.
    let chosen = if is_ours { Some(PROTOCOL.to_owned()) } else { offered.into_iter().next() };
    if let Some(chosen) = chosen.and_then(|chosen| HeaderValue::from_str(&chosen).ok()) {
        upgrade.set_selected_protocol(chosen);
    }
    let (state, id) = (state.clone(), request_id.as_str().to_owned());
    Ok(upgrade.on_upgrade(async move |socket| {
        // On the heap, because the future is large.
        Box::pin(socket::serve(state, socket, admitted, head.headers, id)).await;
    }))
}

/// The sub-protocols that the client offers, in its order.
fn offered(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|text| text.split(',').map(str::trim).filter(|protocol| !protocol.is_empty()).map(str::to_owned))
        .collect()
}
