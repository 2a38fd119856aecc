//! The settings of an organization's invoices.

use chrono::{DateTime, Utc};
use tenantry_domain::invoice::InvoiceKind;
use tenantry_domain::permission::Operation;
use tenantry_domain::settings::{Settings, SettingsChanges};
use tenantry_domain::{FieldError, FieldErrorCode};
use tenantry_store::{Scope as _, StoreError, WriteScope, numbering, organization, settings as store};

use crate::activity;
use crate::authorize::{authorize_anywhere, check_unchanged};
use crate::error::ServiceError;

/// Changes the settings. Invoices that are there already stay as they are.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds, or when the settings have changed since
/// `expected`.
pub async fn update(
    scope: &mut WriteScope,
    expected: Option<DateTime<Utc>>,
    changes: SettingsChanges,
) -> Result<Settings, ServiceError> {
    authorize_anywhere(scope, Operation::ManageSettings)?;
    // There may be no settings to lock yet.
    let organization = organization::get_own_for_update(scope).await?.ok_or(StoreError::NotAMember)?;
    let before = store::get(scope).await?.unwrap_or_default();
    match (expected, before.updated_at) {
        (expected, Some(updated_at)) => check_unchanged(expected, updated_at)?,
        (Some(_), None) => {
            let message = "It has changed since you read it: there are only the default settings.";
            return Err(FieldError::new(FieldErrorCode::Conflict, "expectedUpdatedAt", message).into());
        }
        (None, None) => {}
    }
    let after = changes.apply(&before)?;
    let after = store::put(scope, &before, after).await?;
    activity::settings(scope, &organization, &before, &after);
    Ok(after)
}

/// The largest number that can be set.
const MAX_NEXT: i32 = 999_999_999;

/// Makes `next` the number of the next invoice or credit note in today's period. Gives it as an invoice of today would have it.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a number out of bounds, and for one that may have been given.
pub async fn set_next_number(scope: &mut WriteScope, kind: InvoiceKind, next: i32) -> Result<String, ServiceError> {
    authorize_anywhere(scope, Operation::ManageSettings)?;
    let refused = |message: String| FieldError::new(FieldErrorCode::OutOfRange, "next", message);
    if !(1..=MAX_NEXT).contains(&next) {
        return Err(refused(format!("This must be between 1 and {MAX_NEXT}.")).into());
    }
    let organization = organization::get_own(scope).await?.ok_or(StoreError::NotAMember)?;
    let settings = store::get(scope).await?.unwrap_or_default();
    let (format, today) = (settings.numbers(kind), scope.tenant().today);
    let number = format.pattern.render(today, next.into());
    if !numbering::set_next(scope, kind, &format.period(today), next.into()).await? {
        return Err(refused("A number as high as this has been given.".to_owned()).into());
    }
    activity::next_number(scope, &organization, kind, &number);
    Ok(number)
}
