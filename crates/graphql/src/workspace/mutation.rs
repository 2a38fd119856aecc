//! Workspaces: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use tenantry_domain::workspace::{NewWorkspace, WorkspaceChanges};
use tenantry_domain::{Violations, WorkspaceId};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::workspace as service;

use super::{Record, Workspace};
use crate::mutation::{nullable, payload, refused, required, write};

/// What a new workspace is made from.
#[derive(InputObject)]
pub(crate) struct CreateWorkspaceInput {
    /// The workspace's name; 1 to 100 characters; unique in the organization, whatever the case of its letters.
    name: String,
    /// What it is for; at most 2,000 characters.
    description: Option<String>,
    /// Whether only owners, admins and those with a grant see it and all in it.
    #[graphql(default)]
    is_private: bool,
}

/// What changes of a workspace. What is not given stays; null clears.
#[derive(InputObject)]
pub(crate) struct UpdateWorkspaceInput {
    /// The workspace.
    id: GlobalId<WorkspaceId>,
    /// Refuse with `CONFLICT` unless the workspace was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The workspace's name; 1 to 100 characters; unique in the organization, whatever the case of its letters.
    name: MaybeUndefined<String>,
    /// What it is for; at most 2,000 characters.
    description: MaybeUndefined<String>,
    /// Whether only owners, admins and those with a grant see it and all in it.
    is_private: MaybeUndefined<bool>,
}

/// Which workspace to delete.
#[derive(InputObject)]
pub(crate) struct DeleteWorkspaceInput {
    /// The workspace.
    id: GlobalId<WorkspaceId>,
    /// Refuse with `CONFLICT` unless the workspace was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

payload! {
    /// What came of creating a workspace.
    CreateWorkspacePayload {
        /// The new workspace.
        workspace: Resolved<Workspace>
    }
}

payload! {
    /// What came of changing a workspace.
    UpdateWorkspacePayload {
        /// The workspace as it is now.
        workspace: Resolved<Workspace>
    }
}

payload! {
    /// What came of deleting a workspace.
    DeleteWorkspacePayload {
        /// The id that the workspace had.
        deleted_workspace_id: GlobalId<WorkspaceId>
    }
}

/// Root fields that write workspaces.
#[derive(Default)]
pub(crate) struct WorkspaceMutation;

#[Object]
impl WorkspaceMutation {
    /// Makes a workspace. Unless you see everything by your role, you get an `ADMIN` grant on it.
    async fn create_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace to make.")] input: CreateWorkspaceInput,
    ) -> Result<Option<Ordered<CreateWorkspacePayload>>> {
        let new = NewWorkspace { name: input.name, description: input.description, is_private: input.is_private };
        let created = write(context, |scope| Box::pin(service::create(scope, new.clone()))).await?;
        Ok(Some(created.map(Arc::<Record>::new).into()))
    }

    /// Renames or describes a workspace, or makes it private or public.
    async fn update_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace, and what changes of it.")] input: UpdateWorkspaceInput,
    ) -> Result<Option<Ordered<UpdateWorkspacePayload>>> {
        let mut faults = Violations::default();
        let changes = WorkspaceChanges {
            name: required(&mut faults, "name", input.name, |name| name),
            description: nullable(input.description, |text| text),
            is_private: required(&mut faults, "isPrivate", input.is_private, |is_private| is_private),
        };
        if let Err(faults) = faults.into_result() {
            return Ok(Some(refused::<Arc<Record>>(faults).into()));
        }
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let updated = write(context, |scope| Box::pin(service::update(scope, id, expected, changes.clone()))).await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Deletes a workspace with the grants on it. Refused with `IN_USE` while projects lie in it; the default one stays.
    async fn delete_workspace(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The workspace to delete.")] input: DeleteWorkspaceInput,
    ) -> Result<Option<Ordered<DeleteWorkspacePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let deleted = write(context, |scope| Box::pin(service::delete(scope, id, expected))).await?;
        Ok(Some(deleted.map(GlobalId).into()))
    }
}
