//! Projects: the object type and its enums.

mod mutation;
mod query;

use async_graphql::{Context, InputObject, Result};
use tenantry_domain::project::Project as Record;
use tenantry_domain::{ClientId, ProjectId, WorkspaceId, project as domain};
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::loaders::{load, node, optional_node};
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::{Amount, Date, GlobalId, OrderDirection, Timestamp};
use tenantry_store::grant::GrantParent;
use tenantry_store::invoice::InvoiceParent;
use tenantry_store::task::TaskParent;
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, project as store};

use crate::client::Client;
use crate::enumeration::enumeration;
use crate::grant::ProjectGrant;
use crate::invoice::{Invoice, InvoiceFilter, InvoiceOrder};
use crate::loaders::MembersByUser;
use crate::member::Member;
use crate::object::object;
use crate::task::{Task, TaskFilter, TaskOrder};
use crate::workspace::Workspace;

pub(crate) use mutation::ProjectMutation;
pub(crate) use query::ProjectQuery;

object! {
    /// A piece of work, for a client or internal.
    Project = "Project" over Record {
        /// The project's id.
        "id" id: GlobalId<ProjectId> = |project| GlobalId(project.id);
        /// The project's name.
        "name" name: &str = |project| project.name.as_str();
        /// What it is about, in Markdown.
        "description" description: Option<&str> = |project| project.description.as_deref();
        /// What kind of work it is.
        "kind" kind [type]: ProjectKind = |project| ProjectKind::from(project.kind);
        /// Where it stands.
        "status" status: ProjectStatus = |project| ProjectStatus::from(project.status);
        /// What it may cost.
        "budget" budget [budget, currency]: Option<Amount> = |project| project.budget.map(Amount);
        /// What was paid in advance, in the budget's currency.
        "advanceReceived" advance_received [advance_received, currency]: Option<Amount> = |project| project.advance_received.map(Amount);
        /// The first day.
        "startDate" start_date: Option<Date> = |project| project.start_date.map(Date);
        /// The day it is due.
        "dueDate" due_date: Option<Date> = |project| project.due_date.map(Date);
        /// The repository.
        "githubUrl" github_url: Option<&str> = |project| project.github_url.as_deref();
        /// Anything else.
        "notes" notes: Option<&str> = |project| project.notes.as_deref();
        /// When the project was entered.
        "createdAt" created_at: Timestamp = |project| Timestamp(project.created_at);
        /// When the project last changed.
        "updatedAt" updated_at: Timestamp = |project| Timestamp(project.updated_at);
    }

    lists {
        /// The project's tasks, in the order of the board unless ordered otherwise.
        "tasks" tasks: Task [TaskFilter, TaskOrder] = |project| (TaskParent::Project, project.id), crate::task::on_the_board;
        /// The project's invoices; the newest first unless ordered otherwise.
        "invoices" invoices: Invoice [InvoiceFilter, InvoiceOrder] = |project| (InvoiceParent::Project, project.id), crate::invoice::request;
    }

    /// The client it is for; null for internal work.
    async fn client(&self, context: &Context<'_>) -> Result<Option<Resolved<Client>>> {
        optional_node(context, self.0.client_id).await
    }

    /// The workspace it lies in; null when you see the project but not its workspace.
    async fn workspace(&self, context: &Context<'_>) -> Result<Option<Resolved<Workspace>>> {
        node(context, self.0.workspace_id).await
    }

    /// The member who answers for it.
    async fn owner(&self, context: &Context<'_>) -> Result<Option<Resolved<Member>>> {
        let Some(user_id) = self.0.owner_id else { return Ok(None) };
        Ok(load::<MembersByUser>(context, user_id).await?.map(Resolved::from))
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
    ) -> Result<Connection<ProjectGrant>> {
        let page = PageArguments { first, after, last, before }.read()?;
        let origin = Origin::Parent(GrantParent::Granted, self.0.id.as_uuid());
        Connection::load(context, origin, crate::grant::request(page)).await
    }
}

enumeration! {
    /// What kind of work a project is.
    ProjectKind = domain::ProjectKind {
        /// Software development.
        Dev,
        /// Writing, video, photography.
        Content,
        /// Design.
        Design,
        /// Anything else.
        Other,
    }
}

enumeration! {
    /// Where a project stands.
    ProjectStatus = domain::ProjectStatus {
        /// Work is going on.
        Active,
        /// The work is done.
        Completed,
        /// Put away.
        Archived,
    }
}

enumeration! {
    /// What a list of projects can be sorted by.
    ProjectOrderField = store::ProjectSort {
        /// When the project was entered.
        CreatedAt,
        /// By name.
        Name,
        /// By due date; projects without one come last.
        DueDate,
    }
}

/// How a list of projects is sorted.
#[derive(InputObject)]
pub(crate) struct ProjectOrder {
    /// What it is sorted by.
    field: ProjectOrderField,
    /// Which way it runs.
    direction: OrderDirection,
}

/// What a list of projects is narrowed to. All conditions must hold.
#[derive(InputObject, Default)]
pub(crate) struct ProjectFilter {
    /// Only projects of one of these statuses.
    status: Option<Vec<ProjectStatus>>,
    /// Only projects for this client.
    client_id: Option<GlobalId<ClientId>>,
    /// Only projects in this workspace.
    workspace_id: Option<GlobalId<WorkspaceId>>,
}

impl From<ProjectFilter> for store::ProjectFilter {
    fn from(filter: ProjectFilter) -> Self {
        Self {
            status: filter.status.unwrap_or_default().into_iter().map(Into::into).collect(),
            client_id: filter.client_id.map(|id| id.0),
            workspace_id: filter.workspace_id.map(|id| id.0),
        }
    }
}

/// The list that is asked for.
pub(crate) fn request(filter: Option<ProjectFilter>, order: Option<ProjectOrder>, page: PageRequest) -> ListOf<Record> {
    let default = (store::ProjectSort::CreatedAt, Direction::Descending);
    let (sort, direction) = order.map_or(default, |order| (order.field.into(), order.direction.into()));
    ListRequest { filter: filter.map(Into::into).unwrap_or_default(), sort, direction, page, ..ListRequest::default() }
}
