//! Tasks: creating, changing, moving and deleting them.

use chrono::{DateTime, Utc};
use tenantry_domain::permission::Operation;
use tenantry_domain::task::{MAX_SUBTASK_DEPTH, NewTask, Task, TaskChanges};
use tenantry_domain::{Change, FieldError, FieldErrorCode, Position, ProjectId, Role, TaskId, UserId};
use tenantry_store::{ColumnSet, Scope, WriteScope, member, task as store};

use crate::authorize::{authorize_in_project, check_unchanged};
use crate::error::{ServiceError, name_reference};

/// What a task refers to, by the constraint that guards it.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("tasks_project_id_fkey", "projectId", "project"),
    ("tasks_project_id_parent_task_id_fkey", "parentTaskId", "task in this project"),
    ("task_assignees_user_id_fkey", "assigneeIds", "member"),
];

/// Creates a task, behind all others of its project.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds or a reference to nothing.
pub async fn create(scope: &mut WriteScope, new: NewTask) -> Result<Task, ServiceError> {
    authorize_in_project(scope, Operation::WriteTask, new.project_id, "projectId", "project").await?;
    let new = new.validated()?;
    check_assignees(scope, &new.assignee_ids).await?;
    store::lock_board(scope, new.project_id).await?;
    if let Some(parent) = new.parent_task_id {
        check_depth(scope, new.project_id, parent, 0).await?;
    }
    let last = store::last_position(scope, new.project_id).await?;
    let position = position_between(last.as_ref(), None)?;
    store::create(scope, new, position).await.map_err(|error| name_reference(error, REFERENCES))
}

/// Changes a task, or moves it on its board or under another task.
///
/// # Errors
/// As [`create`]; besides, [`ServiceError::Refused`] when there is no such task, it is not as `expected` any more, or it
/// would become a part of itself.
pub async fn update(
    scope: &mut WriteScope,
    id: TaskId,
    expected: Option<DateTime<Utc>>,
    changes: TaskChanges,
) -> Result<Task, ServiceError> {
    let moves = !changes.parent_task_id.is_keep() || !changes.after_task_id.is_keep();
    let before = existing(scope, id, moves).await?;
    check_unchanged(expected, before.updated_at)?;
    let changes = changes.validated()?;
    if let Change::Set(assignees) = &changes.assignee_ids {
        check_assignees(scope, assignees).await?;
    }
    if let Change::Set(Some(parent)) = changes.parent_task_id {
        check_parent(scope, &before, parent).await?;
    }
    let position = match changes.after_task_id {
        Change::Keep => None,
        Change::Set(after) => Some(position_after(scope, &before, after).await?),
    };
    let after =
        store::update(scope, &before, changes, position).await.map_err(|error| name_reference(error, REFERENCES))?;
    after.ok_or_else(not_found)
}

/// Deletes a task with its subtasks. Gives what was deleted.
///
/// # Errors
/// As [`update`].
pub async fn delete(
    scope: &mut WriteScope,
    id: TaskId,
    expected: Option<DateTime<Utc>>,
) -> Result<TaskId, ServiceError> {
    let before = existing(scope, id, false).await?;
    check_unchanged(expected, before.updated_at)?;
    tenantry_store::delete::<Task>(scope, id).await?;
    Ok(id)
}

/// The task, locked, if the caller may write it. For a move the board is locked first, as whoever creates a task does, so that
/// nobody waits for the other crosswise and two moves cannot make a circle between them.
async fn existing(scope: &mut WriteScope, id: TaskId, moves: bool) -> Result<Task, ServiceError> {
    let seen: Option<Task> = tenantry_store::get(scope, id).await?;
    let Some(seen) = seen else {
        // Who may write no task anywhere is told so, whether this one exists or not.
        crate::authorize::authorize(scope, Operation::WriteTask, None, "id", "task")?;
        return Err(not_found());
    };
    authorize_in_project(scope, Operation::WriteTask, seen.project_id, "id", "task").await?;
    if moves {
        store::lock_board(scope, seen.project_id).await?;
    }
    tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)
}

/// Assignees must be there for the caller. A guest does not see all members, and whether a hidden one is assigned or an
/// unknown one refused must not tell them apart. To everybody else the foreign key says the same without a statement.
async fn check_assignees(scope: &mut WriteScope, users: &[UserId]) -> Result<(), ServiceError> {
    if scope.actor().role != Role::Guest || users.is_empty() {
        return Ok(());
    }
    let seen = member::get_by_users(scope, users, ColumnSet::ID).await?;
    if users.iter().all(|user| seen.contains_key(user)) {
        Ok(())
    } else {
        Err(FieldError::not_found("assigneeIds", "member").into())
    }
}

/// The new parent must be another task of the project that is not below this one.
async fn check_parent(scope: &mut WriteScope, task: &Task, parent: TaskId) -> Result<(), ServiceError> {
    let above = store::ancestors(scope, parent, MAX_SUBTASK_DEPTH).await?;
    if parent == task.id || above.contains(&task.id) {
        let message = "A task cannot be its own subtask.";
        return Err(FieldError::new(FieldErrorCode::Invalid, "parentTaskId", message).into());
    }
    let height = store::height(scope, task.id, MAX_SUBTASK_DEPTH).await?;
    check_depth(scope, task.project_id, parent, height).await
}

/// Something `height` levels high must fit below `parent`, which must lie in the project.
async fn check_depth(
    scope: &mut WriteScope,
    project: ProjectId,
    parent: TaskId,
    height: usize,
) -> Result<(), ServiceError> {
    // The foreign key would say so too, but only after the depth, which would tell how deep a hidden task lies.
    let found: Option<Task> = tenantry_store::get(scope, parent).await?;
    if found.is_none_or(|found| found.project_id != project) {
        return Err(FieldError::not_found("parentTaskId", "task in this project").into());
    }
    let above = store::ancestors(scope, parent, MAX_SUBTASK_DEPTH).await?;
    if above.len() + 1 + height > MAX_SUBTASK_DEPTH {
        let message = format!("Subtasks can be nested at most {MAX_SUBTASK_DEPTH} levels deep.");
        return Err(FieldError::new(FieldErrorCode::OutOfRange, "parentTaskId", message).into());
    }
    Ok(())
}

/// The position right behind `after`, which must lie on the same board; without one, the first.
async fn position_after(scope: &mut WriteScope, task: &Task, after: Option<TaskId>) -> Result<Position, ServiceError> {
    let lower = match after {
        None => None,
        Some(after) => {
            let sibling: Option<Task> = tenantry_store::get(scope, after).await?;
            let sibling = sibling.filter(|sibling| sibling.project_id == task.project_id && sibling.id != task.id);
            let sibling = sibling.ok_or_else(|| FieldError::not_found("afterTaskId", "task in this project"))?;
            Some(sibling.position)
        }
    };
    let upper = store::position_behind(scope, task.project_id, lower.as_ref(), task.id).await?;
    position_between(lower.as_ref(), upper.as_ref())
}

fn position_between(lower: Option<&Position>, upper: Option<&Position>) -> Result<Position, ServiceError> {
    Position::between(lower, upper).map_err(|_| {
        let message = "There is no position left between these two tasks; move one of them first.";
        FieldError::new(FieldErrorCode::Invalid, "afterTaskId", message).into()
    })
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "task").into()
}
