//! The order of a project's tasks: where a task goes, and room for it there.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use tenantry_domain::permission::Operation;
use tenantry_domain::task::{Destination, Task, completed_at};
use tenantry_domain::{FieldError, FieldErrorCode, Position, ProjectId, Role, TaskId};
use tenantry_store::board::{self, Slot, Way};
use tenantry_store::{Scope as _, WriteScope, invoice, project, task as store};

use crate::activity;
use crate::authorize::{authorize_at_all, authorize_in_project, check_unchanged};
use crate::bulk::{check_length, unmet};
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
    let mut task = before.clone();
    let project = to.project_id.unwrap_or(task.project_id);
    let mut moved = task.clone();
    if project == task.project_id {
        moved.position = only(find_room(scope, project, &[id], to).await?, &task);
    } else {
        let family: Vec<TaskId> = board::family(scope, id).await?.into_iter().map(|slot| slot.id).collect();
        check_bills(scope, &family, task.project_id, project).await?;
        let places = find_room(scope, project, &family, to).await?;
        board::relocate(scope, &places, project).await?;
        tenantry_store::activity::follow_tasks(scope, &family, project).await?;
        tenantry_store::search::follow_tasks(scope, &family, project).await?;
        // As it is stored now: it is in the other project, and below no task.
        task = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)?;
        moved = task.clone();
    }
    if let Some(status) = to.status {
        moved.status = status;
        moved.completed_at = completed_at(task.completed_at, status, scope.tenant().clock.now());
    }
    if moved != task {
        task = tenantry_store::update(scope, &task, &moved).await?.ok_or_else(not_found)?;
    }
    activity::moved(scope, &before, &task);
    Ok(task)
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
    authorize_at_all(scope, Operation::WriteTask)?;
    check_length(list, moves.len())?;
    let ids: Vec<TaskId> = moves.iter().map(|(id, ..)| *id).collect();
    let targets: Vec<ProjectId> = moves.iter().filter_map(|(.., to)| to.project_id).collect();
    let there = lock_all_with_boards(scope, &ids, &targets).await?;
    let mut tasks = Vec::with_capacity(moves.len());
    for (n, (id, expected, to)) in moves.iter().enumerate() {
        let task = move_task(scope, *id, unmet(&there, *id, *expected), *to).await;
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
    Ok(only(room_behind(scope, task.project_id, &[task.id], lower).await?, task))
}

/// The position behind all others of a project, for a new task under the board's lock.
pub(super) async fn position_at_end(scope: &mut WriteScope, task: &Task) -> Result<Position, ServiceError> {
    let last = board::next(scope, task.project_id, None, Way::InFront, &[], 1).await?.pop();
    Ok(only(room_between(scope, task.project_id, &[task.id], last, None).await?, task))
}

/// The position of the one task that moves.
fn only(places: Vec<Slot>, task: &Task) -> Position {
    places.into_iter().next().map_or_else(|| task.position.clone(), |slot| slot.position)
}

/// The task with its board and the one that it goes to, locked, in the order in which everybody locks them. The caller may write it, and
/// write there.
pub(super) async fn lock_with_boards(
    scope: &mut WriteScope,
    id: TaskId,
    to: Option<ProjectId>,
) -> Result<Task, ServiceError> {
    // Where it is can only be known for sure when its board is locked.
    for _ in 0..3 {
        let seen: Task = tenantry_store::get(scope, id).await?.ok_or_else(not_found)?;
        authorize_in_project(scope, Operation::WriteTask, seen.project_id, "id", "task").await?;
        let other = to.filter(|other| *other != seen.project_id);
        if let Some(other) = other {
            authorize_in_project(scope, Operation::WriteTask, other, "projectId", "project").await?;
        }
        let boards: Vec<ProjectId> = [seen.project_id].into_iter().chain(other).collect();
        let are_there = board::lock(scope, &boards).await? == boards.len();
        let locked: Task = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)?;
        if locked.project_id != seen.project_id {
            continue;
        }
        // Its own is there, so it is the other one that is not.
        return if are_there { Ok(locked) } else { Err(FieldError::not_found("projectId", "project").into()) };
    }
    let message = "The task is being moved by another request; try again.";
    Err(FieldError::new(FieldErrorCode::Conflict, "id", message).into())
}

/// Locks tasks, their boards and those that they go to, in the order in which everybody locks them; gives the tasks that are there and
/// visible, and when each last changed.
pub(super) async fn lock_all_with_boards(
    scope: &mut WriteScope,
    ids: &[TaskId],
    to: &[ProjectId],
) -> Result<HashMap<TaskId, DateTime<Utc>>, ServiceError> {
    let columns = tenantry_store::columns_of::<Task>("project_id");
    let seen = tenantry_store::get_many::<Task>(scope, ids, columns).await?;
    let boards: Vec<ProjectId> = seen.values().map(|task| task.project_id).chain(to.iter().copied()).collect();
    board::lock(scope, &boards).await?;
    Ok(tenantry_store::lock::<Task>(scope, ids).await?)
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
    if let Some(made) = spread(lower.as_ref(), upper.as_ref(), moving.len()) {
        return Ok(slots(made, moving.iter().copied()));
    }
    let on_the_way: HashSet<TaskId> = moving.iter().copied().collect();
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
                    slots(made, ids.into_iter()).into_iter().partition(|slot| on_the_way.contains(&slot.id));
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

/// A draft bills one client for that client's work, also after a task of it has moved. Guests know nothing of invoices, so they are not
/// told of drafts: they move tasks between projects of one client alone.
async fn check_bills(
    scope: &mut WriteScope,
    family: &[TaskId],
    from: ProjectId,
    to: ProjectId,
) -> Result<(), ServiceError> {
    store::lock_for_billing(scope, family).await?;
    let clients = project::lock_clients(scope, &[from, to]).await?;
    let client_of = |project| clients.get(&project).copied().flatten();
    if client_of(from) == client_of(to) {
        return Ok(());
    }
    if scope.actor().role == Role::Guest {
        let message = "A guest can move a task only between projects of the same client.";
        return Err(FieldError::new(FieldErrorCode::Invalid, "projectId", message).into());
    }
    let Some(client) = client_of(to) else { return Ok(()) };
    if invoice::are_on_drafts_for_another_client(scope, family, client).await? {
        let message = "A draft for another client bills this task; change or delete that draft first.";
        return Err(FieldError::new(FieldErrorCode::InUse, "projectId", message).into());
    }
    Ok(())
}

/// Positions are spaced out anew before they are used up, so this is only so with more tasks than any board has.
fn no_room() -> ServiceError {
    let message = "There is no position left on this board.";
    FieldError::new(FieldErrorCode::OutOfRange, "projectId", message).into()
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "task").into()
}
