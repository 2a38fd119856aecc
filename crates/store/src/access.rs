//! The place of projects and workspaces, to decide whether an actor may change them: see `domain::permission`.

use tenantry_domain::permission::Place;
use tenantry_domain::{Grant, ProjectId, WorkspaceId};

use crate::error::StoreError;
use crate::scope::Scope;
use crate::sql::Sql;

/// The place of a project and the actor's grant there; `None` when there is no such project.
///
/// # Errors
/// Those of the database.
pub async fn of_project(scope: &impl Scope, id: ProjectId) -> Result<Option<Place>, StoreError> {
    let mut sql = Sql::new("SELECT w.is_private, wm.permission, pm.permission FROM app.projects p");
    sql.push(" JOIN app.workspaces w ON w.organization_id = p.organization_id AND w.id = p.workspace_id");
    let user = sql.value(scope.actor().user_id.as_uuid());
    sql.push(" LEFT JOIN app.workspace_members wm ON wm.organization_id = p.organization_id");
    sql.push(" AND wm.workspace_id = p.workspace_id AND wm.user_id = ").push_placeholder(user);
    sql.push(" LEFT JOIN app.project_members pm ON pm.organization_id = p.organization_id");
    sql.push(" AND pm.project_id = p.id AND pm.user_id = ").push_placeholder(user);
    sql.push(" WHERE p.organization_id = ").bind(scope.organization_id().as_uuid());
    sql.push(" AND p.id = ").bind(id.as_uuid());
    place(scope, sql).await
}

/// The place of a workspace and the actor's grant on it; `None` when there is no such workspace.
///
/// # Errors
/// Those of the database.
pub async fn of_workspace(scope: &impl Scope, id: WorkspaceId) -> Result<Option<Place>, StoreError> {
    let mut sql = Sql::new("SELECT w.is_private, wm.permission, NULL::text FROM app.workspaces w");
    sql.push(" LEFT JOIN app.workspace_members wm ON wm.organization_id = w.organization_id");
    sql.push(" AND wm.workspace_id = w.id AND wm.user_id = ").bind(scope.actor().user_id.as_uuid());
    sql.push(" WHERE w.organization_id = ").bind(scope.organization_id().as_uuid());
    sql.push(" AND w.id = ").bind(id.as_uuid());
    place(scope, sql).await
}

async fn place(scope: &impl Scope, sql: Sql) -> Result<Option<Place>, StoreError> {
    let rows = scope.connection().fetch(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let grant = |column: usize| -> Result<Option<Grant>, StoreError> {
        let text: Option<&str> = row.get(column)?;
        let corrupt = |_| StoreError::Corrupt { table: "app.project_members", column };
        text.map(|text| text.parse().map_err(corrupt)).transpose()
    };
    Ok(Some(Place { is_private: row.get(0)?, grant: grant(1)?.max(grant(2)?) }))
}
