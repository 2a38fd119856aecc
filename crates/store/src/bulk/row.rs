//! What can be loaded in bulk: each kind of row, its table and its columns. Where the domain has the row as it is stored,
//! that is what is taken; where it joins or hides something, there is a narrow struct here.

use chrono::{DateTime, Utc};
use tenantry_domain::client::{Client, ClientStatus};
use tenantry_domain::feature::Feature;
use tenantry_domain::invoice::{Invoice, LineItem};
use tenantry_domain::organization::Organization;
use tenantry_domain::project::Project;
use tenantry_domain::subscription::SubscriptionStatus;
use tenantry_domain::task::Task;
use tenantry_domain::user::User;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{
    Grant, InvoiceId, InvoiceTaskId, MemberId, OrganizationId, ProjectId, ProjectMemberId, Role, TaskAssigneeId,
    TaskId, UserId, WorkspaceId, WorkspaceMemberId,
};
use uuid::Uuid;

use super::encode::RowWriter;
use crate::error::StoreError;

/// A row that can be loaded. Implemented here only.
pub trait Row: sealed::Row {}

impl<R: sealed::Row> Row for R {}

pub(super) mod sealed {
    use super::{RowWriter, StoreError, Table};

    pub trait Row {
        const TABLE: Table;

        fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError>;
    }
}

macro_rules! tables {
    ($($name:ident = $table:literal ($columns:literal);)*) => {
        /// A table that rows are loaded into. Declared with parents before those that refer to them, which is the order in which
        /// rows are sent.
        #[derive(Debug, Clone, Copy)]
        pub enum Table { $($name,)* }

        impl Table {
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The qualified name.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$name => $table,)* }
            }

            /// The columns, in the order in which rows write them.
            pub(super) const fn columns(self) -> &'static str {
                match self { $(Self::$name => $columns,)* }
            }
        }
    };
}

tables! {
    Users = "auth.users" ("id, email, name, avatar_url, email_verified_at, created_at, updated_at");
    Organizations = "app.organizations" (
        "id, name, slug, logo_url, time_zone, deletion_requested_at, deletion_due_at, created_at, updated_at"
    );
    Members = "app.organization_members" (
        "organization_id, id, user_id, role, invited_by, joined_at, created_at, updated_at"
    );
    Workspaces = "app.workspaces" (
        "organization_id, id, name, description, is_private, is_default, created_by, created_at, updated_at"
    );
    WorkspaceMembers = "app.workspace_members" (
        "organization_id, id, workspace_id, user_id, permission, created_at, updated_at"
    );
    Clients = "app.clients" (
        "organization_id, id, name, email, phone, company, status, notes, created_at, updated_at"
    );
    Projects = "app.projects" (
        "organization_id, id, workspace_id, client_id, name, description, type, status, currency, budget, \
         advance_received, owner_id, created_by, start_date, due_date, github_url, notes, created_at, updated_at"
    );
    ProjectMembers = "app.project_members" (
        "organization_id, id, project_id, user_id, permission, created_at, updated_at"
    );
    Tasks = "app.tasks" (
        "organization_id, id, project_id, parent_task_id, title, description, status, priority, position, created_by, \
         due_at, completed_at, created_at, updated_at"
    );
    TaskAssignees = "app.task_assignees" ("organization_id, id, task_id, user_id, created_at, updated_at");
    Invoices = "app.invoices" (
        "organization_id, id, client_id, project_id, number, status, currency, issue_date, due_date, line_items, subtotal, \
         tax_rate, tax_amount, total, amount_paid, notes, sent_at, paid_at, voided_at, created_by, created_at, updated_at"
    );
    InvoiceTasks = "app.invoice_tasks" ("organization_id, id, invoice_id, task_id, created_at, updated_at");
    Billing = "billing.organization_billing" (
        "organization_id, plan, status, stripe_customer_id, stripe_subscription_id, period_start, period_end, \
         trial_ends_at, cancel_at_period_end, past_due_since, canceled_at, created_at, updated_at"
    );
    Usage = "billing.usage_counters" (
        "organization_id, id, feature, period_start, period_end, count, created_at, updated_at"
    );
}

/// A membership, without the user's own columns.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// The membership's id.
    pub id: MemberId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The user.
    pub user_id: UserId,
    /// The user's role there.
    pub role: Role,
    /// Who invited the user.
    pub invited_by: Option<UserId>,
    /// When the user joined, which is when the row was made.
    pub joined_at: DateTime<Utc>,
}

/// A grant on a workspace.
#[derive(Debug, Clone)]
pub struct WorkspaceGrantRow {
    /// The grant's id.
    pub id: WorkspaceMemberId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The workspace.
    pub workspace_id: WorkspaceId,
    /// To whom; a member.
    pub user_id: UserId,
    /// What it allows.
    pub grant: Grant,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// A grant on a project.
#[derive(Debug, Clone)]
pub struct ProjectGrantRow {
    /// The grant's id.
    pub id: ProjectMemberId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The project.
    pub project_id: ProjectId,
    /// To whom; a member.
    pub user_id: UserId,
    /// What it allows.
    pub grant: Grant,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// A project and its author.
#[derive(Debug, Clone)]
pub struct ProjectRow {
    /// The project.
    pub project: Project,
    /// Who made it.
    pub created_by: Option<UserId>,
}

/// Who works on a task.
#[derive(Debug, Clone)]
pub struct AssigneeRow {
    /// The assignment's id.
    pub id: TaskAssigneeId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The task.
    pub task_id: TaskId,
    /// Who works on it; a member.
    pub user_id: UserId,
    /// When that was settled.
    pub created_at: DateTime<Utc>,
}

/// An invoice with its lines.
#[derive(Debug, Clone)]
pub struct InvoiceRow {
    /// The invoice.
    pub invoice: Invoice,
    /// Its lines, with their amounts.
    pub line_items: Vec<LineItem>,
}

/// A task that an invoice covers.
#[derive(Debug, Clone)]
pub struct InvoiceTaskRow {
    /// The entry's id.
    pub id: InvoiceTaskId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// The task.
    pub task_id: TaskId,
    /// When it was entered.
    pub created_at: DateTime<Utc>,
}

/// What an organization has subscribed to.
#[derive(Debug, Clone)]
pub struct BillingRow {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The plan's id.
    pub plan: &'static str,
    /// Where the subscription stands.
    pub status: SubscriptionStatus,
    /// The customer at Stripe; none when nothing was ever paid.
    pub stripe_customer_id: Option<String>,
    /// The subscription at Stripe.
    pub stripe_subscription_id: Option<String>,
    /// The billing period; none when there is no subscription.
    pub period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Until when it is free of charge.
    pub trial_ends_at: Option<DateTime<Utc>>,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// Since when a payment is missing.
    pub past_due_since: Option<DateTime<Utc>>,
    /// When it was ended.
    pub canceled_at: Option<DateTime<Utc>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
}

/// What an organization has used in a period.
#[derive(Debug, Clone)]
pub struct UsageRow {
    /// The counter's id. Nothing refers to it, so it has no kind of its own.
    pub id: Uuid,
    /// The organization.
    pub organization_id: OrganizationId,
    /// What is counted.
    pub feature: Feature,
    /// The period: its first moment, and the first one after it.
    pub period: (DateTime<Utc>, DateTime<Utc>),
    /// How much.
    pub count: i64,
}

impl sealed::Row for User {
    const TABLE: Table = Table::Users;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.id).text(&self.email).text(&self.name).optional_text(self.avatar_url.as_deref());
        // Whoever is loaded in bulk needs no mail to confirm the address.
        row.time(self.created_at).time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for Organization {
    const TABLE: Table = Table::Organizations;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.id).text(&self.name).text(&self.slug).optional_text(self.logo_url.as_deref()).text(&self.time_zone);
        row.optional_time(self.deletion_requested_at).optional_time(self.deletion_due_at);
        row.time(self.created_at).time(self.updated_at);
        Ok(())
    }
}

impl sealed::Row for MemberRow {
    const TABLE: Table = Table::Members;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.user_id).text(self.role.as_str()).optional_id(self.invited_by);
        row.time(self.joined_at).time(self.joined_at).time(self.joined_at);
        Ok(())
    }
}

impl sealed::Row for Workspace {
    const TABLE: Table = Table::Workspaces;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).text(&self.name).optional_text(self.description.as_deref());
        row.boolean(self.is_private).boolean(self.is_default).optional_id(self.created_by);
        row.time(self.created_at).time(self.updated_at);
        Ok(())
    }
}

impl sealed::Row for WorkspaceGrantRow {
    const TABLE: Table = Table::WorkspaceMembers;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.workspace_id).id(self.user_id).text(self.grant.as_str());
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for Client {
    const TABLE: Table = Table::Clients;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).text(&self.name).optional_text(self.email.as_deref());
        row.optional_text(self.phone.as_deref()).optional_text(self.company.as_deref());
        // None is what a guest sees; the column has a default instead.
        row.text(self.status.unwrap_or(ClientStatus::Active).as_str());
        row.optional_text(self.notes.as_deref()).time(self.created_at).time(self.updated_at);
        Ok(())
    }
}

impl sealed::Row for ProjectRow {
    const TABLE: Table = Table::Projects;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        let project = &self.project;
        row.id(project.organization_id).id(project.id).id(project.workspace_id).optional_id(project.client_id);
        row.text(&project.name).optional_text(project.description.as_deref());
        row.text(project.kind.as_str()).text(project.status.as_str());
        let currency = project.budget.or(project.advance_received).map(tenantry_domain::Money::currency);
        row.optional_text(currency.as_ref().map(tenantry_domain::Currency::as_str));
        row.optional_integer(project.budget.map(tenantry_domain::Money::minor));
        row.optional_integer(project.advance_received.map(tenantry_domain::Money::minor));
        row.optional_id(project.owner_id).optional_id(self.created_by);
        row.optional_date(project.start_date).optional_date(project.due_date);
        row.optional_text(project.github_url.as_deref()).optional_text(project.notes.as_deref());
        row.time(project.created_at).time(project.updated_at);
        Ok(())
    }
}

impl sealed::Row for ProjectGrantRow {
    const TABLE: Table = Table::ProjectMembers;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.project_id).id(self.user_id).text(self.grant.as_str());
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for Task {
    const TABLE: Table = Table::Tasks;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.project_id).optional_id(self.parent_task_id);
        row.text(&self.title).optional_text(self.description.as_deref());
        row.text(self.status.as_str()).text(self.priority.as_str()).text(self.position.as_str());
        row.optional_id(self.created_by).optional_time(self.due_at).optional_time(self.completed_at);
        row.time(self.created_at).time(self.updated_at);
        Ok(())
    }
}

impl sealed::Row for AssigneeRow {
    const TABLE: Table = Table::TaskAssignees;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.task_id).id(self.user_id);
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for InvoiceRow {
    const TABLE: Table = Table::Invoices;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        let invoice = &self.invoice;
        row.id(invoice.organization_id).id(invoice.id).optional_id(invoice.client_id).optional_id(invoice.project_id);
        row.optional_text(invoice.number.as_deref()).text(invoice.status.as_str()).text(invoice.currency().as_str());
        row.date(invoice.issue_date).optional_date(invoice.due_date);
        row.json(crate::invoice::stored(&self.line_items)?);
        row.integer(invoice.totals.subtotal.minor()).numeric(invoice.tax_rate);
        row.integer(invoice.totals.tax_amount.minor()).integer(invoice.totals.total.minor());
        row.integer(invoice.amount_paid.minor()).optional_text(invoice.notes.as_deref());
        row.optional_time(invoice.sent_at).optional_time(invoice.paid_at).optional_time(invoice.voided_at);
        row.optional_id(invoice.created_by).time(invoice.created_at).time(invoice.updated_at);
        Ok(())
    }
}

impl sealed::Row for InvoiceTaskRow {
    const TABLE: Table = Table::InvoiceTasks;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.invoice_id).id(self.task_id);
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for BillingRow {
    const TABLE: Table = Table::Billing;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).text(self.plan).text(self.status.as_str());
        row.optional_text(self.stripe_customer_id.as_deref()).optional_text(self.stripe_subscription_id.as_deref());
        row.optional_time(self.period.map(|period| period.0)).optional_time(self.period.map(|period| period.1));
        row.optional_time(self.trial_ends_at).boolean(self.cancel_at_period_end);
        row.optional_time(self.past_due_since).optional_time(self.canceled_at);
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for UsageRow {
    const TABLE: Table = Table::Usage;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).uuid(self.id).text(self.feature.as_str());
        row.time(self.period.0).time(self.period.1).integer(self.count);
        row.time(self.period.0).time(self.period.0);
        Ok(())
    }
}
