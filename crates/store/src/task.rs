//! Tasks: reads and writes of `app.tasks`, and of who and what is joined to them.

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_domain::client::Client;
use tenantry_domain::noun::{Asked, Noun as _, Value};
use tenantry_domain::task::Task;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{LabelId, ProjectId, Role, TaskAssigneeId, TaskId, TaskLabelId, UserId};
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
use crate::{report, visibility};

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
            ("is_overdue", Asked::One(Value::Boolean(is_overdue))) => {
                // By the expression of the index. A task without a due date is never late.
                let now = tenant.clock.now();
                if *is_overdue {
                    sql.push(" AND t.status <> 'done' AND coalesce(t.due_at, 'infinity'::timestamptz) < ").bind(now);
                } else {
                    sql.push(" AND (t.status = 'done' OR coalesce(t.due_at, 'infinity'::timestamptz) >= ").bind(now);
                    sql.push(")");
                }
            }
            // Guests know nothing of invoices.
            ("is_unbilled", Asked::One(_)) if tenant.actor.role == Role::Guest => {
                sql.push(" AND false");
            }
            ("is_unbilled", Asked::One(Value::Boolean(is_unbilled))) => {
                sql.push(if *is_unbilled { " AND (true" } else { " AND NOT (true" });
                report::push_unbilled(sql);
                sql.push(")");
            }
            ("is_archived", Asked::One(Value::Boolean(is_archived))) => {
                // One look-up by id for each task, and not by the status, of which there may be many.
                sql.push(
                    " AND (SELECT p.status FROM app.projects p WHERE p.organization_id = $1 AND p.id = t.project_id) ",
                );
                sql.push(if *is_archived { "= 'archived'" } else { "<> 'archived'" });
            }
            ("is_subtask", Asked::One(Value::Boolean(true))) => drop(sql.push(" AND t.parent_task_id IS NOT NULL")),
            ("is_subtask", Asked::One(Value::Boolean(false))) => drop(sql.push(" AND t.parent_task_id IS NULL")),
            (condition, asked) => sql.refuse(&format!("no rule narrows tasks by {condition} {asked:?}")),
        }
    }
}

/// Replaces the users who are assigned to a task; gives those who were.
///
/// # Errors
/// As [`assign`].
pub async fn assign_anew(scope: &mut WriteScope, task_id: TaskId, users: &[UserId]) -> Result<Vec<UserId>, StoreError> {
    ASSIGNEES.replace::<TaskAssigneeId, _>(scope, task_id, users).await
}

/// Assigns these users, each once, to a task without assignees.
///
/// # Errors
/// A foreign-key violation when one of them is no member of the organization.
pub async fn assign(scope: &mut WriteScope, task_id: TaskId, users: &[UserId]) -> Result<(), StoreError> {
    ASSIGNEES.put::<TaskAssigneeId>(scope, task_id, users).await
}

/// The users assigned to each of these tasks, in the order in which they were given; a task without any has no entry.
///
/// # Errors
/// Those of the database.
pub fn assignees<'s>(scope: &'s impl Scope, tasks: &[TaskId]) -> Read<'s, HashMap<TaskId, Arc<Vec<UserId>>>> {
    ASSIGNEES.of(scope, tasks)
}

/// Replaces the labels of a task; gives those that it had.
///
/// # Errors
/// As [`label`].
pub async fn label_anew(
    scope: &mut WriteScope,
    task_id: TaskId,
    labels: &[LabelId],
) -> Result<Vec<LabelId>, StoreError> {
    LABELS.replace::<TaskLabelId, _>(scope, task_id, labels).await
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

/// How many tasks of each project are not done, in one statement; a project without any has no entry.
///
/// # Errors
/// Those of the database.
pub async fn count_open(scope: &impl Scope, projects: &[ProjectId]) -> Result<HashMap<ProjectId, u64>, StoreError> {
    let mut sql = Sql::count("SELECT wanted.id, found.count");
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

/// Locks these tasks until the transaction ends; gives those that are there, and the project of each. Who puts a task on an invoice
/// takes this lock first, and the project's before it, as who moves tasks does.
///
/// # Errors
/// Those of the database.
pub async fn lock_for_billing(
    scope: &mut WriteScope,
    tasks: &[TaskId],
) -> Result<HashMap<TaskId, ProjectId>, StoreError> {
    let mut sql = Sql::new("SELECT found.id, found.project_id");
    let organization = sql.value(scope.organization_id().as_uuid());
    // In the order of the ids, so that two who come at once do not wait for each other.
    let mut tasks = uuids(tasks);
    tasks.sort_unstable();
    sql.for_each(tasks).push("SELECT t.id, t.project_id FROM app.tasks t WHERE t.organization_id = ");
    sql.push_placeholder(organization).push(" AND t.id = wanted.id FOR NO KEY UPDATE OF t) found");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok((TaskId::from_uuid(row.get(0)?), ProjectId::from_uuid(row.get(1)?)))).collect()
}
