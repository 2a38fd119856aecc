//! Tasks: creating, changing and deleting them. `order` moves them.

mod order;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::label::Label;
use tenantry_domain::task::{NewTask, Task, TaskChanges, circle, circle_ends, completed_at};
use tenantry_domain::{Change, FieldError, FieldErrorCode, LabelId, ProjectId, Role, TaskId, UserId};
use tenantry_store::{ColumnSet, Scope, WriteScope, board, member, search, task as store};

use crate::error::{ServiceError, name_reference};
use crate::noun::Served;

use self::order::{lock_all_with_boards, lock_with_boards, position_at_end, position_behind};
pub use self::order::{move_task, move_tasks};

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
        if board::lock(scope, &[row.project_id]).await? == 0 {
            return Err(FieldError::not_found("projectId", "project").into());
        }
        if let Some(parent) = row.parent_task_id {
            check_parent(scope, row.project_id, parent).await?;
        }
        row.position = position_at_end(scope, row).await?;
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
        lock_with_boards(scope, id, None).await.map(drop)
    }

    /// What is below a task is below it until it is gone.
    async fn before_delete_lock(scope: &mut WriteScope, id: TaskId) -> Result<(), ServiceError> {
        lock_with_boards(scope, id, None).await.map(drop)
    }

    async fn lock_all(scope: &mut WriteScope, ids: &[TaskId]) -> Result<HashMap<TaskId, DateTime<Utc>>, ServiceError> {
        lock_all_with_boards(scope, ids, &[]).await
    }

    async fn lock_places(scope: &mut WriteScope, news: &[NewTask]) -> Result<(), ServiceError> {
        let boards: Vec<ProjectId> = news.iter().map(|new| new.project_id).collect();
        Ok(board::lock(scope, &boards).await.map(drop)?)
    }

    async fn before_update(
        scope: &mut WriteScope,
        _: &Billing,
        changes: &TaskChanges,
        before: &Self,
        after: &mut Self,
    ) -> Result<Vec<Joined>, ServiceError> {
        if let Change::Set(assignees) = &changes.assignee_ids {
            check_assignees(scope, assignees).await?;
        }
        if let Change::Set(labels) = &changes.label_ids {
            check_labels(scope, labels).await?;
        }
        if let Change::Set(Some(parent)) = changes.parent_task_id {
            check_new_parent(scope, before, parent).await?;
        }
        if let Change::Set(behind) = changes.after_task_id {
            after.position = position_behind(scope, before, behind).await?;
        }
        after.completed_at = completed_at(before.completed_at, after.status, scope.tenant().clock.now());
        let mut joined = Vec::new();
        if let Change::Set(assignees) = &changes.assignee_ids {
            let old = store::assign_anew(scope, before.id, assignees).await.map_err(name_assignee)?;
            joined.push(Joined::new("assigneeIds", &old, assignees));
        }
        if let Change::Set(labels) = &changes.label_ids {
            let old = store::label_anew(scope, before.id, labels).await.map_err(name_label)?;
            joined.push(Joined::new("labelIds", &old, labels));
        }
        Ok(joined)
    }

    /// What is below it goes as well.
    async fn before_delete(scope: &mut WriteScope, row: &Self) -> Result<(), ServiceError> {
        let family: Vec<TaskId> = board::family(scope, row.id).await?.into_iter().map(|slot| slot.id).collect();
        search::forget_tasks(scope, &family).await?;
        Ok(board::delete_below(scope, &family).await?)
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
async fn check_new_parent(scope: &mut WriteScope, task: &Task, parent: TaskId) -> Result<(), ServiceError> {
    check_parent(scope, task.project_id, parent).await?;
    let mut path = vec![parent];
    if parent != task.id {
        path.extend(board::ancestors(scope, parent).await?);
    }
    let Some(end) = path.iter().position(|above| *above == task.id) else { return Ok(()) };
    // From the task down to its new parent, and to the task again.
    path.truncate(end + 1);
    path.reverse();
    path.push(task.id);
    let shown = circle_ends(&path);
    let titles = tenantry_store::columns_of::<Task>("title");
    let tasks = tenantry_store::get_many::<Task>(scope, &shown, titles).await?;
    let titles: Vec<&str> = shown.iter().filter_map(|id| tasks.get(id)).map(|task| task.title.as_str()).collect();
    let message = format!("A task cannot be below itself: {}.", circle(&titles, path.len()));
    Err(FieldError::new(FieldErrorCode::Invalid, "parentTaskId", message).into())
}

/// A parent must lie in the project, and be visible to the caller.
async fn check_parent(scope: &mut WriteScope, project: ProjectId, parent: TaskId) -> Result<(), ServiceError> {
    let found: Option<Task> = tenantry_store::get(scope, parent).await?;
    if found.is_none_or(|found| found.project_id != project) {
        return Err(FieldError::not_found("parentTaskId", "task in this project").into());
    }
    Ok(())
}
