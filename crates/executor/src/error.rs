//! The one file that maps failures of reads, and of requests as a whole, to what a caller is told. Exhaustive on purpose: a new
//! kind of failure does not compile until somebody decides here.

use async_graphql::{Error, ErrorExtensions, PathSegment, Response, ServerError, Value};
use tenantry_domain::causes::causes;
use tenantry_store::StoreError;

use crate::dataloader::ReadError;
use crate::request::REASON;

/// The codes in `extensions.code` of a top-level error. Stable: clients rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// There is no token, or it does not verify.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not see it.
    NotFound,
    /// The request or an input is malformed.
    BadUserInput,
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited,
    /// The request names a document that the server does not know.
    PersistedQueryNotFound,
    /// The document asks for more than a request may.
    QueryTooCostly,
    /// The request took too long.
    Timeout,
    /// The database cannot be reached at the moment.
    Unavailable,
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused,
    /// A request with the same idempotency key is being carried out.
    IdempotencyKeyInUse,
    /// The request was carried out, and its answer was lost.
    AnswerLost,
    /// The cursor of a subscription is too old.
    ChangesExpired,
    /// A sum of amounts is larger than an amount can be.
    AmountTooLarge,
    /// A mutation came in a request that may only read.
    MethodNotAllowed,
    /// A fault of the server; the log has more under the request id.
    Internal,
}

impl ErrorCode {
    /// The text in `extensions.code`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::PersistedQueryNotFound => "PERSISTED_QUERY_NOT_FOUND",
            Self::QueryTooCostly => "QUERY_TOO_COSTLY",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::IdempotencyKeyInUse => "IDEMPOTENCY_KEY_IN_USE",
            Self::AnswerLost => "ANSWER_LOST",
            Self::ChangesExpired => "CHANGES_EXPIRED",
            Self::AmountTooLarge => "AMOUNT_TOO_LARGE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// The message of a fault of the server.
pub const WENT_WRONG: &str = "Something went wrong. Give the request id when you report it.";

/// The message of a request that was given up.
pub const TOOK_TOO_LONG: &str = "The request took too long.";

/// Whether any error of a response has this code.
pub fn has_code(response: &Response, code: ErrorCode) -> bool {
    let code = Value::from(code.as_str());
    response.errors.iter().any(|error| error.extensions.as_ref().is_some_and(|all| all.get("code") == Some(&code)))
}

/// A response that holds nothing but one error.
pub fn error_response(code: ErrorCode, message: impl Into<String>, request_id: &str) -> Response {
    let mut error = ServerError::new(message, None);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("code", code.as_str());
    extensions.set("requestId", request_id);
    Response::from_errors(vec![error])
}

/// A top-level error with a code.
pub fn coded(code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// A malformed argument of a field.
pub fn bad_argument(argument: &str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", ErrorCode::BadUserInput.as_str());
        extensions.set("field", Value::List(vec![Value::String(argument.to_owned())]));
    })
}

/// What the caller is told when a read failed.
pub(crate) fn read_failed(error: &ReadError) -> Error {
    store_failed(error)
}

/// What the caller is told when the store failed.
pub fn store_failed(error: &StoreError) -> Error {
    match error {
        StoreError::NotAMember => coded(ErrorCode::Forbidden, "You do not belong to this organization."),
        StoreError::InvalidCursor { argument } => {
            bad_argument(argument, format!("`{argument}` is not a cursor of this list in this order."))
        }
        StoreError::Timeout(source) => {
            tracing::warn!(error = %source, "a statement took too long");
            coded(ErrorCode::Timeout, TOOK_TOO_LONG)
        }
        StoreError::OutOfTime => coded(ErrorCode::Timeout, TOOK_TOO_LONG),
        StoreError::OutcomeUnknown(source) => {
            tracing::error!(error = %source, "a commit had no answer");
            coded(ErrorCode::Unavailable, "It is unknown whether this was carried out. Check before you retry.")
                .extend_with(|_, extensions| extensions.set("outcome", "UNKNOWN"))
        }
        StoreError::Unavailable(source) => {
            tracing::warn!(error = %source, "the database cannot be reached");
            coded(ErrorCode::Unavailable, "The service is busy; try again in a moment.")
        }
        StoreError::Conflict(source) => {
            tracing::warn!(error = %source, "a transaction conflicted on every attempt");
            coded(ErrorCode::Unavailable, "Someone else is changing the same data; try again in a moment.")
        }
        StoreError::Superseded => {
            coded(ErrorCode::IdempotencyKeyInUse, "A request with the same Idempotency-Key has taken over.")
        }
        StoreError::Constraint { .. }
        | StoreError::Corrupt { .. }
        | StoreError::MembershipChanged
        | StoreError::Address(_)
        | StoreError::Database(_) => internal(error),
    }
}

/// A fault that the log is told in full and the caller not at all.
pub fn internal(error: &dyn std::error::Error) -> Error {
    tracing::error!(error = causes(error), "a fault");
    coded(ErrorCode::Internal, WENT_WRONG)
}

/// Gives every error of a response a code, the request id, and the path of the input that it is about; bounds their number.
/// `committed` are the keys of the root fields that have changed something for good.
pub(crate) fn finish(errors: &mut Vec<ServerError>, request_id: &str, committed: &[String]) {
    // A document can be wrong in very many places; nobody reads more than these.
    errors.truncate(50);
    for error in errors {
        let extensions = error.extensions.get_or_insert_default();
        if extensions.get("code").is_none() {
            // What async-graphql refuses by itself is a value that does not fit the schema.
            extensions.set("code", ErrorCode::BadUserInput.as_str());
        }
        if let (Some(Value::String(reason)), Some(Value::List(path))) =
            (extensions.get(REASON).cloned(), extensions.get("field"))
        {
            let path: Vec<&str> = path
                .iter()
                .filter_map(|segment| if let Value::String(segment) = segment { Some(segment.as_str()) } else { None })
                .collect();
            error.message = format!("{}: {reason}", path.join("."));
            extensions.unset(REASON);
        }
        if let Some(PathSegment::Field(root)) = error.path.first()
            && committed.contains(root)
        {
            extensions.set("outcome", "COMMITTED");
        }
        extensions.set("requestId", request_id);
    }
}
