//! What `domain::permission` decides about reading, as conditions that narrow a statement.
//!
//! Owners and admins see everything, and their statements carry no condition at all. The sub-selects for the others do not
//! refer to the outer row, so PostgreSQL runs each once per statement.

use tenantry_domain::{Actor, Role};

use crate::sql::Sql;

/// Narrows to projects that the actor may see; the columns hold the project's workspace and its id.
pub(crate) fn projects(actor: &Actor, sql: &mut Sql, workspace: &str, project: &str) {
    if actor.role.sees_everything() {
        return;
    }
    let user = sql.value(actor.user_id.as_uuid());
    sql.push(" AND (");
    if actor.role != Role::Guest {
        sql.push(workspace)
            .push(" NOT IN (SELECT w.id FROM app.workspaces w WHERE w.organization_id = $1 AND w.is_private) OR ");
    }
    sql.push(workspace);
    sql.push(" IN (SELECT g.workspace_id FROM app.workspace_members g WHERE g.organization_id = $1 AND g.user_id = ");
    sql.push_placeholder(user).push(") OR ").push(project);
    sql.push(" IN (SELECT g.project_id FROM app.project_members g WHERE g.organization_id = $1 AND g.user_id = ");
    sql.push_placeholder(user).push("))");
}

/// Narrows to rows whose project the actor may see; the column holds the project's id.
pub(crate) fn rows_of_projects(actor: &Actor, sql: &mut Sql, project: &str) {
    if actor.role.sees_everything() {
        return;
    }
    sql.push(" AND EXISTS (SELECT 1 FROM app.projects p WHERE p.organization_id = $1 AND p.id = ").push(project);
    projects(actor, sql, "p.workspace_id", "p.id");
    sql.push(")");
}

/// Narrows to workspaces that the actor may see; the columns hold the workspace's id and whether it is private.
pub(crate) fn workspaces(actor: &Actor, sql: &mut Sql, workspace: &str, is_private: &str) {
    if actor.role.sees_everything() {
        return;
    }
    sql.push(" AND (");
    if actor.role != Role::Guest {
        sql.push("NOT ").push(is_private).push(" OR ");
    }
    sql.push(workspace);
    sql.push(" IN (SELECT g.workspace_id FROM app.workspace_members g WHERE g.organization_id = $1 AND g.user_id = ");
    sql.bind(actor.user_id.as_uuid()).push("))");
}

/// Narrows to clients that the actor may see: all of them, or for a guest those with a project that was granted.
pub(crate) fn clients(actor: &Actor, sql: &mut Sql, client: &str) {
    if actor.role != Role::Guest {
        return;
    }
    sql.push(" AND EXISTS (SELECT 1 FROM app.projects p WHERE p.organization_id = $1 AND p.client_id = ").push(client);
    projects(actor, sql, "p.workspace_id", "p.id");
    sql.push(")");
}

/// Narrows to invoices that the actor may see: none for a guest; for the others those of no project, and those of a project
/// that they may see.
pub(crate) fn invoices(actor: &Actor, sql: &mut Sql, project: &str) {
    if actor.role == Role::Guest {
        sql.push(" AND false");
    } else if !actor.role.sees_everything() {
        sql.push(" AND (").push(project).push(" IS NULL OR (true");
        rows_of_projects(actor, sql, project);
        sql.push("))");
    }
}
