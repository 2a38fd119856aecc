//! The messages of `graphql-transport-ws`, and its close codes.

use std::borrow::Cow;

use async_graphql::Response;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use serde_json::{Map, Value};
use tenantry_graphql::encode;

use crate::http::body::{self, BodyError, Sent, SentRequest};

/// The longest id of an operation, in bytes.
const MAX_ID: usize = 255;

/// The longest reason of a close frame, in bytes: RFC 6455 section 5.5.
const MAX_REASON: usize = 123;

/// A message from the client.
#[derive(Debug)]
pub(super) enum FromClient {
    /// `connection_init`, with its payload.
    Init(Map<String, Value>),
    /// `ping`. The answer has the same payload.
    Ping(Option<Value>),
    /// `pong`.
    Pong,
    /// `subscribe`: runs an operation. Faults in the request that the protocol allows become an error of the operation. `size` is the length of the
    /// message in bytes.
    Subscribe { id: String, request: Box<Result<SentRequest, BodyError>>, size: usize },
    /// `complete`: cancels an operation.
    Complete { id: String },
}

impl FromClient {
    /// Reads a message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let message: Value = serde_json::from_str(text).map_err(|_| "The message is not valid JSON".to_owned())?;
        let Value::Object(mut message) = message else { return Err("The message must be an object".to_owned()) };
        let Some(Value::String(kind)) = message.remove("type") else {
            return Err("The message must have a 'type'".to_owned());
        };
        let payload = message.remove("payload").filter(|payload| !payload.is_null());
        match kind.as_str() {
            "connection_init" => Ok(Self::Init(object(&kind, payload)?.unwrap_or_default())),
            "ping" => Ok(Self::Ping(object(&kind, payload)?.map(Value::Object))),
            "pong" => object(&kind, payload).map(|_| Self::Pong),
            "complete" => Ok(Self::Complete { id: id(&kind, message.remove("id"))? }),
            "subscribe" => {
                let id = id(&kind, message.remove("id"))?;
                let payload = object(&kind, payload)?.ok_or("'subscribe' must have a 'payload'")?;
                check_request(&payload)?;
                let request = match body::from_json(Value::Object(payload).to_string().as_bytes()) {
                    Ok(Sent::One(request)) => Ok(request),
                    Ok(Sent::Batch(_)) => Err(BodyError::NotAnObject),
                    Err(error) => Err(error),
                };
                Ok(Self::Subscribe { id, request: Box::new(request), size: text.len() })
            }
            _ => Err("Clients cannot send messages of this 'type'".to_owned()),
        }
    }
}

fn object(kind: &str, payload: Option<Value>) -> Result<Option<Map<String, Value>>, String> {
    match payload {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("The 'payload' of '{kind}' must be an object")),
    }
}

/// Checks what the protocol requires of a request. Unlike the protocol, we accept a document by its name or hash.
fn check_request(request: &Map<String, Value>) -> Result<(), String> {
    let is =
        |name: &str, fits: fn(&Value) -> bool| request.get(name).is_none_or(|value| value.is_null() || fits(value));
    let is_named =
        ["extensions", "documentId"].iter().any(|name| request.get(*name).is_some_and(|value| !value.is_null()));
    let has_document =
        request.get("query").is_some_and(Value::is_string) || (is_named && is("query", Value::is_string));
    for (fits, expected) in [
        (has_document, "'query' must be a string"),
        (is("operationName", Value::is_string), "'operationName' must be a string"),
        (is("variables", Value::is_object), "'variables' must be an object"),
        (is("extensions", Value::is_object), "'extensions' must be an object"),
    ] {
        if !fits {
            return Err(format!("In the 'payload' of 'subscribe' {expected}"));
        }
    }
    Ok(())
}

fn id(kind: &str, id: Option<Value>) -> Result<String, String> {
    match id {
        Some(Value::String(id)) if !id.is_empty() && id.len() <= MAX_ID => Ok(id),
        _ => Err(format!("'{kind}' must have an 'id' of 1 to {MAX_ID} bytes")),
    }
}

/// A message about an operation.
#[derive(Debug)]
pub(super) enum Said {
    /// `next`: a result.
    Next(Response),
    /// `error`: the operation failed and has ended.
    Error(Response),
    /// `complete`: the operation has ended.
    Complete,
}

impl Said {
    /// Whether it is the last message of its operation.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self, Self::Next(_))
    }

    /// The message as it is sent, for the operation with this id.
    pub(super) fn message(&self, id: &str) -> Message {
        let id = Value::String(id.to_owned());
        text(match self {
            Self::Next(answer) => format!(r#"{{"id":{id},"type":"next","payload":{}}}"#, json(answer)),
            Self::Error(answer) => {
                let errors = serde_json::to_string(&answer.errors).unwrap_or_else(|_| "[]".to_owned());
                format!(r#"{{"id":{id},"type":"error","payload":{errors}}}"#)
            }
            Self::Complete => format!(r#"{{"id":{id},"type":"complete"}}"#),
        })
    }
}

/// An answer as JSON.
pub(super) fn json(answer: &Response) -> String {
    String::from_utf8(encode(answer)).unwrap_or_default()
}

/// `connection_ack`.
pub(super) fn ack() -> Message {
    text(r#"{"type":"connection_ack"}"#.to_owned())
}

/// The answer to a `ping`.
pub(super) fn pong(payload: Option<&Value>) -> Message {
    text(match payload {
        Some(payload) => format!(r#"{{"type":"pong","payload":{payload}}}"#),
        None => r#"{"type":"pong"}"#.to_owned(),
    })
}

fn text(text: String) -> Message {
    Message::Text(Utf8Bytes::from(text))
}

/// Why a connection is closed. Besides the protocol's own codes, there are 1012 and 1013, after which clients reconnect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Close {
    /// 4400: a message is malformed.
    Invalid(String),
    /// 4401: an operation came before `connection_init`.
    Unauthorized,
    /// 4403: the token is not valid, or the user is not allowed to connect any more.
    Forbidden(&'static str),
    /// 4406: the client offers only other sub-protocols.
    Subprotocol,
    /// 4408: `connection_init` did not come in time.
    InitTimeout,
    /// 4409: an operation with this id is running already.
    IdInUse(String),
    /// 4429: `connection_init` came twice.
    TwiceInit,
    /// 1012: the server stops.
    Restart,
    /// 1013: there is no capacity, or the client does not keep up.
    TryAgain(Cow<'static, str>),
}

impl Close {
    /// The close frame.
    pub(super) fn frame(&self) -> CloseFrame {
        let (code, reason): (u16, Cow<'_, str>) = match self {
            Self::Invalid(reason) => (4400, reason.as_str().into()),
            Self::Unauthorized => (4401, "Unauthorized".into()),
            Self::Forbidden(reason) => (4403, (*reason).into()),
            Self::Subprotocol => (4406, "Subprotocol not acceptable".into()),
            Self::InitTimeout => (4408, "Connection initialisation timeout".into()),
            Self::IdInUse(id) => (4409, format!("Subscriber for {id} already exists").into()),
            Self::TwiceInit => (4429, "Too many initialisation requests".into()),
            Self::Restart => (1012, "The server restarts".into()),
            Self::TryAgain(reason) => (1013, reason.as_ref().into()),
        };
        let end = (0..=MAX_REASON.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
        CloseFrame { code, reason: Utf8Bytes::from(reason.get(..end.unwrap_or(0)).unwrap_or_default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_malformed_is_refused() {
        for bad in [
            "",
            "[]",
            "1",
            "{}",
            r#"{"type":1}"#,
            r#"{"type":"hello"}"#,
            r#"{"type":"next","id":"1","payload":{}}"#,
            r#"{"type":"connection_init","payload":"x"}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":""}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":1}}"#,
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}"#,
            r#"{"type":"subscribe","id":"1","payload":[{"query":"{a}"}]}"#,
        ] {
            assert!(FromClient::read(bad).is_err(), "{bad}");
        }
        let unusual = r#"{"type":"subscribe","id":"1","payload":{"extensions":{"persistedQuery":{"version":2}}}}"#;
        let unusual = FromClient::read(unusual);
        assert!(
            matches!(unusual, Ok(FromClient::Subscribe { request, .. }) if request.is_err()),
            "the operation's own fault"
        );
        let read = FromClient::read(r#"{"type":"subscribe","id":"é","payload":{"query":"{a}","variables":null}}"#);
        assert!(matches!(read, Ok(FromClient::Subscribe { id, .. }) if id == "é"));
        assert!(matches!(FromClient::read(r#"{"type":"connection_init"}"#), Ok(FromClient::Init(_))));
        assert!(matches!(FromClient::read(r#"{"type":"ping","payload":null}"#), Ok(FromClient::Ping(None))));
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let frame = Close::IdInUse("é".repeat(200)).frame();
        assert_eq!(frame.code, 4409);
        assert!(frame.reason.len() <= MAX_REASON && frame.reason.ends_with('é'), "{}", frame.reason);
    }
}
