//! One connection of `graphql-transport-ws`, from its beginning to its end.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde_json::{Map, Value};
use tenantry_graphql::{Caller, ErrorCode, Presence, has_code};
use tenantry_token::VerifiedToken;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::message::{Close, FromClient, ack, pong};
use super::operations::{AHEAD, LAST, Operations, Saying, caller_of, too_many};
use super::seats::{Seat, UnknownSeat, drained};
use crate::http::graphql::identify_token;
use crate::http::{AppState, auth};

/// How long the client may take to answer a close frame.
const GOODBYE: Duration = Duration::from_secs(1);

/// The close frame for a member who has lost rights.
const LOST: Close = Close::Forbidden("Your role in this organization has changed");

/// How many pings a client may leave unanswered.
const SILENCES: u32 = 2;

/// Serves a connection until it ends. One that is not admitted gets a close frame.
pub(super) async fn serve(
    state: AppState,
    socket: WebSocket,
    admitted: Result<UnknownSeat, Close>,
    headers: HeaderMap,
    request_id: String,
) {
    let (operations, sayings) = Operations::new(AHEAD);
    let draining = state.seats().draining();
    let next_ping = Instant::now() + state.live_limits().ping_every;
    let mut connection =
        Connection { state, socket, request_id, operations, sayings, draining, next_ping, unanswered: 0 };
    let close = match admitted {
        Ok(seat) => connection.run(seat, headers).await,
        Err(close) => Some(close),
    };
    let Connection { mut socket, request_id, operations, .. } = connection;
    drop(operations);
    let goodbye = async {
        if let Some(close) = close {
            tracing::debug!(request_id, ?close, "a live connection is closed");
            socket.send(Message::Close(Some(close.frame()))).await?;
        }
        // Completes the close handshake. Other messages are ignored.
        while socket.recv().await.is_some_and(|received| received.is_ok()) {}
        Ok::<_, axum::Error>(())
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

struct Connection {
    state: AppState,
    socket: WebSocket,
    /// The id of the upgrade request. The ids of operations begin with it.
    request_id: String,
    operations: Operations,
    sayings: mpsc::Receiver<Saying>,
    draining: watch::Receiver<bool>,
    /// When the next ping is due.
    next_ping: Instant,
    /// How many pings were sent since the client's last message.
    unanswered: u32,
}

/// The connected member.
struct Member {
    token: VerifiedToken,
    presence: Presence,
    _seat: Seat,
}

/// What the connection waits for.
enum Event {
    Received(Option<Result<Message, axum::Error>>),
    Said(Saying),
    Time,
    Lost,
    Draining,
}

impl Connection {
    /// Runs the connection to its end; returns why it has to be closed, or `None` if the client has closed it or cannot be reached.
    async fn run(&mut self, unknown: UnknownSeat, headers: HeaderMap) -> Option<Close> {
        let init = match tokio::time::timeout(self.state.live_limits().init_timeout, self.init()).await {
            Ok(Ok(payload)) => payload,
            Ok(Err(close)) => return close,
            Err(_) => return Some(Close::InitTimeout),
        };
        // From here on a delay is not the client's fault.
        let admitted = tokio::time::timeout(self.state.request_timeout(), self.admit(&headers, &init));
        let mut member = match admitted.await.unwrap_or(Err(Close::TryAgain("The service is busy".into()))) {
            Ok(member) => member,
            Err(close) => return Some(close),
        };
        drop((unknown, headers, init));
        if let Err(close) = self.send(&mut member.presence, ack()).await {
            return close;
        }
        loop {
            if let Err(close) = self.next(&mut member).await {
                return close;
            }
        }
    }

    /// Waits for `connection_init`; returns its payload.
    async fn init(&mut self) -> Result<Map<String, Value>, Option<Close>> {
        loop {
            let received = tokio::select! {
                received = self.socket.recv() => received,
                () = drained(&mut self.draining) => return Err(Some(Close::Restart)),
            };
            match self.read(received)? {
                None | Some(FromClient::Pong | FromClient::Complete { .. }) => {}
                Some(FromClient::Ping(payload)) => {
                    self.socket.send(pong(payload.as_ref())).await.map_err(|_| None)?;
                }
                Some(FromClient::Subscribe { .. }) => return Err(Some(Close::Unauthorized)),
                Some(FromClient::Init(payload)) => return Ok(payload),
            }
        }
    }

    /// Admits a client by the token in `connection_init`, or else in the upgrade request.
    async fn admit(&mut self, headers: &HeaderMap, payload: &Map<String, Value>) -> Result<Member, Close> {
        let token = match token_in(payload) {
            Some(token) => Some(token),
            None => auth::bearer(headers).map_err(|_| Close::Forbidden("Forbidden"))?,
        };
        let token = token.ok_or(Close::Forbidden("Send a token"))?;
        let token = identify_token(&self.state, token).await.map_err(|refusal| match refusal.code() {
            ErrorCode::Unauthenticated => Close::Forbidden("The token is not valid"),
            _ => Close::TryAgain("The service is busy".into()),
        })?;
        let identity = crate::http::graphql::identity_of(&token);
        let call = self.state.metering().admit(identity).await;
        let call = call.map_err(|refusal| Close::TryAgain(refusal.message().to_owned().into()))?;
        let seat = self.state.seats().take(identity).ok_or(Close::TryAgain("Too many connections".into()))?;
        match self.state.engine().attend(identity, self.state.request_timeout(), &self.request_id).await {
            Ok(presence) => {
                call.membership().prove();
                Ok(Member { token, presence, _seat: seat })
            }
            Err(refused) if has_code(&refused, ErrorCode::Forbidden) => {
                Err(Close::Forbidden("You do not belong to this organization"))
            }
            Err(_) => Err(Close::TryAgain("The service is busy".into())),
        }
    }

    /// Waits for one event, and handles it.
    async fn next(&mut self, member: &mut Member) -> Result<(), Option<Close>> {
        let expires_in = (member.token.expires_at - self.state.store().clock().now()).to_std().unwrap_or_default();
        let expires = Instant::now() + expires_in;
        let event = tokio::select! {
            biased;
            () = member.presence.lost() => Event::Lost,
            () = drained(&mut self.draining) => Event::Draining,
            () = tokio::time::sleep_until(self.next_ping.min(expires)) => Event::Time,
            received = self.socket.recv() => Event::Received(received),
            Some(saying) = self.sayings.recv() => Event::Said(saying),
        };
        match event {
            Event::Lost => Err(Some(LOST)),
            Event::Draining => Err(self.finish(member).await),
            Event::Time if Instant::now() >= expires => Err(Some(Close::Forbidden("The token has expired"))),
            Event::Time => self.ask(member).await,
            Event::Said(saying) => self.pass_on(member, saying).await,
            Event::Received(received) => match self.read(received)? {
                Some(message) => self.hear(member, message).await,
                None => Ok(()),
            },
        }
    }

    /// Handles a message from the client.
    async fn hear(&mut self, member: &mut Member, message: FromClient) -> Result<(), Option<Close>> {
        match message {
            FromClient::Init(_) => Err(Some(Close::TwiceInit)),
            FromClient::Ping(payload) => self.send(&mut member.presence, pong(payload.as_ref())).await,
            FromClient::Pong => Ok(()),
            FromClient::Complete { id } => {
                self.operations.stop(&id);
                Ok(())
            }
            FromClient::Subscribe { id, .. } if self.operations.has(&id) => Err(Some(Close::IdInUse(id))),
            FromClient::Subscribe { id, request, size } => {
                let caller = self.caller(member, &id);
                let most = self.state.live_limits().operations;
                if self.operations.len() >= most {
                    let refused = too_many(most, &caller.request_id).message(&id);
                    return self.send(&mut member.presence, refused).await;
                }
                self.operations.start(&self.state, caller, id, *request, size);
                Ok(())
            }
        }
    }

    fn caller(&self, member: &Member, id: &str) -> Caller {
        let own: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(36).collect();
        caller_of(&member.token, format!("{}_{own}", self.request_id))
    }

    /// Sends a message of an operation to the client.
    async fn pass_on(&mut self, member: &mut Member, saying: Saying) -> Result<(), Option<Close>> {
        if !self.operations.take_note(&saying) {
            return Ok(());
        }
        match *saying.said {
            Ok(said) => self.send(&mut member.presence, said.message(&saying.id)).await,
            Err(close) => Err(Some(close)),
        }
    }

    /// Waits for running queries and mutations, because the server stops; returns the reason to close.
    async fn finish(&mut self, member: &mut Member) -> Option<Close> {
        self.operations.stop_subscriptions();
        let last = Instant::now() + LAST;
        while self.operations.len() > 0 {
            match tokio::time::timeout_at(last, self.sayings.recv()).await {
                Ok(Some(saying)) => {
                    if let Err(close) = self.pass_on(member, saying).await {
                        return close;
                    }
                }
                _ => break,
            }
        }
        Some(Close::Restart)
    }

    /// Pings the client. A client that has not answered several pings is given up.
    async fn ask(&mut self, member: &mut Member) -> Result<(), Option<Close>> {
        if self.unanswered > SILENCES {
            return Err(None);
        }
        self.unanswered += 1;
        self.next_ping = Instant::now() + self.state.live_limits().ping_every;
        self.send(&mut member.presence, Message::Ping(axum::body::Bytes::new())).await
    }

    /// Sends a message. Gives up if the client does not read it in time (there is less time while the server stops), or if the member loses
    /// rights.
    async fn send(&mut self, presence: &mut Presence, message: Message) -> Result<(), Option<Close>> {
        let sent = tokio::time::timeout(self.state.live_limits().stall, self.socket.send(message));
        let draining = &mut self.draining;
        let end = async {
            drained(draining).await;
            tokio::time::sleep(GOODBYE).await;
        };
        tokio::select! {
            sent = sent => match sent {
                Ok(Ok(())) => Ok(()),
                _ => Err(None),
            },
            () = end => Err(None),
            () = presence.lost() => Err(Some(LOST)),
        }
    }

    /// Parses what was received; `None` for pings and pongs of the WebSocket itself.
    fn read(&mut self, received: Option<Result<Message, axum::Error>>) -> Result<Option<FromClient>, Option<Close>> {
        let message = match received {
            Some(Ok(message)) => message,
            Some(Err(_)) => return Err(Some(Close::Invalid("The message is too long, or not valid".to_owned()))),
            None => return Err(None),
        };
        self.unanswered = 0;
        match message {
            Message::Text(text) => {
                FromClient::read(text.as_str()).map(Some).map_err(|error| Some(Close::Invalid(error)))
            }
            Message::Binary(_) => Err(Some(Close::Invalid("Messages must be text".to_owned()))),
            Message::Ping(_) | Message::Pong(_) => Ok(None),
            Message::Close(_) => Err(None),
        }
    }
}

/// The token in the payload of `connection_init`: in `Authorization`, in any case, or in `headers.Authorization`.
fn token_in(payload: &Map<String, Value>) -> Option<&str> {
    let direct = find(payload, AUTHORIZATION.as_str());
    let within = || find(payload, "headers")?.as_object().and_then(|headers| find(headers, AUTHORIZATION.as_str()));
    let text = direct.or_else(within)?.as_str()?;
    let (scheme, token) = text.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}

fn find<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
