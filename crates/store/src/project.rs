//! Projects: what is asked of them beyond what every noun has.

use std::collections::HashMap;

use tenantry_domain::{ClientId, ProjectId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::error::StoreError;
use crate::record::uuids;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// The clients of these projects, none for internal work; a project that does not exist has no entry. Until the transaction ends
/// no other one gives a project to another client.
///
/// # Errors
/// Those of the database.
pub async fn lock_clients(
    scope: &mut WriteScope,
    projects: &[ProjectId],
) -> Result<HashMap<ProjectId, Option<ClientId>>, StoreError> {
    let mut sql = Sql::new("SELECT found.id, found.client_id");
    let organization = sql.value(scope.organization_id().as_uuid());
    // In the order of the ids, so that two who come at once do not wait for each other. Others may share the lock.
    let mut projects = uuids(projects);
    projects.sort_unstable();
    sql.for_each(projects).push("SELECT p.id, p.client_id FROM app.projects p WHERE p.organization_id = ");
    sql.push_placeholder(organization).push(" AND p.id = wanted.id FOR SHARE OF p) found");
    let rows = scope.connection().fetch(sql).await?;
    let read = |row: Row<'_>| {
        let (project, client): (Uuid, Option<Uuid>) = (row.get(0)?, row.get(1)?);
        Ok((ProjectId::from_uuid(project), client.map(ClientId::from_uuid)))
    };
    rows.iter().map(read).collect()
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
