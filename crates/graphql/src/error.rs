//! The one file that maps what use cases come back with to what a caller is told. Exhaustive on purpose: a new kind of failure
//! does not compile until somebody decides here. The failures of reads are mapped by the executor.

use async_graphql::{Enum, Error, ErrorExtensions as _, SimpleObject, Value};
use tenantry_domain::causes::causes;
use tenantry_domain::feature::LimitReached;
use tenantry_domain::{FieldError, FieldErrorCode};
use tenantry_executor::error::{ErrorCode, coded, internal, store_failed};
use tenantry_service::ServiceError;

/// The reason for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub(crate) enum UserErrorCode {
    /// The value is missing or blank.
    Required,
    /// The value is longer than the field may be.
    TooLong,
    /// The value is outside its bounds.
    OutOfRange,
    /// The value has the wrong format.
    Invalid,
    /// The referenced object does not exist.
    NotFound,
    /// Another object has this value already.
    Taken,
    /// Another object still depends on this one.
    InUse,
    /// The object has changed since it was read.
    Conflict,
    /// The plan does not allow more.
    LimitReached,
    /// The server is not configured for it.
    NotConfigured,
    /// There is a subscription already. Use `createBillingPortalSession` to pay or change it.
    AlreadySubscribed,
    /// The invoice has been issued, so it changes no more.
    AlreadyIssued,
    /// The status of the object does not allow it.
    WrongStatus,
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
            FieldErrorCode::AlreadyIssued => Self::AlreadyIssued,
            FieldErrorCode::WrongStatus => Self::WrongStatus,
        }
    }
}

/// Why a mutation was refused, to be shown next to the input field.
#[derive(Debug, Clone, SimpleObject)]
pub(crate) struct UserError {
    /// The kind of refusal.
    code: UserErrorCode,
    /// Where the fault is, from inside `input`: names of fields, and indexes of lists as text, such as
    /// `["lineItems", "0", "quantity"]`. Empty if no field is the cause.
    field: Vec<String>,
    /// A human-readable message.
    message: String,
    /// The limited feature; null unless a limit is reached.
    feature: Option<crate::entitlement::Feature>,
    /// The plan's limit; null unless a limit is reached.
    limit: Option<i64>,
    /// How much is in use; null unless a limit is reached.
    used: Option<i64>,
    /// The cheapest plan that would allow it; null unless a limit is reached and there is such a plan.
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

fn forbidden() -> Error {
    coded(ErrorCode::Forbidden, "Your role does not allow this.")
}

/// Sorts what a use case came back with: the result, or refusals for the payload, or an error for the top level.
pub(crate) fn sort<T>(result: Result<T, ServiceError>) -> Result<Result<T, Vec<UserError>>, Error> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ServiceError::Refused(violations)) => Ok(Err(violations.0.into_iter().map(UserError::from).collect())),
        Err(ServiceError::LimitReached(reached)) => Ok(Err(vec![reached.into()])),
        Err(ServiceError::Forbidden) => Err(forbidden()),
        Err(ServiceError::Element { at, error }) => match *error {
            ServiceError::LimitReached(reached) => Ok(Err(vec![UserError { field: at, ..reached.into() }])),
            // Nothing else is of one element.
            _ => Err(forbidden().extend_with(|_, extensions| {
                extensions.set("field", Value::List(at.iter().map(|name| Value::from(name.as_str())).collect()));
            })),
        },
        Err(ServiceError::Store(error)) => Err(store_failed(&error)),
        Err(ServiceError::Billing(error)) => Err(internal(&error)),
        Err(ServiceError::Files(error)) => {
            tracing::error!(error = causes(&error), "the storage of files failed; `tenantry doctor` says more");
            Err(coded(ErrorCode::Unavailable, "The storage of files cannot be reached; try again in a moment."))
        }
        Err(ServiceError::Portal(error)) => {
            tracing::warn!(error = causes(&error), "the payment provider cannot be asked");
            Err(coded(ErrorCode::Unavailable, "The payment provider cannot be reached; try again in a moment."))
        }
    }
}
