//! Projects and their tasks, generated one project at a time, so that an organization of any size fits into memory.

use chrono::{DateTime, Duration, Utc};
use tenantry_domain::grant::ProjectGrant;
use tenantry_domain::project::{Project, ProjectStatus};
use tenantry_domain::task::{Task, TaskPriority, TaskStatus};
use tenantry_domain::{ClientId, Money, ProjectId, TaskId, UserId};
use tenantry_store::bulk::AssigneeRow;

use super::money::Occasion;
use super::organization::{Home, grant};
use super::{Positions, Rows};
use crate::chance::EPOCH;
use crate::error::SeedError;
use crate::text;

/// The range of a project's number of tasks, with weights; 21 on average.
const SIZES: &[((u64, u64), u64)] =
    &[((0, 0), 3), ((1, 5), 13), ((6, 12), 25), ((12, 24), 30), ((25, 45), 21), ((46, 90), 8)];

/// How many invoices a project leads to, with weights.
const INVOICES: &[(usize, u64)] = &[(0, 15), (1, 25), (2, 30), (3, 20), (5, 10)];

/// Generates projects until there are this many tasks; returns the occasions for invoices.
pub(super) async fn projects(
    rows: &mut Rows<'_>,
    positions: &mut Positions,
    home: &mut Home,
    tasks: u64,
) -> Result<Vec<Occasion>, SeedError> {
    let mut occasions = Vec::new();
    let mut left = tasks;
    let mut count = 0;
    while left > 0 {
        let (least, most) = home.chance.weighted(SIZES);
        let size = home.chance.between(least, most).min(left);
        left -= size;
        project(rows, positions, home, count, size, &mut occasions).await?;
        rows.made_tasks(size);
        count += 1;
    }
    Ok(occasions)
}

/// What a project's tasks need to know about it.
struct Frame {
    id: ProjectId,
    client_id: Option<ClientId>,
    created_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    over: bool,
}

async fn project(
    rows: &mut Rows<'_>,
    positions: &mut Positions,
    home: &mut Home,
    index: usize,
    size: u64,
    occasions: &mut Vec<Occasion>,
) -> Result<(), SeedError> {
    let row = describe(home);
    let project = &row;
    let due_at = project.due_date.map_or(EPOCH, |date| date.and_time(chrono::NaiveTime::MIN).and_utc());
    let frame = Frame {
        id: project.id,
        client_id: project.client_id,
        created_at: project.created_at,
        due_at,
        over: project.status != ProjectStatus::Active,
    };
    rows.load.push(&row).await?;
    grants(rows, home, &frame, index).await?;
    let done = tasks(rows, positions, home, &frame, size).await?;
    if let Some(client_id) = frame.client_id {
        let mut done = done.into_iter();
        for _ in 0..home.chance.weighted(INVOICES) {
            let at = home.chance.moment(frame.created_at, (frame.due_at + Duration::days(30)).min(EPOCH));
            occasions.push(Occasion { at, client_id, project_id: frame.id, task_id: done.next() });
        }
    }
    Ok(())
}

fn describe(home: &mut Home) -> Project {
    let chance = &mut home.chance;
    let internal = chance.percent(10) || home.clients.is_empty();
    let client = if internal { None } else { Some(home.clients[chance.skewed(home.clients.len())]) };
    let earliest = client.map_or(home.founded, |client| client.1);
    let created_at = chance.moment(earliest, EPOCH - Duration::days(1));
    let start = created_at + Duration::days(i64::try_from(chance.below(10)).unwrap_or(0));
    let due = start + Duration::days(i64::try_from(chance.between(14, 180)).unwrap_or(90));
    let status = chance.weighted(&if due < EPOCH {
        [(ProjectStatus::Completed, 60), (ProjectStatus::Archived, 20), (ProjectStatus::Active, 20)]
    } else {
        [(ProjectStatus::Completed, 7), (ProjectStatus::Archived, 1), (ProjectStatus::Active, 92)]
    });
    let (kind, name) = text::project(chance);
    let budget = client.and_then(|_| {
        // In whole hundreds of the currency's major unit.
        let hundreds = i64::try_from(chance.between(5, 600)).unwrap_or(5) * 100;
        let minor = hundreds * 10_i64.pow(home.currency.digits());
        chance.maybe(70, |_| Money::from_minor(minor, home.currency))
    });
    let advance_received =
        budget.and_then(|budget| chance.maybe(40, |_| Money::from_minor(budget.minor() / 4, budget.currency())));
    let workspace = if chance.percent(65) { 0 } else { chance.below(home.workspaces.len()) };
    let repository = chance.between(1_000, 9_999);
    Project {
        id: chance.id(created_at),
        organization_id: home.id,
        workspace_id: home.workspaces[workspace],
        client_id: client.map(|client| client.0),
        name,
        description: chance.maybe(50, text::prose),
        kind,
        status,
        budget,
        advance_received,
        owner_id: chance.maybe(85, |chance| chance.pick(&home.workers)),
        start_date: Some(start.date_naive()),
        due_date: (status != ProjectStatus::Active || chance.percent(80)).then(|| due.date_naive()),
        repository_url: chance.maybe(15, |_| format!("https://github.com/example/project-{repository}")),
        notes: chance.maybe(15, text::prose),
        created_at,
        updated_at: chance.soon(created_at, 180, EPOCH),
        created_by: Some(chance.pick(&home.workers)),
    }
}

async fn grants(rows: &mut Rows<'_>, home: &mut Home, frame: &Frame, index: usize) -> Result<(), SeedError> {
    let mut granted: Vec<UserId> = Vec::new();
    // Every guest is here for some project; the first ones are used.
    if let Some(&guest) = home.guests.get(index) {
        granted.push(guest);
    }
    if home.chance.percent(4) {
        let count = 1 + home.chance.below(2);
        granted.extend(home.chance.distinct(count, home.grantees.len()).into_iter().map(|n| home.grantees[n]));
    }
    for user_id in granted {
        let row = ProjectGrant {
            id: home.chance.id(frame.created_at),
            organization_id: home.id,
            project_id: frame.id,
            user_id,
            permission: grant(&mut home.chance),
            created_at: frame.created_at,
            updated_at: frame.created_at,
        };
        rows.load.push(&row).await?;
    }
    Ok(())
}

/// Generates the tasks of a project; returns some that are done and can be billed.
async fn tasks(
    rows: &mut Rows<'_>,
    positions: &mut Positions,
    home: &mut Home,
    frame: &Frame,
    size: u64,
) -> Result<Vec<TaskId>, SeedError> {
    const BILLED: usize = 5;
    let last = (frame.due_at + Duration::days(10)).clamp(frame.created_at, EPOCH);
    let mut parents: Vec<(TaskId, DateTime<Utc>)> = Vec::new();
    let mut billable = Vec::new();
    for index in 0..usize::try_from(size).unwrap_or_default() {
        let is_part = !parents.is_empty() && home.chance.percent(12);
        let parent = if is_part { Some(home.chance.pick(&parents)) } else { None };
        let created_at = home.chance.moment(parent.map_or(frame.created_at, |parent| parent.1), last);
        let mut task = task(home, frame, created_at);
        task.parent_task_id = parent.map(|parent| parent.0);
        task.position.clone_from(positions.nth(index)?);
        rows.load.push(&task).await?;
        if parent.is_none() {
            parents.push((task.id, created_at));
            if task.status == TaskStatus::Done && billable.len() < BILLED {
                billable.push(task.id);
            }
        }
        let count = home.chance.weighted(&[(0, 20), (1, 55), (2, 18), (3, 7)]);
        for worker in home.chance.distinct(count, home.workers.len()) {
            let row = AssigneeRow {
                id: home.chance.id(created_at),
                organization_id: home.id,
                task_id: task.id,
                user_id: home.workers[worker],
                created_at,
            };
            rows.load.push(&row).await?;
        }
    }
    Ok(billable)
}

/// A task at the first position of its project.
fn task(home: &mut Home, frame: &Frame, created_at: DateTime<Utc>) -> Task {
    let chance = &mut home.chance;
    let done = chance.percent(if frame.over { 95 } else { 45 });
    let status = if done {
        TaskStatus::Done
    } else {
        chance.weighted(&[
            (TaskStatus::Backlog, 25),
            (TaskStatus::Todo, 40),
            (TaskStatus::InProgress, 22),
            (TaskStatus::InReview, 13),
        ])
    };
    let completed_at = done.then(|| chance.soon(created_at, 40, EPOCH));
    Task {
        id: chance.id(created_at),
        organization_id: home.id,
        project_id: frame.id,
        parent_task_id: None,
        title: text::title(chance),
        description: chance.maybe(30, text::prose),
        status,
        priority: chance.weighted(&[
            (TaskPriority::Low, 18),
            (TaskPriority::Medium, 52),
            (TaskPriority::High, 22),
            (TaskPriority::Urgent, 8),
        ]),
        position: tenantry_domain::Position::first(),
        created_by: Some(chance.pick(&home.workers)),
        due_at: chance.maybe(60, |chance| chance.moment(created_at, created_at + Duration::days(60))),
        completed_at,
        created_at,
        updated_at: completed_at.unwrap_or(created_at),
    }
}
