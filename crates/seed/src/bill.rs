//! Building an invoice: the part that demo and scale data share. The arithmetic is in `domain`.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, Duration, Months, NaiveDate, Utc};
use rust_decimal::Decimal;
use tenantry_domain::invoice::{Invoice, InvoiceKind, InvoiceStatus, NewLineItem, Pricing, compute, short_taxes};
use tenantry_domain::numbering::NumberFormat;
use tenantry_domain::transaction::{Transaction, TransactionKind};
use tenantry_domain::{
    ClientId, Currency, InvoiceId, Money, NumberCounterId, OrganizationId, ProjectId, TransactionId, UserId, Violations,
};
use tenantry_store::bulk::{InvoiceRow, NumberCounterRow};

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
    /// The payment, if anything is paid.
    pub(crate) payment_id: TransactionId,
}

impl Bill {
    /// The invoice with its totals, and what was paid of it.
    pub(crate) fn into_rows(self) -> Result<(InvoiceRow, Option<Transaction>), SeedError> {
        let taxes = short_taxes(self.tax_rate).map_err(Violations::from)?;
        let pricing = Pricing { currency: self.currency, taxes, prices_include_tax: false, discount: None };
        let content = compute(pricing, self.lines)?;
        let total = content.totals.total.minor();
        let paid = match self.status {
            InvoiceStatus::Paid => total,
            InvoiceStatus::Sent | InvoiceStatus::PartlyPaid | InvoiceStatus::Overdue => {
                total / 100 * i64::from(self.part_paid.min(99))
            }
            InvoiceStatus::Draft | InvoiceStatus::Issued | InvoiceStatus::WrittenOff | InvoiceStatus::Void => 0,
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
            kind: InvoiceKind::Invoice,
            corrects_id: None,
            number: self.number,
            status: if paid > 0 && self.status == InvoiceStatus::Sent {
                InvoiceStatus::PartlyPaid
            } else {
                self.status
            },
            issue_date,
            dated_on_issue: false,
            due_date: Some(issue_date + Duration::days(self.due_in_days)),
            tax_rate: content.tax_rate(),
            prices_include_tax: false,
            subtotal: content.totals.subtotal,
            discount_rate: None,
            discount: content.totals.discount,
            tax_amount: content.totals.tax_amount,
            total: content.totals.total,
            amount_paid: Money::from_minor(paid, self.currency),
            amount_credited: Money::zero(self.currency),
            notes: self.notes,
            issued_at: sent_at,
            sent_at,
            paid_at,
            voided_at,
            written_off_at: None,
            created_by: Some(self.created_by),
            created_at: self.created_at,
            updated_at: paid_at.or(voided_at).or(sent_at).unwrap_or(self.created_at),
        };
        let payment = (paid > 0).then(|| Transaction {
            id: self.payment_id,
            organization_id: self.organization_id,
            kind: TransactionKind::Payment,
            client_id: self.client_id,
            project_id: self.project_id,
            invoice_id: Some(self.id),
            amount: Money::from_minor(paid, self.currency),
            occurred_on: settled_at.date_naive(),
            method: None,
            reference: None,
            note: None,
            created_by: Some(self.created_by),
            created_at: settled_at,
            updated_at: settled_at,
        });
        Ok((InvoiceRow { invoice, line_items: content.line_items }, payment))
    }
}

/// The last number of each year, for the counters that later invoices go on from.
#[derive(Debug, Default)]
pub(crate) struct LastNumbers(BTreeMap<String, i64>);

impl LastNumbers {
    /// Notes that an invoice of this day has this number.
    pub(crate) fn note(&mut self, issued_on: NaiveDate, sequence: u64) {
        let period = NumberFormat::default_of(InvoiceKind::Invoice).period(issued_on);
        self.0.insert(period, i64::try_from(sequence).unwrap_or(i64::MAX));
    }

    /// The counters.
    pub(crate) fn into_rows(
        self,
        organization_id: OrganizationId,
        at: DateTime<Utc>,
        mut new_id: impl FnMut() -> NumberCounterId,
    ) -> Vec<NumberCounterRow> {
        let row = |(period, last)| NumberCounterRow {
            id: new_id(),
            organization_id,
            kind: InvoiceKind::Invoice,
            period,
            last,
            at,
        };
        self.0.into_iter().map(row).collect()
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
