//! Global object identification: any object by its id.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    Context, ContextSelectionSet, Error, ID, Interface, Object, OutputType, Positioned, Result, ServerResult, Value,
};
use futures_util::future::try_join_all;
use tenantry_domain::{
    ClientId, InvoiceId, MemberId, OrganizationId, ProjectId, ProjectMemberId, TaskId, WorkspaceId, WorkspaceMemberId,
    typeid,
};
use tenantry_executor::error::bad_argument;
use tenantry_executor::loaders::{load, node};
use tenantry_executor::object::{Object as Resolved, RecordNode};
use tenantry_executor::scalar::AnyId;

use crate::client::Client;
use crate::grant::{ProjectGrant, WorkspaceGrant};
use crate::invoice::Invoice;
use crate::loaders::OwnOrganization;
use crate::member::Member;
use crate::organization::Organization;
use crate::project::Project;
use crate::task::Task;
use crate::workspace::Workspace;

/// Anything that has a global id.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "NodeId", desc = "The object's id."))]
pub(crate) enum Node {
    /// A client.
    Client(Client),
    /// An invoice.
    Invoice(Invoice),
    /// A member.
    Member(Member),
    /// The organization.
    Organization(Organization),
    /// A project.
    Project(Project),
    /// A grant on a project.
    ProjectGrant(ProjectGrant),
    /// A task.
    Task(Task),
    /// A workspace.
    Workspace(Workspace),
    /// A grant on a workspace.
    WorkspaceGrant(WorkspaceGrant),
}

/// A node that was found: [`Node`] is for the schema, and this is resolved like one of its own type: in the order of the query, and with nulls where they belong.
pub(crate) struct Found(Node);

impl OutputType for Found {
    fn type_name() -> Cow<'static, str> {
        <Node as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Node as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match &self.0 {
            Node::Client(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::Invoice(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::Member(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::Organization(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::Project(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::ProjectGrant(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::Task(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::Workspace(node) => Resolved(node.clone()).resolve(context, field).await,
            Node::WorkspaceGrant(node) => Resolved(node.clone()).resolve(context, field).await,
        }
    }
}

/// The most ids that `nodes` takes.
const MAX_NODES: usize = 100;

/// Root fields that take any id.
#[derive(Default)]
pub(crate) struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this id; null when there is none that you can see.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The id of any object.")] id: AnyId,
    ) -> Result<Option<Found>> {
        find(context, &id.0, "id").await
    }

    /// The objects with these ids, in the same order; null where there is none that you can see.
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The ids of any objects, at most 100.")] ids: Vec<AnyId>,
    ) -> Result<Option<Vec<Option<Found>>>> {
        if ids.len() > MAX_NODES {
            return Err(bad_argument("ids", format!("At most {MAX_NODES} ids can be given.")));
        }
        try_join_all(ids.iter().map(|id| find(context, &id.0, "ids"))).await.map(Some)
    }
}

async fn find(context: &Context<'_>, id: &str, argument: &str) -> Result<Option<Found>> {
    let (prefix, uuid) = typeid::split(id).map_err(|error| bad_argument(argument, format!("{error}.")))?;
    let found = match prefix {
        ClientId::PREFIX => one(context, ClientId::from_uuid(uuid)).await?.map(Node::Client),
        InvoiceId::PREFIX => one(context, InvoiceId::from_uuid(uuid)).await?.map(Node::Invoice),
        MemberId::PREFIX => one(context, MemberId::from_uuid(uuid)).await?.map(Node::Member),
        ProjectId::PREFIX => one(context, ProjectId::from_uuid(uuid)).await?.map(Node::Project),
        ProjectMemberId::PREFIX => one(context, ProjectMemberId::from_uuid(uuid)).await?.map(Node::ProjectGrant),
        TaskId::PREFIX => one(context, TaskId::from_uuid(uuid)).await?.map(Node::Task),
        WorkspaceId::PREFIX => one(context, WorkspaceId::from_uuid(uuid)).await?.map(Node::Workspace),
        WorkspaceMemberId::PREFIX => one(context, WorkspaceMemberId::from_uuid(uuid)).await?.map(Node::WorkspaceGrant),
        OrganizationId::PREFIX => {
            let own = load::<OwnOrganization>(context, ()).await?;
            own.filter(|own| own.id.as_uuid() == uuid).map(|own| Node::Organization(Organization(own)))
        }
        other => return Err(unknown_kind(argument, other)),
    };
    Ok(found.map(Found))
}

async fn one<N: RecordNode>(context: &Context<'_>, id: <N::Record as tenantry_store::Record>::Id) -> Result<Option<N>> {
    Ok(node::<N>(context, id).await?.map(|found| found.0))
}

fn unknown_kind(argument: &str, prefix: &str) -> Error {
    bad_argument(argument, format!("There are no objects whose ids start with \"{prefix}_\"."))
}

/// The id of a node of any kind, for the interface.
type NodeId = ID;
