//! Workspaces: the object type and its enums.

mod mutation;
mod query;

use async_graphql::{Context, InputObject, Result};
use tenantry_domain::WorkspaceId;
use tenantry_domain::workspace::Workspace as Record;
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::scalar::{GlobalId, OrderDirection, Timestamp};
use tenantry_store::grant::GrantParent;
use tenantry_store::project::ProjectParent;
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, workspace as store};

use crate::enumeration::enumeration;
use crate::grant::WorkspaceGrant;
use crate::object::object;
use crate::project::{Project, ProjectFilter, ProjectOrder};

pub(crate) use mutation::WorkspaceMutation;
pub(crate) use query::WorkspaceQuery;

object! {
    /// A part of the organization that projects lie in.
    Workspace = "Workspace" over Record {
        /// The workspace's id.
        "id" id: GlobalId<WorkspaceId> = |workspace| GlobalId(workspace.id);
        /// The workspace's name, unique in the organization.
        "name" name: &str = |workspace| workspace.name.as_str();
        /// What it is for.
        "description" description: Option<&str> = |workspace| workspace.description.as_deref();
        /// Whether only owners, admins and those with a grant see it and all in it.
        "isPrivate" is_private: bool = |workspace| workspace.is_private;
        /// Whether a project comes here when no workspace is named.
        "isDefault" is_default: bool = |workspace| workspace.is_default;
        /// When the workspace was made.
        "createdAt" created_at: Timestamp = |workspace| Timestamp(workspace.created_at);
        /// When the workspace last changed.
        "updatedAt" updated_at: Timestamp = |workspace| Timestamp(workspace.updated_at);
    }

    lists {
        /// The projects in it; the newest first unless ordered otherwise.
        "projects" projects: Project [ProjectFilter, ProjectOrder] = |workspace| (ProjectParent::Workspace, workspace.id), crate::project::request;
    }

    /// Who has a grant on it, by the time it was first given. Shown to those who may give grants; everybody else finds only
    /// their own.
    async fn grants(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
    ) -> Result<Connection<WorkspaceGrant>> {
        let page = PageArguments { first, after, last, before }.read()?;
        let origin = Origin::Parent(GrantParent::Granted, self.0.id.as_uuid());
        Connection::load(context, origin, crate::grant::request(page)).await
    }
}

enumeration! {
    /// What a list of workspaces can be sorted by.
    WorkspaceOrderField = store::WorkspaceSort {
        /// When the workspace was made.
        CreatedAt,
        /// By name.
        Name,
    }
}

/// How a list of workspaces is sorted.
#[derive(InputObject)]
pub(crate) struct WorkspaceOrder {
    /// What it is sorted by.
    field: WorkspaceOrderField,
    /// Which way it runs.
    direction: OrderDirection,
}

/// The list that is asked for.
pub(crate) fn request(order: Option<WorkspaceOrder>, page: PageRequest) -> ListOf<Record> {
    let default = (store::WorkspaceSort::Name, Direction::Ascending);
    let (sort, direction) = order.map_or(default, |order| (order.field.into(), order.direction.into()));
    ListRequest { filter: store::WorkspaceFilter::default(), sort, direction, page, ..ListRequest::default() }
}
