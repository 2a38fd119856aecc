//! Workspaces: creating, changing and deleting them.

use chrono::{DateTime, Utc};
use tenantry_domain::permission::Operation;
use tenantry_domain::workspace::{NewWorkspace, Workspace, WorkspaceChanges};
use tenantry_domain::{FieldError, FieldErrorCode, Grant, WorkspaceId};
use tenantry_store::{ConstraintKind, Scope, StoreError, WriteScope, grant, workspace as store};

use crate::authorize::{authorize_anywhere, authorize_in_workspace, check_unchanged};
use crate::error::{ServiceError, name_reference};

/// What a workspace shares with the others, by the constraint that guards it.
const REFERENCES: &[(&str, &str, &str)] = &[("workspaces_name_key", "name", "workspace")];

/// The constraint that keeps a workspace while projects lie in it.
const PROJECTS: (ConstraintKind, &str) = (ConstraintKind::ForeignKey, "projects_workspace_id_fkey");

/// Creates a workspace. A creator whose role does not see everything gets an `admin` grant on it, or a private one would
/// vanish from its creator, and nobody but an owner or admin could rename a public one.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds or a name that is taken.
pub async fn create(scope: &mut WriteScope, new: NewWorkspace) -> Result<Workspace, ServiceError> {
    authorize_anywhere(scope, Operation::CreateWorkspace)?;
    let new = new.validated()?;
    let workspace = store::create(scope, new, false).await.map_err(|error| name_reference(error, REFERENCES))?;
    let creator = *scope.actor();
    if !creator.role.sees_everything() {
        grant::put_on_workspace(scope, workspace.id, creator.user_id, Grant::Admin).await?;
    }
    Ok(workspace)
}

/// Renames or describes a workspace, or makes it private or public.
///
/// # Errors
/// As [`create`]; besides, [`ServiceError::Refused`] when there is no such workspace, or it is not as `expected` any more.
pub async fn update(
    scope: &mut WriteScope,
    id: WorkspaceId,
    expected: Option<DateTime<Utc>>,
    changes: WorkspaceChanges,
) -> Result<Workspace, ServiceError> {
    let before = existing(scope, id, expected).await?;
    let changes = changes.validated()?;
    let after = store::update(scope, &before, changes).await.map_err(|error| name_reference(error, REFERENCES))?;
    after.ok_or_else(not_found)
}

/// Deletes a workspace in which no project lies, with the grants on it. Gives what was deleted.
///
/// # Errors
/// As [`update`]; besides, [`ServiceError::Refused`] when projects lie in it or it is the default one.
pub async fn delete(
    scope: &mut WriteScope,
    id: WorkspaceId,
    expected: Option<DateTime<Utc>>,
) -> Result<WorkspaceId, ServiceError> {
    let before = existing(scope, id, expected).await?;
    if before.is_default {
        let message = "This is the default workspace; it cannot be deleted.";
        return Err(FieldError::new(FieldErrorCode::Invalid, "id", message).into());
    }
    store::delete(scope, id).await.map_err(name_projects)?;
    Ok(id)
}

/// The workspace, locked, if the caller may manage it and it is as expected.
async fn existing(
    scope: &mut WriteScope,
    id: WorkspaceId,
    expected: Option<DateTime<Utc>>,
) -> Result<Workspace, ServiceError> {
    authorize_in_workspace(scope, Operation::ManageWorkspace, id, "id").await?;
    let workspace: Workspace = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)?;
    check_unchanged(expected, workspace.updated_at)?;
    Ok(workspace)
}

/// Says that projects are in the way. Who manages a workspace sees all projects in it, so this tells nothing new.
fn name_projects(error: StoreError) -> ServiceError {
    if error.constraint() == Some(PROJECTS) {
        let message = "Projects lie in this workspace; move or delete them first.";
        return FieldError::new(FieldErrorCode::InUse, "id", message).into();
    }
    error.into()
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "workspace").into()
}
