//! Organizations: reads of `app.organizations`.

use sqlx::postgres::PgRow;
use tenantry_domain::organization::Organization;
use tenantry_domain::{OrganizationId, Role};
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::StoreError;
use crate::scope::{IdentityScope, Scope};
use crate::sql::Sql;

const COLUMNS: &str = "t.id, t.name, t.slug, t.logo_url, t.time_zone, t.deletion_requested_at, t.deletion_due_at, \
                       t.created_at, t.updated_at";

fn decode(row: &PgRow) -> Result<Organization, StoreError> {
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
pub async fn get_own(scope: &impl Scope) -> Result<Option<Organization>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM app.organizations t WHERE t.id = ").bind(scope.organization_id().as_uuid());
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(decode).transpose()
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
    for row in &rows {
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
    scope.connection().fetch_unprepared(format!("SET LOCAL app.current_organization_ids='{{{list}}}'")).await?;
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM app.organizations t WHERE t.id = ANY(").bind(ids).push(") ORDER BY t.name, t.id");
    let rows = scope.connection().fetch(sql).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let organization = decode(row)?;
        if let Some(role) = roles.get(&organization.id) {
            found.push((organization, *role));
        }
    }
    Ok(found)
}
