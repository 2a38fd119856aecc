//! Projects: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use tenantry_domain::project::{NewProject, ProjectChanges};
use tenantry_domain::{Change, ClientId, Money, ProjectId, UserId, Violations, WorkspaceId};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{Date, GlobalId, MoneyInput, Timestamp};
use tenantry_service::{Service, project as service};

use super::{Project, ProjectKind, ProjectStatus, Record};
use crate::mutation::{nullable, payload, refused, required, write};

/// What a new project is made from.
#[derive(InputObject)]
pub(crate) struct CreateProjectInput {
    /// The workspace it lies in; the default one when not given.
    workspace_id: Option<GlobalId<WorkspaceId>>,
    /// The client it is for; none for internal work.
    client_id: Option<GlobalId<ClientId>>,
    /// The project's name; 1 to 200 characters.
    name: String,
    /// What it is about, in Markdown; at most 20,000 characters.
    description: Option<String>,
    /// What kind of work it is; other when not given.
    kind: Option<ProjectKind>,
    /// Where it stands; active when not given.
    status: Option<ProjectStatus>,
    /// What it may cost; not negative.
    budget: Option<MoneyInput>,
    /// What was paid in advance, in the budget's currency; not negative.
    advance_received: Option<MoneyInput>,
    /// The user who answers for it: a member.
    owner_id: Option<GlobalId<UserId>>,
    /// The first day.
    start_date: Option<Date>,
    /// The day it is due; not before the first day.
    due_date: Option<Date>,
    /// The repository; an http(s) address.
    github_url: Option<String>,
    /// Anything else; at most 20,000 characters.
    notes: Option<String>,
}

/// What changes of a project. What is not given stays; null clears.
#[derive(InputObject)]
pub(crate) struct UpdateProjectInput {
    /// The project.
    id: GlobalId<ProjectId>,
    /// Refuse with `CONFLICT` unless the project was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// Moves it to another workspace.
    workspace_id: MaybeUndefined<GlobalId<WorkspaceId>>,
    /// The client it is for; null for internal work.
    client_id: MaybeUndefined<GlobalId<ClientId>>,
    /// The project's name; 1 to 200 characters.
    name: MaybeUndefined<String>,
    /// What it is about, in Markdown; at most 20,000 characters.
    description: MaybeUndefined<String>,
    /// What kind of work it is.
    kind: MaybeUndefined<ProjectKind>,
    /// Where it stands.
    status: MaybeUndefined<ProjectStatus>,
    /// What it may cost; not negative.
    budget: MaybeUndefined<MoneyInput>,
    /// What was paid in advance, in the budget's currency; not negative.
    advance_received: MaybeUndefined<MoneyInput>,
    /// The user who answers for it: a member.
    owner_id: MaybeUndefined<GlobalId<UserId>>,
    /// The first day.
    start_date: MaybeUndefined<Date>,
    /// The day it is due; not before the first day.
    due_date: MaybeUndefined<Date>,
    /// The repository; an http(s) address.
    github_url: MaybeUndefined<String>,
    /// Anything else; at most 20,000 characters.
    notes: MaybeUndefined<String>,
}

/// Which project to delete.
#[derive(InputObject)]
pub(crate) struct DeleteProjectInput {
    /// The project.
    id: GlobalId<ProjectId>,
    /// Refuse with `CONFLICT` unless the project was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

payload! {
    /// What came of creating a project.
    CreateProjectPayload {
        /// The new project.
        project: Resolved<Project>
    }
}

payload! {
    /// What came of changing a project.
    UpdateProjectPayload {
        /// The project as it is now.
        project: Resolved<Project>
    }
}

payload! {
    /// What came of deleting a project.
    DeleteProjectPayload {
        /// The id that the project had.
        deleted_project_id: GlobalId<ProjectId>
    }
}

/// Root fields that write projects.
#[derive(Default)]
pub(crate) struct ProjectMutation;

#[Object]
impl ProjectMutation {
    /// Enters a project. It counts against the plan.
    async fn create_project(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project to enter.")] input: CreateProjectInput,
    ) -> Result<Option<Ordered<CreateProjectPayload>>> {
        let mut faults = Violations::default();
        let new = NewProject {
            workspace_id: input.workspace_id.map(|id| id.0),
            client_id: input.client_id.map(|id| id.0),
            name: input.name,
            description: input.description,
            kind: input.kind.map(Into::into),
            status: input.status.map(Into::into),
            budget: input.budget.and_then(|money| amount(&mut faults, "budget", money)),
            advance_received: input.advance_received.and_then(|money| amount(&mut faults, "advanceReceived", money)),
            owner_id: input.owner_id.map(|id| id.0),
            start_date: input.start_date.map(|day| day.0),
            due_date: input.due_date.map(|day| day.0),
            github_url: input.github_url,
            notes: input.notes,
        };
        if let Err(faults) = faults.into_result() {
            return Ok(Some(refused::<Arc<Record>>(faults).into()));
        }
        let billing = context.data_unchecked::<Service>().billing().clone();
        let created = write(context, |scope| {
            let (billing, new) = (billing.clone(), new.clone());
            Box::pin(async move { service::create(scope, &billing, new).await })
        })
        .await?;
        Ok(Some(created.map(Arc::<Record>::new).into()))
    }

    /// Changes a project, or moves it to another workspace or client.
    async fn update_project(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project, and what changes of it.")] input: UpdateProjectInput,
    ) -> Result<Option<Ordered<UpdateProjectPayload>>> {
        let mut faults = Violations::default();
        let changes = ProjectChanges {
            workspace_id: required(&mut faults, "workspaceId", input.workspace_id, |id| id.0),
            client_id: nullable(input.client_id, |id| id.0),
            name: required(&mut faults, "name", input.name, |name| name),
            description: nullable(input.description, |text| text),
            kind: required(&mut faults, "kind", input.kind, Into::into),
            status: required(&mut faults, "status", input.status, Into::into),
            budget: changed_amount(&mut faults, "budget", input.budget),
            advance_received: changed_amount(&mut faults, "advanceReceived", input.advance_received),
            owner_id: nullable(input.owner_id, |id| id.0),
            start_date: nullable(input.start_date, |day| day.0),
            due_date: nullable(input.due_date, |day| day.0),
            github_url: nullable(input.github_url, |url| url),
            notes: nullable(input.notes, |notes| notes),
        };
        if let Err(faults) = faults.into_result() {
            return Ok(Some(refused::<Arc<Record>>(faults).into()));
        }
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let updated = write(context, |scope| Box::pin(service::update(scope, id, expected, changes.clone()))).await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Deletes a project with its tasks. Its invoices stay, without a project.
    async fn delete_project(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project to delete.")] input: DeleteProjectInput,
    ) -> Result<Option<Ordered<DeleteProjectPayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let deleted = write(context, |scope| Box::pin(service::delete(scope, id, expected))).await?;
        Ok(Some(deleted.map(GlobalId).into()))
    }
}

/// An amount; one that its currency cannot hold is a fault.
fn amount(faults: &mut Violations, field: &str, money: MoneyInput) -> Option<Money> {
    money.read(field).map_err(|fault| faults.push(fault)).ok()
}

/// The change of an amount.
fn changed_amount(faults: &mut Violations, field: &str, money: MaybeUndefined<MoneyInput>) -> Change<Option<Money>> {
    match money {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => Change::Set(None),
        MaybeUndefined::Value(money) => Change::Set(amount(faults, field, money)),
    }
}
