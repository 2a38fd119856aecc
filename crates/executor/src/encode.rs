//! Writes a response as JSON. Lists that were rendered on the way are copied as they are.

use async_graphql::{Response, Value};

use crate::leaf::write_text;
use crate::request::EMPTY;

/// The response as the JSON of the GraphQL specification: `data` first, then `errors` and `extensions` when there are any.
/// `data` is left out when the request did not get as far as an execution.
pub fn encode(response: &Response) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    out.push(b'{');
    // An error without a path is about the document: nothing was executed.
    let executed = response.errors.is_empty()
        || response.data != Value::Null
        || response.errors.iter().any(|error| !error.path.is_empty());
    if executed {
        out.extend_from_slice(b"\"data\":");
        write_value(&mut out, &response.data);
    }
    if !response.errors.is_empty() {
        if executed {
            out.push(b',');
        }
        out.extend_from_slice(b"\"errors\":");
        write_json(&mut out, &response.errors);
    }
    if !response.extensions.is_empty() {
        out.extend_from_slice(b",\"extensions\":");
        write_json(&mut out, &response.extensions);
    }
    out.push(b'}');
    out
}

/// Writes a value; what was rendered already is copied.
pub(crate) fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Binary(rendered) => out.extend_from_slice(rendered),
        Value::String(text) => write_text(out, text),
        Value::Enum(name) => write_text(out, name),
        Value::List(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_value(out, item);
            }
            out.push(b']');
        }
        Value::Object(fields) => {
            out.push(b'{');
            for (n, (key, field)) in fields.iter().filter(|(key, _)| *key != EMPTY).enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                write_text(out, key);
                out.push(b':');
                write_value(out, field);
            }
            out.push(b'}');
        }
        Value::Null => out.extend_from_slice(b"null"),
        Value::Boolean(_) | Value::Number(_) => write_json(out, value),
    }
}

fn write_json(out: &mut Vec<u8>, value: &impl serde::Serialize) {
    // A Vec takes every byte, and what is written here has text keys only.
    let _ = serde_json::to_writer(out, value);
}
