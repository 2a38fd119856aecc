//! Why billing refused or failed.

use tenantry_domain::feature::{Feature, LimitReached};
use tenantry_domain::subscription::TransitionRefused;
use tenantry_store::billing::plans::ReplaceError;
use tenantry_store::{AsStoreError, StoreError};

/// A refusal or a failure of billing.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// The plan does not allow more. This is the only variant that a caller is told about.
    #[error("a limit of the plan is reached")]
    LimitReached(#[source] LimitReached),
    /// The subscription's state does not allow the change.
    #[error("the subscription cannot change in this way")]
    Transition(#[source] TransitionRefused),
    /// The organization has no billing row. Every organization gets one when it is created.
    #[error("the organization has no billing row")]
    NoAccount,
    /// There is no plan with this id.
    #[error("there is no plan {0}")]
    UnknownPlan(String),
    /// A level was counted as monthly, or the other way round: a bug in the calling code.
    #[error("{0} is not counted in this way")]
    WrongKind(Feature),
    /// The plans could not be replaced.
    #[error("the plans could not be replaced")]
    Replace(#[source] ReplaceError),
    /// The database failed.
    #[error("the database failed")]
    Store(#[source] StoreError),
}

impl From<StoreError> for BillingError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<LimitReached> for BillingError {
    fn from(error: LimitReached) -> Self {
        Self::LimitReached(error)
    }
}

impl From<TransitionRefused> for BillingError {
    fn from(error: TransitionRefused) -> Self {
        Self::Transition(error)
    }
}

impl From<ReplaceError> for BillingError {
    fn from(error: ReplaceError) -> Self {
        Self::Replace(error)
    }
}

impl AsStoreError for BillingError {
    fn as_store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) | Self::Replace(ReplaceError::Store(error)) => Some(error),
            _ => None,
        }
    }
}
