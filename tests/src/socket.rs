//! A client of `graphql-transport-ws` that says exactly what a test tells it to.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::Server;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
#[derive(Debug)]
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What the server does.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It sends a message.
    Message(Value),
    /// It closes the connection, with this code and reason.
    Closed(u16, String),
}

impl Socket {
    /// Connects, offering these protocols.
    pub async fn open(server: &Server, protocols: &str) -> Self {
        let mut request = format!("ws://{}/graphql", server.address()).into_client_request().unwrap();
        if !protocols.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_str(protocols).unwrap());
        }
        Self(connect_async(request).await.expect("a WebSocket").0)
    }

    /// Connects, and says who the client is.
    pub async fn connect(server: &Server, token: &str) -> Self {
        let mut socket = Self::open(server, "graphql-transport-ws").await;
        socket.init(token).await;
        socket.expect(&json!({ "type": "connection_ack" })).await;
        socket
    }

    /// Says who the client is.
    pub async fn init(&mut self, token: &str) {
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        self.say(json!({ "type": "connection_init", "payload": payload })).await;
    }

    /// Sends a message.
    pub async fn say(&mut self, message: Value) {
        self.say_text(&message.to_string()).await;
    }

    /// Sends any text.
    pub async fn say_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("the message is sent");
    }

    /// Runs an operation.
    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.say(json!({ "type": "subscribe", "id": id, "payload": payload })).await;
    }

    /// The next that the server does.
    pub async fn hear(&mut self) -> Heard {
        self.hear_within(PATIENCE).await.expect("the server says something in time")
    }

    /// The next that the server does in this time, if it does anything.
    pub async fn hear_within(&mut self, time: Duration) -> Option<Heard> {
        let heard = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => {
                        return Heard::Message(serde_json::from_str(&text).expect("a message is JSON"));
                    }
                    Some(Ok(Message::Close(Some(CloseFrame { code, reason })))) => {
                        return Heard::Closed(code.into(), reason.to_string());
                    }
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    // Without a code, as RFC 6455 calls it.
                    _ => return Heard::Closed(1006, String::new()),
                }
            }
        };
        tokio::time::timeout(time, heard).await.ok()
    }

    /// Makes sure that the server says this next.
    pub async fn expect(&mut self, message: &Value) {
        assert_eq!(self.hear().await, Heard::Message(message.clone()));
    }

    /// The data of the next result of this operation.
    pub async fn next(&mut self, id: &str) -> Value {
        match self.hear().await {
            Heard::Message(mut message) if message["type"] == "next" && message["id"] == id => {
                assert!(message["payload"]["errors"].is_null(), "{message}");
                message["payload"]["data"].take()
            }
            other => panic!("a result of {id} was expected, and not {other:?}"),
        }
    }

    /// The code of the error that this operation ends with.
    pub async fn error(&mut self, id: &str) -> String {
        match self.hear().await {
            Heard::Message(message) if message["type"] == "error" && message["id"] == id => {
                message["payload"][0]["extensions"]["code"].as_str().unwrap_or_default().to_owned()
            }
            other => panic!("an error of {id} was expected, and not {other:?}"),
        }
    }

    /// The code with which the server closes the connection, which is the next that it does.
    pub async fn closed(&mut self) -> u16 {
        match self.hear().await {
            Heard::Closed(code, _) => code,
            other @ Heard::Message(_) => panic!("an end was expected, and not {other:?}"),
        }
    }

    /// Makes sure that the server says nothing for a while.
    pub async fn expect_silence(&mut self) {
        assert_eq!(self.hear_within(Duration::from_millis(600)).await, None);
    }
}
