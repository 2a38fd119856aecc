//! The two checks before every write: may the caller do this, and is what it read still current?

use chrono::{DateTime, Utc};
use tenantry_domain::change::is_version;
use tenantry_domain::permission::{Decision, Operation, Place, decide};
use tenantry_domain::{FieldError, FieldErrorCode, ProjectId, TaskId, WorkspaceId};
use tenantry_store::{Scope, WriteScope, access};

use crate::error::ServiceError;

/// Checks whether the caller may do this at `place`. Something hidden is answered like something that does not exist;
/// the error names the field that the caller gave.
pub(crate) fn authorize(
    scope: &impl Scope,
    operation: Operation,
    place: Option<Place>,
    field: &str,
    what: &str,
) -> Result<(), ServiceError> {
    // Who may not do it anywhere learns that first, whether the thing exists or not.
    authorize_at_all(scope, operation)?;
    let Some(place) = place else { return Err(FieldError::not_found(field, what).into()) };
    match decide(scope.actor().role, operation, place) {
        Decision::Allowed => Ok(()),
        Decision::Forbidden => Err(ServiceError::Forbidden),
        Decision::Hidden => Err(FieldError::not_found(field, what).into()),
    }
}

/// Refuses a caller whose role does not allow this anywhere, even with the strongest grant.
pub(crate) fn authorize_at_all(scope: &impl Scope, operation: Operation) -> Result<(), ServiceError> {
    let anywhere = Place { is_private: false, grant: Some(tenantry_domain::Grant::Admin) };
    match decide(scope.actor().role, operation, anywhere) {
        Decision::Allowed => Ok(()),
        Decision::Forbidden | Decision::Hidden => Err(ServiceError::Forbidden),
    }
}

/// As [`authorize`], for something that lies in no workspace.
pub(crate) fn authorize_anywhere(scope: &impl Scope, operation: Operation) -> Result<(), ServiceError> {
    match decide(scope.actor().role, operation, Place::OPEN) {
        Decision::Allowed => Ok(()),
        Decision::Forbidden | Decision::Hidden => Err(ServiceError::Forbidden),
    }
}

/// As [`authorize`], for something in this project.
pub(crate) async fn authorize_in_project(
    scope: &impl Scope,
    operation: Operation,
    id: ProjectId,
    field: &str,
    what: &str,
) -> Result<(), ServiceError> {
    let place = access::of_project(scope, id).await?;
    authorize(scope, operation, place, field, what)
}

/// As [`authorize`], for something in this task.
pub(crate) async fn authorize_in_task(
    scope: &WriteScope,
    operation: Operation,
    id: TaskId,
    field: &str,
    what: &str,
) -> Result<(), ServiceError> {
    let place = access::of_task(scope, id).await?;
    authorize(scope, operation, place, field, what)
}

/// As [`authorize`], for something in this workspace.
pub(crate) async fn authorize_in_workspace(
    scope: &impl Scope,
    operation: Operation,
    id: WorkspaceId,
    field: &str,
) -> Result<(), ServiceError> {
    let place = access::of_workspace(scope, id).await?;
    authorize(scope, operation, place, field, "workspace")
}

/// Refuses if the row has changed since the caller read it.
pub(crate) fn check_unchanged(expected: Option<DateTime<Utc>>, actual: DateTime<Utc>) -> Result<(), ServiceError> {
    match expected {
        Some(expected) if !is_version(expected, actual) => {
            let message = format!("It has changed since you read it: it was last updated at {}.", actual.to_rfc3339());
            Err(FieldError::new(FieldErrorCode::Conflict, "expectedUpdatedAt", message).into())
        }
        _ => Ok(()),
    }
}
