//! The walk that every noun takes on its way into the database: authorise, check, write. What a noun adds to it are the hooks
//! of [`Served`].

use std::collections::HashMap;
use std::future::Future;

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::noun::{Changes, Field, FieldInfo, Given, Link, New, Noun, Origin, Placement, Value};
use tenantry_domain::permission::Operation;
use tenantry_domain::{FieldError, Id as _, ProjectId, TaskId, Violations, WorkspaceId};
use tenantry_store::{Record, Scope as _, WriteScope};
use uuid::Uuid;

use crate::activity;
use crate::authorize::{
    authorize_anywhere, authorize_at_all, authorize_in_project, authorize_in_task, authorize_in_workspace,
    check_unchanged,
};
use crate::constraint::name_constraint;
use crate::error::ServiceError;

/// A noun that callers create, update and delete. Each hook runs in the transaction of the write; a refusal undoes all of it.
pub trait Served: Record {
    /// What a new row is made from.
    type New: New<Noun = Self>;
    /// What an update does to a row.
    type Changes: Changes<Noun = Self>;

    /// What it takes to create a row, when that is not what it takes to write one.
    const CREATE: Operation = Self::INFO.write;

    /// Completes a new row that has not been authorised yet: what it is placed in, when the caller did not say.
    fn place(_: &mut WriteScope, _: &Self::New, _: &mut Self) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// Checks and completes a new row: limits, and rules that take the database.
    fn before_create(
        _: &mut WriteScope,
        _: &Billing,
        _: &Self::New,
        _: &mut Self,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// Does what else a new row brings about.
    fn after_create(
        _: &mut WriteScope,
        _: &Self::New,
        _: &Self,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// Locks what has to be locked before the row that changes. Whether the caller may change this row is asked later.
    fn before_lock(
        _: &mut WriteScope,
        _: Self::Id,
        _: &Self::Changes,
    ) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// Locks what has to be locked before a row that is deleted, as [`before_lock`](Self::before_lock).
    fn before_delete_lock(_: &mut WriteScope, _: Self::Id) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// Locks several rows in an order that everybody keeps to; gives those that are there and visible, and when each last changed.
    fn lock_all(
        scope: &mut WriteScope,
        ids: &[Self::Id],
    ) -> impl Future<Output = Result<HashMap<Self::Id, DateTime<Utc>>, ServiceError>> + Send {
        async { Ok(tenantry_store::lock::<Self>(scope, ids).await?) }
    }

    /// Locks what several new rows are placed in, as far as creating one of them locks it, in an order that everybody keeps to.
    fn lock_places(_: &mut WriteScope, _: &[Self::New]) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }

    /// Checks and completes a change, as [`before_create`](Self::before_create). Gives what changed beside the row itself.
    fn before_update(
        _: &mut WriteScope,
        _: &Billing,
        _: &Self::Changes,
        _before: &Self,
        _after: &mut Self,
    ) -> impl Future<Output = Result<Vec<Joined>, ServiceError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Checks a deletion.
    fn before_delete(_: &mut WriteScope, _: &Self) -> impl Future<Output = Result<(), ServiceError>> + Send {
        async { Ok(()) }
    }
}

/// Creates a row.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds, a reference to what does not exist or is
/// hidden, and a value that another row has; and those of the noun's hooks.
pub async fn create<N: Served>(scope: &mut WriteScope, billing: &Billing, new: N::New) -> Result<N, ServiceError> {
    create_as(scope, billing, None, new).await
}

/// As [`create`], with an id that was given away before.
///
/// # Errors
/// As [`create`].
pub(crate) async fn create_as<N: Served>(
    scope: &mut WriteScope,
    billing: &Billing,
    id: Option<N::Id>,
    new: N::New,
) -> Result<N, ServiceError> {
    authorize_at_all(scope, N::CREATE)?;
    let origin = tenantry_store::origin(scope);
    let mut row = new.clone().into_row(id.map_or(origin, |id| Origin { id, ..origin }))?;
    N::place(scope, &new, &mut row).await?;
    authorize_new(scope, &row).await?;
    check_links(scope, None, &row).await?;
    N::before_create(scope, billing, &new, &mut row).await?;
    let row = tenantry_store::insert(scope, &row).await.map_err(name_constraint::<N>)?;
    N::after_create(scope, &new, &row).await?;
    activity::created(scope, &row);
    Ok(row)
}

/// Changes a row.
///
/// # Errors
/// As [`create`]; besides, [`ServiceError::Refused`] when there is no such row, or it is not as `expected` any more.
pub async fn update<N: Served>(
    scope: &mut WriteScope,
    billing: &Billing,
    id: N::Id,
    expected: Option<DateTime<Utc>>,
    changes: N::Changes,
) -> Result<N, ServiceError> {
    authorize_at_all(scope, N::INFO.write)?;
    N::before_lock(scope, id, &changes).await?;
    let before = existing::<N>(scope, id, expected).await?;
    // A place that the input names must be visible to the caller, even if the row is there already.
    let names_a_place = place_field::<N>().is_some_and(|field| gives(&changes, field));
    let mut after = changes.clone().apply(&before)?;
    if names_a_place {
        authorize_new(scope, &after).await?;
    }
    check_links(scope, Some(&before), &after).await?;
    let joined = N::before_update(scope, billing, &changes, &before, &mut after).await?;
    let after = tenantry_store::update(scope, &before, &after).await.map_err(name_constraint::<N>)?;
    let after = after.ok_or_else(not_found::<N>)?;
    activity::updated(scope, &before, &after, &joined).await?;
    Ok(after)
}

/// Deletes a row. What links to it is unlinked, or goes as well, as declared. Gives the id that it had.
///
/// # Errors
/// As [`update`].
pub async fn delete<N: Served>(
    scope: &mut WriteScope,
    id: N::Id,
    expected: Option<DateTime<Utc>>,
) -> Result<N::Id, ServiceError> {
    authorize_at_all(scope, N::INFO.write)?;
    N::before_delete_lock(scope, id).await?;
    let before = existing::<N>(scope, id, expected).await?;
    N::before_delete(scope, &before).await?;
    tenantry_store::delete::<N>(scope, id).await.map_err(name_constraint::<N>)?;
    activity::deleted(scope, &before);
    Ok(id)
}

/// Refuses an input with faults that were found while it was read. A caller who may not do this at all is told that instead.
///
/// # Errors
/// [`ServiceError::Forbidden`], else [`ServiceError::Refused`].
pub fn check_input(scope: &WriteScope, operation: Operation, faults: Violations) -> Result<(), ServiceError> {
    authorize_at_all(scope, operation)?;
    Ok(faults.into_result()?)
}

/// The row, locked, if the caller may write it and it is as expected.
async fn existing<N: Served>(
    scope: &mut WriteScope,
    id: N::Id,
    expected: Option<DateTime<Utc>>,
) -> Result<N, ServiceError> {
    let (operation, what) = (N::INFO.write, N::INFO.singular);
    match N::INFO.placement {
        Placement::Workspace => {
            authorize_in_workspace(scope, operation, WorkspaceId::from_uuid(id.as_uuid()), "id").await?;
        }
        Placement::Project { .. } => {
            authorize_in_project(scope, operation, ProjectId::from_uuid(id.as_uuid()), "id", what).await?;
        }
        // The task before what is in it, as a deletion of the task locks both.
        Placement::InTask { .. } => {
            let seen: N = tenantry_store::get(scope, id).await?.ok_or_else(not_found::<N>)?;
            if let Some((_, task)) = place_of(&seen) {
                authorize_in_task(scope, operation, TaskId::from_uuid(task), "id", what).await?;
            }
        }
        _ => {}
    }
    let row: N = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found::<N>)?;
    match (N::INFO.placement, place_of(&row)) {
        (Placement::InProject { .. }, Some((_, project))) => {
            authorize_in_project(scope, operation, ProjectId::from_uuid(project), "id", what).await?;
        }
        (Placement::Workspace | Placement::Project { .. } | Placement::InTask { .. }, _) => {}
        // What is placed in nothing but the organization.
        _ => authorize_anywhere(scope, operation)?,
    }
    check_unchanged(expected, row.updated_at())?;
    Ok(row)
}

/// Asks whether the caller may have a row where this one is placed.
async fn authorize_new<N: Served>(scope: &mut WriteScope, row: &N) -> Result<(), ServiceError> {
    match (N::INFO.placement, place_of(row)) {
        (Placement::Project { .. }, Some((field, workspace))) => {
            authorize_in_workspace(scope, N::CREATE, WorkspaceId::from_uuid(workspace), field.api).await
        }
        (Placement::InProject { .. }, Some((field, project))) => {
            authorize_in_project(scope, N::CREATE, ProjectId::from_uuid(project), field.api, "project").await
        }
        (Placement::InTask { .. }, Some((field, task))) => {
            authorize_in_task(scope, N::CREATE, TaskId::from_uuid(task), field.api, "task").await
        }
        _ => authorize_anywhere(scope, N::CREATE),
    }
}

/// Whether the changes give this field.
fn gives<C: Changes>(changes: &C, field: &Field<C::Noun>) -> bool {
    let input = C::INPUTS.iter().find(|input| input.field.name == field.info.name);
    input.is_some_and(|input| (input.is_given)(changes))
}

/// The field that says what a row is placed in.
pub(crate) fn place_field<N: Noun>() -> Option<&'static Field<N>> {
    let column = match N::INFO.placement {
        Placement::Project { workspace } => workspace,
        Placement::InProject { column, .. } | Placement::InTask { column } => column,
        _ => return None,
    };
    N::FIELDS.iter().find(|field| field.info.column == column)
}

/// What the row is placed in, if anything: the field that says so, and the id.
fn place_of<N: Noun>(row: &N) -> Option<(&'static FieldInfo, Uuid)> {
    let field = place_field::<N>()?;
    match (field.read)(row) {
        Value::Id(id) => Some((&field.info, id)),
        _ => None,
    }
}

/// What is hidden cannot be linked to. What a row is placed in has been asked for already.
async fn check_links<N: Noun>(scope: &mut WriteScope, before: Option<&N>, after: &N) -> Result<(), ServiceError> {
    if scope.actor().role.sees_everything() {
        // The keys of the database find what does not exist.
        return Ok(());
    }
    let placed = place_of(after).map(|(field, _)| field.name);
    for field in N::FIELDS.iter().filter(|field| Some(field.info.name) != placed) {
        let Some(link) = field.info.link.filter(|_| field.info.given != Given::Never) else { continue };
        let Value::Id(id) = (field.read)(after) else { continue };
        let is_new = before.is_none_or(|before| (field.read)(before) != Value::Id(id));
        if is_new && !tenantry_store::access::sees(scope, &link, id).await? {
            return Err(FieldError::not_found(field.info.api, noun_of(&link)).into());
        }
    }
    Ok(())
}

/// What a link refers to, in a sentence.
pub(crate) fn noun_of(link: &Link) -> &'static str {
    tenantry_domain::noun::ALL
        .iter()
        .find(|noun| noun.info.table == link.table)
        .map_or("row", |noun| noun.info.singular)
}

fn not_found<N: Noun>() -> ServiceError {
    FieldError::not_found("id", N::INFO.singular).into()
}
