//! Why a use case did not happen.

use std::sync::Arc;

use tenantry_billing::BillingError;
use tenantry_domain::feature::LimitReached;
use tenantry_domain::{FieldError, FieldErrorCode, Violations};
use tenantry_files::{FilesError, KeepError};
use tenantry_store::{AsStoreError, ConstraintKind, StoreError};

use crate::payment::PortalError;

/// A refusal or a failure. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The input is wrong, or what it refers to is not there, or has changed.
    #[error("the input was refused: {0}")]
    Refused(#[source] Violations),
    /// The plan does not allow it.
    #[error("a limit of the plan is reached")]
    LimitReached(#[source] LimitReached),
    /// The caller sees the thing but may not do this to it.
    #[error("the caller's role does not allow this")]
    Forbidden,
    /// One element of several is not allowed.
    #[error("element {} of several cannot be written", .at.join("."))]
    Element {
        /// The element: the list and the index in it.
        at: Vec<String>,
        /// Why: [`Forbidden`](Self::Forbidden) or [`LimitReached`](Self::LimitReached).
        #[source]
        error: Box<Self>,
    },
    /// The billing service failed.
    #[error("the plan could not be checked")]
    Billing(#[source] BillingError),
    /// The payment provider failed.
    #[error("the payment provider cannot be asked")]
    Portal(#[source] PortalError),
    /// The storage of files failed.
    #[error("the storage of files failed")]
    Files(#[source] Arc<KeepError>),
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
}

impl ServiceError {
    /// The same, with what it says of the field `from` said of the field `to`: a use case that is a part of another one has other fields.
    #[must_use]
    pub(crate) fn about(self, from: &str, to: &str) -> Self {
        let Self::Refused(mut faults) = self else { return self };
        for fault in faults.0.iter_mut().filter(|fault| fault.field == [from]) {
            fault.field = vec![to.to_owned()];
        }
        Self::Refused(faults)
    }

    /// The same of the element `n` of a list; the failure of the database or of another program is of no element.
    #[must_use]
    pub(crate) fn within(self, list: &str, n: usize) -> Self {
        let at = [list, &n.to_string()];
        match self {
            Self::Refused(faults) => {
                Self::Refused(Violations(faults.0.into_iter().map(|fault| fault.within(&at)).collect()))
            }
            Self::Forbidden | Self::LimitReached(_) => {
                Self::Element { at: at.map(str::to_owned).to_vec(), error: Box::new(self) }
            }
            error => error,
        }
    }
}

impl From<Violations> for ServiceError {
    fn from(violations: Violations) -> Self {
        Self::Refused(violations)
    }
}

impl From<FieldError> for ServiceError {
    fn from(error: FieldError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<FilesError> for ServiceError {
    fn from(error: FilesError) -> Self {
        Self::Files(Arc::new(error.into()))
    }
}

impl From<BillingError> for ServiceError {
    fn from(error: BillingError) -> Self {
        match error {
            BillingError::LimitReached(limit) => Self::LimitReached(limit),
            BillingError::Store(error) => Self::Store(error),
            error => Self::Billing(error),
        }
    }
}

impl AsStoreError for ServiceError {
    fn as_store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

/// Says which field a broken constraint is about; constraints that no input can break stay failures of the database.
///
/// `references` pairs the constraint's name with the field and what it refers to.
pub(crate) fn name_reference(error: StoreError, references: &[(&str, &str, &str)]) -> ServiceError {
    if let Some((kind, constraint)) = error.constraint() {
        let found = references.iter().find(|(name, ..)| *name == constraint);
        match (kind, found) {
            (ConstraintKind::ForeignKey, Some((_, field, what))) => return FieldError::not_found(field, what).into(),
            (ConstraintKind::Unique, Some((_, field, what))) => {
                let message = format!("Another {what} already has this {field}.");
                return FieldError::new(FieldErrorCode::Taken, field, message).into();
            }
            _ => {}
        }
    }
    error.into()
}
