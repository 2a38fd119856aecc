//! Tasks: reads and writes of `app.tasks` and `app.task_assignees`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::Set;
use tenantry_domain::task::{NewTask, Task, TaskChanges, TaskPriority, TaskStatus, completed_at};
use tenantry_domain::{Actor, Change, Position, ProjectId, TaskAssigneeId, TaskId, UserId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::column_set::ColumnSet;
use crate::columns::Columns;
use crate::entity;
use crate::error::StoreError;
use crate::page::{SortKey, SortKind, SortValue};
use crate::record::{Record, Relation, uuids};
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

/// What a list of tasks can be narrowed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct TaskFilter {
    /// Only tasks of these statuses; empty means any.
    pub status: Vec<TaskStatus>,
    /// Only tasks of this project.
    pub project_id: Option<ProjectId>,
    /// Only tasks that this member is assigned to.
    pub assignee_id: Option<UserId>,
    /// Only tasks that are (or are not) part of another.
    pub is_subtask: Option<bool>,
    /// Only tasks due at or after this time.
    pub due_from: Option<DateTime<Utc>>,
    /// Only tasks due before this time.
    pub due_before: Option<DateTime<Utc>>,
}

/// What a list of tasks can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TaskSort {
    /// When the row was made.
    #[default]
    CreatedAt,
    /// By due date; tasks without one come last.
    DueAt,
    /// By their place on the board.
    Position,
    /// Urgent ones first, then by due date; tasks without one come last.
    Urgency,
}

/// Through which rows a task is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskParent {
    /// The project it belongs to.
    Project,
    /// The task it is a part of.
    Task,
    /// The member it is assigned to; the parent's id is the user's.
    Assignee,
    /// The invoice that covers it.
    Invoice,
}

const DUE: SortKey =
    SortKey { expression: "coalesce(t.due_at, 'infinity'::timestamptz)", kind: SortKind::OptionalTime };
const URGENCY: SortKey = SortKey {
    expression: "(CASE t.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END)",
    kind: SortKind::Number,
};

/// The value of [`URGENCY`].
fn urgency(priority: TaskPriority) -> i32 {
    match priority {
        TaskPriority::Urgent => 0,
        TaskPriority::High => 1,
        TaskPriority::Medium => 2,
        TaskPriority::Low => 3,
    }
}

impl Record for Task {
    type Id = TaskId;
    type Filter = TaskFilter;
    type SortField = TaskSort;
    type Parent = TaskParent;

    const NAME: &'static str = "app.tasks";
    const FROM: &'static str = "app.tasks t";
    const COLUMNS: &'static [&'static str] = &[
        "t.id",
        "t.organization_id",
        "t.project_id",
        "t.parent_task_id",
        "t.title",
        "t.description",
        "t.status",
        "t.priority",
        "t.position",
        "t.created_by",
        "t.due_at",
        "t.completed_at",
        "t.created_at",
        "t.updated_at",
    ];

    fn id(&self) -> TaskId {
        self.id
    }

    fn decode(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.id()?,
            organization_id: columns.id()?,
            project_id: columns.id()?,
            parent_task_id: columns.optional_id()?,
            title: columns.next()?,
            description: columns.next()?,
            status: columns.parsed()?,
            priority: columns.parsed()?,
            position: Position::from_stored(columns.next()?),
            created_by: columns.optional_id()?,
            due_at: columns.optional_time()?,
            completed_at: columns.optional_time()?,
            created_at: columns.time()?,
            updated_at: columns.time()?,
        })
    }

    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        visibility::rows_of_projects(actor, sql, "t.project_id");
    }

    fn narrow(filter: &TaskFilter, _: &Tenant, sql: &mut Sql) {
        sql.narrow_to_any("t.status", &filter.status, |status| status.as_str());
        sql.narrow_to_id("t.project_id", filter.project_id);
        if let Some(user_id) = filter.assignee_id {
            sql.push(
                " AND EXISTS (SELECT 1 FROM app.task_assignees a WHERE a.organization_id = $1 AND a.task_id = t.id",
            );
            sql.push(" AND a.user_id = ").bind(user_id.as_uuid()).push(")");
        }
        match filter.is_subtask {
            Some(true) => drop(sql.push(" AND t.parent_task_id IS NOT NULL")),
            Some(false) => drop(sql.push(" AND t.parent_task_id IS NULL")),
            None => {}
        }
        // By the indexed expression; a task without a due date is due at no time.
        sql.narrow_to_range(DUE.expression, filter.due_from, filter.due_before);
        if filter.due_from.is_some() {
            sql.push(" AND t.due_at IS NOT NULL");
        }
    }

    fn sort_keys(field: TaskSort) -> &'static [SortKey] {
        match field {
            TaskSort::CreatedAt => &[SortKey { expression: "t.created_at", kind: SortKind::Time }],
            TaskSort::DueAt => &[DUE],
            TaskSort::Position => &[SortKey { expression: "t.position", kind: SortKind::Text }],
            TaskSort::Urgency => &[URGENCY, DUE],
        }
    }

    fn sort_columns(field: TaskSort) -> ColumnSet {
        let names: &[&str] = match field {
            TaskSort::CreatedAt => &["created_at"],
            TaskSort::DueAt => &["due_at"],
            TaskSort::Position => &["position"],
            TaskSort::Urgency => &["priority", "due_at"],
        };
        ColumnSet::of(Self::COLUMNS, names)
    }

    fn sort_values(&self, field: TaskSort) -> Vec<SortValue> {
        match field {
            TaskSort::CreatedAt => vec![SortValue::Time(self.created_at)],
            TaskSort::DueAt => vec![SortValue::time_or_infinity(self.due_at)],
            TaskSort::Position => vec![SortValue::Text(self.position.as_str().to_owned())],
            TaskSort::Urgency => {
                vec![SortValue::Number(urgency(self.priority)), SortValue::time_or_infinity(self.due_at)]
            }
        }
    }

    fn relation(parent: TaskParent) -> Relation {
        match parent {
            // A task is seen by whoever sees its project, and a subtask lies in the same project.
            TaskParent::Project => Relation { column: "t.project_id", join: "", visible_with_parent: true },
            TaskParent::Task => Relation { column: "t.parent_task_id", join: "", visible_with_parent: true },
            TaskParent::Assignee => Relation {
                column: "a.user_id",
                join: " JOIN app.task_assignees a ON a.organization_id = t.organization_id AND a.task_id = t.id",
                visible_with_parent: false,
            },
            TaskParent::Invoice => Relation {
                column: "i.invoice_id",
                join: " JOIN app.invoice_tasks i ON i.organization_id = t.organization_id AND i.task_id = t.id",
                visible_with_parent: false,
            },
        }
    }
}

/// Inserts a task that has been validated, at this position.
///
/// # Errors
/// A foreign-key violation when the project, the parent (in the same project) or an assignee does not exist in the
/// organization.
pub async fn create(scope: &mut WriteScope, new: NewTask, position: Position) -> Result<Task, StoreError> {
    let clock = &scope.tenant().clock;
    let (id, now): (TaskId, _) = (clock.new_id(), clock.now());
    let status = new.status.unwrap_or(TaskStatus::Todo);
    let row = entity::task::ActiveModel {
        organization_id: Set(scope.organization_id().as_uuid()),
        id: Set(id.as_uuid()),
        project_id: Set(new.project_id.as_uuid()),
        parent_task_id: Set(new.parent_task_id.map(|id| id.as_uuid())),
        title: Set(new.title),
        description: Set(new.description),
        status: Set(status.to_string()),
        priority: Set(new.priority.unwrap_or(TaskPriority::Medium).to_string()),
        position: Set(position.to_string()),
        created_by: Set(Some(scope.actor().user_id.as_uuid())),
        due_at: Set(new.due_at),
        completed_at: Set(completed_at(None, status, now)),
        created_at: Set(now),
        updated_at: Set(now),
    };
    let task: Task = write::insert(scope, row).await?;
    assign(scope, task.id, &new.assignee_ids).await?;
    Ok(task)
}

/// Applies changes that have been validated to a task that was read in this scope; `position` is where it goes, if it moves.
///
/// # Errors
/// A foreign-key violation when the parent (in the same project) or an assignee does not exist in the organization.
pub async fn update(
    scope: &mut WriteScope,
    before: &Task,
    changes: TaskChanges,
    position: Option<Position>,
) -> Result<Option<Task>, StoreError> {
    let now = write::next_update(&scope.tenant().clock, before.updated_at);
    let mut row = entity::task::ActiveModel { updated_at: Set(now), ..Default::default() };
    write::set!(row, changes, { title, description, due_at });
    if let Change::Set(status) = changes.status {
        row.status = Set(status.to_string());
        row.completed_at = Set(completed_at(before.completed_at, status, now));
    }
    if let Change::Set(priority) = changes.priority {
        row.priority = Set(priority.to_string());
    }
    if let Change::Set(parent) = changes.parent_task_id {
        row.parent_task_id = Set(parent.map(|id| id.as_uuid()));
    }
    if let Some(position) = position {
        row.position = Set(position.to_string());
    }
    if let Change::Set(assignees) = changes.assignee_ids {
        write::delete_where::<entity::task_assignee::Entity>(scope, write::is("task_id", before.id.as_uuid())).await?;
        assign(scope, before.id, &assignees).await?;
    }
    write::update(scope, row, before.id).await
}

/// Deletes a task with its subtasks and all that hangs on them. Tells whether there was one.
///
/// # Errors
/// Those of the database.
pub async fn delete(scope: &mut WriteScope, id: TaskId) -> Result<bool, StoreError> {
    write::delete::<entity::task::Entity>(scope, id).await
}

async fn assign(scope: &mut WriteScope, task_id: TaskId, users: &[UserId]) -> Result<(), StoreError> {
    let clock = scope.tenant().clock.clone();
    let now = clock.now();
    let rows = users.iter().map(|user_id| entity::task_assignee::ActiveModel {
        organization_id: Set(scope.organization_id().as_uuid()),
        id: Set(clock.new_id::<TaskAssigneeId>().as_uuid()),
        task_id: Set(task_id.as_uuid()),
        user_id: Set(user_id.as_uuid()),
        created_at: Set(now),
        updated_at: Set(now),
    });
    let rows = rows.collect();
    write::insert_many(scope, rows).await
}

/// The users assigned to each of these tasks, in the order of their assignment; a task without any has no entry.
///
/// # Errors
/// Those of the database.
pub async fn assignees(scope: &impl Scope, tasks: &[TaskId]) -> Result<HashMap<TaskId, Arc<Vec<UserId>>>, StoreError> {
    let mut sql = Sql::new("SELECT a.task_id, a.user_id FROM app.task_assignees a WHERE a.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    sql.push(" AND a.task_id = ANY(").bind(uuids(tasks)).push(") ORDER BY a.task_id, a.created_at, a.id");
    let rows = scope.connection().fetch(sql).await?;
    let mut found: HashMap<TaskId, Vec<UserId>> = HashMap::new();
    for row in rows.iter() {
        let (task, user): (Uuid, Uuid) = (row.get(0)?, row.get(1)?);
        found.entry(TaskId::from_uuid(task)).or_default().push(UserId::from_uuid(user));
    }
    Ok(found.into_iter().map(|(task, users)| (task, Arc::new(users))).collect())
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
    let mut sql = Sql::new("SELECT t.project_id, count(*) FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    sql.push(" AND t.project_id = ANY(").bind(uuids(projects)).push(") AND t.status <> 'done'");
    visibility::rows_of_projects(scope.actor(), &mut sql, "t.project_id");
    sql.push(" GROUP BY t.project_id");
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
    let mut sql = Sql::new("SELECT t.id FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.id = ANY(").bind(uuids(tasks));
    // Ordered, so that two who come at once do not wait for each other.
    sql.push(") ORDER BY t.id FOR NO KEY UPDATE OF t");
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
