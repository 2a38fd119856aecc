//! Two small organizations to explore: a design studio with members in every role, and a freelancer on the free plan
//! who also works for the studio.

mod content;
mod talk;

use chrono::{DateTime, Duration, Months, Utc};
use rust_decimal::Decimal;
use tenantry_domain::client::Client;
use tenantry_domain::feature::Feature;
use tenantry_domain::grant::{ProjectGrant, WorkspaceGrant};
use tenantry_domain::invoice::{InvoiceStatus, NewLineItem};
use tenantry_domain::organization::Organization;
use tenantry_domain::project::{Project, ProjectStatus};
use tenantry_domain::subscription::SubscriptionStatus;
use tenantry_domain::task::{Task, TaskPriority, TaskStatus};
use tenantry_domain::user::User;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{
    ClientId, Clock, Currency, InvoiceTaskId, Money, OrganizationId, Position, ProjectId, Role, TaskId, UserId,
    WorkspaceId,
};
use tenantry_store::bulk::{AssigneeRow, BillingRow, BulkLoad, InvoiceTaskRow, MemberRow, UsageRow};

use self::content::{ORGANIZATIONS, PEOPLE};
use crate::bill::{self, Bill, LastNumbers};
use crate::chance::{Chance, Stream};
use crate::error::SeedError;
use crate::text;

/// The result of creating the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was created, with this many rows of each table.
    Created(Vec<(&'static str, u64)>),
    /// The organization `northwind` already exists. Nothing was changed.
    AlreadyThere,
}

/// A member of the demo's first organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoMember {
    /// The person's name.
    pub name: &'static str,
    /// The person's e-mail address.
    pub email: &'static str,
    /// The role in the organization.
    pub role: Role,
}

/// The members of `northwind`, the owner first.
pub fn demo_members() -> impl Iterator<Item = DemoMember> {
    let members = ORGANIZATIONS.first().into_iter().flat_map(|organization| organization.members);
    members.map(|&(person, role)| DemoMember { name: PEOPLE[person].name, email: PEOPLE[person].email, role })
}

/// Creates the demo as of today, unless it exists. `url` connects with a role that is, or may become, `tenantry_owner`.
///
/// The organization `northwind` is owned by `ada@northwind.example`, and `globex` by `grace@globex.example`, who is a
/// member of both.
///
/// # Errors
/// [`SeedError::Store`] when the database refuses; in that case nothing was loaded.
pub async fn demo(url: &str) -> Result<Outcome, SeedError> {
    demo_at(url, Clock::system().now()).await
}

/// As [`demo()`], as of another moment: work is in progress around it, and bills are due before and after it.
///
/// # Errors
/// As [`demo()`].
pub async fn demo_at(url: &str, now: DateTime<Utc>) -> Result<Outcome, SeedError> {
    let mut load = BulkLoad::open(url).await?;
    for organization in ORGANIZATIONS {
        if load.has_organization(organization.slug).await? {
            load.roll_back().await?;
            return Ok(Outcome::AlreadyThere);
        }
    }
    // The start of yesterday's work, so that nothing is in the future.
    let today = (now - Duration::days(1)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc() + Duration::hours(9);
    let mut chance = Chance::new(0, Stream::Demo, 0);
    let mut people = Vec::new();
    for person in PEOPLE {
        let created_at = today - Duration::days(400);
        let id: UserId = chance.id(created_at);
        let (name, email) = (person.name.to_owned(), person.email.to_owned());
        load.push(&User { id, email, name, avatar_url: None, created_at }).await?;
        people.push(id);
    }
    for (number, organization) in (1..).zip(ORGANIZATIONS) {
        let founded = today - Duration::days(390);
        let id = chance.id(founded);
        let (load, chance, people) = (&mut load, &mut chance, people.as_slice());
        Maker { load, chance, people, today, founded, id, tasks: Vec::new() }.make(organization, number).await?;
    }
    Ok(Outcome::Created(load.commit(&mut |_| {}).await?))
}

/// Creates one organization.
struct Maker<'l> {
    load: &'l mut BulkLoad,
    chance: &'l mut Chance,
    people: &'l [UserId],
    today: DateTime<Utc>,
    founded: DateTime<Utc>,
    id: OrganizationId,
    /// The tasks made so far, each with the time of its making.
    tasks: Vec<(TaskId, DateTime<Utc>)>,
}

/// A created project: its id, its client, and its finished tasks.
type Made = (ProjectId, Option<ClientId>, Vec<TaskId>);

impl Maker<'_> {
    /// Makes everything; `number` says which organization of the demo it is.
    async fn make(&mut self, content: &content::Organization, number: u64) -> Result<(), SeedError> {
        let organization = Organization {
            id: self.id,
            name: content.name.to_owned(),
            slug: content.slug.to_owned(),
            logo_url: None,
            time_zone: "Europe/Stockholm".to_owned(),
            deletion_requested_at: None,
            deletion_due_at: None,
            created_at: self.founded,
            updated_at: self.founded,
        };
        self.load.push(&organization).await?;
        let period = self.subscribe(content.plan).await?;
        self.members(content).await?;
        let workspaces = self.workspaces(content).await?;
        let clients = self.clients(content).await?;
        let workers: Vec<UserId> = content
            .members
            .iter()
            .filter(|(_, role)| role.at_least(tenantry_domain::Role::Member))
            .map(|&(person, _)| self.people[person])
            .collect();
        let mut projects = Vec::new();
        for project in content.projects {
            projects.push(self.project(project, &workspaces, &clients, &workers).await?);
        }
        for &(project, person, grant) in content.project_grants {
            let created_at = self.today - Duration::days(30);
            let row = ProjectGrant {
                id: self.chance.id(self.founded),
                organization_id: self.id,
                project_id: projects[project].0,
                user_id: self.people[person],
                permission: grant,
                created_at,
                updated_at: created_at,
            };
            self.load.push(&row).await?;
        }
        self.invoices(content.invoices, &projects, workers[0], period).await?;
        self.talk(&workers, &mut Chance::new(0, Stream::Demo, number)).await
    }

    async fn subscribe(&mut self, plan: &'static str) -> Result<(DateTime<Utc>, DateTime<Utc>), SeedError> {
        let start = (self.today - Duration::days(11)).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let period = (start, start + Months::new(1));
        let paying = plan != "free";
        let row = BillingRow {
            organization_id: self.id,
            plan,
            status: SubscriptionStatus::Active,
            stripe_customer_id: paying.then(|| "cus_northwind".to_owned()),
            stripe_subscription_id: paying.then(|| "sub_northwind".to_owned()),
            period: paying.then_some(period),
            trial_ends_at: None,
            cancel_at_period_end: false,
            past_due_since: None,
            canceled_at: None,
            created_at: self.founded,
        };
        self.load.push(&row).await?;
        Ok(if paying { period } else { bill::calendar_month(self.today) })
    }

    async fn members(&mut self, content: &content::Organization) -> Result<(), SeedError> {
        for (n, &(person, role)) in (0..).zip(content.members) {
            let joined_at = self.founded + Duration::days(20 * n);
            let row = MemberRow {
                id: self.people[person],
                organization_id: self.id,
                user_id: self.people[person],
                role,
                invited_by: (n > 0).then(|| self.people[content.members[0].0]),
                joined_at,
            };
            self.load.push(&row).await?;
        }
        Ok(())
    }

    async fn workspaces(&mut self, content: &content::Organization) -> Result<Vec<WorkspaceId>, SeedError> {
        let mut made = Vec::new();
        for (n, &(name, is_private)) in content.workspaces.iter().enumerate() {
            let workspace = Workspace {
                id: self.chance.id(self.founded),
                organization_id: self.id,
                name: name.to_owned(),
                description: None,
                is_private,
                is_default: n == 0,
                created_by: Some(self.people[content.members[0].0]),
                created_at: self.founded,
                updated_at: self.founded,
            };
            self.load.push(&workspace).await?;
            made.push(workspace.id);
        }
        for &(workspace, person, grant) in content.workspace_grants {
            let created_at = self.today - Duration::days(100);
            let row = WorkspaceGrant {
                id: self.chance.id(self.founded),
                organization_id: self.id,
                workspace_id: made[workspace],
                user_id: self.people[person],
                permission: grant,
                created_at,
                updated_at: created_at,
            };
            self.load.push(&row).await?;
        }
        Ok(made)
    }

    async fn clients(&mut self, content: &content::Organization) -> Result<Vec<ClientId>, SeedError> {
        let mut made = Vec::new();
        for (n, &(name, email, company, status)) in (0..).zip(content.clients) {
            let created_at = self.founded + Duration::days(3 + 5 * n);
            let client = Client {
                id: self.chance.id(created_at),
                organization_id: self.id,
                name: name.to_owned(),
                email: Some(email.to_owned()),
                phone: Some(text::phone(self.chance)),
                company: company.map(str::to_owned),
                website: email.split_once('@').map(|(_, host)| format!("https://{host}")),
                address_line1: Some(format!("{} Harbour Street", 3 + 8 * n)),
                address_line2: None,
                city: Some("Rotterdam".to_owned()),
                region: None,
                postal_code: Some(format!("30{} AB", 11 + n)),
                country: Some("NL".to_owned()),
                tax_id: company.map(|_| format!("NL00{}B01", 1_000_000 + 7_919 * n)),
                status: Some(status),
                notes: self.chance.maybe(40, text::prose),
                created_at,
                updated_at: created_at,
            };
            self.load.push(&client).await?;
            made.push(client.id);
        }
        Ok(made)
    }

    async fn project(
        &mut self,
        content: &content::Project,
        workspaces: &[WorkspaceId],
        clients: &[ClientId],
        workers: &[UserId],
    ) -> Result<Made, SeedError> {
        let created_at = self.today + Duration::days(content.days.0);
        let budget = content.budget.map(|major| Money::from_minor(major * 100, Currency::USD));
        let project = Project {
            id: self.chance.id(created_at),
            organization_id: self.id,
            workspace_id: workspaces[content.workspace],
            client_id: content.client.map(|client| clients[client]),
            name: content.name.to_owned(),
            description: Some(text::prose(self.chance)),
            kind: content.kind,
            status: content.status,
            budget,
            advance_received: budget
                .and_then(|budget| self.chance.maybe(40, |_| Money::from_minor(budget.minor() / 4, budget.currency()))),
            owner_id: Some(self.chance.pick(workers)),
            start_date: Some(created_at.date_naive()),
            due_date: Some((self.today + Duration::days(content.days.1)).date_naive()),
            repository_url: None,
            notes: None,
            created_at,
            updated_at: created_at,
            created_by: Some(workers[0]),
        };
        let (id, client_id) = (project.id, project.client_id);
        self.load.push(&project).await?;
        let mut last: Option<Position> = None;
        let mut done = Vec::new();
        for &(title, parts) in content.tasks {
            let mut parent = None;
            for title in std::iter::once(title).chain(parts.iter().copied()) {
                let position = Position::after(last.as_ref())?;
                last = Some(position.clone());
                let task = self.task(id, created_at, content, workers, (title, parent, position)).await?;
                if parent.is_none() && task.1 {
                    done.push(task.0);
                }
                parent.get_or_insert(task.0);
            }
        }
        Ok((id, client_id, done))
    }

    /// Creates a task; returns its id and whether it is done.
    async fn task(
        &mut self,
        project_id: ProjectId,
        since: DateTime<Utc>,
        content: &content::Project,
        workers: &[UserId],
        (title, parent_task_id, position): (&str, Option<TaskId>, Position),
    ) -> Result<(TaskId, bool), SeedError> {
        let chance = &mut *self.chance;
        let status = if content.status == ProjectStatus::Active {
            chance.weighted(&[
                (TaskStatus::Backlog, 12),
                (TaskStatus::Todo, 30),
                (TaskStatus::InProgress, 18),
                (TaskStatus::InReview, 10),
                (TaskStatus::Done, 30),
            ])
        } else {
            TaskStatus::Done
        };
        let end = self.today + Duration::days(content.days.1);
        let created_at = since + Duration::minutes(i64::try_from(chance.between(5, 2_000)).unwrap_or(5));
        let completed_at = (status == TaskStatus::Done).then(|| chance.moment(created_at, end.min(self.today)));
        let task = Task {
            id: chance.id(created_at),
            organization_id: self.id,
            project_id,
            parent_task_id,
            title: title.to_owned(),
            description: chance.maybe(35, text::prose),
            status,
            priority: chance.weighted(&[
                (TaskPriority::Low, 15),
                (TaskPriority::Medium, 50),
                (TaskPriority::High, 25),
                (TaskPriority::Urgent, 10),
            ]),
            position,
            created_by: Some(workers[0]),
            due_at: chance.maybe(70, |chance| chance.moment(created_at, end)),
            completed_at,
            created_at,
            updated_at: completed_at.unwrap_or(created_at),
        };
        self.load.push(&task).await?;
        self.tasks.push((task.id, created_at));
        let count = self.chance.weighted(&[(0, 20), (1, 55), (2, 25)]);
        for worker in self.chance.distinct(count, workers.len()) {
            let row = AssigneeRow {
                id: self.chance.id(created_at),
                organization_id: self.id,
                task_id: task.id,
                user_id: workers[worker],
                created_at,
            };
            self.load.push(&row).await?;
        }
        Ok((task.id, completed_at.is_some()))
    }

    async fn invoices(
        &mut self,
        invoices: &[content::Invoice],
        projects: &[Made],
        created_by: UserId,
        period: (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<(), SeedError> {
        let (mut issued, mut drafted, mut last_numbers) = (0, 0, LastNumbers::default());
        // A task is billed once: each invoice of a project bills the next finished tasks.
        let mut billed = vec![0; projects.len()];
        // The numbers follow the dates.
        let mut by_day: Vec<&content::Invoice> = invoices.iter().collect();
        by_day.sort_by_key(|invoice| invoice.day);
        for (n, invoice) in (0_i64..).zip(by_day) {
            // Minutes apart, so that no two of a day have the same time.
            let created_at = self.today + Duration::days(invoice.day) + Duration::minutes(n);
            let (project_id, client_id, done) = &projects[invoice.project];
            let number = (invoice.status != InvoiceStatus::Draft).then(|| {
                issued += 1;
                bill::number(created_at.date_naive(), issued)
            });
            drafted += i64::from(period.0 <= created_at && created_at < period.1);
            let lines = invoice.lines.iter().map(|&(description, quarters, cents)| {
                let (quantity, rate) = (Decimal::new(quarters * 25, 2), Decimal::new(cents, 2));
                NewLineItem::new(description.to_owned(), quantity.normalize(), rate.normalize())
            });
            let bill = Bill {
                id: self.chance.id(created_at),
                organization_id: self.id,
                client_id: *client_id,
                project_id: Some(*project_id),
                created_by,
                number,
                status: invoice.status,
                currency: Currency::USD,
                tax_rate: Decimal::new(18, 2),
                lines: lines.collect(),
                created_at,
                due_in_days: invoice.due_in_days,
                part_paid: 0,
                settled_at: created_at + Duration::days(invoice.due_in_days - 3),
                notes: None,
                payment_id: self.chance.id(created_at),
            };
            if bill.number.is_some() {
                last_numbers.note(created_at.date_naive(), issued);
            }
            let (row, payment) = bill.into_rows()?;
            self.load.push(&row).await?;
            if let Some(payment) = payment {
                self.load.push(&payment).await?;
            }
            if let Some(&task_id) = done.get(billed[invoice.project]) {
                billed[invoice.project] += 1;
                let id: InvoiceTaskId = self.chance.id(created_at);
                let invoice_id = row.invoice.id;
                self.load
                    .push(&InvoiceTaskRow { id, organization_id: self.id, invoice_id, task_id, created_at })
                    .await?;
            }
        }
        let (organization_id, now) = (self.id, self.today);
        for counter in last_numbers.into_rows(organization_id, now, || self.chance.id(now)) {
            self.load.push(&counter).await?;
        }
        let id = self.chance.id::<InvoiceTaskId>(period.0).as_uuid();
        let feature = Feature::InvoicesPerMonth;
        self.load.push(&UsageRow { id, organization_id: self.id, feature, period, count: drafted }).await?;
        Ok(())
    }
}
