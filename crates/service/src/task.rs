//! Tasks: creating, changing, moving and deleting them.

use tenantry_billing::Billing;
use tenantry_domain::label::Label;
use tenantry_domain::permission::Operation;
use tenantry_domain::task::{MAX_SUBTASK_DEPTH, NewTask, Task, TaskChanges, completed_at};
use tenantry_domain::{Change, FieldError, FieldErrorCode, LabelId, Position, ProjectId, Role, TaskId, UserId};
use tenantry_store::{ColumnSet, Scope, WriteScope, member, task as store};

use crate::authorize::authorize_in_project;
use crate::error::{ServiceError, name_reference};
use crate::noun::Served;

impl Served for Task {
    type New = NewTask;
    type Changes = TaskChanges;

    /// It comes behind all others of its project.
    async fn before_create(
        scope: &mut WriteScope,
        _: &Billing,
        new: &NewTask,
        row: &mut Self,
    ) -> Result<(), ServiceError> {
        check_assignees(scope, &new.assignee_ids).await?;
        check_labels(scope, &new.label_ids).await?;
        store::lock_board(scope, row.project_id).await?;
        if let Some(parent) = row.parent_task_id {
            check_depth(scope, row.project_id, parent, 0).await?;
        }
        let last = store::last_position(scope, row.project_id).await?;
        row.position = position_between(last.as_ref(), None)?;
        row.completed_at = completed_at(None, row.status, row.created_at);
        Ok(())
    }

    async fn after_create(scope: &mut WriteScope, new: &NewTask, row: &Self) -> Result<(), ServiceError> {
        store::assign(scope, row.id, &new.assignee_ids).await.map_err(name_assignee)?;
        store::label(scope, row.id, &new.label_ids).await.map_err(name_label)
    }

    /// A move locks the board before the task, as a creation does. So they cannot deadlock, and two moves cannot make each task a subtask
    /// of the other.
    async fn before_lock(scope: &mut WriteScope, id: TaskId, changes: &TaskChanges) -> Result<(), ServiceError> {
        if changes.parent_task_id.is_keep() && changes.after_task_id.is_keep() {
            return Ok(());
        }
        let seen: Option<Self> = tenantry_store::get(scope, id).await?;
        // Not later: a task that came into sight meanwhile would be moved without the lock.
        let seen = seen.ok_or_else(|| FieldError::not_found("id", "task"))?;
        authorize_in_project(scope, Operation::WriteTask, seen.project_id, "id", "task").await?;
        Ok(store::lock_board(scope, seen.project_id).await?)
    }

    async fn before_update(
        scope: &mut WriteScope,
        _: &Billing,
        changes: &TaskChanges,
        before: &Self,
        after: &mut Self,
    ) -> Result<(), ServiceError> {
        if let Change::Set(assignees) = &changes.assignee_ids {
            check_assignees(scope, assignees).await?;
        }
        if let Change::Set(labels) = &changes.label_ids {
            check_labels(scope, labels).await?;
        }
        if let Change::Set(Some(parent)) = changes.parent_task_id {
            check_parent(scope, before, parent).await?;
        }
        if let Change::Set(behind) = changes.after_task_id {
            after.position = position_after(scope, before, behind).await?;
        }
        after.completed_at = completed_at(before.completed_at, after.status, scope.tenant().clock.now());
        if let Change::Set(assignees) = &changes.assignee_ids {
            store::assign_anew(scope, before.id, assignees).await.map_err(name_assignee)?;
        }
        if let Change::Set(labels) = &changes.label_ids {
            store::label_anew(scope, before.id, labels).await.map_err(name_label)?;
        }
        Ok(())
    }
}

fn name_assignee(error: tenantry_store::StoreError) -> ServiceError {
    name_reference(error, &[("task_assignees_user_id_fkey", "assigneeIds", "member")])
}

fn name_label(error: tenantry_store::StoreError) -> ServiceError {
    name_reference(error, &[("task_labels_label_id_fkey", "labelIds", "label")])
}

/// As [`check_assignees`]: a guest sees not all labels.
async fn check_labels(scope: &mut WriteScope, labels: &[LabelId]) -> Result<(), ServiceError> {
    if scope.actor().role != Role::Guest || labels.is_empty() {
        return Ok(());
    }
    let seen = tenantry_store::get_many::<Label>(scope, labels, ColumnSet::ID).await?;
    if labels.iter().all(|label| seen.contains_key(label)) {
        Ok(())
    } else {
        Err(FieldError::not_found("labelIds", "label").into())
    }
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
