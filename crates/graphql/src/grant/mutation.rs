//! Grants: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use tenantry_domain::{ProjectId, ProjectMemberId, UserId, WorkspaceId, WorkspaceMemberId, grant as records};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::GlobalId;
use tenantry_service::grant as service;

use super::{Permission, ProjectGrant, WorkspaceGrant};
use crate::error::UserError;
use crate::mutation::{payload, write};

/// The grant to give on a workspace.
#[derive(InputObject)]
pub(crate) struct GrantWorkspaceAccessInput {
    /// The workspace.
    workspace_id: GlobalId<WorkspaceId>,
    /// The member.
    user_id: GlobalId<UserId>,
    /// The permission; it replaces the member's previous grant.
    permission: Permission,
}

/// The grant on a workspace to revoke.
#[derive(InputObject)]
pub(crate) struct RevokeWorkspaceAccessInput {
    /// The workspace.
    workspace_id: GlobalId<WorkspaceId>,
    /// The member.
    user_id: GlobalId<UserId>,
}

/// The grant to give on a project.
#[derive(InputObject)]
pub(crate) struct GrantProjectAccessInput {
    /// The project.
    project_id: GlobalId<ProjectId>,
    /// The member.
    user_id: GlobalId<UserId>,
    /// The permission; it replaces the member's previous grant.
    permission: Permission,
}

/// The grant on a project to revoke.
#[derive(InputObject)]
pub(crate) struct RevokeProjectAccessInput {
    /// The project.
    project_id: GlobalId<ProjectId>,
    /// The member.
    user_id: GlobalId<UserId>,
}

payload! {
    /// The result of giving a grant on a workspace.
    GrantWorkspaceAccessPayload {
        /// The grant.
        grant: Resolved<WorkspaceGrant>
    }
}

/// The result of revoking a grant on a workspace.
#[derive(SimpleObject)]
pub(crate) struct RevokeWorkspaceAccessPayload {
    /// The id that the grant had; null if the mutation was refused.
    revoked_grant_id: Option<GlobalId<WorkspaceMemberId>>,
    /// The member who had the grant; null if the mutation was refused.
    revoked_user_id: Option<GlobalId<UserId>>,
    /// Why the mutation was refused; empty if it succeeded.
    user_errors: Vec<UserError>,
}

impl From<std::result::Result<(WorkspaceMemberId, UserId), Vec<UserError>>> for RevokeWorkspaceAccessPayload {
    fn from(revoked: std::result::Result<(WorkspaceMemberId, UserId), Vec<UserError>>) -> Self {
        let (revoked, user_errors) = match revoked {
            Ok(revoked) => (Some(revoked), Vec::new()),
            Err(user_errors) => (None, user_errors),
        };
        let (grant, user) = revoked.unzip();
        Self { revoked_grant_id: grant.map(GlobalId), revoked_user_id: user.map(GlobalId), user_errors }
    }
}

payload! {
    /// The result of giving a grant on a project.
    GrantProjectAccessPayload {
        /// The grant.
        grant: Resolved<ProjectGrant>
    }
}

/// The result of revoking a grant on a project.
#[derive(SimpleObject)]
pub(crate) struct RevokeProjectAccessPayload {
    /// The id that the grant had; null if the mutation was refused.
    revoked_grant_id: Option<GlobalId<ProjectMemberId>>,
    /// The member who had the grant; null if the mutation was refused.
    revoked_user_id: Option<GlobalId<UserId>>,
    /// Why the mutation was refused; empty if it succeeded.
    user_errors: Vec<UserError>,
}

impl From<std::result::Result<(ProjectMemberId, UserId), Vec<UserError>>> for RevokeProjectAccessPayload {
    fn from(revoked: std::result::Result<(ProjectMemberId, UserId), Vec<UserError>>) -> Self {
        let (revoked, user_errors) = match revoked {
            Ok(revoked) => (Some(revoked), Vec::new()),
            Err(user_errors) => (None, user_errors),
        };
        let (grant, user) = revoked.unzip();
        Self { revoked_grant_id: grant.map(GlobalId), revoked_user_id: user.map(GlobalId), user_errors }
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
        #[graphql(desc = "The workspace, the member, and what is allowed.")] input: GrantWorkspaceAccessInput,
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
        #[graphql(desc = "The workspace and the member.")] input: RevokeWorkspaceAccessInput,
    ) -> Result<Option<Ordered<RevokeWorkspaceAccessPayload>>> {
        let (id, user_id) = (input.workspace_id.0, input.user_id.0);
        let revoked = write(context, |scope| Box::pin(service::revoke_on_workspace(scope, id, user_id))).await?;
        Ok(Some(Ordered(revoked.into())))
    }

    /// Gives a member a grant on a project. It replaces the member's previous grant on it.
    async fn grant_project_access(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project, the member, and what is allowed.")] input: GrantProjectAccessInput,
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
        #[graphql(desc = "The project and the member.")] input: RevokeProjectAccessInput,
    ) -> Result<Option<Ordered<RevokeProjectAccessPayload>>> {
        let (id, user_id) = (input.project_id.0, input.user_id.0);
        let revoked = write(context, |scope| Box::pin(service::revoke_on_project(scope, id, user_id))).await?;
        Ok(Some(Ordered(revoked.into())))
    }
}
