//! Grants: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_domain::{ProjectId, UserId, WorkspaceId, grant as records};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::GlobalId;
use tenantry_service::grant as service;

use super::{Permission, ProjectGrant, WorkspaceGrant};
use crate::mutation::{payload, write};

/// The grant to give on a workspace.
#[derive(InputObject)]
pub(crate) struct GrantWorkspaceAccessInput {
    /// The workspace.
    workspace_id: GlobalId<WorkspaceId>,
    /// The user, who must be a member.
    user_id: GlobalId<UserId>,
    /// The permission; it replaces the user's previous grant.
    permission: Permission,
}

/// The grant on a workspace to revoke.
#[derive(InputObject)]
pub(crate) struct RevokeWorkspaceAccessInput {
    /// The workspace.
    workspace_id: GlobalId<WorkspaceId>,
    /// The user.
    user_id: GlobalId<UserId>,
}

/// The grant to give on a project.
#[derive(InputObject)]
pub(crate) struct GrantProjectAccessInput {
    /// The project.
    project_id: GlobalId<ProjectId>,
    /// The user, who must be a member.
    user_id: GlobalId<UserId>,
    /// The permission; it replaces the user's previous grant.
    permission: Permission,
}

/// The grant on a project to revoke.
#[derive(InputObject)]
pub(crate) struct RevokeProjectAccessInput {
    /// The project.
    project_id: GlobalId<ProjectId>,
    /// The user.
    user_id: GlobalId<UserId>,
}

payload! {
    /// The result of giving a grant on a workspace.
    GrantWorkspaceAccessPayload {
        /// The grant.
        grant: Resolved<WorkspaceGrant>
    }
}

payload! {
    /// The result of taking a grant on a workspace away.
    RevokeWorkspaceAccessPayload {
        /// The user who had the grant.
        revoked_user_id: GlobalId<UserId>
    }
}

payload! {
    /// The result of giving a grant on a project.
    GrantProjectAccessPayload {
        /// The grant.
        grant: Resolved<ProjectGrant>
    }
}

payload! {
    /// The result of taking a grant on a project away.
    RevokeProjectAccessPayload {
        /// The user who had the grant.
        revoked_user_id: GlobalId<UserId>
    }
}

/// Root fields that write grants.
#[derive(Default)]
pub(crate) struct GrantMutation;

#[Object]
impl GrantMutation {
    /// Gives a member a grant on a workspace and all its projects. It replaces the member's previous grant on it.
    async fn grant_workspace_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace, the user, and what is allowed.")] input: GrantWorkspaceAccessInput,
    ) -> Result<Option<Ordered<GrantWorkspaceAccessPayload>>> {
        let (id, user_id, permission) = (input.workspace_id.0, input.user_id.0, input.permission.0);
        let granted =
            write(context, |scope| Box::pin(service::grant_on_workspace(scope, id, user_id, permission))).await?;
        Ok(Some(granted.map(Arc::<records::WorkspaceGrant>::new).into()))
    }

    /// Revokes a member's grant on a workspace. Grants on its projects stay.
    async fn revoke_workspace_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace and the user.")] input: RevokeWorkspaceAccessInput,
    ) -> Result<Option<Ordered<RevokeWorkspaceAccessPayload>>> {
        let (id, user_id) = (input.workspace_id.0, input.user_id.0);
        let revoked = write(context, |scope| Box::pin(service::revoke_on_workspace(scope, id, user_id))).await?;
        Ok(Some(revoked.map(GlobalId).into()))
    }

    /// Gives a member a grant on a project. It replaces the member's previous grant on it.
    async fn grant_project_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project, the user, and what is allowed.")] input: GrantProjectAccessInput,
    ) -> Result<Option<Ordered<GrantProjectAccessPayload>>> {
        let (id, user_id, permission) = (input.project_id.0, input.user_id.0, input.permission.0);
        let granted =
            write(context, |scope| Box::pin(service::grant_on_project(scope, id, user_id, permission))).await?;
        Ok(Some(granted.map(Arc::<records::ProjectGrant>::new).into()))
    }

    /// Revokes a member's grant on a project. Grants on its workspace stay.
    async fn revoke_project_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project and the user.")] input: RevokeProjectAccessInput,
    ) -> Result<Option<Ordered<RevokeProjectAccessPayload>>> {
        let (id, user_id) = (input.project_id.0, input.user_id.0);
        let revoked = write(context, |scope| Box::pin(service::revoke_on_project(scope, id, user_id))).await?;
        Ok(Some(revoked.map(GlobalId).into()))
    }
}
