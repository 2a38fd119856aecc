//! Invoices: the noun, and what a draft is made of. Their arithmetic is in `arithmetic`.

mod arithmetic;
mod life;
mod line;
mod tax;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::change::Change;
use crate::client::Client;
use crate::currency::Currency;
use crate::id::{ClientId, InvoiceId, OrganizationId, ProjectId, TaskId, UserId};
use crate::member::Member;
use crate::money::Money;
use crate::noun::Noun;
use crate::party::Parties;
use crate::project::Project;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

pub use arithmetic::{DraftContent, Pricing, Totals, compute};
pub use life::StepRefused;
pub use line::{LineItem, MAX_LINE_ITEMS, NewLineItem};
pub use tax::{Discount, MAX_TAXES, SHORT_TAX, Tax, TaxAmount, TaxCategory, checked_taxes, short_taxes};

text_enum! {
    /// What an invoice is.
    InvoiceKind {
        /// A bill.
        Invoice = "invoice",
        /// What takes back a bill, or a part of it.
        CreditNote = "credit_note",
    }
}

text_enum! {
    /// The status of an invoice.
    InvoiceStatus {
        /// Still being written; has no number.
        Draft = "draft",
        /// Issued: it has a number, and does not change.
        Issued = "issued",
        /// Issued and sent to the client.
        Sent = "sent",
        /// Issued, and a part of it is paid.
        PartlyPaid = "partly_paid",
        /// Settled in full, by payments or credit notes.
        Paid = "paid",
        /// Issued, past its due date and not settled in full.
        Overdue = "overdue",
        /// Issued, and what is open is given up.
        WrittenOff = "written_off",
        /// Withdrawn; its number stays used.
        Void = "void",
    }
}

// Without its lines: those can be many and large, and lists of invoices rarely show them.
/// A bill. Guests see none.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.invoices", placed = in_project(project_id), read = ReadInvoice, write = WriteInvoice)]
#[noun(currency = "currency", order_by = issue_date, by_hand)]
#[noun(parent(
    Task,
    noun = "Task",
    list = "invoices",
    column = "i.task_id",
    doc = "The invoices that cover it, as far as you see them; the newest first unless ordered otherwise.",
    join = "JOIN app.invoice_tasks i ON i.organization_id = t.organization_id AND i.invoice_id = t.id"
))]
pub struct Invoice {
    /// The invoice's id.
    pub id: InvoiceId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The client who is billed; null if the client was deleted, or if you cannot see it.
    #[field(
        filter,
        link(
            Client,
            unlink,
            list = "invoices",
            doc = "The client's invoices; the newest first unless ordered otherwise."
        )
    )]
    pub client_id: Option<ClientId>,
    /// The project.
    #[field(
        filter,
        link(
            Project,
            unlink,
            list = "invoices",
            doc = "The project's invoices; the newest first unless ordered otherwise."
        )
    )]
    pub project_id: Option<ProjectId>,
    /// Whether it is an invoice or a credit note.
    #[field(computed, filter)]
    pub kind: InvoiceKind,
    /// The invoice that a credit note corrects; null for an invoice.
    #[field(
        computed,
        link(
            Invoice,
            refuse,
            relation = "corrects",
            list = "creditNotes",
            doc = "The credit notes for it, drafts as well; the newest first unless ordered otherwise."
        )
    )]
    pub corrects_id: Option<InvoiceId>,
    /// The number, assigned when the invoice is issued; null for a draft.
    #[field(computed, filter)]
    pub number: Option<String>,
    /// The state of the invoice today, in the organization's time zone.
    #[field(computed, filter(own), needs(due_date, amount_paid, amount_credited, total))]
    pub status: InvoiceStatus,
    /// The invoice date.
    #[field(filter = "issued", sort = "By invoice date.")]
    pub issue_date: NaiveDate,
    /// Whether a draft is dated on the day of its issue, because no date was given.
    #[field(internal, computed)]
    pub dated_on_issue: bool,
    /// The due date.
    #[field(filter, sort = "By due date; invoices without one come last.")]
    pub due_date: Option<NaiveDate>,
    /// The tax as a fraction, if one tax applies to all lines: 0.18 is 18 %, 0 is none. Null if `taxes` says more.
    pub tax_rate: Option<Decimal>,
    /// Whether the lines' rates and amounts, and the subtotal, contain the taxes.
    pub prices_include_tax: bool,
    /// The sum of the lines.
    #[field(computed)]
    pub subtotal: Money,
    /// The discount on the subtotal as a fraction: 0.1 is 10 %. Null if there is none, or it is an amount.
    #[field(computed)]
    pub discount_rate: Option<Decimal>,
    /// What the discount takes off the subtotal, before tax.
    #[field(computed)]
    pub discount: Money,
    /// The sum of the taxes. Each is rounded once, half away from zero.
    #[field(computed)]
    pub tax_amount: Money,
    /// The subtotal without the discount, and with the taxes unless the prices contain them.
    #[field(computed, filter)]
    pub total: Money,
    /// What has been paid so far, without what was refunded.
    #[field(computed)]
    pub amount_paid: Money,
    /// What its credit notes come to. Drafts of them do not count.
    #[field(computed)]
    pub amount_credited: Money,
    /// Free text about the invoice.
    #[field(prose(20_000))]
    pub notes: Option<String>,
    /// When it was issued; null if it was not.
    #[field(computed)]
    pub issued_at: Option<DateTime<Utc>>,
    /// When it was last sent to the client; null if it was not.
    #[field(computed)]
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was paid in full; null if it was not.
    #[field(computed)]
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was voided; null if it was not.
    #[field(computed)]
    pub voided_at: Option<DateTime<Utc>>,
    /// When what was open was given up; null if it was not. It stays when the invoice is paid after all.
    #[field(computed)]
    pub written_off_at: Option<DateTime<Utc>>,
    /// The member who created it; null if the member has left.
    #[field(author, link(Member, keep, key = "user_id", relation = "created_by"))]
    pub created_by: Option<UserId>,
    /// When the invoice was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the invoice last changed.
    pub updated_at: DateTime<Utc>,
}

/// What an invoice has beside its row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// The lines.
    pub line_items: Vec<LineItem>,
    /// The taxes with their amounts.
    pub taxes: Vec<TaxAmount>,
    /// Who it is from and whom it is for, as they were when it was issued.
    pub parties: Option<Parties>,
}

/// The input for creating a draft of a credit note.
#[derive(Debug, Clone)]
pub struct NewCreditNote {
    /// The invoice that it corrects.
    pub invoice_id: InvoiceId,
    /// What is taken back; by default all lines of the invoice.
    pub line_items: Option<Vec<NewLineItem>>,
    /// At most 20,000 characters.
    pub notes: Option<String>,
}

/// The input for a draft that bills tasks of a project.
#[derive(Debug, Clone)]
pub struct NewInvoiceFromTasks {
    /// The project.
    pub project_id: ProjectId,
    /// The tasks; by default all finished ones that are on no invoice, or only on void ones.
    pub task_ids: Option<Vec<TaskId>>,
    /// The price of each task, in major units. See [`NewLineItem::rate`].
    pub rate: Decimal,
    /// The billed client; by default that of the project.
    pub client_id: Option<ClientId>,
    /// See [`NewInvoice::currency`].
    pub currency: Option<Currency>,
    /// See [`NewInvoice::due_date`].
    pub due_date: Option<NaiveDate>,
    /// See [`NewInvoice::notes`].
    pub notes: Option<String>,
}

/// How a draft is issued.
#[derive(Debug, Clone, Copy, Default)]
pub struct IssueOptions {
    /// The invoice date; by default that of the draft, or today if none was given.
    pub issue_date: Option<NaiveDate>,
    /// The due date; by default that of the draft, or what follows from the organization's settings.
    pub due_date: Option<NaiveDate>,
}

/// The input for creating a draft.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    /// The billed client.
    pub client_id: ClientId,
    /// The project.
    pub project_id: Option<ProjectId>,
    /// The currency of every amount; by default that of the organization's settings.
    pub currency: Option<Currency>,
    /// The day of its issue by default; until then today.
    pub issue_date: Option<NaiveDate>,
    /// Not before the issue date. By default it follows from the organization's settings when the draft is issued.
    pub due_date: Option<NaiveDate>,
    /// At most 200.
    pub line_items: Vec<NewLineItem>,
    /// The taxes; by default those of the organization's settings. [`short_taxes`] makes them of a bare rate.
    pub taxes: Option<Vec<Tax>>,
    /// Whether the lines' rates contain the taxes; by default as the organization's settings say.
    pub prices_include_tax: Option<bool>,
    /// What comes off the sum of the lines, before tax.
    pub discount: Option<Discount>,
    /// At most 20,000 characters.
    pub notes: Option<String>,
    /// The tasks that it bills, without duplicates; at most 500.
    pub task_ids: Vec<TaskId>,
}

/// The changes of an update to a draft.
#[derive(Debug, Clone, Default)]
pub struct InvoiceChanges {
    /// See [`NewInvoice::client_id`].
    pub client_id: Change<ClientId>,
    /// See [`NewInvoice::project_id`].
    pub project_id: Change<Option<ProjectId>>,
    /// See [`NewInvoice::currency`].
    pub currency: Change<Currency>,
    /// See [`NewInvoice::issue_date`].
    pub issue_date: Change<NaiveDate>,
    /// See [`NewInvoice::due_date`].
    pub due_date: Change<Option<NaiveDate>>,
    /// Replaces all lines. See [`NewInvoice::line_items`].
    pub line_items: Change<Vec<NewLineItem>>,
    /// Replaces all taxes. See [`NewInvoice::taxes`].
    pub taxes: Change<Vec<Tax>>,
    /// See [`NewInvoice::prices_include_tax`].
    pub prices_include_tax: Change<bool>,
    /// See [`NewInvoice::discount`].
    pub discount: Change<Option<Discount>>,
    /// See [`NewInvoice::notes`].
    pub notes: Change<Option<String>>,
    /// Replaces the billed tasks. See [`NewInvoice::task_ids`].
    pub task_ids: Change<Vec<TaskId>>,
}

/// The most tasks that one invoice can bill.
pub const MAX_INVOICE_TASKS: usize = 500;

/// Checks the fields of a new draft that are not part of the arithmetic; returns the notes as they are stored.
///
/// # Errors
/// All fields that are out of bounds.
pub fn check_draft(
    issue_date: NaiveDate,
    due_date: Option<NaiveDate>,
    notes: Option<&str>,
    task_ids: usize,
) -> Result<Option<String>, Violations> {
    let mut v = Violations::default();
    if due_date.is_some_and(|due| due < issue_date) {
        let message = format!("This must not be before {issue_date}.");
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "dueDate", message));
    }
    if task_ids > MAX_INVOICE_TASKS {
        let message = format!("An invoice can bill at most {MAX_INVOICE_TASKS} tasks.");
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "taskIds", message));
    }
    let notes = v.optional_prose("notes", notes, 20_000);
    v.into_result().map(|()| notes)
}

impl Invoice {
    /// The currency of every amount.
    pub fn currency(&self) -> Currency {
        self.total.currency()
    }

    /// The total without the taxes.
    pub fn total_excluding_tax(&self) -> Money {
        Money::from_minor(self.total.minor().saturating_sub(self.tax_amount.minor()), self.currency())
    }

    /// The discount on the sum of the lines, as it was given.
    pub fn given_discount(&self) -> Option<Discount> {
        let amount = || (self.discount.minor() != 0).then(|| Discount::Amount(self.discount.amount()));
        self.discount_rate.map(Discount::Rate).or_else(amount)
    }
}
