//! Projects: work for a client, or internal work when there is none.

use chrono::{DateTime, NaiveDate, Utc};

use crate::client::Client;
use crate::id::{ClientId, OrganizationId, ProjectId, UserId, WorkspaceId};
use crate::member::Member;
use crate::money::Money;
use crate::noun::Noun;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};
use crate::workspace::Workspace;

text_enum! {
    /// The kind of work of a project.
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
    /// The status of a project.
    ProjectStatus {
        /// Work on it goes on.
        Active = "active",
        /// The work is done.
        Completed = "completed",
        /// No longer in use, but kept.
        Archived = "archived",
    }
}

/// A piece of work, for a client or internal.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.projects", placed = project(workspace_id), read = ReadProject, write = WriteProject)]
#[noun(currency = "currency", check, archived(status = Archived))]
pub struct Project {
    /// The project's id.
    pub id: ProjectId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The workspace that it is in.
    #[field(guests, filter, optional_on_create)]
    #[field(link(
        Workspace,
        refuse,
        list = "projects",
        doc = "The projects in it; the newest first unless ordered otherwise."
    ))]
    pub workspace_id: WorkspaceId,
    /// The client that it is for.
    #[field(guests, filter)]
    #[field(link(
        Client,
        unlink,
        list = "projects",
        doc = "The client's projects; the newest first unless ordered otherwise."
    ))]
    pub client_id: Option<ClientId>,
    /// The project's name.
    #[field(text(200), guests, filter, sort, searched(8))]
    pub name: String,
    /// The description, in Markdown.
    #[field(prose(20_000), guests, searched(2))]
    pub description: Option<String>,
    /// The kind of work.
    #[field(column = "type", guests, default = Other, filter)]
    pub kind: ProjectKind,
    /// The state of the project.
    #[field(guests, default = Active, filter)]
    pub status: ProjectStatus,
    /// The budget.
    #[field(guests, not_negative, filter)]
    pub budget: Option<Money>,
    /// What was paid in advance, in the budget's currency.
    #[field(guests, not_negative)]
    pub advance_received: Option<Money>,
    /// The member who is responsible for it.
    #[field(guests, filter)]
    #[field(link(
        Member,
        unlink,
        key = "user_id",
        list = "projects",
        doc = "The projects that the member is responsible for; the newest first unless ordered otherwise."
    ))]
    pub owner_id: Option<UserId>,
    /// The user who created it; none when the user is gone.
    #[field(internal, author)]
    pub created_by: Option<UserId>,
    /// The start date.
    #[field(guests)]
    pub start_date: Option<NaiveDate>,
    /// The due date.
    #[field(guests, filter, sort = "By due date; projects without one come last.")]
    pub due_date: Option<NaiveDate>,
    /// The address of the repository.
    #[field(column = "github_url", url, guests)]
    pub repository_url: Option<String>,
    /// Free text about the project.
    #[field(prose(20_000), guests, searched(1))]
    pub notes: Option<String>,
    /// When the project was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the project last changed.
    pub updated_at: DateTime<Utc>,
}

impl Project {
    /// The rules that more than one field takes part in.
    fn check(&self, v: &mut Violations) {
        check_currency(v, self.budget, self.advance_received);
        check_dates(v, self.start_date, self.due_date);
    }
}

fn check_currency(v: &mut Violations, budget: Option<Money>, advance: Option<Money>) {
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
