//! One connection of `graphql-transport-ws`, from its beginning to its end.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde_json::{Map, Value};
use tenantry_graphql::{Caller, ErrorCode, Presence};
use tenantry_token::VerifiedToken;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::message::{Close, FromClient, ack, pong};
use super::operations::{AHEAD, LAST, Operations, Saying, caller_of, too_many};
use super::seats::{Seat, UnknownSeat, drained};
use crate::http::graphql::identify_token;
use crate::http::{AppState, auth};

/// How long the client may take to close, too.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a member who lost a right is sent away.
const LOST: Close = Close::Forbidden("Your role in this organization has changed");

/// How many times a client may be silent when it is asked whether it is there.
const SILENCES: u32 = 2;

/// Serves a connection until it ends; one that is not admitted is told why.
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
    let mut connection = Connection { state, socket, request_id, operations, sayings, draining, next_ping, asked: 0 };
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
        // Answers the client's own goodbye. What else it sends is of no interest any more.
        while socket.recv().await.is_some_and(|received| received.is_ok()) {}
        Ok::<_, axum::Error>(())
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

struct Connection {
    state: AppState,
    socket: WebSocket,
    /// Of the request that it began with; each operation's own begins with it.
    request_id: String,
    operations: Operations,
    sayings: mpsc::Receiver<Saying>,
    draining: watch::Receiver<bool>,
    /// When the client is asked next whether it is there.
    next_ping: Instant,
    /// How many times it was asked since it was last heard.
    asked: u32,
}

/// Who is connected.
struct Member {
    token: VerifiedToken,
    presence: Presence,
    _seat: Seat,
}

/// What happens next.
enum Event {
    Received(Option<Result<Message, axum::Error>>),
    Said(Saying),
    Time,
    Lost,
    Draining,
}

impl Connection {
    /// Runs until it has to be closed, and says why; `None` if the client has gone.
    async fn run(&mut self, unknown: UnknownSeat, headers: HeaderMap) -> Option<Close> {
        let init = match tokio::time::timeout(self.state.live_limits().init_timeout, self.init()).await {
            Ok(Ok(payload)) => payload,
            Ok(Err(close)) => return close,
            Err(_) => return Some(Close::InitTimeout),
        };
        // From here on it is up to us.
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

    /// Waits until the client has said who they are.
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

    /// Admits a client by the token in their first message, or else by that of the request that the connection began with.
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
        match self.state.engine().attend(identity, &self.request_id).await {
            Ok(presence) => {
                call.membership().prove();
                Ok(Member { token, presence, _seat: seat })
            }
            Err(refused) if is_forbidden(&refused) => Err(Close::Forbidden("You do not belong to this organization")),
            Err(_) => Err(Close::TryAgain("The service is busy".into())),
        }
    }

    /// Does what is next.
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

    /// Does what the client says.
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

    /// Passes on what an operation says.
    async fn pass_on(&mut self, member: &mut Member, saying: Saying) -> Result<(), Option<Close>> {
        if !self.operations.take_note(&saying) {
            return Ok(());
        }
        match *saying.said {
            Ok(said) => self.send(&mut member.presence, said.message(&saying.id)).await,
            Err(close) => Err(Some(close)),
        }
    }

    /// Lets the operations end that end by themselves, because the server stops; gives the reason to close.
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

    /// Asks the client whether it is there; gives it up if it was asked often enough.
    async fn ask(&mut self, member: &mut Member) -> Result<(), Option<Close>> {
        if self.asked > SILENCES {
            return Err(None);
        }
        self.asked += 1;
        self.next_ping = Instant::now() + self.state.live_limits().ping_every;
        self.send(&mut member.presence, Message::Ping(axum::body::Bytes::new())).await
    }

    /// Sends a message. A client that does not take it in time is given up, sooner when the server stops, as is one that loses a right
    /// meanwhile.
    async fn send(&mut self, presence: &mut Presence, message: Message) -> Result<(), Option<Close>> {
        let sent = tokio::time::timeout(self.state.live_limits().stall, self.socket.send(message));
        let draining = &mut self.draining;
        let hurry = async {
            drained(draining).await;
            tokio::time::sleep(GOODBYE).await;
        };
        tokio::select! {
            sent = sent => match sent {
                Ok(Ok(())) => Ok(()),
                _ => Err(None),
            },
            () = hurry => Err(None),
            () = presence.lost() => Err(Some(LOST)),
        }
    }

    /// Reads what was received; `None` if that is no message of the protocol's.
    fn read(&mut self, received: Option<Result<Message, axum::Error>>) -> Result<Option<FromClient>, Option<Close>> {
        let message = match received {
            Some(Ok(message)) => message,
            Some(Err(_)) => return Err(Some(Close::Invalid("The message is too long, or not valid".to_owned()))),
            None => return Err(None),
        };
        self.asked = 0;
        match message {
            Message::Text(text) => {
                FromClient::read(text.as_str()).map(Some).map_err(|error| Some(Close::Invalid(error)))
            }
            Message::Binary(_) => Err(Some(Close::Invalid("A message is a text".to_owned()))),
            Message::Ping(_) | Message::Pong(_) => Ok(None),
            Message::Close(_) => Err(None),
        }
    }
}

/// The token in the payload of the first message: its `Authorization`, however that is written, or that of its `headers`.
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

fn is_forbidden(refused: &async_graphql::Response) -> bool {
    let forbidden = async_graphql::Value::from(ErrorCode::Forbidden.as_str());
    let code = |error: &async_graphql::ServerError| error.extensions.as_ref()?.get("code").cloned();
    refused.errors.iter().any(|error| code(error).as_ref() == Some(&forbidden))
}
