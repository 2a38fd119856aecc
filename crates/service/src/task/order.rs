//! The order of a project's tasks: where a task goes, and room for it there.

use chrono::{DateTime, Utc};
use tenantry_domain::permission::Operation;
use tenantry_domain::task::{Destination, Task, completed_at};
use tenantry_domain::{FieldError, FieldErrorCode, Position, ProjectId, TaskId};
use tenantry_store::board::{self, Slot, Way};
use tenantry_store::{ColumnSet, Scope as _, WriteScope, invoice, project, task as store};

use crate::authorize::{authorize_at_all, authorize_in_project, check_unchanged};
use crate::bulk::check_length;
use crate::error::ServiceError;

/// How many tasks on either side are spaced out anew when a place is crowded; more if these do not make enough room.
const WINDOW: usize = 32;

/// Moves a task: to another project, into another column, in front of or behind another task. Without a neighbour it comes at the end.
/// What is below it goes along to another project; what it was below stays.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such task, project or neighbour there, when the neighbours
/// are not in this order any more, when a draft bills the task to another client than the new project's, or when the task has changed
/// since `expected`.
pub async fn move_task(
    scope: &mut WriteScope,
    id: TaskId,
    expected: Option<DateTime<Utc>>,
    to: Destination,
) -> Result<Task, ServiceError> {
    authorize_at_all(scope, Operation::WriteTask)?;
    let before = lock_with_boards(scope, id, to.project_id).await?;
    check_unchanged(expected, before.updated_at)?;
    let project = to.project_id.unwrap_or(before.project_id);
    let mut now = before.clone();
    if project == before.project_id {
        let slot = Slot { position: before.position.clone(), id };
        let places = find_room(scope, project, &[id], to).await?;
        now.position = places.into_iter().next().map_or(slot.position, |slot| slot.position);
    } else {
        let family: Vec<TaskId> = board::family(scope, id).await?.into_iter().map(|slot| slot.id).collect();
        check_bills(scope, &family, project).await?;
        let places = find_room(scope, project, &family, to).await?;
        board::relocate(scope, &places, project).await?;
        // As it stands now: it is in the other project, and below no task.
        now = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)?;
    }
    let stored = if project == before.project_id { before } else { now.clone() };
    if let Some(status) = to.status {
        now.status = status;
        now.completed_at = completed_at(stored.completed_at, status, scope.tenant().clock.now());
    }
    tenantry_store::update(scope, &stored, &now).await?.ok_or_else(not_found)
}

/// Moves several tasks, in this order, so that a later one can go next to an earlier one.
///
/// # Errors
/// As [`move_task`], naming the element of `list`.
pub async fn move_tasks(
    scope: &mut WriteScope,
    list: &str,
    moves: &[(TaskId, Option<DateTime<Utc>>, Destination)],
) -> Result<Vec<Task>, ServiceError> {
    check_length(list, moves.len())?;
    let ids: Vec<TaskId> = moves.iter().map(|(id, ..)| *id).collect();
    let seen = tenantry_store::get_many::<Task>(scope, &ids, ColumnSet::ALL).await?;
    let sources = seen.values().map(|task| task.project_id);
    let boards: Vec<ProjectId> = sources.chain(moves.iter().filter_map(|(.., to)| to.project_id)).collect();
    board::lock(scope, &boards).await?;
    tenantry_store::lock::<Task>(scope, &ids).await?;
    let mut tasks = Vec::with_capacity(moves.len());
    for (n, (id, expected, to)) in moves.iter().enumerate() {
        let task = move_task(scope, *id, *expected, *to).await;
        tasks.push(task.map_err(|error| error.within(list, n))?);
    }
    Ok(tasks)
}

/// The position right behind `after`, or the first one; for the update of a task under the board's lock.
pub(super) async fn position_behind(
    scope: &mut WriteScope,
    task: &Task,
    after: Option<TaskId>,
) -> Result<Position, ServiceError> {
    let lower = match after {
        Some(after) => Some(neighbour(scope, task.project_id, &[task.id], after, "afterTaskId").await?),
        None => None,
    };
    let places = room_behind(scope, task.project_id, &[task.id], lower).await?;
    Ok(places.into_iter().next().map_or_else(|| task.position.clone(), |slot| slot.position))
}

/// The position behind all others of a project, for a new task under the board's lock.
pub(super) async fn position_at_end(scope: &mut WriteScope, project: ProjectId) -> Result<Position, ServiceError> {
    let last = board::next(scope, project, None, Way::InFront, &[], 1).await?.pop();
    Position::after(last.as_ref().map(|slot| &slot.position)).map_err(|_| no_room())
}

/// The task with its board and the one that it goes to, locked, in the order in which everybody locks them.
async fn lock_with_boards(scope: &mut WriteScope, id: TaskId, to: Option<ProjectId>) -> Result<Task, ServiceError> {
    // Where it is can only be known for sure when its board is locked.
    for _ in 0..3 {
        let seen: Task = tenantry_store::get(scope, id).await?.ok_or_else(not_found)?;
        authorize_in_project(scope, Operation::WriteTask, seen.project_id, "id", "task").await?;
        let other = to.filter(|other| *other != seen.project_id);
        if let Some(other) = other {
            authorize_in_project(scope, Operation::WriteTask, other, "projectId", "project").await?;
        }
        let boards: Vec<ProjectId> = [seen.project_id].into_iter().chain(other).collect();
        if board::lock(scope, &boards).await? < boards.len() && other.is_some() {
            return Err(FieldError::not_found("projectId", "project").into());
        }
        let locked: Task = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)?;
        if locked.project_id == seen.project_id {
            return Ok(locked);
        }
    }
    let message = "It is being moved by somebody else; try again.";
    Err(FieldError::new(FieldErrorCode::Conflict, "id", message).into())
}

/// Places for tasks that move together, where the destination says.
async fn find_room(
    scope: &mut WriteScope,
    project: ProjectId,
    moving: &[TaskId],
    to: Destination,
) -> Result<Vec<Slot>, ServiceError> {
    let after = match to.after {
        Some(after) => Some(neighbour(scope, project, moving, after, "after").await?),
        None => None,
    };
    let before = match to.before {
        Some(before) => Some(neighbour(scope, project, moving, before, "before").await?),
        None => None,
    };
    match (after, before) {
        (Some(after), Some(before)) if after >= before => {
            let message = "This task does not come behind the one that is given by `after`.";
            Err(FieldError::new(FieldErrorCode::Conflict, "before", message).into())
        }
        (Some(after), _) => room_behind(scope, project, moving, Some(after)).await,
        (None, Some(before)) => {
            let lower = board::next(scope, project, Some(&before), Way::InFront, moving, 1).await?.pop();
            room_between(scope, project, moving, lower, Some(before)).await
        }
        (None, None) => {
            let last = board::next(scope, project, None, Way::InFront, moving, 1).await?.pop();
            room_between(scope, project, moving, last, None).await
        }
    }
}

/// A task of the project that stays where it is.
async fn neighbour(
    scope: &mut WriteScope,
    project: ProjectId,
    moving: &[TaskId],
    id: TaskId,
    field: &str,
) -> Result<Slot, ServiceError> {
    let found: Option<Task> = tenantry_store::get(scope, id).await?;
    let found = found.filter(|found| found.project_id == project && !moving.contains(&id));
    let found = found.ok_or_else(|| FieldError::not_found(field, "task in this project"))?;
    Ok(Slot { position: found.position, id })
}

async fn room_behind(
    scope: &mut WriteScope,
    project: ProjectId,
    moving: &[TaskId],
    lower: Option<Slot>,
) -> Result<Vec<Slot>, ServiceError> {
    let upper = board::next(scope, project, lower.as_ref(), Way::Behind, moving, 1).await?.pop();
    room_between(scope, project, moving, lower, upper).await
}

/// Places between two neighbours. Where they are crowded, the tasks around are spaced out anew.
async fn room_between(
    scope: &mut WriteScope,
    project: ProjectId,
    moving: &[TaskId],
    lower: Option<Slot>,
    upper: Option<Slot>,
) -> Result<Vec<Slot>, ServiceError> {
    let made = spread(lower.as_ref(), upper.as_ref(), moving.len());
    if let Some(made) = made {
        return Ok(slots(made, moving.iter().copied()));
    }
    let mut window = WINDOW;
    loop {
        let before = around(scope, project, moving, lower.as_ref(), Way::InFront, window).await?;
        let behind = around(scope, project, moving, upper.as_ref(), Way::Behind, window).await?;
        let is_whole = before.border.is_none() && behind.border.is_none();
        let ids: Vec<TaskId> = before
            .tasks
            .iter()
            .rev()
            .map(|slot| slot.id)
            .chain(moving.iter().copied())
            .chain(behind.tasks.iter().map(|slot| slot.id))
            .collect();
        match spread(before.border.as_ref(), behind.border.as_ref(), ids.len()) {
            Some(made) => {
                let (moved, spaced): (Vec<Slot>, Vec<Slot>) =
                    slots(made, ids.into_iter()).into_iter().partition(|slot| moving.contains(&slot.id));
                board::place(scope, &spaced).await?;
                return Ok(moved);
            }
            None if is_whole => return Err(no_room()),
            None => window *= 8,
        }
    }
}

/// Positions between two tasks, unless they would be too long.
fn spread(lower: Option<&Slot>, upper: Option<&Slot>, count: usize) -> Option<Vec<Position>> {
    let position = |slot: Option<&'_ Slot>| slot.map(|slot| slot.position.clone());
    let made = Position::spread(position(lower).as_ref(), position(upper).as_ref(), count).ok()?;
    (!made.iter().any(Position::is_crowded)).then_some(made)
}

fn slots(positions: Vec<Position>, ids: impl Iterator<Item = TaskId>) -> Vec<Slot> {
    positions.into_iter().zip(ids).map(|(position, id)| Slot { position, id }).collect()
}

/// The tasks on one side of a gap.
struct Side {
    /// The nearest first.
    tasks: Vec<Slot>,
    /// The first one that is left where it is, if there is one.
    border: Option<Slot>,
}

/// This neighbour and those beyond it, as many as `window`.
async fn around(
    scope: &mut WriteScope,
    project: ProjectId,
    moving: &[TaskId],
    neighbour: Option<&Slot>,
    way: Way,
    window: usize,
) -> Result<Side, ServiceError> {
    let Some(neighbour) = neighbour else { return Ok(Side { tasks: Vec::new(), border: None }) };
    let mut tasks = vec![neighbour.clone()];
    tasks.extend(board::next(scope, project, Some(neighbour), way, moving, window).await?);
    let border = if tasks.len() > window { tasks.pop() } else { None };
    Ok(Side { tasks, border })
}

/// A draft bills one client for that client's work, also after a task of it has moved.
async fn check_bills(scope: &mut WriteScope, family: &[TaskId], to: ProjectId) -> Result<(), ServiceError> {
    store::lock_for_billing(scope, family).await?;
    let client = project::lock_clients(scope, &[to]).await?.remove(&to).flatten();
    let Some(client) = client else { return Ok(()) };
    if invoice::are_on_drafts_for_another_client(scope, family, client).await? {
        let message = "A draft for another client bills this task; change or delete that draft first.";
        return Err(FieldError::new(FieldErrorCode::InUse, "projectId", message).into());
    }
    Ok(())
}

fn no_room() -> ServiceError {
    let message = "There is no position left at this place; move a task beside it first.";
    FieldError::new(FieldErrorCode::Invalid, "after", message).into()
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "task").into()
}
