//! What can be loaded in bulk: each kind of row, its table and its columns. Where the domain has the row as it is stored,
//! that is what is taken; where it joins or hides something, there is a narrow struct here.

use chrono::{DateTime, Utc};
use tenantry_domain::client::Client;
use tenantry_domain::comment::Comment;
use tenantry_domain::feature::Feature;
use tenantry_domain::grant::{ProjectGrant, WorkspaceGrant};
use tenantry_domain::invoice::{Invoice, InvoiceKind, LineItem};
use tenantry_domain::label::Label;
use tenantry_domain::noun::{Noun, Value};
use tenantry_domain::organization::Organization;
use tenantry_domain::personal_task::PersonalTask;
use tenantry_domain::project::Project;
use tenantry_domain::search::{Indexed, Posting};
use tenantry_domain::subscription::SubscriptionStatus;
use tenantry_domain::task::Task;
use tenantry_domain::transaction::Transaction;
use tenantry_domain::user::User;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{
    Currency, InvoiceId, InvoiceTaskId, LabelId, NumberCounterId, OrganizationId, Role, TaskAssigneeId, TaskId,
    TaskLabelId, UserId,
};
use uuid::Uuid;

use super::encode::RowWriter;
use crate::error::StoreError;

/// A row that can be loaded. Implemented here only.
pub trait Row: sealed::Row {}

impl<R: sealed::Row> Row for R {}

pub(super) mod sealed {
    use super::{Indexed, OrganizationId, RowWriter, StoreError, Table};

    pub trait Row {
        const TABLE: Table;

        fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError>;

        /// The row as the index of search has it, if it is searched.
        fn indexed(&self) -> Option<(OrganizationId, Indexed)> {
            None
        }
    }
}

macro_rules! tables {
    ($($name:ident = $table:literal ($($how:tt)*);)*) => {
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
            pub(super) fn columns(self) -> String {
                match self { $(Self::$name => columns!($($how)*),)* }
            }
        }
    };
}

/// The columns of a table: those of a noun, as declared, and perhaps others; or as they are named here.
macro_rules! columns {
    (noun $noun:ty $(, $more:literal)?) => {
        [declared::<$noun>() $(, $more.to_owned())?].join(", ")
    };
    ($columns:literal) => {
        $columns.to_owned()
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
    Workspaces = "app.workspaces" (noun Workspace);
    WorkspaceMembers = "app.workspace_members" (noun WorkspaceGrant);
    Clients = "app.clients" (noun Client);
    Projects = "app.projects" (noun Project);
    ProjectMembers = "app.project_members" (noun ProjectGrant);
    Tasks = "app.tasks" (noun Task);
    TaskAssignees = "app.task_assignees" ("organization_id, id, task_id, user_id, created_at, updated_at");
    Labels = "app.labels" (noun Label);
    TaskLabels = "app.task_labels" ("organization_id, id, task_id, label_id, created_at, updated_at");
    Comments = "app.comments" (noun Comment);
    PersonalTasks = "app.personal_tasks" (noun PersonalTask);
    Invoices = "app.invoices" (noun Invoice, "line_items");
    NumberCounters = "app.number_counters" (
        "organization_id, id, kind, period, last, created_at, updated_at"
    );
    Transactions = "app.transactions" (noun Transaction);
    InvoiceTasks = "app.invoice_tasks" ("organization_id, id, invoice_id, task_id, created_at, updated_at");
    SearchTerms = "app.search_terms" ("organization_id, entity_id, term, kind, project_id, weight, for_guests");
    Billing = "billing.organization_billing" (
        "organization_id, plan, status, stripe_customer_id, stripe_subscription_id, period_start, period_end, \
         trial_ends_at, cancel_at_period_end, past_due_since, canceled_at, created_at, updated_at"
    );
    Usage = "billing.usage_counters" (
        "organization_id, id, feature, period_start, period_end, count, created_at, updated_at"
    );
}

/// The columns of a noun, in the order in which [`encode`] writes them.
fn declared<N: Noun>() -> String {
    let columns = N::FIELDS.iter().filter_map(|field| field.info.own_column());
    let currency = N::INFO.currency.and_then(|column| column.strip_prefix("t."));
    columns.chain(currency).collect::<Vec<_>>().join(", ")
}

/// Writes a noun's row.
fn encode<N: Noun>(noun: &N, row: &mut RowWriter) {
    let mut currency = None;
    for field in N::FIELDS.iter().filter(|field| field.info.own_column().is_some()) {
        let value = match (field.read)(noun) {
            // Null is what a guest sees; the column has a default instead.
            Value::Null if !field.info.nullable => field.info.default.map_or(Value::Null, Value::Name),
            value => value,
        };
        if let Value::Money(money) = &value {
            currency = Some(money.currency());
        }
        row.field(value);
    }
    if N::INFO.currency.is_some() {
        row.optional_text(currency.as_ref().map(Currency::as_str));
    }
}

/// Nouns whose rows are loaded as they are.
macro_rules! nouns {
    ($($noun:ty = $table:ident;)+) => {$(
        impl sealed::Row for $noun {
            const TABLE: Table = Table::$table;

            fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
                encode(self, row);
                Ok(())
            }

            fn indexed(&self) -> Option<(OrganizationId, Indexed)> {
                Some((self.organization_id, Indexed::of(self)?))
            }
        }
    )+};
}

nouns! {
    Workspace = Workspaces;
    WorkspaceGrant = WorkspaceMembers;
    Client = Clients;
    Project = Projects;
    ProjectGrant = ProjectMembers;
    Task = Tasks;
    Label = Labels;
    Comment = Comments;
    PersonalTask = PersonalTasks;
    Transaction = Transactions;
}

/// A word of a row that is searched.
pub(super) struct TermRow<'r> {
    pub(super) organization_id: OrganizationId,
    pub(super) indexed: &'r Indexed,
    pub(super) term: &'r str,
    pub(super) posting: Posting,
}

impl sealed::Row for TermRow<'_> {
    const TABLE: Table = Table::SearchTerms;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).uuid(self.indexed.id).text(self.term).text(self.indexed.kind.as_str());
        row.optional_uuid(self.indexed.project_id).small_integer(self.posting.weight).boolean(self.posting.for_guests);
        Ok(())
    }
}

/// A membership, without the user's own columns.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// The membership's id.
    pub id: UserId,
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

/// A label of a task.
#[derive(Debug, Clone)]
pub struct TaskLabelRow {
    /// The entry's id.
    pub id: TaskLabelId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The task.
    pub task_id: TaskId,
    /// The label.
    pub label_id: LabelId,
    /// When it was put there.
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

/// The last number that was given in a period.
#[derive(Debug, Clone)]
pub struct NumberCounterRow {
    /// The counter's id.
    pub id: NumberCounterId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// What is numbered.
    pub kind: InvoiceKind,
    /// The period, as the number format says it.
    pub period: String,
    /// The last number.
    pub last: i64,
    /// When it was given.
    pub at: DateTime<Utc>,
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

impl sealed::Row for AssigneeRow {
    const TABLE: Table = Table::TaskAssignees;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.task_id).id(self.user_id);
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for TaskLabelRow {
    const TABLE: Table = Table::TaskLabels;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).id(self.task_id).id(self.label_id);
        row.time(self.created_at).time(self.created_at);
        Ok(())
    }
}

impl sealed::Row for InvoiceRow {
    const TABLE: Table = Table::Invoices;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        encode(&self.invoice, row);
        row.json(crate::invoice::stored_lines(&self.line_items)?);
        Ok(())
    }
}

impl sealed::Row for NumberCounterRow {
    const TABLE: Table = Table::NumberCounters;

    fn encode(&self, row: &mut RowWriter) -> Result<(), StoreError> {
        row.id(self.organization_id).id(self.id).text(self.kind.as_str()).text(&self.period).integer(self.last);
        row.time(self.at).time(self.at);
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
