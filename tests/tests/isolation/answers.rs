//! What a caller can distinguish in an answer.

use serde_json::{Value, json};
use tenantry_tests::Answer;

/// Headers that differ from one answer to the next whatever was asked.
const PER_REQUEST: &[&str] = &["date", "x-request-id"];

/// The whole answer except the request's id, with the requested id replaced wherever it is echoed.
pub(crate) fn visible(answer: &Answer, id: &str) -> Value {
    let mut body: Value = serde_json::from_str(&answer.text.replace(id, "ID")).unwrap_or_default();
    for error in body["errors"].as_array_mut().into_iter().flatten() {
        if let Some(extensions) = error["extensions"].as_object_mut() {
            extensions.remove("requestId");
        }
    }
    let headers = answer.headers.iter().filter(|(name, _)| !PER_REQUEST.contains(&name.as_str()));
    let mut headers: Vec<String> =
        headers.map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))).collect();
    headers.sort();
    json!({ "status": answer.status.as_u16(), "headers": headers, "body": body })
}

/// Whether the answer contains an error or a refusal anywhere.
pub(crate) fn is_refused(answer: &Answer) -> bool {
    fn refuses(value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.iter().any(|(name, value)| {
                matches!(name.as_str(), "errors" | "userErrors") && value.as_array().is_some_and(|all| !all.is_empty())
                    || refuses(value)
            }),
            Value::Array(items) => items.iter().any(refuses),
            _ => false,
        }
    }
    !answer.status.is_success() || refuses(&answer.json)
}

/// The difference between two answers: a part of each, from the first difference on.
pub(crate) fn contrast(one: &Value, other: &Value) -> String {
    let (one, other) = (one.to_string(), other.to_string());
    let same = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let from = same.saturating_sub(60);
    let excerpt = |text: &str| text.chars().skip(from).take(300).collect::<String>();
    format!("…{}…\nbut of an unknown one …{}…", excerpt(&one), excerpt(&other))
}
