//! The one file that maps failures to what a caller is told. Exhaustive on purpose: a new kind of failure does not compile
//! until somebody decides here.

use async_graphql::{Enum, Error, ErrorExtensions, PathSegment, Response, ServerError, SimpleObject, Value};
use tenantry_domain::causes::causes;
use tenantry_domain::feature::LimitReached;
use tenantry_domain::{FieldError, FieldErrorCode};
use tenantry_service::ServiceError;
use tenantry_store::StoreError;

use crate::batch::ReadError;
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
    /// The document asks for more than a request may.
    QueryTooCostly,
    /// The request took too long.
    Timeout,
    /// The database cannot be reached at the moment.
    Unavailable,
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
            Self::QueryTooCostly => "QUERY_TOO_COSTLY",
            Self::Timeout => "TIMEOUT",
            Self::Unavailable => "UNAVAILABLE",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::Internal => "INTERNAL",
        }
    }
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
pub(crate) fn coded(code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// A malformed argument of a field.
pub(crate) fn bad_argument(argument: &str, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", ErrorCode::BadUserInput.as_str());
        extensions.set("argument", argument);
    })
}

/// What the caller is told when a read failed.
pub(crate) fn read_failed(error: &ReadError) -> Error {
    store_failed(error)
}

fn store_failed(error: &StoreError) -> Error {
    match error {
        StoreError::NotAMember => coded(ErrorCode::Forbidden, "You do not belong to this organization."),
        StoreError::InvalidCursor { argument } => {
            bad_argument(argument, format!("`{argument}` is not a cursor of this list in this order."))
        }
        StoreError::Timeout(source) => {
            tracing::warn!(error = %source, "a statement took too long");
            coded(ErrorCode::Timeout, "The request took too long.")
        }
        StoreError::OutOfTime => coded(ErrorCode::Timeout, "The request took too long."),
        StoreError::OutcomeUnknown(source) => {
            tracing::error!(error = %source, "a commit had no answer");
            coded(ErrorCode::Unavailable, "It is not known whether this was carried out: look before you try again.")
                .extend_with(|_, extensions| extensions.set("outcome", "UNKNOWN"))
        }
        StoreError::Unavailable(source) => {
            tracing::warn!(error = %source, "the database cannot be reached");
            coded(ErrorCode::Unavailable, "The service is busy; try again in a moment.")
        }
        StoreError::Conflict(source) => {
            tracing::warn!(error = %source, "a transaction lost every time");
            coded(ErrorCode::Unavailable, "Somebody else is changing the same; try again in a moment.")
        }
        StoreError::Constraint { .. }
        | StoreError::Corrupt { .. }
        | StoreError::MembershipChanged
        | StoreError::Database(_) => internal(error),
    }
}

/// A fault that the log is told in full and the caller not at all.
pub(crate) fn internal(error: &dyn std::error::Error) -> Error {
    tracing::error!(error = causes(error), "a fault");
    coded(ErrorCode::Internal, "Something went wrong; the request id helps to find out what.")
}

/// What an expected refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum UserErrorCode {
    /// The value is missing or blank.
    Required,
    /// The value is longer than the field may be.
    TooLong,
    /// The value is outside its bounds.
    OutOfRange,
    /// The value has the wrong form.
    Invalid,
    /// What is referred to does not exist.
    NotFound,
    /// Something else already has this value.
    Taken,
    /// Something else still depends on it.
    InUse,
    /// It has changed since it was read.
    Conflict,
    /// The plan does not allow more.
    LimitReached,
    /// The server has not been set up for it.
    NotConfigured,
    /// There is a subscription; `createBillingPortalSession` leads to where it is paid or changed.
    AlreadySubscribed,
}

impl From<FieldErrorCode> for UserErrorCode {
    fn from(code: FieldErrorCode) -> Self {
        match code {
            FieldErrorCode::Required => Self::Required,
            FieldErrorCode::TooLong => Self::TooLong,
            FieldErrorCode::OutOfRange => Self::OutOfRange,
            FieldErrorCode::Invalid => Self::Invalid,
            FieldErrorCode::NotFound => Self::NotFound,
            FieldErrorCode::Taken => Self::Taken,
            FieldErrorCode::InUse => Self::InUse,
            FieldErrorCode::Conflict => Self::Conflict,
            FieldErrorCode::LimitReached => Self::LimitReached,
            FieldErrorCode::NotConfigured => Self::NotConfigured,
            FieldErrorCode::AlreadySubscribed => Self::AlreadySubscribed,
        }
    }
}

/// Why a mutation did nothing: an expected refusal, to be shown beside the field.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct UserError {
    /// The kind of refusal.
    code: UserErrorCode,
    /// The way to the field from the root of the input, e.g. `["lineItems", "0", "quantity"]`; empty for none.
    field: Vec<String>,
    /// What is wrong, for a person.
    message: String,
    /// What is limited, when a limit is reached.
    feature: Option<crate::entitlement::Feature>,
    /// How much the plan allows, when a limit is reached.
    limit: Option<i64>,
    /// How much is in use, when a limit is reached.
    used: Option<i64>,
    /// The cheapest plan that would allow it, when a limit is reached and there is one.
    upgrade_to: Option<String>,
}

impl From<FieldError> for UserError {
    fn from(error: FieldError) -> Self {
        Self {
            code: error.code.into(),
            field: error.field,
            message: error.message,
            feature: None,
            limit: None,
            used: None,
            upgrade_to: None,
        }
    }
}

impl From<LimitReached> for UserError {
    fn from(reached: LimitReached) -> Self {
        Self {
            code: UserErrorCode::LimitReached,
            field: Vec::new(),
            message: format!("The limit is reached: {reached}."),
            feature: Some(reached.feature.into()),
            limit: Some(reached.limit),
            used: Some(reached.used),
            upgrade_to: reached.upgrade_to,
        }
    }
}

/// Sorts what a use case came back with: the result, or refusals for the payload, or an error for the top level.
pub(crate) fn sort<T>(result: Result<T, ServiceError>) -> Result<Result<T, Vec<UserError>>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ServiceError::Refused(violations)) => Ok(Err(violations.0.into_iter().map(UserError::from).collect())),
        Err(ServiceError::LimitReached(reached)) => Ok(Err(vec![reached.into()])),
        Err(ServiceError::Forbidden) => Err(coded(ErrorCode::Forbidden, "Your role does not allow this.")),
        Err(ServiceError::Store(error)) => Err(store_failed(&error)),
        Err(ServiceError::Billing(error)) => Err(internal(&error)),
        Err(ServiceError::Portal(error)) => {
            tracing::warn!(error = causes(&error), "the payment provider cannot be asked");
            Err(coded(ErrorCode::Unavailable, "The payment provider cannot be reached; try again in a moment."))
        }
    }
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
