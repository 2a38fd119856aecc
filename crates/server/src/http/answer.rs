//! The response to the client: the executed answer or a refusal, its status, and the bytes.

use std::time::Duration;

use async_graphql::{PathSegment, Response as GraphQlResponse, ServerError, Value};
use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use tenantry_graphql::{ErrorCode, WENT_WRONG, encode};

use super::negotiation::MediaType;

/// The methods of the GraphQL endpoint.
pub(crate) const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");

/// Whether a mutation with an `Idempotency-Key` had been answered before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// `Retry-After` for a refusal due to lack of capacity.
const SOON: HeaderValue = HeaderValue::from_static("1");

/// A refusal before the document is looked at.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    field: Option<[&'static str; 1]>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with a status of its own.
    pub(crate) fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, headers: Vec::new() }
    }

    /// A malformed request.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadUserInput, message)
    }

    /// Names the parameter that caused it.
    #[must_use]
    pub(crate) fn about(mut self, parameter: Option<&'static str>) -> Self {
        self.field = parameter.map(|parameter| [parameter]);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// No token, or an invalid one; `problem` is the challenge's `error`.
    pub(crate) fn unauthenticated(message: &'static str, problem: Option<&'static str>) -> Self {
        let challenge = match problem {
            None => HeaderValue::from_static("Bearer"),
            Some("invalid_request") => HeaderValue::from_static("Bearer error=\"invalid_request\""),
            Some(_) => HeaderValue::from_static("Bearer error=\"invalid_token\""),
        };
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, message)
            .with_header(WWW_AUTHENTICATE, challenge)
    }

    /// A fault of the server, which the log describes.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, WENT_WRONG)
    }

    /// Something that is needed is currently unavailable.
    pub(crate) fn unavailable() -> Self {
        let message = "The service is busy; try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message).with_header(RETRY_AFTER, SOON)
    }

    /// A method that the endpoint does not support.
    pub(crate) fn method_not_allowed() -> Self {
        let message = "Send GraphQL requests by POST, or queries by GET.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message).with_header(ALLOW, METHODS)
    }

    /// The code of the reason.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The reason.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// When to come back, if it says so.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let (_, value) = self.headers.iter().find(|(name, _)| *name == RETRY_AFTER)?;
        value.to_str().ok()?.parse().ok().map(Duration::from_secs)
    }

    /// The refusal as a response.
    pub(crate) fn into_response(self, media_type: MediaType, request_id: &str) -> Response<Body> {
        let document = Document {
            errors: [Item {
                message: &self.message,
                extensions: Extensions { code: self.code.as_str(), request_id, field: self.field },
            }],
        };
        // A struct of strings can always be serialised.
        let bytes = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = respond(self.status, media_type, bytes);
        response.headers_mut().extend(self.headers);
        response
    }
}

/// A refusal in the form of a GraphQL response.
#[derive(Serialize)]
struct Document<'a> {
    errors: [Item<'a>; 1],
}

#[derive(Serialize)]
struct Item<'a> {
    message: &'a str,
    extensions: Extensions<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions<'a> {
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<[&'static str; 1]>,
}

/// The engine's answer as a response.
pub(crate) fn from_engine(mut answer: GraphQlResponse, media_type: MediaType) -> Response<Body> {
    let status = match Outcome::of(&answer, media_type) {
        Outcome::Answered => StatusCode::OK,
        Outcome::Refused(status) => status,
        Outcome::Failed(status) => {
            // GraphQL over HTTP: an answer with `data`, even null, is a success. Without a path, `data` is left out.
            answer.data = Value::Null;
            answer.errors.iter_mut().for_each(|error| error.path.clear());
            status
        }
    };
    let mut response = respond(status, media_type, encode(&answer));
    let headers = response.headers_mut();
    if let Some(value) = answer.http_headers.get(&REPLAYED) {
        headers.insert(REPLAYED, value.clone());
    }
    match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT => {
            headers.insert(RETRY_AFTER, SOON);
        }
        StatusCode::TOO_MANY_REQUESTS => {
            // Whoever refused the request knows how long to wait.
            headers.insert(RETRY_AFTER, answer.http_headers.get(RETRY_AFTER).cloned().unwrap_or(SOON));
        }
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            // The operation came by GET and is only allowed by POST.
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
    response
}

/// The engine's answers to a batch as a response. The status reports a failure of the service only if all have failed alike.
pub(crate) fn from_batch(answers: &[GraphQlResponse]) -> Response<Body> {
    let failed = |answer: &GraphQlResponse| match Outcome::of(answer, MediaType::Json) {
        Outcome::Failed(status) => Some(status),
        Outcome::Answered | Outcome::Refused(_) => None,
    };
    let status = answers.first().and_then(failed);
    let status = status.filter(|status| answers.iter().all(|answer| failed(answer) == Some(*status)));
    let mut bytes = vec![b'['];
    for (n, answer) in answers.iter().enumerate() {
        if n > 0 {
            bytes.push(b',');
        }
        bytes.extend_from_slice(&encode(answer));
    }
    bytes.push(b']');
    // A list is not the newer media type's, whose status would be that of one request.
    let mut response = respond(status.unwrap_or(StatusCode::OK), MediaType::Json, bytes);
    let comes_again = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::TOO_MANY_REQUESTS, StatusCode::CONFLICT];
    if status.is_some_and(|status| comes_again.contains(&status)) {
        response.headers_mut().insert(RETRY_AFTER, SOON);
    }
    if answers.iter().all(|answer| answer.http_headers.contains_key(&REPLAYED)) {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// How a request ended.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// With data, or with errors of fields: always 200.
    Answered,
    /// The document was not executed.
    Refused(StatusCode),
    /// It failed, and not because of the document.
    Failed(StatusCode),
}

impl Outcome {
    fn of(answer: &GraphQlResponse, media_type: MediaType) -> Self {
        // If something was carried out, the answer must not look like a request that did nothing.
        if answer.errors.is_empty() || has_answer(answer) || answer.errors.iter().any(has_outcome) {
            return Self::Answered;
        }
        // Reported by the status, so that proxies, clients and dashboards that do not read the body see it.
        let statuses: Option<Vec<StatusCode>> = answer.errors.iter().map(service_status).collect();
        if let Some([status, ..]) = statuses.as_deref() {
            return Self::Failed(*status);
        }
        // With a path, the error belongs to a field: the document was executed, and the data, even if null, is its
        // answer.
        if answer.errors.iter().any(|error| !error.path.is_empty()) {
            return Self::Answered;
        }
        // Clients of the older type treat any status other than 200 as a transport failure.
        match media_type {
            MediaType::GraphQlResponse => Self::Refused(StatusCode::BAD_REQUEST),
            MediaType::Json => Self::Refused(StatusCode::OK),
        }
    }
}

/// Whether a root field has an answer: a value, or null without an error.
fn has_answer(answer: &GraphQlResponse) -> bool {
    let failed = |key: &str| {
        let roots = answer.errors.iter().filter_map(|error| error.path.first());
        roots.into_iter().any(|root| matches!(root, PathSegment::Field(root) if root == key))
    };
    match &answer.data {
        Value::Null => false,
        Value::Object(fields) => fields.iter().any(|(key, value)| *value != Value::Null || !failed(key)),
        _ => true,
    }
}

/// Whether the error belongs to a mutation that was, or may have been, carried out.
fn has_outcome(error: &ServerError) -> bool {
    error.extensions.as_ref().is_some_and(|extensions| extensions.get("outcome").is_some())
}

fn service_status(error: &ServerError) -> Option<StatusCode> {
    let Some(Value::String(code)) = error.extensions.as_ref().and_then(|extensions| extensions.get("code")) else {
        return None;
    };
    match code.as_str() {
        "UNAUTHENTICATED" => Some(StatusCode::UNAUTHORIZED),
        "FORBIDDEN" => Some(StatusCode::FORBIDDEN),
        "METHOD_NOT_ALLOWED" => Some(StatusCode::METHOD_NOT_ALLOWED),
        "IDEMPOTENCY_KEY_IN_USE" => Some(StatusCode::CONFLICT),
        "IDEMPOTENCY_KEY_REUSED" => Some(StatusCode::UNPROCESSABLE_ENTITY),
        "RATE_LIMITED" => Some(StatusCode::TOO_MANY_REQUESTS),
        "INTERNAL" => Some(StatusCode::INTERNAL_SERVER_ERROR),
        "UNAVAILABLE" => Some(StatusCode::SERVICE_UNAVAILABLE),
        "TIMEOUT" => Some(StatusCode::GATEWAY_TIMEOUT),
        _ => None,
    }
}

fn respond(status: StatusCode, media_type: MediaType, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, media_type.header());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::value;

    fn failed(data: Value, code: &str, in_field: bool) -> GraphQlResponse {
        let mut error = ServerError::new("m", None);
        error.extensions.get_or_insert_default().set("code", code);
        if in_field {
            error.path = vec![PathSegment::Field("a".to_owned())];
        }
        let mut answer = GraphQlResponse::from_errors(vec![error]);
        answer.data = data;
        answer
    }

    fn status(answer: &GraphQlResponse, media_type: MediaType) -> u16 {
        match Outcome::of(answer, media_type) {
            Outcome::Answered => 200,
            Outcome::Refused(status) | Outcome::Failed(status) => status.as_u16(),
        }
    }

    #[test]
    fn a_refused_document_is_a_400_only_for_the_newer_type() {
        let answer = failed(Value::Null, "QUERY_TOO_COSTLY", false);
        assert_eq!(status(&answer, MediaType::GraphQlResponse), 400);
        assert_eq!(status(&answer, MediaType::Json), 200);
    }

    #[test]
    fn an_answer_with_data_is_a_200() {
        let partial = failed(value!({"a": 1, "b": null}), "UNAVAILABLE", true);
        assert_eq!(status(&partial, MediaType::GraphQlResponse), 200);
        let executed = failed(value!({ "a": null }), "NOT_FOUND", true);
        assert_eq!(status(&executed, MediaType::GraphQlResponse), 200);
        assert_eq!(status(&GraphQlResponse::new(value!({ "a": null })), MediaType::Json), 200);
    }

    #[test]
    fn a_service_failure_is_reported_by_the_status() {
        for (code, expected) in [("UNAVAILABLE", 503), ("FORBIDDEN", 403), ("TIMEOUT", 504), ("RATE_LIMITED", 429)] {
            for data in [Value::Null, value!({ "a": null })] {
                let answer = failed(data, code, true);
                assert_eq!(status(&answer, MediaType::Json), expected, "{code}");
            }
        }
        let response = from_engine(failed(Value::Null, "UNAVAILABLE", true), MediaType::Json);
        assert_eq!(response.headers()[RETRY_AFTER], "1");
    }
}
