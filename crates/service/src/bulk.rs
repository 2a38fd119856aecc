//! Several rows of a noun in one transaction: all of them, or none. A refusal names the element.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::change::is_version;
use tenantry_domain::noun::New as _;
use tenantry_domain::{FieldError, FieldErrorCode, Id, Violations};
use tenantry_store::WriteScope;

use crate::authorize::{authorize_at_all, check_unchanged};
use crate::error::ServiceError;
use crate::noun::{self, Served};

/// The most elements of one mutation.
pub const MAX_ELEMENTS: usize = 100;

/// A row that is there already: its id, and when it last changed, if it is to be refused otherwise.
pub type Existing<N> = (<N as tenantry_domain::noun::Noun>::Id, Option<DateTime<Utc>>);

/// Refuses a list that is empty or too long; `list` is the field that has it.
///
/// # Errors
/// [`ServiceError::Refused`], naming the list.
pub fn check_length(list: &str, length: usize) -> Result<(), ServiceError> {
    let fault = match length {
        0 => FieldError::new(FieldErrorCode::Required, list, "This must not be empty."),
        length if length > MAX_ELEMENTS => {
            let message = format!("This has {length} elements; at most {MAX_ELEMENTS} are allowed.");
            FieldError::new(FieldErrorCode::OutOfRange, list, message)
        }
        _ => return Ok(()),
    };
    Err(fault.into())
}

/// Creates rows, in this order.
///
/// # Errors
/// As [`noun::create`], naming the element of `list`.
pub async fn create<N: Served>(
    scope: &mut WriteScope,
    billing: &Billing,
    list: &str,
    news: Vec<N::New>,
) -> Result<Vec<N>, ServiceError> {
    authorize_at_all(scope, N::CREATE)?;
    check_length(list, news.len())?;
    check_bounds::<N>(scope, list, &news)?;
    N::lock_places(scope, &news).await?;
    let mut rows = Vec::with_capacity(news.len());
    for (n, new) in news.into_iter().enumerate() {
        rows.push(noun::create::<N>(scope, billing, new).await.map_err(|error| error.within(list, n))?);
    }
    Ok(rows)
}

/// Changes rows, in this order.
///
/// # Errors
/// As [`noun::update`], naming the element of `list`.
pub async fn update<N: Served>(
    scope: &mut WriteScope,
    billing: &Billing,
    list: &str,
    changes: Vec<(Existing<N>, N::Changes)>,
) -> Result<Vec<N>, ServiceError> {
    authorize_at_all(scope, N::INFO.write)?;
    check_length(list, changes.len())?;
    let ids: Vec<N::Id> = changes.iter().map(|((id, _), _)| *id).collect();
    let there = N::lock_all(scope, &ids).await?;
    let mut rows = Vec::with_capacity(changes.len());
    for (n, ((id, expected), changes)) in changes.into_iter().enumerate() {
        let row = noun::update::<N>(scope, billing, id, unmet(&there, id, expected), changes).await;
        rows.push(row.map_err(|error| error.within(list, n))?);
    }
    Ok(rows)
}

/// Deletes rows. One that goes with an earlier one of them, as a subtask goes with its task, is deleted as well.
///
/// # Errors
/// As [`noun::delete`], naming the element of `list`.
pub async fn delete<N: Served>(
    scope: &mut WriteScope,
    list: &str,
    rows: Vec<Existing<N>>,
) -> Result<Vec<N::Id>, ServiceError> {
    authorize_at_all(scope, N::INFO.write)?;
    check_length(list, rows.len())?;
    let ids: Vec<N::Id> = rows.iter().map(|(id, _)| *id).collect();
    let there = N::lock_all(scope, &ids).await?;
    for (n, (id, expected)) in rows.into_iter().enumerate() {
        let unmet = unmet(&there, id, expected);
        // The row is locked, so only an earlier element can have deleted it.
        let is_gone = n > 0 && there.contains_key(&id) && !tenantry_store::exists::<N>(scope, id).await?;
        if is_gone {
            check_unmet(unmet, there.get(&id).copied()).map_err(|error| error.within(list, n))?;
        } else {
            noun::delete::<N>(scope, id, unmet).await.map_err(|error| error.within(list, n))?;
        }
    }
    Ok(ids)
}

/// What an element still has to be compared with: nothing, if the row was as expected when all of them were locked. An earlier element
/// may have changed it since.
pub(crate) fn unmet<I: Id>(
    there: &HashMap<I, DateTime<Utc>>,
    id: I,
    expected: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    expected.filter(|expected| !there.get(&id).is_some_and(|actual| is_version(*expected, *actual)))
}

/// Refuses a row that is gone with an earlier one, and was not as expected before.
fn check_unmet(unmet: Option<DateTime<Utc>>, actual: Option<DateTime<Utc>>) -> Result<(), ServiceError> {
    actual.map_or(Ok(()), |actual| check_unchanged(unmet, actual))
}

/// Looks for what is wrong with each element alone, so that all of it is told at once.
fn check_bounds<N: Served>(scope: &WriteScope, list: &str, news: &[N::New]) -> Result<(), ServiceError> {
    let mut faults = Violations::default();
    for (n, new) in news.iter().enumerate() {
        if let Err(found) = new.clone().into_row(tenantry_store::origin(scope)) {
            faults.0.extend(found.0.into_iter().map(|fault| fault.within(&[list, &n.to_string()])));
        }
    }
    Ok(faults.into_result()?)
}
