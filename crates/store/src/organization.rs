//! Organizations: reads and writes of `app.organizations`.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Query, UpdateStatement};
use sea_orm::{EntityName, Insert, QueryTrait, Set};
use tenantry_domain::organization::{Deletion, NewOrganization, Organization, OrganizationChanges};
use tenantry_domain::{Change, OrganizationId, Role};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::columns::Columns;
use crate::entity;
use crate::error::StoreError;
use crate::ordering::NAME_COLLATION;
use crate::pool::Store;
use crate::read::Read;
use crate::scope::sealed::Sealed;
use crate::scope::{IdentityScope, Scope, WorkerScope, WriteScope};
use crate::sql::Sql;
use crate::write;

const COLUMNS: &str = "t.id, t.name, t.slug, t.logo_url, t.time_zone, t.deletion_requested_at, t.deletion_due_at, \
                       t.created_at, t.updated_at";

fn decode(row: Row<'_>) -> Result<Organization, StoreError> {
    let mut columns = Columns::new(row, "app.organizations");
    Ok(Organization {
        id: columns.id()?,
        name: columns.next()?,
        slug: columns.next()?,
        logo_url: columns.next()?,
        time_zone: columns.next()?,
        deletion_requested_at: columns.optional_time()?,
        deletion_due_at: columns.optional_time()?,
        created_at: columns.time()?,
        updated_at: columns.time()?,
    })
}

/// The scope's own organization.
///
/// # Errors
/// Those of the database.
pub fn get_own(scope: &impl Scope) -> Read<'_, Option<Organization>> {
    read_own(scope, "")
}

/// As [`get_own`], with the row locked until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn get_own_for_update(scope: &mut WriteScope) -> Result<Option<Organization>, StoreError> {
    // The weaker lock, because whatever is written in the organization meanwhile refers to this row.
    read_own(scope, " FOR NO KEY UPDATE OF t").await
}

fn read_own<'s>(scope: &'s impl Scope, lock: &str) -> Read<'s, Option<Organization>> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS)
        .push(" FROM app.organizations t WHERE t.id = ")
        .bind(scope.organization_id().as_uuid())
        .push(lock);
    Read::rows(scope, sql, |_, rows| rows.first().map(decode).transpose())
}

/// The organizations that the user belongs to, by name, with the user's role in each.
///
/// # Errors
/// Those of the database.
pub async fn list_of_user(scope: &IdentityScope) -> Result<Vec<(Organization, Role)>, StoreError> {
    let Some(user_id) = scope.user_id() else { return Ok(Vec::new()) };
    let mut sql = Sql::new("SELECT m.organization_id, m.role FROM app.organization_members m WHERE m.user_id = ");
    sql.bind(user_id.as_uuid());
    let rows = scope.connection().fetch(sql).await?;
    let mut roles = std::collections::HashMap::with_capacity(rows.len());
    for row in rows.iter() {
        let mut columns = Columns::new(row, "app.organization_members");
        let (id, role): (OrganizationId, Role) = (columns.id()?, columns.parsed()?);
        roles.insert(id, role);
    }
    let ids: Vec<Uuid> = roles.keys().map(OrganizationId::as_uuid).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    // The policy of this table shows the organizations that this setting lists while no organization is set. It takes a
    // setting because a policy with a sub-select cannot be spread over a cluster.
    let list = ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
    scope.connection().set(format!("SET LOCAL app.current_organization_ids='{{{list}}}'")).await?;
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM app.organizations t WHERE t.id = ANY(").bind(ids).push(") ORDER BY ");
    sql.push("t.name").push(NAME_COLLATION).push(", t.id");
    let rows = scope.connection().fetch(sql).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        let organization = decode(row)?;
        if let Some(role) = roles.get(&organization.id) {
            found.push((organization, *role));
        }
    }
    Ok(found)
}

/// Inserts the organization that the scope founds, with values that have been validated.
///
/// # Errors
/// A unique violation when the slug is taken.
pub async fn create(scope: &mut WriteScope, new: NewOrganization) -> Result<Option<Organization>, StoreError> {
    let now = scope.tenant().clock.now();
    let row = entity::organization::ActiveModel {
        id: Set(scope.organization_id().as_uuid()),
        name: Set(new.name),
        slug: Set(new.slug),
        logo_url: Set(new.logo_url),
        time_zone: Set("UTC".to_owned()),
        deletion_requested_at: Set(None),
        deletion_due_at: Set(None),
        created_at: Set(now),
        updated_at: Set(now),
    };
    scope.connection().execute(write::bound(&Insert::one(row).into_query())).await?;
    get_own(scope).await
}

/// Applies changes that have been validated to the organization, which was read in this scope.
///
/// # Errors
/// A unique violation when the slug is taken.
pub async fn update(
    scope: &mut WriteScope,
    before: &Organization,
    changes: OrganizationChanges,
) -> Result<Option<Organization>, StoreError> {
    let mut statement = Query::update();
    if let Change::Set(name) = changes.name {
        statement.value("name", name);
    }
    if let Change::Set(slug) = changes.slug {
        statement.value("slug", slug);
    }
    if let Change::Set(logo_url) = changes.logo_url {
        statement.value("logo_url", logo_url);
    }
    if let Change::Set(time_zone) = changes.time_zone {
        statement.value("time_zone", time_zone);
    }
    finish_update(scope, before, statement).await
}

/// Writes down that the organization is to be deleted, or that it is not.
///
/// # Errors
/// Those of the database.
pub async fn update_deletion(
    scope: &mut WriteScope,
    before: &Organization,
    deletion: Option<Deletion>,
) -> Result<Option<Organization>, StoreError> {
    let mut statement = Query::update();
    statement
        .value("deletion_requested_at", deletion.map(|deletion| deletion.requested_at))
        .value("deletion_due_at", deletion.map(|deletion| deletion.due_at));
    finish_update(scope, before, statement).await
}

async fn finish_update(
    scope: &mut WriteScope,
    before: &Organization,
    mut statement: UpdateStatement,
) -> Result<Option<Organization>, StoreError> {
    statement
        .table(entity::organization::Entity.table_ref())
        .value("updated_at", write::next_update(&scope.tenant().clock, before.updated_at))
        .and_where(write::is("id", scope.organization_id().as_uuid()));
    scope.connection().execute(write::bound(&statement)).await?;
    get_own(scope).await
}

/// The organizations whose deletion was due at this time, the longest overdue first.
///
/// # Errors
/// Those of the database.
pub async fn list_due(scope: &WorkerScope, now: DateTime<Utc>, limit: i64) -> Result<Vec<OrganizationId>, StoreError> {
    let mut sql = Sql::new("SELECT t.id FROM app.organizations t WHERE t.deletion_due_at <= ");
    sql.bind(now).push(" ORDER BY t.deletion_due_at, t.id LIMIT ").bind(limit);
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(OrganizationId::from_uuid(row.get(0)?))).collect()
}

/// Deletes an organization whose deletion was due at this time, and everything of it. Tells whether there was one: its
/// deletion may have been cancelled, or carried out by somebody else.
///
/// # Errors
/// Those of the database.
pub async fn delete_due(scope: &mut WorkerScope, id: OrganizationId, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let mut sql = Sql::new("DELETE FROM app.organizations t WHERE t.id = ");
    sql.bind(id.as_uuid()).push(" AND t.deletion_due_at <= ").bind(now);
    if scope.connection().execute(sql).await? == 0 {
        return Ok(false);
    }
    // What else there was of it, outside of the database, can be found by this.
    let mut sql = Sql::new("INSERT INTO app.purged_organizations (id, purged_at) VALUES (");
    sql.bind(id.as_uuid()).push(", ").bind(now).push(")");
    scope.connection().execute(sql).await?;
    Ok(true)
}

/// A name of this database that a copy of it does not have, unless it is a copy of all files of the server.
///
/// # Errors
/// Those of the database.
pub async fn database_identity(worker: &Store) -> Result<String, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let sql = Sql::new(
        "SELECT c.system_identifier::text || '/' || pg_catalog.current_database() FROM pg_catalog.pg_control_system() c",
    );
    let rows = scope.connection().fetch(sql).await?;
    let row = rows.first().ok_or(StoreError::Corrupt { table: "pg_control_system", column: 0 })?;
    Ok(row.get(0)?)
}

/// The organizations that were deleted and may still have files, and when they were.
///
/// # Errors
/// Those of the database.
pub async fn list_purged(worker: &Store) -> Result<Vec<(OrganizationId, DateTime<Utc>)>, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let rows = scope.connection().fetch(Sql::new("SELECT p.id, p.purged_at FROM app.purged_organizations p")).await?;
    rows.iter().map(|row| Ok((OrganizationId::from_uuid(row.get(0)?), row.get(1)?))).collect()
}

/// Forgets an organization of which nothing is left.
///
/// # Errors
/// Those of the database.
pub async fn forget_purged(worker: &Store, id: OrganizationId) -> Result<(), StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let mut sql = Sql::new("DELETE FROM app.purged_organizations p WHERE p.id = ");
    sql.bind(id.as_uuid());
    scope.connection().execute(sql).await?;
    scope.commit().await
}

/// The ids of all organizations. The store must be connected as the worker's role; any other one sees none.
///
/// # Errors
/// Those of the database.
pub async fn list_ids(worker: &Store) -> Result<Vec<OrganizationId>, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let sql = Sql::new("SELECT b.organization_id FROM billing.organization_billing b ORDER BY b.organization_id");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(OrganizationId::from_uuid(row.get(0)?))).collect()
}
