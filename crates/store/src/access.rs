//! The place of projects and workspaces, to decide whether an actor may change them: see `domain::permission`.

use tenantry_domain::member::Member;
use tenantry_domain::noun::{ALL, Link, Noun, Placement};
use tenantry_domain::permission::{Decision, Operation, Place, decide};
use tenantry_domain::{Grant, ProjectId, TaskId, WorkspaceId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::error::StoreError;
use crate::record::Record;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;
use crate::visibility;

/// Begins to ask for the place of a project, `p`.
const PLACE_OF_PROJECT: &str = "SELECT w.is_private, wm.permission, pm.permission, p.id FROM app.projects p \
    JOIN app.workspaces w ON w.organization_id = p.organization_id AND w.id = p.workspace_id";

/// Appends the user's grants on the project and on its workspace.
fn push_grants(sql: &mut Sql, user: usize) {
    sql.push(" LEFT JOIN app.workspace_members wm ON wm.organization_id = p.organization_id");
    sql.push(" AND wm.workspace_id = p.workspace_id AND wm.user_id = ").push_placeholder(user);
    sql.push(" LEFT JOIN app.project_members pm ON pm.organization_id = p.organization_id");
    sql.push(" AND pm.project_id = p.id AND pm.user_id = ").push_placeholder(user);
}

/// The place of a project and the actor's grant there; `None` when there is no such project.
///
/// # Errors
/// Those of the database.
pub async fn of_project(scope: &impl Scope, id: ProjectId) -> Result<Option<Place>, StoreError> {
    let mut sql = Sql::new(PLACE_OF_PROJECT);
    let user = sql.value(scope.actor().user_id.as_uuid());
    push_grants(&mut sql, user);
    sql.push(" WHERE p.organization_id = ").bind(scope.organization_id().as_uuid());
    sql.push(" AND p.id = ").bind(id.as_uuid());
    place(scope, sql).await
}

/// The place of the project that a task is in, and the actor's grant there; `None` when there is no such task. If the actor sees it, the task
/// goes to no other project until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn of_task(scope: &WriteScope, id: TaskId) -> Result<Option<Place>, StoreError> {
    loop {
        // Read first and locked after: a caller must not wait for a hidden task. If the task moved in between, read again.
        let mut sql = Sql::new(PLACE_OF_PROJECT);
        let user = sql.value(scope.actor().user_id.as_uuid());
        push_grants(&mut sql, user);
        sql.push(" JOIN app.tasks t ON t.organization_id = p.organization_id AND t.project_id = p.id");
        sql.push(" WHERE t.organization_id = ").bind(scope.organization_id().as_uuid());
        sql.push(" AND t.id = ").bind(id.as_uuid());
        let rows = scope.connection().fetch(sql).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let place = read_place(&row)?;
        if decide(scope.actor().role, Operation::ReadTask, place) != Decision::Allowed {
            return Ok(Some(place));
        }
        let seen: Uuid = row.get(3)?;
        let mut lock = Sql::new("SELECT t.project_id FROM app.tasks t WHERE t.organization_id = ");
        lock.bind(scope.organization_id().as_uuid()).push(" AND t.id = ").bind(id.as_uuid()).push(" FOR KEY SHARE");
        let rows = scope.connection().fetch(lock).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let locked: Uuid = row.get(0)?;
        if locked == seen {
            return Ok(Some(place));
        }
    }
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

/// Whether the actor sees the row that a link names by this id.
///
/// # Errors
/// Those of the database.
pub async fn sees(scope: &impl Scope, link: &Link, id: Uuid) -> Result<bool, StoreError> {
    let Some(noun) = ALL.iter().find(|noun| noun.info.table == link.table) else { return Ok(false) };
    let mut sql = Sql::new("SELECT count(*) FROM ");
    sql.push(noun.info.table).push(" t WHERE t.organization_id = ").bind(scope.organization_id().as_uuid());
    sql.push(" AND t.").push(link.key).push(" = ").bind(id);
    visibility::narrow_by(noun.info, scope.actor(), &mut sql);
    // Of nouns that are placed by a rule of their own, only members are linked to.
    if link.table == Member::INFO.table {
        Member::narrow_to_visible(scope.actor(), &mut sql);
    } else if noun.info.placement == Placement::Own {
        sql.push(" AND false");
    }
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

async fn place(scope: &impl Scope, sql: Sql) -> Result<Option<Place>, StoreError> {
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| read_place(&row)).transpose()
}

fn read_place(row: &Row<'_>) -> Result<Place, StoreError> {
    let grant = |column: usize| -> Result<Option<Grant>, StoreError> {
        let text: Option<&str> = row.get(column)?;
        let corrupt = |_| StoreError::Corrupt { table: "app.project_members", column };
        text.map(|text| text.parse().map_err(corrupt)).transpose()
    };
    Ok(Place { is_private: row.get(0)?, grant: grant(1)?.max(grant(2)?) })
}
