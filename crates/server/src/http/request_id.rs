//! The id of a request in logs and answers: the caller's own, or a new one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it in both directions.
pub(crate) static HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is accepted from a caller.
const MAX_LENGTH: usize = 64;

/// A request's id. ASCII letters, digits, `-` and `_` only, so it can go into any header and log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// The id's text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header's value.
    pub(crate) fn to_header(&self) -> HeaderValue {
        // Every character of an id is valid in a header value.
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Generates ids from a random start of the process and a counter. They are unique without new randomness each time.
#[derive(Debug)]
pub(crate) struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl Default for RequestIds {
    fn default() -> Self {
        let (start, _) = uuid::Uuid::new_v4().as_u64_pair();
        Self { start, count: AtomicU64::new(0) }
    }
}

impl RequestIds {
    /// The caller's id if it is valid, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> RequestId {
        if let Some(id) = headers.get(&HEADER).and_then(|value| value.to_str().ok()).filter(|id| is_sane(id)) {
            return RequestId(id.into());
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:016x}-{count:x}", self.start).into())
    }
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_LENGTH).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(&HEADER, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        RequestIds::default().of(&headers).to_string()
    }

    #[test]
    fn a_valid_id_is_kept_and_any_other_is_replaced() {
        assert_eq!(with("Ab-9_z"), "Ab-9_z");
        for bad in ["", "a b", "a\"b", "é", "a/b", &"x".repeat(65)] {
            let id = with(bad);
            assert!(id != bad && is_sane(&id), "{bad}: {id}");
        }
    }

    #[test]
    fn new_ids_differ() {
        let ids = RequestIds::default();
        let empty = HeaderMap::new();
        assert_ne!(ids.of(&empty).as_str(), ids.of(&empty).as_str());
    }
}
