//! Money that came in or went out: payments and refunds of invoices, expenses, and other income.

use chrono::{DateTime, NaiveDate, Utc};

use crate::client::Client;
use crate::id::{ClientId, InvoiceId, OrganizationId, ProjectId, TransactionId, UserId};
use crate::invoice::Invoice;
use crate::member::Member;
use crate::money::Money;
use crate::noun::Noun;
use crate::project::Project;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

text_enum! {
    /// What a transaction is.
    TransactionKind {
        /// A client paid: an invoice, or in advance.
        Payment = "payment",
        /// A client got something back.
        Refund = "refund",
        /// The organization paid for something.
        Expense = "expense",
        /// Money came in that is no payment of a client.
        Income = "income",
    }
}

/// Money that came in or went out. What was paid, and of which invoice, does not change; a wrong entry is deleted. Guests see none.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.transactions", placed = in_project(project_id), read = ReadInvoice, write = WriteInvoice)]
#[noun(currency = "currency", order_by = occurred_on, check)]
#[noun(input(
    allow_overpayment: Option<bool>,
    "Whether a payment may be more than the open balance of its invoice. Default: no."
))]
pub struct Transaction {
    /// The transaction's id.
    pub id: TransactionId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// What it is.
    #[field(once, filter)]
    pub kind: TransactionKind,
    /// The client; with an invoice, that of the invoice, and else that of the project if none was given. Null if there is none, if the client was deleted, or if you cannot see it.
    #[field(
        filter,
        link(
            Client,
            unlink,
            list = "transactions",
            doc = "What the client paid and got back, and what was spent for it; the latest first unless ordered otherwise."
        )
    )]
    pub client_id: Option<ClientId>,
    /// The project; with an invoice, that of the invoice. Null if there is none, or if the project was deleted.
    #[field(
        filter,
        link(
            Project,
            unlink,
            list = "transactions",
            doc = "What was paid and spent for the project; the latest first unless ordered otherwise."
        )
    )]
    pub project_id: Option<ProjectId>,
    /// The invoice that was paid or refunded; null for other transactions.
    #[field(
        once,
        filter,
        link(
            Invoice,
            refuse,
            list = "transactions",
            doc = "Its payments and refunds; the latest first unless ordered otherwise."
        )
    )]
    pub invoice_id: Option<InvoiceId>,
    /// The amount; more than zero, whatever the direction.
    #[field(once, filter)]
    pub amount: Money,
    /// The day on which it happened. Default: today.
    #[field(filter = "occurred", sort = "By the day on which it happened.", optional_on_create)]
    pub occurred_on: NaiveDate,
    /// How it was paid, such as by bank transfer.
    #[field(text(50))]
    pub method: Option<String>,
    /// What the bank or the other side calls it.
    #[field(text(200), filter)]
    pub reference: Option<String>,
    /// Free text about it.
    #[field(prose(20_000))]
    pub note: Option<String>,
    /// The member who entered it; null if the member has left.
    #[field(author, link(Member, keep, key = "user_id", relation = "created_by"))]
    pub created_by: Option<UserId>,
    /// When it was entered.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Transaction {
    /// What more than one field takes part in: only payments and refunds are of an invoice.
    fn check(&self, v: &mut Violations) {
        if self.amount.minor() <= 0 {
            v.push(FieldError::new(FieldErrorCode::OutOfRange, "amount", "This must be more than 0."));
        }
        let is_settling = matches!(self.kind, TransactionKind::Payment | TransactionKind::Refund);
        if self.invoice_id.is_some() && !is_settling {
            let message = "Only payments and refunds can have an invoice.";
            v.push(FieldError::new(FieldErrorCode::Invalid, "invoiceId", message));
        }
    }
}
