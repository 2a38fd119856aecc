//! The board of a project: the order of its tasks, what is above and below a task, and moving tasks.
//!
//! Callers that change the order of tasks, or their parents, hold [`lock`].

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_domain::noun::Noun as _;
use tenantry_domain::task::{Task, TaskStatus};
use tenantry_domain::{Position, ProjectId, TaskId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::column_set::ColumnSet;
use crate::error::StoreError;
use crate::read::Read;
use crate::record::{push_columns, read, seen, uuids};
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;
use crate::visibility;
use crate::write::NEXT_VERSION;

/// A task's place on its board. Where two positions are equal, the id decides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    /// Its position.
    pub position: Position,
    /// The task.
    pub id: TaskId,
}

/// Which way to look along a board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Towards its end.
    Behind,
    /// Towards its beginning.
    InFront,
}

/// A column of a board: its project, its status, and how many of its tasks are wanted.
pub type Column = (ProjectId, TaskStatus, i64);

/// The first tasks of columns: each of a project and a status, and so many. A column without tasks has no entry. What is asked for must
/// be visible: everybody who sees a project sees its tasks.
///
/// # Errors
/// Those of the database.
pub fn columns<'s>(scope: &'s impl Scope, columns: &[Column]) -> Read<'s, HashMap<Column, Arc<Vec<Arc<Task>>>>> {
    let mut sql = Sql::new("SELECT page.*, wanted.n FROM unnest(");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.bind(columns.iter().map(|(project, ..)| project.as_uuid()).collect::<Vec<_>>()).push(", ");
    sql.bind(columns.iter().map(|(_, status, _)| status.as_str()).collect::<Vec<_>>()).push(", ");
    sql.bind(columns.iter().map(|(.., limit)| *limit).collect::<Vec<_>>());
    sql.push(") WITH ORDINALITY AS wanted (project_id, status, size, n) CROSS JOIN LATERAL (SELECT ");
    push_columns::<Task>(&mut sql, seen::<Task>(scope.actor(), ColumnSet::ALL));
    sql.push(" FROM app.tasks t WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.project_id = wanted.project_id AND t.status = wanted.status");
    sql.push(" ORDER BY t.position, t.id LIMIT wanted.size) page");
    let columns = columns.to_vec();
    Read::rows(scope, sql, move |tenant, rows| {
        let mut found: HashMap<_, Vec<Arc<Task>>> = HashMap::new();
        for row in rows.iter() {
            let n: i64 = row.get(row.len() - 1)?;
            if let Some(column) = usize::try_from(n - 1).ok().and_then(|n| columns.get(n)) {
                found.entry(*column).or_default().push(Arc::new(read(tenant, row)?));
            }
        }
        Ok(found.into_iter().map(|(column, tasks)| (column, Arc::new(tasks))).collect())
    })
}

/// How many tasks of each project have each status; what has none has no entry.
///
/// # Errors
/// Those of the database.
pub fn counts<'s>(
    scope: &'s impl Scope,
    projects: &[ProjectId],
) -> Read<'s, HashMap<ProjectId, Arc<HashMap<TaskStatus, u64>>>> {
    let mut sql = Sql::new("SELECT wanted.id, found.status, found.count");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(projects)).push("SELECT t.status, count(*) AS count FROM app.tasks t");
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.project_id = wanted.id GROUP BY t.status) found");
    Read::rows(scope, sql, |_, rows| {
        let mut found: HashMap<ProjectId, HashMap<TaskStatus, u64>> = HashMap::new();
        for row in rows.iter() {
            let (project, status, count): (Uuid, &str, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let status = status.parse().map_err(|_| StoreError::Corrupt { table: Task::INFO.table, column: 1 })?;
            found.entry(ProjectId::from_uuid(project)).or_default().insert(status, count.unsigned_abs());
        }
        Ok(found.into_iter().map(|(project, counts)| (project, Arc::new(counts))).collect())
    })
}

/// Makes everyone who moves tasks of these projects wait for the others; gives how many of the projects there are that the actor may see.
/// `FOR NO KEY UPDATE` leaves readers and foreign keys alone.
///
/// # Errors
/// Those of the database.
pub async fn lock(scope: &mut WriteScope, projects: &[ProjectId]) -> Result<usize, StoreError> {
    let mut sql = Sql::new("SELECT found.id");
    let organization = sql.value(scope.organization_id().as_uuid());
    // In the order of the ids, so that two who come at once do not wait for each other.
    let mut projects = uuids(projects);
    projects.sort_unstable();
    projects.dedup();
    sql.for_each(projects).push("SELECT p.id FROM app.projects p WHERE p.organization_id = ");
    sql.push_placeholder(organization).push(" AND p.id = wanted.id");
    visibility::projects(scope.actor(), &mut sql, "p.workspace_id", "p.id");
    sql.push(" FOR NO KEY UPDATE OF p) found");
    Ok(scope.connection().fetch(sql).await?.len())
}

/// The next tasks of a project in one direction, the nearest first, without those that move; `from` the end of the board when there is
/// no task to look from.
///
/// # Errors
/// Those of the database.
pub async fn next(
    scope: &mut WriteScope,
    project: ProjectId,
    from: Option<&Slot>,
    way: Way,
    moving: &[TaskId],
    limit: usize,
) -> Result<Vec<Slot>, StoreError> {
    let mut sql = Sql::new("SELECT t.position, t.id FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.project_id = ").bind(project.as_uuid());
    if let Some(from) = from {
        sql.push(if way == Way::Behind { " AND (t.position, t.id) > (" } else { " AND (t.position, t.id) < (" });
        sql.bind(from.position.as_str().to_owned()).push(", ").bind(from.id.as_uuid()).push(")");
    }
    if let [moving] = moving {
        sql.push(" AND t.id <> ").bind(moving.as_uuid());
    } else if !moving.is_empty() {
        sql.push(" AND t.id <> ALL(").bind(uuids(moving)).push(")");
    }
    sql.push(match way {
        Way::Behind => " ORDER BY t.position, t.id LIMIT ",
        Way::InFront => " ORDER BY t.position DESC, t.id DESC LIMIT ",
    });
    sql.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    slots(scope, sql).await
}

/// A task and all below it, in the order of the board; the task itself first. None when there is no such task.
///
/// # Errors
/// Those of the database.
pub async fn family(scope: &mut WriteScope, id: TaskId) -> Result<Vec<Slot>, StoreError> {
    let mut sql = Sql::new("WITH RECURSIVE down (id, position) AS (SELECT t.id, t.position FROM app.tasks t");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization).push(" AND t.id = ");
    let root = sql.value(id.as_uuid());
    // The sort makes PostgreSQL look each level up by its index: see `Sql::for_each`. UNION ends the recursion even on a cycle.
    sql.push_placeholder(root).push(" UNION SELECT below.id, below.position FROM down CROSS JOIN LATERAL (");
    sql.push("SELECT t.id, t.position FROM app.tasks t WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.parent_task_id = down.id ORDER BY t.position, t.id) below)");
    sql.push(" SELECT down.position, down.id FROM down ORDER BY down.id <> ").push_placeholder(root);
    sql.push(", down.position, down.id");
    slots(scope, sql).await
}

/// The tasks above this one, from its parent upwards.
///
/// # Errors
/// Those of the database.
pub async fn ancestors(scope: &impl Scope, id: TaskId) -> Result<Vec<TaskId>, StoreError> {
    let mut sql = Sql::new("WITH RECURSIVE up (id, depth) AS (SELECT t.parent_task_id, 1 FROM app.tasks t");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization).push(" AND t.id = ").bind(id.as_uuid());
    sql.push(" UNION ALL SELECT above.id, up.depth + 1 FROM up CROSS JOIN LATERAL (");
    sql.push("SELECT t.parent_task_id AS id FROM app.tasks t WHERE t.organization_id = ")
        .push_placeholder(organization);
    // The bound ends the recursion even on a cycle.
    sql.push(" AND t.id = up.id AND up.depth < 1000000 LIMIT 1) above)");
    sql.push(" SELECT up.id FROM up WHERE up.id IS NOT NULL ORDER BY up.depth");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(TaskId::from_uuid(row.get(0)?))).collect()
}

/// Gives tasks new positions.
///
/// # Errors
/// Those of the database.
pub async fn place(scope: &mut WriteScope, slots: &[Slot]) -> Result<(), StoreError> {
    put(scope, slots, None).await
}

/// Moves a task, which comes first, with all below it to another project, each to its new position. It is below no task any more.
///
/// # Errors
/// Those of the database.
pub async fn relocate(scope: &mut WriteScope, family: &[Slot], project: ProjectId) -> Result<(), StoreError> {
    put(scope, family, Some(project)).await
}

/// One statement, because the key of a subtask is to its parent and their project together.
async fn put(scope: &mut WriteScope, slots: &[Slot], project: Option<ProjectId>) -> Result<(), StoreError> {
    let Some(first) = slots.first() else { return Ok(()) };
    let ids: Vec<Uuid> = slots.iter().map(|slot| slot.id.as_uuid()).collect();
    let positions: Vec<String> = slots.iter().map(|slot| slot.position.as_str().to_owned()).collect();
    // What is now is $1 in the text of a version.
    let mut sql = Sql::new("UPDATE app.tasks t SET updated_at = ");
    sql.value(scope.tenant().clock.now());
    sql.push(NEXT_VERSION).push(", position = placed.position");
    if let Some(project) = project {
        sql.push(", project_id = ").bind(project.as_uuid());
        sql.push(", parent_task_id = CASE WHEN t.id <> ").bind(first.id.as_uuid()).push(" THEN t.parent_task_id END");
    }
    sql.push(" FROM unnest(").bind(ids).push(", ").bind(positions).push(") AS placed (id, position)");
    sql.push(" WHERE t.organization_id = ").bind(scope.organization_id().as_uuid()).push(" AND t.id = placed.id");
    scope.connection().execute(sql).await.map(drop)
}

/// Deletes all tasks of a family but the first, which is above them.
///
/// The keys would do so by themselves, but level by level, each in the middle of the one above: that takes as much of the server's
/// stack as there are levels.
///
/// # Errors
/// Those of the database.
pub async fn delete_below(scope: &mut WriteScope, family: &[TaskId]) -> Result<(), StoreError> {
    let [_, below @ ..] = family else { return Ok(()) };
    if below.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("DELETE FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.id = ANY(").bind(uuids(below)).push(")");
    scope.connection().execute(sql).await.map(drop)
}

async fn slots(scope: &mut WriteScope, sql: Sql) -> Result<Vec<Slot>, StoreError> {
    let rows = scope.connection().fetch(sql).await?;
    let read =
        |row: Row<'_>| Ok(Slot { position: Position::from_stored(row.get(0)?), id: TaskId::from_uuid(row.get(1)?) });
    rows.iter().map(read).collect()
}
