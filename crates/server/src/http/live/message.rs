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

/// What a client says.
#[derive(Debug)]
pub(super) enum FromClient {
    /// Who they are.
    Init(Map<String, Value>),
    /// They want an answer with the same payload.
    Ping(Option<Value>),
    /// They are there.
    Pong,
    /// They want an operation to be run; what is wrong with it, beyond the protocol, is told as the operation's error. The
    /// message has this many bytes.
    Subscribe { id: String, request: Box<Result<SentRequest, BodyError>>, size: usize },
    /// They want to hear no more of an operation.
    Complete { id: String },
}

impl FromClient {
    /// Reads a message.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let message: Value = serde_json::from_str(text).map_err(|_| "This is not JSON".to_owned())?;
        let Value::Object(mut message) = message else { return Err("A message is an object".to_owned()) };
        let Some(Value::String(kind)) = message.remove("type") else {
            return Err("A message has a 'type'".to_owned());
        };
        let payload = message.remove("payload").filter(|payload| !payload.is_null());
        match kind.as_str() {
            "connection_init" => Ok(Self::Init(object(&kind, payload)?.unwrap_or_default())),
            "ping" => Ok(Self::Ping(object(&kind, payload)?.map(Value::Object))),
            "pong" => object(&kind, payload).map(|_| Self::Pong),
            "complete" => Ok(Self::Complete { id: id(&kind, message.remove("id"))? }),
            "subscribe" => {
                let id = id(&kind, message.remove("id"))?;
                let payload = object(&kind, payload)?.ok_or("'subscribe' has a 'payload'")?;
                check_request(&payload)?;
                let request = match body::from_json(Value::Object(payload).to_string().as_bytes()) {
                    Ok(Sent::One(request)) => Ok(request),
                    Ok(Sent::Batch(_)) => Err(BodyError::NotAnObject),
                    Err(error) => Err(error),
                };
                Ok(Self::Subscribe { id, request: Box::new(request), size: text.len() })
            }
            _ => Err("There is no such 'type' of message for a client".to_owned()),
        }
    }
}

fn object(kind: &str, payload: Option<Value>) -> Result<Option<Map<String, Value>>, String> {
    match payload {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("The 'payload' of '{kind}' is an object")),
    }
}

/// What the protocol says of the request. Its document may be named instead of sent.
fn check_request(request: &Map<String, Value>) -> Result<(), String> {
    let is =
        |name: &str, fits: fn(&Value) -> bool| request.get(name).is_none_or(|value| value.is_null() || fits(value));
    let is_named =
        ["extensions", "documentId"].iter().any(|name| request.get(*name).is_some_and(|value| !value.is_null()));
    let has_document =
        request.get("query").is_some_and(Value::is_string) || (is_named && is("query", Value::is_string));
    for (fits, expected) in [
        (has_document, "'query' is a text"),
        (is("operationName", Value::is_string), "'operationName' is a text"),
        (is("variables", Value::is_object), "'variables' is an object"),
        (is("extensions", Value::is_object), "'extensions' is an object"),
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
        _ => Err(format!("'{kind}' has an 'id' of 1 to {MAX_ID} bytes")),
    }
}

/// What the server says of an operation.
#[derive(Debug)]
pub(super) enum Said {
    /// A result.
    Next(Response),
    /// It failed, and ends with that.
    Error(Response),
    /// It ends.
    Complete,
}

impl Said {
    /// Whether nothing follows.
    pub(super) fn is_last(&self) -> bool {
        !matches!(self, Self::Next(_))
    }

    /// The message about the operation with this id.
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

/// The client is who they say.
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

/// Why a connection is closed. Of the codes that are not of the protocol, clients take 1012 and 1013 for something that passes, and come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Close {
    /// A message is malformed.
    Invalid(String),
    /// The client has not said who they are.
    Unauthorized,
    /// The client may not, or no longer.
    Forbidden(&'static str),
    /// The client speaks another protocol.
    Subprotocol,
    /// The client did not say in time who they are.
    InitTimeout,
    /// An operation with this id is running.
    IdInUse(String),
    /// The client has said twice who they are.
    TwiceInit,
    /// The server stops.
    Restart,
    /// There is no capacity, or the client does not keep up.
    TryAgain(Cow<'static, str>),
}

impl Close {
    /// The frame that says so.
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
