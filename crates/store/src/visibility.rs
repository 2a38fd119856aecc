//! What `domain::permission` decides about reading, as SQL conditions that filter a statement.
//!
//! Owners and admins see everything, and their statements have no condition. The sub-selects for the others do not
//! refer to the outer row, so PostgreSQL runs each once per statement.

use tenantry_domain::noun::{ALL, Access, FieldInfo, NounInfo, ParentInfo, Placement};
use tenantry_domain::permission::{Decision, Place, decide};
use tenantry_domain::{Actor, Grant, Role};

use crate::record::Record;
use crate::sql::Sql;

/// Narrows to the rows that the actor may see, by where the noun's rows are placed.
pub(crate) fn narrow<R: Record>(actor: &Actor, sql: &mut Sql) {
    if R::INFO.placement == Placement::Own { R::narrow_to_visible(actor, sql) } else { narrow_by(&R::INFO, actor, sql) }
}

/// As [`narrow`], for a noun that is not placed by a rule of its own.
pub(crate) fn narrow_by(noun: &NounInfo, actor: &Actor, sql: &mut Sql) {
    // A role that may not read the noun anywhere, even with the strongest grant, finds none of it.
    let anywhere = Place { is_private: false, grant: Some(Grant::Admin) };
    let reads = decide(actor.role, noun.read, anywhere) == Decision::Allowed;
    if !reads || actor.role == Role::Guest && !noun.guests {
        sql.push(" AND false");
        return;
    }
    match noun.placement {
        Placement::Organization | Placement::Own => {}
        Placement::Client => clients(actor, sql, "t.id"),
        Placement::Workspace => workspaces(actor, sql, "t.id", "t.is_private"),
        Placement::Project { workspace } => projects(actor, sql, workspace, "t.id"),
        Placement::InProject { column, required: true } => rows_of_projects(actor, sql, column),
        Placement::InProject { column, required: false } => rows_of_projects_or_none(actor, sql, column),
        Placement::InTask { column } => rows_of_tasks(actor, sql, column),
        Placement::User { column } => {
            sql.push(" AND ").push(column).push(" = ").bind(actor.user_id.as_uuid());
        }
    }
}

/// Whether everybody who sees the parent sees all its rows, so that nothing has to be checked for each of them: the rows are
/// placed in it.
pub(crate) fn comes_with_parent<R: Record>(actor: &Actor, parent: &ParentInfo) -> bool {
    let place = match R::INFO.placement {
        Placement::InProject { column, .. } | Placement::InTask { column } => Some(column),
        _ => None,
    };
    let is_place = place == Some(parent.column);
    is_place && parent.join.is_empty() && (R::INFO.guests || actor.role != Role::Guest)
}

/// Whether the actor sees less than others of a row that it sees.
pub(crate) fn sees_part<R: Record>(actor: &Actor) -> bool {
    actor.role == Role::Guest && R::INFO.hides_from_guests
}

/// Whether the actor finds nothing in this field. When a row last changed would tell of the fields that it does not see.
pub(crate) fn is_hidden<R: Record>(actor: &Actor, field: &FieldInfo) -> bool {
    sees_part::<R>(actor) && (field.access == Access::Members || field.name == "updated_at")
}

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

/// Restricts to rows whose project the actor may see; the column is the project's id.
pub(crate) fn rows_of_projects(actor: &Actor, sql: &mut Sql, project: &str) {
    if actor.role.sees_everything() {
        return;
    }
    begin_look_up(actor, sql, "app.projects p WHERE p.organization_id = $1 AND p.id = ").push(project);
    projects(actor, sql, "p.workspace_id", "p.id");
    sql.push(")");
}

/// Appends what begins a look-up of the one row that a row is placed in.
///
/// A list reads the first rows of an order. With EXISTS, PostgreSQL may turn that into a join from the other side: then it reads all rows of
/// all projects and sorts them. A value of a sub-select it looks up for each row. A count looks at every row anyway, and a join is faster; so it
/// is for a guest, who sees few projects and might not fill a page with what all of the organization's rows have for it.
fn begin_look_up<'s>(actor: &Actor, sql: &'s mut Sql, from: &str) -> &'s mut Sql {
    let begin = if sql.is_count() || actor.role == Role::Guest {
        " AND EXISTS (SELECT 1 FROM "
    } else {
        " AND (SELECT true FROM "
    };
    sql.push(begin).push(from)
}

/// Restricts to rows whose task the actor may see; the column is the task's id.
pub(crate) fn rows_of_tasks(actor: &Actor, sql: &mut Sql, task: &str) {
    if actor.role.sees_everything() {
        return;
    }
    begin_look_up(actor, sql, "app.tasks k WHERE k.organization_id = $1 AND k.id = ").push(task);
    rows_of_projects(actor, sql, "k.project_id");
    sql.push(")");
}

/// Restricts to workspaces that the actor may see; the columns are the workspace's id and whether it is private.
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

/// Restricts to grants on workspaces that the actor may read: those that it may give, and its own.
pub(crate) fn workspace_grants(actor: &Actor, sql: &mut Sql, workspace: &str, user: &str) {
    if actor.role.sees_everything() {
        return;
    }
    let me = sql.value(actor.user_id.as_uuid());
    sql.push(" AND (").push(user).push(" = ").push_placeholder(me);
    if actor.role == Role::Member {
        sql.push(" OR ").push(workspace).push(" IN (");
        administered(sql, "workspace", me);
        sql.push(")");
    }
    sql.push(")");
}

/// As [`workspace_grants`], for grants on projects. An actor who may give grants on a workspace may give them on its
/// projects.
pub(crate) fn project_grants(actor: &Actor, sql: &mut Sql, project: &str, user: &str) {
    if actor.role.sees_everything() {
        return;
    }
    let me = sql.value(actor.user_id.as_uuid());
    sql.push(" AND (").push(user).push(" = ").push_placeholder(me);
    if actor.role == Role::Member {
        sql.push(" OR ").push(project).push(" IN (");
        administered(sql, "project", me);
        sql.push(") OR ").push(project);
        sql.push(" IN (SELECT p.id FROM app.projects p WHERE p.organization_id = $1 AND p.workspace_id IN (");
        administered(sql, "workspace", me);
        sql.push("))");
    }
    sql.push(")");
}

/// Selects the ids of the workspaces or projects on which the user has an `admin` grant.
fn administered(sql: &mut Sql, kind: &str, user: usize) {
    sql.push("SELECT g.").push(kind).push("_id FROM app.").push(kind).push("_members g WHERE g.organization_id = $1");
    sql.push(" AND g.permission = 'admin' AND g.user_id = ").push_placeholder(user);
}

/// Narrows to rows that link to one of this table that the actor may see; the column holds the other row's id.
pub(crate) fn within_visible(actor: &Actor, sql: &mut Sql, column: &str, table: &str) {
    let Some(noun) = ALL.iter().find(|noun| noun.info.table == table) else { return };
    let is_open = matches!(noun.info.placement, Placement::Client | Placement::Organization);
    if actor.role.sees_everything() || is_open && actor.role != Role::Guest {
        return;
    }
    sql.push(" AND ").push(column).push(" IN (SELECT t.id FROM ").push(table).push(" t WHERE t.organization_id = $1");
    narrow_by(noun.info, actor, sql);
    sql.push(")");
}

/// Restricts to clients that the actor may see: all of them, or for a guest those with a granted project.
pub(crate) fn clients(actor: &Actor, sql: &mut Sql, client: &str) {
    if actor.role != Role::Guest {
        return;
    }
    sql.push(" AND EXISTS (SELECT 1 FROM app.projects p WHERE p.organization_id = $1 AND p.client_id = ").push(client);
    projects(actor, sql, "p.workspace_id", "p.id");
    sql.push(")");
}

/// Narrows to rows of no project, and of projects that the actor may see; a guest sees only the latter.
pub(crate) fn rows_of_projects_or_none(actor: &Actor, sql: &mut Sql, project: &str) {
    if actor.role == Role::Guest {
        rows_of_projects(actor, sql, project);
    } else if !actor.role.sees_everything() {
        sql.push(" AND (").push(project).push(" IS NULL OR (true");
        rows_of_projects(actor, sql, project);
        sql.push("))");
    }
}

/// Narrows to invoices that the actor may see; the column holds the invoice's project.
pub(crate) fn invoices(actor: &Actor, sql: &mut Sql, project: &str) {
    if actor.role == Role::Guest {
        sql.push(" AND false");
    } else {
        rows_of_projects_or_none(actor, sql, project);
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::{OrganizationId, UserId};
    use uuid::Uuid;

    use super::*;

    /// The condition that each function appends for a role.
    fn conditions(role: Role) -> Vec<String> {
        let organization_id = OrganizationId::from_uuid(Uuid::nil());
        let actor = Actor { user_id: UserId::from_uuid(Uuid::nil()), organization_id, role };
        let narrow: [fn(&Actor, &mut Sql); 8] = [
            |actor, sql| projects(actor, sql, "t.workspace_id", "t.id"),
            |actor, sql| rows_of_projects(actor, sql, "t.project_id"),
            |actor, sql| rows_of_tasks(actor, sql, "t.task_id"),
            |actor, sql| workspaces(actor, sql, "t.id", "t.is_private"),
            |actor, sql| workspace_grants(actor, sql, "t.workspace_id", "t.user_id"),
            |actor, sql| project_grants(actor, sql, "t.project_id", "t.user_id"),
            |actor, sql| clients(actor, sql, "t.id"),
            |actor, sql| invoices(actor, sql, "t.project_id"),
        ];
        let text = |narrow: &fn(&Actor, &mut Sql)| {
            let mut sql = Sql::new("");
            sql.value(organization_id.as_uuid());
            narrow(&actor, &mut sql);
            sql.text().to_owned()
        };
        narrow.iter().map(text).collect()
    }

    #[test]
    fn reads_of_roles_that_see_everything_have_no_condition() {
        for role in [Role::Owner, Role::Admin] {
            assert!(conditions(role).iter().all(String::is_empty), "{role}");
        }
    }

    #[test]
    fn reads_of_a_guest_always_have_a_condition() {
        for condition in conditions(Role::Guest) {
            assert!(condition.starts_with(" AND "), "{condition:?}");
            assert_eq!(condition.matches('(').count(), condition.matches(')').count(), "{condition}");
            assert!(!condition.contains("is_private"), "a guest needs a grant in a public workspace too: {condition}");
        }
    }

    #[test]
    fn only_clients_have_no_condition_for_members_and_viewers() {
        for role in [Role::Member, Role::Viewer] {
            let open: Vec<bool> = conditions(role).iter().map(String::is_empty).collect();
            assert_eq!(open, [false, false, false, false, false, false, true, false], "{role}");
        }
    }
}
