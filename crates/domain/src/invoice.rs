//! Invoices and their arithmetic: exact, rounded once per line and once for tax.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::change::Change;
use crate::client::Client;
use crate::currency::Currency;
use crate::id::{ClientId, InvoiceId, OrganizationId, ProjectId, TaskId, UserId};
use crate::member::Member;
use crate::money::{Money, MoneyError};
use crate::noun::Noun;
use crate::project::Project;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

text_enum! {
    /// The status of an invoice.
    InvoiceStatus {
        /// Still being written; has no number.
        Draft = "draft",
        /// Issued and waiting for payment.
        Sent = "sent",
        /// Paid in full.
        Paid = "paid",
        /// Issued, past its due date and not paid in full.
        Overdue = "overdue",
        /// Withdrawn; its number stays used.
        Void = "void",
    }
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineItem {
    /// What is billed.
    pub description: String,
    /// The quantity.
    pub quantity: Decimal,
    /// The price per unit, in major units; it may be finer than the minor unit.
    pub rate: Decimal,
    /// `round(quantity × rate)`.
    pub amount: Money,
}

/// The input for an invoice line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLineItem {
    /// Required; 1 to 500 characters.
    pub description: String,
    /// More than zero, below 10⁹, at most 6 decimals.
    pub quantity: Decimal,
    /// Between −10¹² and 10¹², at most 6 decimals; negative for a discount.
    pub rate: Decimal,
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
    /// The number, assigned when the invoice is issued; null for a draft.
    #[field(computed, filter)]
    pub number: Option<String>,
    /// The state of the invoice today, in the organization's time zone.
    #[field(computed, filter(own), needs(due_date, amount_paid, total))]
    pub status: InvoiceStatus,
    /// The invoice date.
    #[field(filter = "issued", sort = "By invoice date.")]
    pub issue_date: NaiveDate,
    /// The due date.
    #[field(filter, sort = "By due date; invoices without one come last.")]
    pub due_date: Option<NaiveDate>,
    /// The tax as a fraction: 0.18 is 18 %.
    pub tax_rate: Decimal,
    /// The sum of the lines.
    #[field(computed)]
    pub subtotal: Money,
    /// The tax, rounded half away from zero.
    #[field(computed)]
    pub tax_amount: Money,
    /// The subtotal and the tax.
    #[field(computed, filter)]
    pub total: Money,
    /// What has been paid so far.
    #[field(computed)]
    pub amount_paid: Money,
    /// Free text about the invoice.
    #[field(prose(20_000))]
    pub notes: Option<String>,
    /// When it was issued; null if it was not.
    #[field(computed)]
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was paid in full; null if it was not.
    #[field(computed)]
    pub paid_at: Option<DateTime<Utc>>,
    /// When it was voided; null if it was not.
    #[field(computed)]
    pub voided_at: Option<DateTime<Utc>>,
    /// The member who created it; null if the member has left.
    #[field(author, link(Member, keep, key = "user_id", relation = "created_by"))]
    pub created_by: Option<UserId>,
    /// When the invoice was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the invoice last changed.
    pub updated_at: DateTime<Utc>,
}

/// An invoice's totals, all in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// The sum of the lines' amounts.
    pub subtotal: Money,
    /// `round(subtotal × tax rate)`.
    pub tax_amount: Money,
    /// Subtotal plus tax.
    pub total: Money,
}

/// The input for creating a draft.
#[derive(Debug, Clone)]
pub struct NewInvoice {
    /// The billed client.
    pub client_id: ClientId,
    /// The project.
    pub project_id: Option<ProjectId>,
    /// The currency of every amount.
    pub currency: Currency,
    /// Today by default.
    pub issue_date: Option<NaiveDate>,
    /// Not before the issue date.
    pub due_date: Option<NaiveDate>,
    /// At most 200.
    pub line_items: Vec<NewLineItem>,
    /// Between 0 and 1, at most 8 decimals; 0 by default.
    pub tax_rate: Option<Decimal>,
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
    /// See [`NewInvoice::tax_rate`].
    pub tax_rate: Change<Decimal>,
    /// See [`NewInvoice::notes`].
    pub notes: Change<Option<String>>,
    /// Replaces the billed tasks. See [`NewInvoice::task_ids`].
    pub task_ids: Change<Vec<TaskId>>,
}

/// A draft's validated content, with all amounts computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftContent {
    /// The lines with their amounts.
    pub line_items: Vec<LineItem>,
    /// The tax as a fraction.
    pub tax_rate: Decimal,
    /// The totals.
    pub totals: Totals,
}

/// The most lines of one invoice.
pub const MAX_LINE_ITEMS: usize = 200;

/// The most tasks that one invoice can bill.
pub const MAX_INVOICE_TASKS: usize = 500;

/// Computes the lines' amounts and the totals.
///
/// `amount = round(quantity × rate)`; the subtotal is the sum of the amounts; `tax = round(subtotal × tax_rate)`; the
/// total is subtotal plus tax. Rounding is half away from zero to the currency's minor unit.
///
/// # Errors
/// All fields that are out of bounds, and a total that is negative or does not fit.
pub fn compute(currency: Currency, lines: Vec<NewLineItem>, tax_rate: Decimal) -> Result<DraftContent, Violations> {
    let mut v = Violations::default();
    if lines.len() > MAX_LINE_ITEMS {
        let message = format!("An invoice has at most {MAX_LINE_ITEMS} lines.");
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "lineItems", message));
    }
    if tax_rate < Decimal::ZERO || tax_rate > Decimal::ONE || tax_rate.normalize().scale() > 8 {
        let message = "This must be a fraction between 0 and 1 with at most 8 decimals.";
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "taxRate", message));
    }
    let lines: Vec<NewLineItem> =
        lines.into_iter().enumerate().map(|(n, line)| checked_line(&mut v, n, line)).collect();
    v.into_result()?;
    let overflow = |_: MoneyError| FieldError::new(FieldErrorCode::OutOfRange, "lineItems", "The sum is too large.");
    let mut subtotal = Money::zero(currency);
    let mut line_items = Vec::with_capacity(lines.len());
    for line in lines {
        let product = exact_product(line.quantity, line.rate).ok_or(MoneyError::Overflow).map_err(overflow)?;
        let amount = Money::round(product, currency).map_err(overflow)?;
        subtotal = subtotal.checked_add(amount).map_err(overflow)?;
        line_items.push(LineItem { description: line.description, quantity: line.quantity, rate: line.rate, amount });
    }
    if subtotal.minor() < 0 {
        let message = "The total of the lines must not be negative.";
        return Err(FieldError::new(FieldErrorCode::OutOfRange, "lineItems", message).into());
    }
    let tax = exact_product(subtotal.amount(), tax_rate).ok_or(MoneyError::Overflow).map_err(overflow)?;
    let tax_amount = Money::round(tax, currency).map_err(overflow)?;
    let total = subtotal.checked_add(tax_amount).map_err(overflow)?;
    Ok(DraftContent { line_items, tax_rate, totals: Totals { subtotal, tax_amount, total } })
}

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

/// The exact product; `None` if it has more digits than can be represented, because it would be rounded too early.
fn exact_product(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let scale = a.scale() + b.scale();
    a.checked_mul(b).filter(|product| product.scale() == scale || product.is_zero())
}

/// The line with its description as it is stored; its faults are added to `v`.
fn checked_line(v: &mut Violations, n: usize, line: NewLineItem) -> NewLineItem {
    let NewLineItem { description, quantity, rate } = line;
    let mut own = Violations::default();
    let description = own.required_text("description", &description, 500);
    let million = Decimal::from(1_000_000);
    let max_quantity = million * Decimal::from(1_000);
    let max_rate = million * million;
    if quantity <= Decimal::ZERO || quantity >= max_quantity || quantity.normalize().scale() > 6 {
        let message = "This must be more than 0, less than 10^9, with at most 6 decimals.";
        own.push(FieldError::new(FieldErrorCode::OutOfRange, "quantity", message));
    }
    if rate.abs() >= max_rate || rate.normalize().scale() > 6 {
        let message = "This must be between -10^12 and 10^12, with at most 6 decimals.";
        own.push(FieldError::new(FieldErrorCode::OutOfRange, "rate", message));
    }
    let index = n.to_string();
    v.0.extend(own.0.into_iter().map(|error| error.within(&["lineItems", &index])));
    NewLineItem { description, quantity, rate }
}

impl Invoice {
    /// The currency of every amount.
    pub fn currency(&self) -> Currency {
        self.total.currency()
    }

    /// The status on `today` (in the organization's time zone): a sent invoice with an open balance is overdue from the
    /// day after its due date.
    pub fn status_on(&self, today: NaiveDate) -> InvoiceStatus {
        let open = self.amount_paid.minor() < self.total.minor();
        let due = self.due_date.is_some_and(|due| due < today);
        match self.status {
            InvoiceStatus::Sent | InvoiceStatus::Overdue if open && due => InvoiceStatus::Overdue,
            InvoiceStatus::Overdue => InvoiceStatus::Sent,
            status => status,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(quantity: i64, quantity_scale: u32, rate: i64, rate_scale: u32) -> NewLineItem {
        NewLineItem {
            description: "Work".into(),
            quantity: Decimal::new(quantity, quantity_scale),
            rate: Decimal::new(rate, rate_scale),
        }
    }

    #[test]
    fn the_worked_example_adds_up() {
        let lines = vec![line(40, 0, 2_500, 0), line(16, 0, 3_000, 0)];
        let draft = compute(Currency::USD, lines, Decimal::new(18, 2)).expect("valid");
        let amounts: Vec<_> = draft.line_items.iter().map(|l| l.amount.amount()).collect();
        assert_eq!(amounts, [Decimal::from(100_000), Decimal::from(48_000)]);
        assert_eq!(draft.totals.subtotal.amount(), Decimal::from(148_000));
        assert_eq!(draft.totals.tax_amount.amount(), Decimal::from(26_640));
        assert_eq!(draft.totals.total.amount(), Decimal::from(174_640));
    }

    #[test]
    fn tax_of_9_975_percent_is_exact_and_a_rate_may_be_finer_than_a_cent() {
        let draft = compute(Currency::USD, vec![line(1_000, 0, 12_345, 5)], Decimal::new(9_975, 5)).expect("valid");
        assert_eq!(draft.totals.subtotal.minor(), 12_345);
        assert_eq!(draft.totals.tax_amount.minor(), 1_231);
    }

    #[test]
    fn faults_name_their_line() {
        let lines = vec![line(1, 0, 1, 0), NewLineItem { description: " ".into(), ..line(-1, 0, 1, 7) }];
        let faults = compute(Currency::USD, lines, Decimal::from(2)).expect_err("three faults and the tax");
        let fields: Vec<_> = faults.0.iter().map(|e| e.field.join(".")).collect();
        assert_eq!(fields, ["taxRate", "lineItems.1.description", "lineItems.1.quantity", "lineItems.1.rate"]);
    }

    #[test]
    fn a_total_that_does_not_fit_is_an_error() {
        let lines = vec![line(999_999_999, 0, 999_999_999_999, 0)];
        assert!(compute(Currency::USD, lines, Decimal::ZERO).is_err());
        assert!(compute(Currency::USD, vec![line(1, 0, -1, 0)], Decimal::ZERO).is_err());
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_its_parts(
            lines in prop::collection::vec((1_i64..1_000_000, 0_u32..6, 0_i64..1_000_000, 0_u32..6), 0..20),
            tax in 0_i64..=100_000,
        ) {
            for currency in [Currency::USD, Currency::JPY, Currency::BHD] {
                let lines = lines.iter().map(|&(q, qs, r, rs)| line(q, qs, r, rs)).collect();
                let draft = compute(currency, lines, Decimal::new(tax, 5)).expect("within the bounds");
                let sum: i64 = draft.line_items.iter().map(|l| l.amount.minor()).sum();
                prop_assert_eq!(draft.totals.subtotal.minor(), sum);
                prop_assert_eq!(draft.totals.total.minor(), sum + draft.totals.tax_amount.minor());
                // A single rounding keeps every amount within half a minor unit of the exact product.
                let half = Decimal::new(5, currency.digits() + 1);
                for l in &draft.line_items {
                    prop_assert!((l.amount.amount() - l.quantity * l.rate).abs() <= half);
                }
            }
        }
    }
}
