//! Workspaces: reads and writes of `app.workspaces`.

use sea_orm::Set;
use tenantry_domain::workspace::{NewWorkspace, Workspace, WorkspaceChanges};
use tenantry_domain::{Actor, WorkspaceId};

use crate::column_set::ColumnSet;
use crate::columns::Columns;
use crate::entity;
use crate::error::StoreError;
use crate::page::{NAME, SortKey, SortKind, SortValue};
use crate::record::{Record, Relation, read, select};
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

/// A list of workspaces cannot be narrowed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct WorkspaceFilter {}

/// What a list of workspaces can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WorkspaceSort {
    /// When the row was made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// Workspaces are reached from nothing but the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkspaceParent {}

impl Record for Workspace {
    type Id = WorkspaceId;
    type Filter = WorkspaceFilter;
    type SortField = WorkspaceSort;
    type Parent = WorkspaceParent;

    const NAME: &'static str = "app.workspaces";
    const FROM: &'static str = "app.workspaces t";
    const COLUMNS: &'static [&'static str] = &[
        "t.id",
        "t.organization_id",
        "t.name",
        "t.description",
        "t.is_private",
        "t.is_default",
        "t.created_by",
        "t.created_at",
        "t.updated_at",
    ];

    fn id(&self) -> WorkspaceId {
        self.id
    }

    fn decode(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.id()?,
            organization_id: columns.id()?,
            name: columns.next()?,
            description: columns.next()?,
            is_private: columns.next()?,
            is_default: columns.next()?,
            created_by: columns.optional_id()?,
            created_at: columns.time()?,
            updated_at: columns.time()?,
        })
    }

    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        visibility::workspaces(actor, sql, "t.id", "t.is_private");
    }

    fn narrow(_: &WorkspaceFilter, _: &Tenant, _: &mut Sql) {}

    fn sort_keys(field: WorkspaceSort) -> &'static [SortKey] {
        match field {
            WorkspaceSort::CreatedAt => &[SortKey { expression: "t.created_at", kind: SortKind::Time }],
            WorkspaceSort::Name => &[NAME],
        }
    }

    fn sort_columns(field: WorkspaceSort) -> ColumnSet {
        let names: &[&str] = match field {
            WorkspaceSort::CreatedAt => &["created_at"],
            WorkspaceSort::Name => &["name"],
        };
        ColumnSet::of(Self::COLUMNS, names)
    }

    fn sort_values(&self, field: WorkspaceSort) -> Vec<SortValue> {
        match field {
            WorkspaceSort::CreatedAt => vec![SortValue::Time(self.created_at)],
            WorkspaceSort::Name => vec![SortValue::Text(self.name.clone())],
        }
    }

    fn relation(parent: WorkspaceParent) -> Relation {
        match parent {}
    }
}

/// The workspace that a project comes to when none is named. Every organization has one; a guest may not see it.
///
/// # Errors
/// Those of the database.
pub async fn get_default(scope: &impl Scope) -> Result<Option<Workspace>, StoreError> {
    let mut sql = select::<Workspace>(scope);
    sql.push(" AND t.is_default");
    Workspace::narrow_to_visible(scope.actor(), &mut sql);
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| read(scope.tenant(), row)).transpose()
}

/// Inserts a workspace that has been validated.
///
/// # Errors
/// A unique violation when the name is taken.
pub async fn create(scope: &mut WriteScope, new: NewWorkspace, is_default: bool) -> Result<Workspace, StoreError> {
    let clock = &scope.tenant().clock;
    let (id, now): (WorkspaceId, _) = (clock.new_id(), clock.now());
    let row = entity::workspace::ActiveModel {
        organization_id: Set(scope.organization_id().as_uuid()),
        id: Set(id.as_uuid()),
        name: Set(new.name),
        description: Set(new.description),
        is_private: Set(new.is_private),
        is_default: Set(is_default),
        created_by: Set(Some(scope.actor().user_id.as_uuid())),
        created_at: Set(now),
        updated_at: Set(now),
    };
    write::insert(scope, row).await
}

/// Applies changes that have been validated to a workspace that was read in this scope.
///
/// # Errors
/// A unique violation when the name is taken.
pub async fn update(
    scope: &mut WriteScope,
    before: &Workspace,
    changes: WorkspaceChanges,
) -> Result<Option<Workspace>, StoreError> {
    let mut row = entity::workspace::ActiveModel {
        updated_at: Set(write::next_update(&scope.tenant().clock, before.updated_at)),
        ..Default::default()
    };
    write::set!(row, changes, { name, description, is_private });
    write::update(scope, row, before.id).await
}

/// Deletes a workspace in which no project lies. Tells whether there was one.
///
/// # Errors
/// A foreign-key violation when a project lies in it.
pub async fn delete(scope: &mut WriteScope, id: WorkspaceId) -> Result<bool, StoreError> {
    write::delete::<entity::workspace::Entity>(scope, id).await
}
