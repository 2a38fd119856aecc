//! Projects: reads and writes of `app.projects`.

use std::collections::HashMap;

use sea_orm::Set;
use tenantry_domain::project::{NewProject, Project, ProjectChanges, ProjectKind, ProjectStatus};
use tenantry_domain::{Actor, Change, ClientId, Currency, Money, ProjectId, WorkspaceId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::column_set::ColumnSet;
use crate::columns::Columns;
use crate::entity;
use crate::error::StoreError;
use crate::page::{NAME, SortKey, SortKind, SortValue};
use crate::record::{Record, Relation, uuids};
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

/// What a list of projects can be narrowed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ProjectFilter {
    /// Only projects of these statuses; empty means any.
    pub status: Vec<ProjectStatus>,
    /// Only projects for this client.
    pub client_id: Option<ClientId>,
    /// Only projects in this workspace.
    pub workspace_id: Option<WorkspaceId>,
}

/// What a list of projects can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ProjectSort {
    /// When the row was made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
    /// By due date; projects without one come last.
    DueDate,
}

/// Through which rows a project is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectParent {
    /// The client it is for.
    Client,
    /// The workspace it lies in.
    Workspace,
}

impl Record for Project {
    type Id = ProjectId;
    type Filter = ProjectFilter;
    type SortField = ProjectSort;
    type Parent = ProjectParent;

    const NAME: &'static str = "app.projects";
    const FROM: &'static str = "app.projects t";
    const COLUMNS: &'static [&'static str] = &[
        "t.id",
        "t.organization_id",
        "t.workspace_id",
        "t.client_id",
        "t.name",
        "t.description",
        "t.type",
        "t.status",
        "t.currency",
        "t.budget",
        "t.advance_received",
        "t.owner_id",
        "t.start_date",
        "t.due_date",
        "t.github_url",
        "t.notes",
        "t.created_at",
        "t.updated_at",
    ];

    fn id(&self) -> ProjectId {
        self.id
    }

    fn decode(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        let (id, organization_id, workspace_id) = (columns.id()?, columns.id()?, columns.id()?);
        let (client_id, name, description) = (columns.optional_id()?, columns.next()?, columns.next()?);
        let (kind, status) = (columns.parsed()?, columns.parsed()?);
        let currency: Option<Currency> = columns.optional_parsed()?;
        Ok(Self {
            id,
            organization_id,
            workspace_id,
            client_id,
            name,
            description,
            kind,
            status,
            budget: columns.optional_money(currency)?,
            advance_received: columns.optional_money(currency)?,
            owner_id: columns.optional_id()?,
            start_date: columns.optional_date()?,
            due_date: columns.optional_date()?,
            github_url: columns.next()?,
            notes: columns.next()?,
            created_at: columns.time()?,
            updated_at: columns.time()?,
        })
    }

    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        visibility::projects(actor, sql, "t.workspace_id", "t.id");
    }

    fn narrow(filter: &ProjectFilter, tenant: &Tenant, sql: &mut Sql) {
        sql.narrow_to_any("t.status", &filter.status, |status| status.as_str());
        sql.narrow_to_id("t.client_id", filter.client_id);
        if filter.workspace_id.is_some() {
            sql.narrow_to_id("t.workspace_id", filter.workspace_id);
            // Who sees a project may not see its workspace; a hidden one finds nothing, like one that does not exist.
            visibility::within_workspaces(&tenant.actor, sql, "t.workspace_id");
        }
    }

    fn sort_keys(field: ProjectSort) -> &'static [SortKey] {
        match field {
            ProjectSort::CreatedAt => &[SortKey { expression: "t.created_at", kind: SortKind::Time }],
            ProjectSort::Name => &[NAME],
            ProjectSort::DueDate => {
                &[SortKey { expression: "coalesce(t.due_date, 'infinity'::date)", kind: SortKind::OptionalDate }]
            }
        }
    }

    fn sort_columns(field: ProjectSort) -> ColumnSet {
        let names: &[&str] = match field {
            ProjectSort::CreatedAt => &["created_at"],
            ProjectSort::Name => &["name"],
            ProjectSort::DueDate => &["due_date"],
        };
        ColumnSet::of(Self::COLUMNS, names)
    }

    fn sort_values(&self, field: ProjectSort) -> Vec<SortValue> {
        match field {
            ProjectSort::CreatedAt => vec![SortValue::Time(self.created_at)],
            ProjectSort::Name => vec![SortValue::Text(self.name.clone())],
            ProjectSort::DueDate => vec![SortValue::date_or_infinity(self.due_date)],
        }
    }

    fn relation(parent: ProjectParent) -> Relation {
        let column = match parent {
            ProjectParent::Client => "t.client_id",
            ProjectParent::Workspace => "t.workspace_id",
        };
        Relation { column, join: "", visible_with_parent: false }
    }
}

/// Inserts a project that has been validated, in this workspace.
///
/// # Errors
/// A foreign-key violation when the client, the workspace or the owner does not exist in the organization.
pub async fn create(scope: &mut WriteScope, workspace_id: WorkspaceId, new: NewProject) -> Result<Project, StoreError> {
    let clock = &scope.tenant().clock;
    let (id, now): (ProjectId, _) = (clock.new_id(), clock.now());
    let currency = new.currency().map(|currency| currency.to_string());
    let row = entity::project::ActiveModel {
        organization_id: Set(scope.organization_id().as_uuid()),
        id: Set(id.as_uuid()),
        workspace_id: Set(workspace_id.as_uuid()),
        client_id: Set(new.client_id.map(|id| id.as_uuid())),
        name: Set(new.name),
        description: Set(new.description),
        kind: Set(new.kind.unwrap_or(ProjectKind::Other).to_string()),
        status: Set(new.status.unwrap_or(ProjectStatus::Active).to_string()),
        currency: Set(currency),
        budget: Set(new.budget.map(Money::minor)),
        advance_received: Set(new.advance_received.map(Money::minor)),
        owner_id: Set(new.owner_id.map(|id| id.as_uuid())),
        start_date: Set(new.start_date),
        due_date: Set(new.due_date),
        github_url: Set(new.github_url),
        notes: Set(new.notes),
        created_at: Set(now),
        updated_at: Set(now),
    };
    write::insert(scope, row).await
}

/// Applies changes that have been validated to a project that was read in this scope.
///
/// # Errors
/// A foreign-key violation when the client, the workspace or the owner does not exist in the organization.
pub async fn update(
    scope: &mut WriteScope,
    before: &Project,
    changes: ProjectChanges,
) -> Result<Option<Project>, StoreError> {
    let mut row = entity::project::ActiveModel {
        updated_at: Set(write::next_update(&scope.tenant().clock, before.updated_at)),
        ..Default::default()
    };
    write::set!(row, changes, { name, description, start_date, due_date, github_url, notes });
    if !changes.budget.is_keep() || !changes.advance_received.is_keep() {
        let budget = changes.budget.apply(before.budget);
        let advance = changes.advance_received.apply(before.advance_received);
        row.currency = Set(budget.or(advance).map(|money| money.currency().to_string()));
        row.budget = Set(budget.map(Money::minor));
        row.advance_received = Set(advance.map(Money::minor));
    }
    if let Change::Set(id) = changes.workspace_id {
        row.workspace_id = Set(id.as_uuid());
    }
    if let Change::Set(id) = changes.client_id {
        row.client_id = Set(id.map(|id| id.as_uuid()));
    }
    if let Change::Set(id) = changes.owner_id {
        row.owner_id = Set(id.map(|id| id.as_uuid()));
    }
    if let Change::Set(kind) = changes.kind {
        row.kind = Set(kind.to_string());
    }
    if let Change::Set(status) = changes.status {
        row.status = Set(status.to_string());
    }
    write::update(scope, row, before.id).await
}

/// The clients of these projects, none for internal work; a project that does not exist has no entry. Until the transaction ends
/// no other one gives a project to another client.
///
/// # Errors
/// Those of the database.
pub async fn lock_clients(
    scope: &mut WriteScope,
    projects: &[ProjectId],
) -> Result<HashMap<ProjectId, Option<ClientId>>, StoreError> {
    let mut sql = Sql::new("SELECT p.id, p.client_id FROM app.projects p WHERE p.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND p.id = ANY(").bind(uuids(projects));
    // Ordered, so that two who come at once do not wait for each other. Others may share the lock.
    sql.push(") ORDER BY p.id FOR SHARE OF p");
    let rows = scope.connection().fetch(sql).await?;
    let read = |row: Row<'_>| {
        let (project, client): (Uuid, Option<Uuid>) = (row.get(0)?, row.get(1)?);
        Ok((ProjectId::from_uuid(project), client.map(ClientId::from_uuid)))
    };
    rows.iter().map(read).collect()
}

/// Deletes a project and its tasks. Its invoices stay, unlinked. Tells whether there was one.
///
/// # Errors
/// Those of the database.
pub async fn delete(scope: &mut WriteScope, id: ProjectId) -> Result<bool, StoreError> {
    write::unlink::<entity::invoice::Entity>(scope, "project_id", id).await?;
    write::delete::<entity::project::Entity>(scope, id).await
}

/// How many projects there are, counted no further than `up_to`.
///
/// # Errors
/// Those of the database.
pub async fn count_all(scope: &impl Scope, up_to: i64) -> Result<i64, StoreError> {
    // Ordered as an index is: without, the planner may take the few rows that are wanted for easily found, and read the whole
    // table where there are fewer.
    let mut sql = Sql::new("SELECT count(*) FROM (SELECT 1 FROM app.projects t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid())
        .push(" ORDER BY t.created_at, t.id LIMIT ")
        .bind(up_to)
        .push(") counted");
    scope.connection().fetch_count(sql).await
}
