//! Invoices: the object type and its enums.

mod mutation;
mod query;

use async_graphql::{Context, InputObject, Result, SimpleObject};
use tenantry_domain::invoice::Invoice as Record;
use tenantry_domain::{ClientId, InvoiceId, ProjectId, invoice as domain};
use tenantry_executor::loaders::{load, optional_node};
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::{Amount, CurrencyCode, Date, DecimalText, GlobalId, Money, OrderDirection, Timestamp};
use tenantry_store::task::TaskParent;
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, invoice as store};

use crate::client::Client;
use crate::enumeration::enumeration;
use crate::loaders::{LineItems, MembersByUser};
use crate::member::Member;
use crate::object::object;
use crate::project::Project;
use crate::task::{Task, TaskFilter, TaskOrder};

pub(crate) use mutation::InvoiceMutation;
pub(crate) use query::InvoiceQuery;

object! {
    /// A bill.
    Invoice = "Invoice" over Record {
        /// The invoice's id.
        "id" id: GlobalId<InvoiceId> = |invoice| GlobalId(invoice.id);
        /// Given when it is issued; null while it is a draft.
        "number" number: Option<&str> = |invoice| invoice.number.as_deref();
        /// The currency of every amount.
        "currency" currency: CurrencyCode = |invoice| CurrencyCode(invoice.currency());
        /// The day it is dated.
        "issueDate" issue_date: Date = |invoice| Date(invoice.issue_date);
        /// The day it is to be paid by.
        "dueDate" due_date: Option<Date> = |invoice| invoice.due_date.map(Date);
        /// The tax as a fraction: 0.18 is 18 %.
        "taxRate" tax_rate: DecimalText = |invoice| DecimalText(invoice.tax_rate);
        /// The sum of the lines.
        "subtotal" subtotal [subtotal, currency]: Amount = |invoice| Amount(invoice.totals.subtotal);
        /// The tax, rounded half away from zero.
        "taxAmount" tax_amount [tax_amount, currency]: Amount = |invoice| Amount(invoice.totals.tax_amount);
        /// The subtotal and the tax.
        "total" total [total, currency]: Amount = |invoice| Amount(invoice.totals.total);
        /// What has been paid so far.
        "amountPaid" amount_paid [amount_paid, currency]: Amount = |invoice| Amount(invoice.amount_paid);
        /// Anything else.
        "notes" notes: Option<&str> = |invoice| invoice.notes.as_deref();
        /// When it was issued.
        "sentAt" sent_at: Option<Timestamp> = |invoice| invoice.sent_at.map(Timestamp);
        /// When it was paid in full.
        "paidAt" paid_at: Option<Timestamp> = |invoice| invoice.paid_at.map(Timestamp);
        /// When it was taken back.
        "voidedAt" voided_at: Option<Timestamp> = |invoice| invoice.voided_at.map(Timestamp);
        /// When the invoice was entered.
        "createdAt" created_at: Timestamp = |invoice| Timestamp(invoice.created_at);
        /// When the invoice last changed.
        "updatedAt" updated_at: Timestamp = |invoice| Timestamp(invoice.updated_at);
        /// Where it stands today, in the organization's time zone.
        "status" status [status, due_date, total, amount_paid]: InvoiceStatus = |invoice| InvoiceStatus::from(invoice.status);
    }

    lists {
        /// The tasks that it covers; the newest first unless ordered otherwise.
        "tasks" tasks: Task [TaskFilter, TaskOrder] = |invoice| (TaskParent::Invoice, invoice.id), crate::task::newest_first;
    }

    /// Who is billed; null when the client is gone.
    async fn client(&self, context: &Context<'_>) -> Result<Option<Resolved<Client>>> {
        optional_node(context, self.0.client_id).await
    }

    /// The project it is for.
    async fn project(&self, context: &Context<'_>) -> Result<Option<Resolved<Project>>> {
        optional_node(context, self.0.project_id).await
    }

    /// The member who entered it; null when it left.
    async fn created_by(&self, context: &Context<'_>) -> Result<Option<Resolved<Member>>> {
        let Some(user_id) = self.0.created_by else { return Ok(None) };
        Ok(load::<MembersByUser>(context, user_id).await?.map(Resolved::from))
    }

    /// What is billed; at most 200 lines.
    async fn line_items(&self, context: &Context<'_>) -> Result<Vec<LineItem>> {
        let lines = load::<LineItems>(context, self.0.id).await?.unwrap_or_default();
        Ok(lines.iter().map(LineItem::from).collect())
    }
}

/// One line of an invoice.
#[derive(SimpleObject)]
pub(crate) struct LineItem {
    /// What is billed.
    description: String,
    /// How much of it.
    quantity: DecimalText,
    /// The price of one, in major units; it may be finer than the minor unit.
    rate: DecimalText,
    /// Quantity times rate, rounded half away from zero.
    amount: Money,
}

impl From<&domain::LineItem> for LineItem {
    fn from(line: &domain::LineItem) -> Self {
        Self {
            description: line.description.clone(),
            quantity: DecimalText(line.quantity),
            rate: DecimalText(line.rate),
            amount: line.amount.into(),
        }
    }
}

enumeration! {
    /// Where an invoice stands.
    InvoiceStatus = domain::InvoiceStatus {
        /// Still being written; has no number.
        Draft,
        /// Issued and waiting for payment.
        Sent,
        /// Paid in full.
        Paid,
        /// Issued, past its due date and not paid in full.
        Overdue,
        /// Taken back; its number stays used.
        Void,
    }
}

enumeration! {
    /// What a list of invoices can be sorted by.
    InvoiceOrderField = store::InvoiceSort {
        /// By the day they are dated.
        IssueDate,
        /// By due date; invoices without one come last.
        DueDate,
        /// When the invoice was entered.
        CreatedAt,
    }
}

/// How a list of invoices is sorted.
#[derive(InputObject)]
pub(crate) struct InvoiceOrder {
    /// What it is sorted by.
    field: InvoiceOrderField,
    /// Which way it runs.
    direction: OrderDirection,
}

/// What a list of invoices is narrowed to. All conditions must hold.
#[derive(InputObject, Default)]
pub(crate) struct InvoiceFilter {
    /// Only invoices that are in one of these statuses today.
    status: Option<Vec<InvoiceStatus>>,
    /// Only invoices to this client.
    client_id: Option<GlobalId<ClientId>>,
    /// Only invoices for this project.
    project_id: Option<GlobalId<ProjectId>>,
    /// Only invoices dated on or after this day.
    issued_from: Option<Date>,
    /// Only invoices dated before this day.
    issued_before: Option<Date>,
}

impl From<InvoiceFilter> for store::InvoiceFilter {
    fn from(filter: InvoiceFilter) -> Self {
        Self {
            status: filter.status.unwrap_or_default().into_iter().map(Into::into).collect(),
            client_id: filter.client_id.map(|id| id.0),
            project_id: filter.project_id.map(|id| id.0),
            issued_from: filter.issued_from.map(|day| day.0),
            issued_before: filter.issued_before.map(|day| day.0),
        }
    }
}

/// The list that is asked for.
pub(crate) fn request(filter: Option<InvoiceFilter>, order: Option<InvoiceOrder>, page: PageRequest) -> ListOf<Record> {
    let default = (store::InvoiceSort::IssueDate, Direction::Descending);
    let (sort, direction) = order.map_or(default, |order| (order.field.into(), order.direction.into()));
    ListRequest { filter: filter.map(Into::into).unwrap_or_default(), sort, direction, page, ..ListRequest::default() }
}
