//! Responses as a stream of events (`text/event-stream`), one stream for each request: the "distinct connections mode" of
//! <https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md>. It is meant for subscriptions, and works for queries and mutations, too.

use std::time::Duration;

use async_graphql::Response as Answer;
use axum::body::Body;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::stream;
use tenantry_graphql::{Caller, ErrorCode, GraphQlRequest, Subscription, SubscriptionEnd};
use tokio::sync::mpsc;

use super::message::json;
use super::seats::drained;
use crate::http::AppState;
use crate::http::answer::Refusal;

const EVENT_STREAM: &str = "text/event-stream";

/// How many events may wait for the client.
const AHEAD: usize = 4;

/// Whether the client prefers a stream of events: `text/event-stream` is the first type in `Accept`.
pub(in crate::http) fn wants_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|text| text.split(','));
    ranges.next().is_some_and(|first| {
        let mut parts = first.split(';').map(str::trim);
        parts.next().is_some_and(|ty| ty.eq_ignore_ascii_case(EVENT_STREAM)) && !parts.any(|part| part == "q=0")
    })
}

/// Runs a subscription of an admitted caller; returns the response, whose body is the stream.
pub(in crate::http) async fn follow(
    state: &AppState,
    caller: Caller,
    expires_at: DateTime<Utc>,
    request: GraphQlRequest,
) -> Result<Response<Body>, Refusal> {
    let (identity, request_id) = (caller.identity, caller.request_id.clone());
    let seats = (state.seats().take(identity), state.seats().take_subscription(identity));
    let (Some(seat), Some(subscription_seat)) = seats else {
        let message = "You or your organization have too many connections; close one first.";
        return Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message));
    };
    let opened = match state.engine().attend(identity, state.request_timeout(), &request_id).await {
        Ok(presence) => {
            let subscribed = state.engine().subscribe(caller, request, state.request_timeout()).await;
            subscribed.map(|subscription| (presence, subscription))
        }
        Err(refused) => Err(refused),
    };
    let (presence, subscription) = match opened {
        Ok(opened) => opened,
        Err(refused) => return Ok(events(&refused)),
    };
    let (sender, events) = mpsc::channel::<Bytes>(AHEAD);
    let expires_in = (expires_at - state.store().clock().now()).to_std().unwrap_or_default();
    let limits = state.live_limits();
    let told = Events { sender, stall: limits.stall, every: limits.ping_every };
    let state = state.clone();
    tokio::spawn(async move {
        let _seats = (seat, subscription_seat);
        let mut presence = presence;
        let mut draining = state.seats().draining();
        // Only `tell` sends `complete`. In the other cases the stream just ends, so that clients reconnect.
        tokio::select! {
            () = tell(&state, subscription, &told) => {}
            () = presence.lost() => {}
            () = drained(&mut draining) => {}
            () = tokio::time::sleep(expires_in) => {}
            () = told.sender.closed() => {}
        }
    });
    let parts = stream::unfold(events, async |mut events| {
        Some((Ok::<_, std::convert::Infallible>(events.recv().await?), events))
    });
    Ok(response(Body::from_stream(parts)))
}

/// The client's end of the stream.
struct Events {
    sender: mpsc::Sender<Bytes>,
    /// How long the client may read nothing.
    stall: Duration,
    /// How often a comment is sent, so that proxies do not close an idle stream.
    every: Duration,
}

impl Events {
    /// Queues an event; returns false if the client does not read in time.
    async fn send(&self, bytes: Bytes) -> bool {
        matches!(tokio::time::timeout(self.stall, self.sender.send(bytes)).await, Ok(Ok(())))
    }

    /// Waits for an event, and sends comments meanwhile; `None` if the client does not read them.
    async fn wait<T>(&self, event: impl Future<Output = T>) -> Option<T> {
        let mut event = std::pin::pin!(event);
        loop {
            match tokio::time::timeout(self.every, &mut event).await {
                Ok(event) => return Some(event),
                Err(_) if self.send(Bytes::from_static(ALIVE)).await => {}
                Err(_) => return None,
            }
        }
    }
}

/// Sends the events of a subscription until it ends, or the client does not read.
async fn tell(state: &AppState, mut subscription: Subscription, events: &Events) {
    // A comment at once tells the client that the stream is open.
    let mut sent = events.send(Bytes::from_static(ALIVE)).await;
    while sent {
        let event = state.engine().next_event(&mut subscription, state.request_timeout());
        sent = match events.wait(event).await {
            Some(Ok(answer)) => {
                state.metrics().told();
                events.send(next(&answer)).await
            }
            Some(Err(SubscriptionEnd::Failed(answer))) => {
                events.send([next(&answer), Bytes::from_static(COMPLETE)].concat().into()).await;
                false
            }
            Some(Err(SubscriptionEnd::Forbidden | SubscriptionEnd::TryAgain)) | None => false,
        };
    }
}

/// A comment, which clients ignore.
const ALIVE: &[u8] = b":\n\n";

const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";

/// A response as an event. Its JSON has no line breaks.
fn next(answer: &Answer) -> Bytes {
    Bytes::from(format!("event: next\ndata: {}\n\n", json(answer)))
}

/// A whole response as a stream of events.
pub(in crate::http) fn events(answer: &Answer) -> Response<Body> {
    response(Body::from([next(answer), Bytes::from_static(COMPLETE)].concat()))
}

fn response(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Asks nginx and similar proxies not to buffer the stream.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}
