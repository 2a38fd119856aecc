//! Projects: limited by the plan, placed in a workspace, and billed to one client.

use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::feature::Feature;
use tenantry_domain::permission::{Decision, Operation, decide};
use tenantry_domain::project::{NewProject, Project, ProjectChanges};
use tenantry_domain::{FieldError, FieldErrorCode, WorkspaceId};
use tenantry_store::{Scope, WriteScope, access, invoice, search, workspace};

use crate::error::ServiceError;
use crate::noun::Served;

impl Served for Project {
    type New = NewProject;
    type Changes = ProjectChanges;

    /// A project without a named workspace goes to the default one.
    async fn place(scope: &mut WriteScope, new: &NewProject, row: &mut Self) -> Result<(), ServiceError> {
        if new.workspace_id.is_some() {
            return Ok(());
        }
        let default = workspace::get_default(scope).await?.ok_or_else(|| {
            let message = "You cannot see the default workspace; give a workspace.";
            ServiceError::from(FieldError::new(FieldErrorCode::Required, "workspaceId", message))
        })?;
        row.workspace_id = default.id;
        Ok(())
    }

    async fn before_create(
        scope: &mut WriteScope,
        billing: &Billing,
        _: &NewProject,
        _: &mut Self,
    ) -> Result<(), ServiceError> {
        Ok(billing.check_level(scope, Feature::Projects, 1).await?)
    }

    /// A project goes to another client only when no draft to the old one bills it. What has been issued is a record of what was,
    /// and stays with the client that it was sent to.
    async fn before_update(
        scope: &mut WriteScope,
        _: &Billing,
        _: &ProjectChanges,
        before: &Self,
        after: &mut Self,
    ) -> Result<Vec<Joined>, ServiceError> {
        if after.workspace_id != before.workspace_id {
            authorize_leaving(scope, before.workspace_id).await?;
        }
        check_drafts(scope, before, after).await?;
        Ok(Vec::new())
    }

    /// Its tasks go as well.
    async fn before_delete(scope: &mut WriteScope, row: &Self) -> Result<(), ServiceError> {
        Ok(search::forget_project(scope, row.id).await?)
    }
}

/// Moving a project changes who sees it, so a grant on the project alone is not enough: it takes one on the workspace that it
/// leaves. The caller may not see that workspace, and is not told of it.
async fn authorize_leaving(scope: &mut WriteScope, workspace: WorkspaceId) -> Result<(), ServiceError> {
    let place = access::of_workspace(scope, workspace).await?;
    let decision = place.map(|place| decide(scope.actor().role, Operation::WriteProject, place));
    if decision == Some(Decision::Allowed) { Ok(()) } else { Err(ServiceError::Forbidden) }
}

/// A draft bills one client for that client's work. The project is locked, so no draft comes to it meanwhile.
async fn check_drafts(scope: &mut WriteScope, before: &Project, after: &Project) -> Result<(), ServiceError> {
    let Some(client) = after.client_id.filter(|client| before.client_id != Some(*client)) else { return Ok(()) };
    if invoice::has_drafts_for_another_client(scope, before.id, client).await? {
        let message = "A draft for another client bills this project or its tasks; change or delete that draft first.";
        return Err(FieldError::new(FieldErrorCode::InUse, "clientId", message).into());
    }
    Ok(())
}
