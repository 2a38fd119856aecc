//! Projects: creating, changing and deleting them.

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::feature::Feature;
use tenantry_domain::permission::{Decision, Operation, decide};
use tenantry_domain::project::{NewProject, Project, ProjectChanges};
use tenantry_domain::{Change, FieldError, FieldErrorCode, ProjectId, WorkspaceId};
use tenantry_store::{Scope, WriteScope, access, invoice, project as store, workspace};

use crate::authorize::{authorize_anywhere, authorize_in_project, authorize_in_workspace, check_unchanged};
use crate::error::{ServiceError, name_reference};

/// What a project refers to, by the constraint that guards it.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("projects_client_id_fkey", "clientId", "client"),
    ("projects_workspace_id_fkey", "workspaceId", "workspace"),
    ("projects_owner_id_fkey", "ownerId", "member"),
];

/// Creates a project.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds or a reference to nothing;
/// [`ServiceError::LimitReached`] when the plan allows no more projects.
pub async fn create(scope: &mut WriteScope, billing: &Billing, new: NewProject) -> Result<Project, ServiceError> {
    let workspace_id = if let Some(id) = new.workspace_id {
        authorize_in_workspace(scope, Operation::WriteProject, id, "workspaceId").await?;
        id
    } else {
        authorize_anywhere(scope, Operation::WriteProject)?;
        let default = workspace::get_default(scope).await?.ok_or_else(|| {
            let message = "There is no default workspace that you can see; name one.";
            ServiceError::from(FieldError::new(FieldErrorCode::Required, "workspaceId", message))
        })?;
        authorize_in_workspace(scope, Operation::WriteProject, default.id, "workspaceId").await?;
        default.id
    };
    let new = new.validated()?;
    billing.check_level(scope, Feature::Projects, 1).await?;
    store::create(scope, workspace_id, new).await.map_err(|error| name_reference(error, REFERENCES))
}

/// Changes a project. It goes to another client only when no draft to the old one bills it; what has been issued is a record of
/// what was, and stays with the client that it was sent to.
///
/// # Errors
/// As [`create`], without the limit; besides, [`ServiceError::Refused`] when there is no such project, it is not as `expected`
/// any more, or drafts stand in the way.
pub async fn update(
    scope: &mut WriteScope,
    id: ProjectId,
    expected: Option<DateTime<Utc>>,
    changes: ProjectChanges,
) -> Result<Project, ServiceError> {
    let before = existing(scope, id).await?;
    check_unchanged(expected, before.updated_at)?;
    if let Change::Set(workspace_id) = changes.workspace_id {
        authorize_in_workspace(scope, Operation::WriteProject, workspace_id, "workspaceId").await?;
        if workspace_id != before.workspace_id {
            authorize_leaving(scope, before.workspace_id).await?;
        }
    }
    let changes = changes.validated(&before)?;
    check_drafts(scope, &before, &changes).await?;
    let after = store::update(scope, &before, changes).await.map_err(|error| name_reference(error, REFERENCES))?;
    after.ok_or_else(not_found)
}

/// Deletes a project with its tasks. Its invoices stay, unlinked. Gives what was deleted.
///
/// # Errors
/// As [`update`].
pub async fn delete(
    scope: &mut WriteScope,
    id: ProjectId,
    expected: Option<DateTime<Utc>>,
) -> Result<ProjectId, ServiceError> {
    let before = existing(scope, id).await?;
    check_unchanged(expected, before.updated_at)?;
    store::delete(scope, id).await?;
    Ok(id)
}

/// Moving a project changes who sees it, so a grant on the project alone does not do: it takes one on the workspace that it
/// leaves. The caller may not see that workspace, and is not told of it.
async fn authorize_leaving(scope: &mut WriteScope, workspace: WorkspaceId) -> Result<(), ServiceError> {
    let place = access::of_workspace(scope, workspace).await?;
    let decision = place.map(|place| decide(scope.actor().role, Operation::WriteProject, place));
    if decision == Some(Decision::Allowed) { Ok(()) } else { Err(ServiceError::Forbidden) }
}

/// A draft bills one client for that client's work. The project is locked, so no draft comes to it meanwhile.
async fn check_drafts(scope: &mut WriteScope, before: &Project, changes: &ProjectChanges) -> Result<(), ServiceError> {
    let Change::Set(Some(client)) = changes.client_id else { return Ok(()) };
    if Some(client) != before.client_id && invoice::has_drafts_for_another_client(scope, before.id, client).await? {
        let message = "A draft to another client is for this project or its tasks; change or delete the draft first.";
        return Err(FieldError::new(FieldErrorCode::InUse, "clientId", message).into());
    }
    Ok(())
}

/// The project, locked, if the caller may write it.
async fn existing(scope: &mut WriteScope, id: ProjectId) -> Result<Project, ServiceError> {
    authorize_in_project(scope, Operation::WriteProject, id, "id", "project").await?;
    tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "project").into()
}
