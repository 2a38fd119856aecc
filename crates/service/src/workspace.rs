//! Workspaces: who creates one may manage it, and the default one stays.

use tenantry_domain::permission::Operation;
use tenantry_domain::workspace::{NewWorkspace, Workspace, WorkspaceChanges};
use tenantry_domain::{FieldError, FieldErrorCode, Grant};
use tenantry_store::{Scope as _, WriteScope, grant};

use crate::error::ServiceError;
use crate::noun::Served;

impl Served for Workspace {
    type New = NewWorkspace;
    type Changes = WorkspaceChanges;

    const CREATE: Operation = Operation::CreateWorkspace;

    /// A creator whose role does not see everything gets an `admin` grant on it. Without one, a private workspace would vanish
    /// from its creator, and only owners and admins could rename a public one.
    async fn after_create(scope: &mut WriteScope, _: &NewWorkspace, new: &Self) -> Result<(), ServiceError> {
        let creator = *scope.actor();
        if !creator.role.sees_everything() {
            grant::put_on_workspace(scope, new.id, creator.user_id, Grant::Admin).await?;
        }
        Ok(())
    }

    async fn before_delete(_: &mut WriteScope, row: &Self) -> Result<(), ServiceError> {
        if row.is_default {
            let message = "This is the default workspace; it cannot be deleted.";
            return Err(FieldError::new(FieldErrorCode::Invalid, "id", message).into());
        }
        Ok(())
    }
}
