//! Grants: the object types and their enum.

mod mutation;

use async_graphql::{Context, Result};
use tenantry_domain::{ProjectMemberId, WorkspaceMemberId, grant as records, permission as domain};
use tenantry_executor::loaders::{load, node};
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_store::grant::{GrantFilter, GrantSort};
use tenantry_store::{Direction, ListRequest, PageRequest};

use crate::enumeration::enumeration;
use crate::loaders::MembersByUser;
use crate::member::Member;
use crate::object::object;
use crate::project::Project;
use crate::workspace::Workspace;

pub(crate) use mutation::GrantMutation;

object! {
    /// What a member may do in a workspace and in all projects in it, beyond the role.
    WorkspaceGrant = "WorkspaceGrant" over records::WorkspaceGrant {
        /// The grant's id.
        "id" id: GlobalId<WorkspaceMemberId> = |grant| GlobalId(grant.id);
        /// What is allowed.
        "permission" permission: Permission = |grant| Permission::from(grant.permission);
        /// When it was first given.
        "createdAt" created_at: Timestamp = |grant| Timestamp(grant.created_at);
        /// When it last changed.
        "updatedAt" updated_at: Timestamp = |grant| Timestamp(grant.updated_at);
    }

    lists {}

    /// The workspace.
    async fn workspace(&self, context: &Context<'_>) -> Result<Option<Resolved<Workspace>>> {
        node(context, self.0.workspace_id).await
    }

    /// Who has it.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Resolved<Member>>> {
        Ok(load::<MembersByUser>(context, self.0.user_id).await?.map(Resolved::from))
    }
}

object! {
    /// What a member may do in a project, beyond the role.
    ProjectGrant = "ProjectGrant" over records::ProjectGrant {
        /// The grant's id.
        "id" id: GlobalId<ProjectMemberId> = |grant| GlobalId(grant.id);
        /// What is allowed.
        "permission" permission: Permission = |grant| Permission::from(grant.permission);
        /// When it was first given.
        "createdAt" created_at: Timestamp = |grant| Timestamp(grant.created_at);
        /// When it last changed.
        "updatedAt" updated_at: Timestamp = |grant| Timestamp(grant.updated_at);
    }

    lists {}

    /// The project.
    async fn project(&self, context: &Context<'_>) -> Result<Option<Resolved<Project>>> {
        node(context, self.0.project_id).await
    }

    /// Who has it.
    async fn member(&self, context: &Context<'_>) -> Result<Option<Resolved<Member>>> {
        Ok(load::<MembersByUser>(context, self.0.user_id).await?.map(Resolved::from))
    }
}

enumeration! {
    /// What a grant allows. It adds to the role and never takes anything away.
    Permission = domain::Grant {
        /// See it and all in it.
        View,
        /// Change it and all in it, as far as the role writes at all; a guest changes only tasks.
        Edit,
        /// Change it and, as a member, say who else may.
        Admin,
    }
}

/// The list that is asked for: grants of either kind come in the order in which they were first given.
pub(crate) fn request(page: PageRequest) -> ListRequest<GrantFilter, GrantSort> {
    ListRequest {
        filter: GrantFilter {},
        sort: GrantSort::CreatedAt,
        direction: Direction::Ascending,
        page,
        ..ListRequest::default()
    }
}
