//! Projects: work for a client, or internal work when there is none.

use chrono::{DateTime, NaiveDate, Utc};

use crate::change::Change;
use crate::currency::Currency;
use crate::id::{ClientId, OrganizationId, ProjectId, UserId, WorkspaceId};
use crate::money::Money;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

text_enum! {
    /// What kind of work a project is.
    ProjectKind {
        /// Software development.
        Dev = "dev",
        /// Writing, video, photography.
        Content = "content",
        /// Design.
        Design = "design",
        /// Anything else.
        Other = "other",
    }
}

text_enum! {
    /// Where a project stands.
    ProjectStatus {
        /// Work is going on.
        Active = "active",
        /// The work is done.
        Completed = "completed",
        /// Put away.
        Archived = "archived",
    }
}

/// A piece of work, for a client or internal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The project's id.
    pub id: ProjectId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The workspace it lies in.
    pub workspace_id: WorkspaceId,
    /// The client it is for; none for internal work.
    pub client_id: Option<ClientId>,
    /// The project's name.
    pub name: String,
    /// What it is about, in Markdown.
    pub description: Option<String>,
    /// What kind of work it is.
    pub kind: ProjectKind,
    /// Where it stands.
    pub status: ProjectStatus,
    /// What it may cost.
    pub budget: Option<Money>,
    /// What was paid in advance, in the budget's currency.
    pub advance_received: Option<Money>,
    /// The member who answers for it.
    pub owner_id: Option<UserId>,
    /// The first day.
    pub start_date: Option<NaiveDate>,
    /// The day it is due.
    pub due_date: Option<NaiveDate>,
    /// The repository.
    pub github_url: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a new project is made from.
#[derive(Debug, Clone, Default)]
pub struct NewProject {
    /// The default workspace when not given.
    pub workspace_id: Option<WorkspaceId>,
    /// None for internal work.
    pub client_id: Option<ClientId>,
    /// Required; 1 to 200 characters.
    pub name: String,
    /// At most 20,000 characters.
    pub description: Option<String>,
    /// `other` when not given.
    pub kind: Option<ProjectKind>,
    /// `active` when not given.
    pub status: Option<ProjectStatus>,
    /// Not negative.
    pub budget: Option<Money>,
    /// Not negative, in the budget's currency.
    pub advance_received: Option<Money>,
    /// A member of the organization.
    pub owner_id: Option<UserId>,
    /// The first day.
    pub start_date: Option<NaiveDate>,
    /// Not before the first day.
    pub due_date: Option<NaiveDate>,
    /// An http(s) address.
    pub github_url: Option<String>,
    /// At most 20,000 characters.
    pub notes: Option<String>,
}

/// What an update does to a project.
#[derive(Debug, Clone, Default)]
pub struct ProjectChanges {
    /// See [`NewProject::workspace_id`].
    pub workspace_id: Change<WorkspaceId>,
    /// See [`NewProject::client_id`].
    pub client_id: Change<Option<ClientId>>,
    /// See [`NewProject::name`].
    pub name: Change<String>,
    /// See [`NewProject::description`].
    pub description: Change<Option<String>>,
    /// See [`NewProject::kind`].
    pub kind: Change<ProjectKind>,
    /// See [`NewProject::status`].
    pub status: Change<ProjectStatus>,
    /// See [`NewProject::budget`].
    pub budget: Change<Option<Money>>,
    /// See [`NewProject::advance_received`].
    pub advance_received: Change<Option<Money>>,
    /// See [`NewProject::owner_id`].
    pub owner_id: Change<Option<UserId>>,
    /// See [`NewProject::start_date`].
    pub start_date: Change<Option<NaiveDate>>,
    /// See [`NewProject::due_date`].
    pub due_date: Change<Option<NaiveDate>>,
    /// See [`NewProject::github_url`].
    pub github_url: Change<Option<String>>,
    /// See [`NewProject::notes`].
    pub notes: Change<Option<String>>,
}

impl NewProject {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: v.required_text("name", &self.name, 200),
            description: v.optional_prose("description", self.description.as_deref(), 20_000),
            github_url: v.optional_url("githubUrl", self.github_url.as_deref()),
            notes: v.optional_prose("notes", self.notes.as_deref(), 20_000),
            ..self
        };
        check_money(&mut v, valid.budget, valid.advance_received);
        check_dates(&mut v, valid.start_date, valid.due_date);
        v.into_result().map(|()| valid)
    }

    /// The currency of the project's amounts, if it has any.
    pub fn currency(&self) -> Option<Currency> {
        self.budget.or(self.advance_received).map(Money::currency)
    }
}

impl ProjectChanges {
    /// The same, trimmed, or everything that is wrong with the project as it would be after the update.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self, before: &Project) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: self.name.map(|name| v.required_text("name", &name, 200)),
            description: self.description.map(|text| v.optional_prose("description", text.as_deref(), 20_000)),
            github_url: self.github_url.map(|url| v.optional_url("githubUrl", url.as_deref())),
            notes: self.notes.map(|text| v.optional_prose("notes", text.as_deref(), 20_000)),
            ..self
        };
        check_money(&mut v, valid.budget.apply(before.budget), valid.advance_received.apply(before.advance_received));
        check_dates(&mut v, valid.start_date.apply(before.start_date), valid.due_date.apply(before.due_date));
        v.into_result().map(|()| valid)
    }
}

fn check_money(v: &mut Violations, budget: Option<Money>, advance: Option<Money>) {
    for (field, money) in [("budget", budget), ("advanceReceived", advance)] {
        if money.is_some_and(|m| m.minor() < 0) {
            v.push(FieldError::new(FieldErrorCode::OutOfRange, field, "This must not be negative."));
        }
    }
    if let (Some(budget), Some(advance)) = (budget, advance)
        && budget.currency() != advance.currency()
    {
        let message = format!("This must be in the budget's currency, {}.", budget.currency());
        v.push(FieldError::new(FieldErrorCode::Invalid, "advanceReceived", message));
    }
}

fn check_dates(v: &mut Violations, start: Option<NaiveDate>, due: Option<NaiveDate>) {
    if let (Some(start), Some(due)) = (start, due)
        && due < start
    {
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "dueDate", format!("This must not be before {start}.")));
    }
}
