//! What happened: reads of `app.activities`, and the one statement that writes its entries.

use tenantry_domain::activity::{Action, Activity, EntityType, NewActivity};
use tenantry_domain::{ActivityId, Actor, ProjectId, Role, TaskId};
use uuid::Uuid;

use crate::entity;
use crate::error::StoreError;
use crate::record::{Record, uuids};
use crate::scope::sealed::Sealed as _;
use crate::scope::{Scope as _, Tenant, WriteScope};
use crate::sql::Sql;
use crate::visibility;

impl Record for Activity {
    type Entity = entity::activity::Entity;

    /// An entry is seen by those who see the place that it names. Each part looks one row up by its id: a list stops when it has its page. A
    /// guest sees few projects, and the page may never be full, so they are read once.
    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        let me = sql.value(actor.user_id.as_uuid());
        sql.push(" AND (t.only_for IS NULL OR t.only_for = ").push_placeholder(me).push(")");
        if actor.role.sees_everything() {
            return;
        }
        if actor.role == Role::Guest {
            sql.push(
                " AND t.for_guests AND t.project_id IN (SELECT p.id FROM app.projects p WHERE p.organization_id = $1",
            );
            visibility::projects(actor, sql, "p.workspace_id", "p.id");
            sql.push(")");
        } else {
            sql.push(" AND (t.project_id IS NULL OR (SELECT true FROM app.projects p WHERE p.organization_id = $1");
            sql.push(" AND p.id = t.project_id");
            visibility::projects(actor, sql, "p.workspace_id", "p.id");
            sql.push("))");
        }
        sql.push(" AND (t.for_members OR t.actor_id = ").push_placeholder(me).push(")");
        // Whoever sees a project sees what happens to it, in a workspace that is hidden, too. When the workspace is gone, a deletion says
        // itself who may know.
        sql.push(" AND (t.workspace_id IS NULL OR t.project_id IS NOT NULL OR coalesce((SELECT (true");
        visibility::workspaces(actor, sql, "w.id", "w.is_private");
        sql.push(
            ") FROM app.workspaces w WHERE w.organization_id = $1 AND w.id = t.workspace_id), t.action = 'deleted'))",
        );
        for (kind, narrow, place) in [
            (EntityType::WorkspaceGrant, visibility::workspace_grants as Narrow, "t.workspace_id"),
            (EntityType::ProjectGrant, visibility::project_grants as Narrow, "t.project_id"),
        ] {
            sql.push(" AND (t.entity_type <> '").push(kind.as_str()).push("' OR (true");
            narrow(actor, sql, place, "t.user_id");
            sql.push("))");
        }
    }

    fn as_seen_by(&mut self, tenant: &Tenant) {
        self.show_to(tenant.actor.role);
    }
}

type Narrow = fn(&Actor, &mut Sql, &str, &str);

/// Writes these entries, in this order; no statement if there are none. What an entry does not say of its place is looked up.
///
/// The time is the database's: there is a partition for it, whatever the clock of this machine says.
pub(crate) fn insert(tenant: &Tenant, entries: &[NewActivity]) -> Option<Sql> {
    if entries.is_empty() {
        return None;
    }
    let column = |read: fn(&NewActivity) -> Option<Uuid>| entries.iter().map(read).collect::<Vec<_>>();
    let texts = |read: fn(&NewActivity) -> &'static str| entries.iter().map(read).collect::<Vec<_>>();
    let metadata = |entry: &NewActivity| serde_json::to_string(&entry.metadata).unwrap_or_default();
    let mut sql = Sql::new(
        "INSERT INTO app.activities (organization_id, id, actor_id, entity_type, entity_id, action, workspace_id, client_id, \
         project_id, task_id, user_id, only_for, for_guests, for_members, metadata, created_at, updated_at) SELECT ",
    );
    let organization = sql.value(tenant.actor.organization_id.as_uuid());
    // The system is no user.
    let actor = Some(tenant.actor.user_id.as_uuid()).filter(|user| !user.is_nil());
    sql.push_placeholder(organization).push(", e.id, ").bind(actor);
    sql.push(", e.entity_type, e.entity_id, e.action, e.workspace_id, coalesce(e.client_id, p.client_id), e.project, ");
    sql.push("e.task_id, e.user_id, e.only_for, e.for_guests, e.for_members AND NOT coalesce(w.is_private, false), ");
    // Not when the transaction began: it may have waited for another one, whose entries come before.
    sql.push("e.metadata::jsonb, clock_timestamp(), clock_timestamp() FROM (SELECT e.*, ");
    sql.push("coalesce(e.project_id, k.project_id) AS project FROM unnest(");
    sql.bind(entries.iter().map(|_| tenant.clock.new_id::<ActivityId>().as_uuid()).collect::<Vec<_>>()).push(", ");
    sql.bind(texts(|entry| entry.entity_type.as_str())).push(", ");
    sql.bind(entries.iter().map(|entry| entry.entity_id).collect::<Vec<_>>()).push(", ");
    sql.bind(texts(|entry| entry.action.as_str())).push(", ");
    sql.bind(column(|entry| entry.workspace_id)).push(", ").bind(column(|entry| entry.client_id)).push(", ");
    sql.bind(column(|entry| entry.project_id)).push(", ").bind(column(|entry| entry.task_id)).push(", ");
    sql.bind(column(|entry| entry.user_id)).push(", ").bind(column(|entry| entry.only_for)).push(", ");
    sql.bind(entries.iter().map(|entry| entry.for_guests).collect::<Vec<_>>()).push(", ");
    sql.bind(entries.iter().map(|entry| entry.for_members).collect::<Vec<_>>()).push(", ");
    sql.bind(entries.iter().map(metadata).collect::<Vec<_>>());
    sql.push(") AS e (id, entity_type, entity_id, action, workspace_id, client_id, project_id, task_id, user_id, ");
    // Both parts are limited, and OFFSET keeps them apart, so that each row is looked up by its id: see `Sql::for_each`.
    sql.push("only_for, for_guests, for_members, metadata) LEFT JOIN LATERAL (SELECT k.project_id FROM app.tasks k");
    sql.push(" WHERE k.organization_id = ").push_placeholder(organization);
    sql.push(" AND k.id = e.task_id AND e.project_id IS NULL LIMIT 1) k ON true OFFSET 0) e");
    sql.push(" LEFT JOIN LATERAL (SELECT p.client_id FROM app.projects p WHERE p.organization_id = ");
    sql.push_placeholder(organization);
    sql.push(" AND p.id = e.project AND e.client_id IS NULL LIMIT 1) p ON true");
    // Of a project that is deleted only who saw its workspace may know.
    sql.push(" LEFT JOIN LATERAL (SELECT w.is_private FROM app.workspaces w WHERE w.organization_id = ");
    sql.push_placeholder(organization);
    sql.push(" AND w.id = e.workspace_id AND e.action = 'deleted' AND e.entity_type = 'project' LIMIT 1) w ON true");
    Some(sql)
}

/// Takes what happened to tasks, and on them, along to another project.
///
/// # Errors
/// Those of the database.
pub async fn follow_tasks(scope: &mut WriteScope, tasks: &[TaskId], project: ProjectId) -> Result<(), StoreError> {
    let mut sql = place_in(scope, Some(project.as_uuid()));
    sql.push(" AND a.task_id = ANY(").bind(uuids(tasks)).push(")");
    scope.connection().execute(sql).await?;
    // And those of this transaction, which are written when it commits.
    let tasks = uuids(tasks);
    for entry in scope.noted().filter(|entry| entry.task_id.is_some_and(|task| tasks.contains(&task))) {
        entry.project_id = Some(project.as_uuid());
    }
    Ok(())
}

/// Takes what happened to a row that is on no task, while it was in one project or in none, along to another, or to none. What happened to it
/// in a project that was deleted since stays there.
///
/// # Errors
/// Those of the database.
pub async fn follow(
    scope: &mut WriteScope,
    entity: Uuid,
    from: Option<Uuid>,
    project: Option<Uuid>,
) -> Result<(), StoreError> {
    let mut sql = place_in(scope, project);
    sql.push(" AND a.task_id IS NULL AND a.action <> 'left' AND a.entity_id = ").bind(entity);
    match from {
        Some(from) => sql.push(" AND a.project_id = ").bind(from),
        None => sql.push(" AND a.project_id IS NULL"),
    };
    scope.connection().execute(sql).await?;
    let is_of =
        |entry: &&mut NewActivity| entry.task_id.is_none() && entry.action != Action::Left && entry.entity_id == entity;
    for entry in scope.noted().filter(is_of) {
        entry.project_id = project;
    }
    Ok(())
}

fn place_in(scope: &WriteScope, project: Option<Uuid>) -> Sql {
    let mut sql = Sql::new("UPDATE app.activities a SET updated_at = clock_timestamp(), project_id = ");
    sql.bind(project).push(" WHERE a.organization_id = ").bind(scope.organization_id().as_uuid());
    sql
}
