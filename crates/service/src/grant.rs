//! Grants: who else may see and change a workspace or a project.

use tenantry_domain::grant::{ProjectGrant, WorkspaceGrant};
use tenantry_domain::permission::Operation;
use tenantry_domain::{FieldError, Grant, ProjectId, ProjectMemberId, UserId, WorkspaceId, WorkspaceMemberId};
use tenantry_store::{WriteScope, grant as store};

use crate::activity;
use crate::authorize::{authorize_in_project, authorize_in_workspace};
use crate::error::{ServiceError, name_reference};

/// What a grant refers to, by the constraint that guards it.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("workspace_members_workspace_id_fkey", "workspaceId", "workspace"),
    ("workspace_members_user_id_fkey", "userId", "member"),
    ("project_members_project_id_fkey", "projectId", "project"),
    ("project_members_user_id_fkey", "userId", "member"),
];

/// Gives a member a grant on a workspace, in place of the one that the member may have.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such workspace or the user is no member.
pub async fn grant_on_workspace(
    scope: &mut WriteScope,
    id: WorkspaceId,
    user_id: UserId,
    permission: Grant,
) -> Result<WorkspaceGrant, ServiceError> {
    authorize_in_workspace(scope, Operation::ManageGrants, id, "workspaceId").await?;
    let before = store::on_workspace(scope, id, user_id).await?;
    let given = store::put_on_workspace(scope, id, user_id, permission).await;
    let given = given.map_err(|error| name_reference(error, REFERENCES))?;
    match &before {
        Some(before) => activity::updated(scope, before, &given, &[]).await?,
        None => activity::created(scope, &given),
    }
    Ok(given)
}

/// Takes a member's grant on a workspace away. Gives the id that it had, and the user who had it.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such workspace or no such grant.
pub async fn revoke_on_workspace(
    scope: &mut WriteScope,
    id: WorkspaceId,
    user_id: UserId,
) -> Result<(WorkspaceMemberId, UserId), ServiceError> {
    authorize_in_workspace(scope, Operation::ManageGrants, id, "workspaceId").await?;
    let before = store::on_workspace(scope, id, user_id).await?.ok_or_else(no_grant)?;
    let grant = store::remove_from_workspace(scope, id, user_id).await?.ok_or_else(no_grant)?;
    activity::deleted(scope, &before);
    Ok((grant, user_id))
}

/// Gives a member a grant on a project, in place of the one that the member may have.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such project or the user is no member.
pub async fn grant_on_project(
    scope: &mut WriteScope,
    id: ProjectId,
    user_id: UserId,
    permission: Grant,
) -> Result<ProjectGrant, ServiceError> {
    authorize_in_project(scope, Operation::ManageGrants, id, "projectId", "project").await?;
    let before = store::on_project(scope, id, user_id).await?;
    let given = store::put_on_project(scope, id, user_id, permission).await;
    let given = given.map_err(|error| name_reference(error, REFERENCES))?;
    match &before {
        Some(before) => activity::updated(scope, before, &given, &[]).await?,
        None => activity::created(scope, &given),
    }
    Ok(given)
}

/// Takes a member's grant on a project away. Gives the id that it had, and the user who had it.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such project or no such grant.
pub async fn revoke_on_project(
    scope: &mut WriteScope,
    id: ProjectId,
    user_id: UserId,
) -> Result<(ProjectMemberId, UserId), ServiceError> {
    authorize_in_project(scope, Operation::ManageGrants, id, "projectId", "project").await?;
    let before = store::on_project(scope, id, user_id).await?.ok_or_else(no_grant)?;
    let grant = store::remove_from_project(scope, id, user_id).await?.ok_or_else(no_grant)?;
    activity::deleted(scope, &before);
    Ok((grant, user_id))
}

fn no_grant() -> ServiceError {
    FieldError::not_found("userId", "grant").into()
}
