//! Tasks: reads and writes of `app.tasks`, and of who and what is joined to them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tenantry_domain::client::Client;
use tenantry_domain::noun::{Asked, Noun as _, Value};
use tenantry_domain::task::Task;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{LabelId, Position, ProjectId, TaskAssigneeId, TaskId, TaskLabelId, UserId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::entity;
use crate::error::StoreError;
use crate::junction::Junction;
use crate::read::Read;
use crate::record::{Record, uuids};
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::visibility;

const ASSIGNEES: Junction = Junction { table: "app.task_assignees", one: "task_id", other: "user_id" };
const LABELS: Junction = Junction { table: "app.task_labels", one: "task_id", other: "label_id" };

impl Record for Task {
    type Entity = entity::task::Entity;

    fn narrow_by(condition: &str, asked: &Asked<'_>, tenant: &Tenant, sql: &mut Sql) {
        match (condition, asked) {
            ("assignee_id", Asked::One(Value::Id(user_id))) => {
                sql.push(" AND EXISTS (SELECT 1 FROM app.task_assignees a WHERE a.organization_id = $1");
                sql.push(" AND a.task_id = t.id AND a.user_id = ").bind(*user_id).push(")");
            }
            ("assignee_id", Asked::Absent) => {
                sql.push(" AND NOT EXISTS (SELECT 1 FROM app.task_assignees a WHERE a.organization_id = $1");
                sql.push(" AND a.task_id = t.id)");
            }
            ("label_id", Asked::One(Value::Id(label_id))) => {
                sql.push(" AND EXISTS (SELECT 1 FROM app.task_labels l WHERE l.organization_id = $1");
                sql.push(" AND l.task_id = t.id AND l.label_id = ").bind(*label_id).push(")");
            }
            ("label_id", Asked::Absent) => {
                sql.push(" AND NOT EXISTS (SELECT 1 FROM app.task_labels l WHERE l.organization_id = $1");
                sql.push(" AND l.task_id = t.id)");
            }
            ("client_id", Asked::One(Value::Id(client_id))) => {
                sql.push(" AND t.project_id IN (SELECT p.id FROM app.projects p WHERE p.organization_id = $1");
                sql.push(" AND p.client_id = ").bind(*client_id);
                visibility::within_visible(&tenant.actor, sql, "p.client_id", Client::INFO.table);
                sql.push(")");
            }
            ("client_id", Asked::Absent) => {
                sql.push(" AND t.project_id IN (SELECT p.id FROM app.projects p WHERE p.organization_id = $1");
                sql.push(" AND p.client_id IS NULL)");
            }
            ("workspace_id", Asked::One(Value::Id(workspace_id))) => {
                sql.push(" AND t.project_id IN (SELECT p.id FROM app.projects p WHERE p.organization_id = $1");
                sql.push(" AND p.workspace_id = ").bind(*workspace_id);
                visibility::within_visible(&tenant.actor, sql, "p.workspace_id", Workspace::INFO.table);
                sql.push(")");
            }
            ("is_subtask", Asked::One(Value::Boolean(true))) => drop(sql.push(" AND t.parent_task_id IS NOT NULL")),
            ("is_subtask", Asked::One(Value::Boolean(false))) => drop(sql.push(" AND t.parent_task_id IS NULL")),
            (condition, asked) => sql.refuse(&format!("no rule narrows tasks by {condition} {asked:?}")),
        }
    }
}

/// Replaces the users who are assigned to a task.
///
/// # Errors
/// As [`assign`].
pub async fn assign_anew(scope: &mut WriteScope, task_id: TaskId, users: &[UserId]) -> Result<(), StoreError> {
    ASSIGNEES.replace::<TaskAssigneeId>(scope, task_id, users).await
}

/// Assigns these users, each once, to a task without assignees.
///
/// # Errors
/// A foreign-key violation when one of them is no member of the organization.
pub async fn assign(scope: &mut WriteScope, task_id: TaskId, users: &[UserId]) -> Result<(), StoreError> {
    ASSIGNEES.put::<TaskAssigneeId>(scope, task_id, users).await
}

/// The users assigned to each of these tasks, in the order of their assignment; a task without any has no entry.
///
/// # Errors
/// Those of the database.
pub fn assignees<'s>(scope: &'s impl Scope, tasks: &[TaskId]) -> Read<'s, HashMap<TaskId, Arc<Vec<UserId>>>> {
    ASSIGNEES.of(scope, tasks)
}

/// Replaces the labels of a task.
///
/// # Errors
/// As [`label`].
pub async fn label_anew(scope: &mut WriteScope, task_id: TaskId, labels: &[LabelId]) -> Result<(), StoreError> {
    LABELS.replace::<TaskLabelId>(scope, task_id, labels).await
}

/// Puts these labels, each once, on a task without labels.
///
/// # Errors
/// A foreign-key violation when there is no such label.
pub async fn label(scope: &mut WriteScope, task_id: TaskId, labels: &[LabelId]) -> Result<(), StoreError> {
    LABELS.put::<TaskLabelId>(scope, task_id, labels).await
}

/// The labels of each of these tasks, in the order in which they were given; a task without any has no entry.
///
/// # Errors
/// Those of the database.
pub fn labels<'s>(scope: &'s impl Scope, tasks: &[TaskId]) -> Read<'s, HashMap<TaskId, Arc<Vec<LabelId>>>> {
    LABELS.of(scope, tasks)
}

/// The greatest position in a project. Call it under [`lock_board`].
///
/// # Errors
/// Those of the database.
pub async fn last_position(scope: &mut WriteScope, project_id: ProjectId) -> Result<Option<Position>, StoreError> {
    let mut sql = Sql::new("SELECT t.position FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.project_id = ").bind(project_id.as_uuid());
    sql.push(" ORDER BY t.position DESC, t.id DESC LIMIT 1");
    position(scope, sql).await
}

/// The position that follows `after` in a project, or the first one. Call it under [`lock_board`].
///
/// # Errors
/// Those of the database.
pub async fn position_behind(
    scope: &mut WriteScope,
    project_id: ProjectId,
    after: Option<&Position>,
    moved: TaskId,
) -> Result<Option<Position>, StoreError> {
    let mut sql = Sql::new("SELECT t.position FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.project_id = ").bind(project_id.as_uuid());
    if let Some(after) = after {
        sql.push(" AND t.position > ").bind(after.as_str().to_owned());
    }
    // The task that moves is not its own neighbour.
    sql.push(" AND t.id <> ").bind(moved.as_uuid());
    sql.push(" ORDER BY t.position, t.id LIMIT 1");
    position(scope, sql).await
}

/// The tasks above this one, from its parent upwards, as far as `limit`.
///
/// # Errors
/// Those of the database.
pub async fn ancestors(scope: &impl Scope, id: TaskId, limit: usize) -> Result<Vec<TaskId>, StoreError> {
    let mut sql = Sql::new(
        "WITH RECURSIVE up (id, depth) AS (SELECT t.parent_task_id, 1 FROM app.tasks t WHERE t.organization_id = ",
    );
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push_placeholder(organization).push(" AND t.id = ").bind(id.as_uuid());
    sql.push(" UNION ALL SELECT t.parent_task_id, up.depth + 1 FROM up JOIN app.tasks t ON t.organization_id = ");
    sql.push_placeholder(organization).push(" AND t.id = up.id WHERE up.depth < ");
    // Bounded by a domain constant far below 2³¹.
    sql.bind(i32::try_from(limit).unwrap_or(i32::MAX)).push(") SELECT up.id FROM up WHERE up.id IS NOT NULL");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(TaskId::from_uuid(row.get(0)?))).collect()
}

/// How many levels of subtasks hang below a task, counted no further than `limit`.
///
/// # Errors
/// Those of the database.
pub async fn height(scope: &impl Scope, id: TaskId, limit: usize) -> Result<usize, StoreError> {
    let mut sql = Sql::new("WITH RECURSIVE down (id, depth) AS (SELECT ");
    sql.bind(id.as_uuid()).push("::uuid, 0 UNION ALL SELECT t.id, down.depth + 1 FROM down");
    sql.push(" JOIN app.tasks t ON t.organization_id = ").bind(scope.organization_id().as_uuid());
    sql.push(" AND t.parent_task_id = down.id WHERE down.depth < ");
    // Bounded by a domain constant far below 2³¹.
    sql.bind(i32::try_from(limit).unwrap_or(i32::MAX)).push(") SELECT max(depth)::bigint FROM down");
    let height = scope.connection().fetch_count(sql).await?;
    Ok(usize::try_from(height).unwrap_or(0))
}

/// How many tasks of each project are not done, in one statement; a project without any has no entry.
///
/// # Errors
/// Those of the database.
pub async fn count_open(scope: &impl Scope, projects: &[ProjectId]) -> Result<HashMap<ProjectId, u64>, StoreError> {
    let mut sql = Sql::new("SELECT wanted.id, found.count");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(projects)).push("SELECT count(*) FROM app.tasks t WHERE t.organization_id = ");
    sql.push_placeholder(organization).push(" AND t.project_id = wanted.id AND t.status <> 'done'");
    visibility::rows_of_projects(scope.actor(), &mut sql, "t.project_id");
    sql.push(") found WHERE found.count > 0");
    let rows = scope.connection().fetch(sql).await?;
    let read = |row: Row<'_>| {
        let (project, count): (Uuid, i64) = (row.get(0)?, row.get(1)?);
        Ok((ProjectId::from_uuid(project), count.unsigned_abs()))
    };
    rows.iter().map(read).collect()
}

/// Locks these tasks until the transaction ends; gives those that are there. Who puts a task on an invoice takes this lock first,
/// and the project's before it, as who moves tasks does.
///
/// # Errors
/// Those of the database.
pub async fn lock_for_billing(scope: &mut WriteScope, tasks: &[TaskId]) -> Result<HashSet<TaskId>, StoreError> {
    let mut sql = Sql::new("SELECT found.id");
    let organization = sql.value(scope.organization_id().as_uuid());
    // In the order of the ids, so that two who come at once do not wait for each other.
    let mut tasks = uuids(tasks);
    tasks.sort_unstable();
    sql.for_each(tasks).push("SELECT t.id FROM app.tasks t WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.id = wanted.id FOR NO KEY UPDATE OF t) found");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(TaskId::from_uuid(row.get(0)?))).collect()
}

/// Makes everyone who moves tasks of a project wait for the others. `FOR NO KEY UPDATE` leaves readers and foreign keys alone.
///
/// # Errors
/// Those of the database.
pub async fn lock_board(scope: &mut WriteScope, project_id: ProjectId) -> Result<(), StoreError> {
    let mut sql = Sql::new("SELECT 1 FROM app.projects p WHERE p.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND p.id = ").bind(project_id.as_uuid());
    sql.push(" FOR NO KEY UPDATE");
    scope.connection().fetch(sql).await.map(drop)
}

async fn position(scope: &mut WriteScope, sql: Sql) -> Result<Option<Position>, StoreError> {
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| Ok(Position::from_stored(row.get(0)?))).transpose()
}
