//! Building an invoice: the part that demo and scale data share. The arithmetic is in `domain`.

use chrono::{DateTime, Datelike as _, Duration, Months, NaiveDate, Utc};
use rust_decimal::Decimal;
use tenantry_domain::invoice::{Invoice, InvoiceStatus, NewLineItem, compute};
use tenantry_domain::{ClientId, Currency, InvoiceId, Money, OrganizationId, ProjectId, UserId};
use tenantry_store::bulk::InvoiceRow;

use crate::error::SeedError;

/// The first moment, and the first moment after the end.
pub(crate) type Period = (DateTime<Utc>, DateTime<Utc>);

/// The input of an invoice.
#[derive(Debug)]
pub(crate) struct Bill {
    pub(crate) id: InvoiceId,
    pub(crate) organization_id: OrganizationId,
    pub(crate) client_id: Option<ClientId>,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) created_by: UserId,
    /// None while it is a draft.
    pub(crate) number: Option<String>,
    pub(crate) status: InvoiceStatus,
    pub(crate) currency: Currency,
    pub(crate) tax_rate: Decimal,
    pub(crate) lines: Vec<NewLineItem>,
    /// When it was created; its date is that day.
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) due_in_days: i64,
    /// How much of the total is paid while it is open, in percent.
    pub(crate) part_paid: u32,
    /// When it was paid or voided, if it was.
    pub(crate) settled_at: DateTime<Utc>,
    pub(crate) notes: Option<String>,
}

impl Bill {
    /// The invoice with its totals.
    pub(crate) fn into_row(self) -> Result<InvoiceRow, SeedError> {
        let content = compute(self.currency, self.lines, self.tax_rate)?;
        let total = content.totals.total.minor();
        let paid = match self.status {
            InvoiceStatus::Paid => total,
            InvoiceStatus::Sent | InvoiceStatus::Overdue => total / 100 * i64::from(self.part_paid.min(99)),
            InvoiceStatus::Draft | InvoiceStatus::Void => 0,
        };
        let issued = self.status != InvoiceStatus::Draft;
        let sent_at = issued.then(|| self.created_at + Duration::minutes(20));
        let settled_at = self.settled_at.max(self.created_at + Duration::minutes(30));
        let paid_at = (self.status == InvoiceStatus::Paid).then_some(settled_at);
        let voided_at = (self.status == InvoiceStatus::Void).then_some(settled_at);
        let issue_date = self.created_at.date_naive();
        let invoice = Invoice {
            id: self.id,
            organization_id: self.organization_id,
            client_id: self.client_id,
            project_id: self.project_id,
            number: self.number,
            status: self.status,
            issue_date,
            due_date: Some(issue_date + Duration::days(self.due_in_days)),
            tax_rate: content.tax_rate,
            subtotal: content.totals.subtotal,
            tax_amount: content.totals.tax_amount,
            total: content.totals.total,
            amount_paid: Money::from_minor(paid, self.currency),
            notes: self.notes,
            sent_at,
            paid_at,
            voided_at,
            created_by: Some(self.created_by),
            created_at: self.created_at,
            updated_at: paid_at.or(voided_at).or(sent_at).unwrap_or(self.created_at),
        };
        Ok(InvoiceRow { invoice, line_items: content.line_items })
    }
}

/// The number of an organization's `sequence`-th issued invoice.
pub(crate) fn number(issued_on: NaiveDate, sequence: u64) -> String {
    format!("INV-{}-{sequence:04}", issued_on.year())
}

/// The calendar month of this moment, which is the billing period of organizations that do not pay.
pub(crate) fn calendar_month(at: DateTime<Utc>) -> Period {
    month_from(1, at)
}

/// The monthly period that begins on this day (at most the 28th) and contains this moment.
pub(crate) fn month_from(day: u32, at: DateTime<Utc>) -> Period {
    let today = at.date_naive();
    // Every month has a 28th day.
    let this = today.with_day(day).unwrap_or(today).and_time(chrono::NaiveTime::MIN).and_utc();
    let start = if this <= at { this } else { this - Months::new(1) };
    (start, start + Months::new(1))
}
