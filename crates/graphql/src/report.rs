//! Sums over invoices and transactions.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use chrono::{Months, NaiveDate};
use tenantry_domain::client::Client;
use tenantry_domain::invoice::TaxCategory;
use tenantry_domain::report::{self as domain, MAX_MONTHS};
use tenantry_executor::error::{ErrorCode, bad_argument, coded};
use tenantry_executor::loaders::{load, optional_node};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{CurrencyCode, Date, DecimalText, Money};

use crate::loaders::{Receivables, RevenueOf, TaxesDue};
use crate::noun::{Choice, Row};
use tenantry_store::report::Summed;

/// How a client, a project or the organization stands in one currency.
#[derive(SimpleObject)]
pub(crate) struct Balance {
    /// The currency of every amount.
    currency: CurrencyCode,
    /// The totals of issued invoices that are not void.
    invoiced: Money,
    /// What their credit notes come to.
    credited: Money,
    /// What was paid of them, less refunds.
    paid: Money,
    /// What is still to be paid of them. What was written off is not in it.
    outstanding: Money,
    /// The part of it that is past its due date today.
    overdue: Money,
    /// What was written off and is still not paid.
    written_off: Money,
    /// Payments in advance, which belong to no invoice, less refunds of such payments.
    advances: Money,
    /// Expenses.
    expenses: Money,
    /// Other income.
    income: Money,
}

impl From<&domain::Balance> for Balance {
    fn from(balance: &domain::Balance) -> Self {
        Self {
            currency: CurrencyCode(balance.invoiced.currency()),
            invoiced: balance.invoiced.into(),
            credited: balance.credited.into(),
            paid: balance.paid.into(),
            outstanding: balance.outstanding.into(),
            overdue: balance.overdue.into(),
            written_off: balance.written_off.into(),
            advances: balance.advances.into(),
            expenses: balance.expenses.into(),
            income: balance.income.into(),
        }
    }
}

/// What a client owes in one currency, by how long it has been due.
pub(crate) struct Receivable(domain::Receivable);

/// What a client owes in one currency, by how long it has been due in the organization's time zone.
#[Object]
impl Receivable {
    /// The client; null for invoices of clients that were deleted.
    async fn client(&self, context: &Context<'_>) -> Result<Option<Resolved<Row<Client>>>> {
        optional_node::<Row<Client>>(context, self.0.client_id).await
    }

    /// The currency of every amount.
    async fn currency(&self) -> CurrencyCode {
        CurrencyCode(self.0.outstanding.currency())
    }

    /// All that is still to be paid.
    async fn outstanding(&self) -> Money {
        self.0.outstanding.into()
    }

    /// What is past its due date, from one day on.
    async fn overdue(&self) -> Money {
        self.0.overdue.into()
    }

    /// What is not due yet, or has no due date.
    async fn not_due(&self) -> Money {
        self.0.not_due.into()
    }

    /// What has been due for 0 to 30 days. What is due today has been due for 0 days.
    #[graphql(name = "days0To30")]
    async fn days_0_to_30(&self) -> Money {
        self.0.days_0_to_30.into()
    }

    /// What has been due for 31 to 60 days.
    #[graphql(name = "days31To60")]
    async fn days_31_to_60(&self) -> Money {
        self.0.days_31_to_60.into()
    }

    /// What has been due for 61 to 90 days.
    #[graphql(name = "days61To90")]
    async fn days_61_to_90(&self) -> Money {
        self.0.days_61_to_90.into()
    }

    /// What has been due for more than 90 days.
    #[graphql(name = "over90Days")]
    async fn over_90_days(&self) -> Money {
        self.0.over_90_days.into()
    }
}

/// What was invoiced in a month, in one currency, less the credit notes of that month.
#[derive(SimpleObject)]
pub(crate) struct Revenue {
    /// The first day of the month.
    month: Date,
    /// The currency of every amount.
    currency: CurrencyCode,
    /// The totals before taxes.
    net: Money,
    /// The taxes.
    tax: Money,
}

/// What a tax comes to on the invoices of some days, in one currency, less the credit notes of those days.
#[derive(SimpleObject)]
pub(crate) struct TaxDue {
    /// The name of the tax.
    name: String,
    /// The tax as a fraction: 0.18 is 18 %.
    rate: DecimalText,
    /// How it treats what it applies to.
    category: Choice<TaxCategory>,
    /// The currency of both amounts.
    currency: CurrencyCode,
    /// What it applies to.
    base: Money,
    /// What it comes to.
    amount: Money,
}

/// The most clients and currencies of one answer.
const MAX_RECEIVABLES: i32 = 1_000;

/// The root fields that sum up.
#[derive(Default)]
pub(crate) struct ReportQuery;

#[Object]
impl ReportQuery {
    /// What clients owe, as far as you see their invoices: one entry for each client and currency. In each currency, who owes most comes first. What
    /// was written off is not in it.
    async fn receivables(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The number of entries, at most 1,000.", default = 100)] first: i32,
    ) -> Result<Option<Vec<Ordered<Receivable>>>> {
        if !(0..=MAX_RECEIVABLES).contains(&first) {
            return Err(bad_argument("first", format!("`first` must be between 0 and {MAX_RECEIVABLES}.")));
        }
        let found = load::<Receivables>(context, first.into()).await?;
        Ok(Some(summed(found.as_ref())?.iter().map(|receivable| Ordered(Receivable(*receivable))).collect()))
    }

    /// What was invoiced in each month, by currency, as far as you see the invoices. An invoice counts in the month of its date, a credit note in
    /// that of its own.
    async fn revenue(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Date,
        #[graphql(desc = "The day after the last one; at most 120 months after the first.")] before: Date,
    ) -> Result<Option<Vec<Revenue>>> {
        let found = load::<RevenueOf>(context, days(from, before)?).await?;
        let revenue = |revenue: &domain::Revenue| Revenue {
            month: Date(revenue.month),
            currency: CurrencyCode(revenue.net.currency()),
            net: revenue.net.into(),
            tax: revenue.tax.into(),
        };
        Ok(Some(summed(found.as_ref())?.iter().map(revenue).collect()))
    }

    /// What each tax comes to on the invoices of these days, by currency, as far as you see the invoices.
    async fn taxes_due(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The first invoice date.")] from: Date,
        #[graphql(desc = "The day after the last one; at most 120 months after the first.")] before: Date,
    ) -> Result<Option<Vec<TaxDue>>> {
        let found = load::<TaxesDue>(context, days(from, before)?).await?;
        let due = |due: &domain::TaxDue| TaxDue {
            name: due.name.clone(),
            rate: DecimalText(due.rate),
            category: Choice(due.category),
            currency: CurrencyCode(due.amount.currency()),
            base: due.base.into(),
            amount: due.amount.into(),
        };
        Ok(Some(summed(found.as_ref())?.iter().map(due).collect()))
    }
}

/// The days, if they are not too many.
fn days(from: Date, before: Date) -> Result<(NaiveDate, NaiveDate)> {
    let (from, before) = (from.0, before.0);
    let last = from.checked_add_months(Months::new(MAX_MONTHS));
    if before < from || last.is_none_or(|last| before > last) {
        let message = format!("`before` must be between `from` and {MAX_MONTHS} months later.");
        return Err(bad_argument("before", message));
    }
    Ok((from, before))
}

/// Balances as objects of the graph.
///
/// # Errors
/// As [`summed`].
pub(crate) fn balances(found: Option<&Arc<Summed<domain::Balance>>>) -> Result<Option<Vec<Balance>>> {
    Ok(Some(summed(found)?.iter().map(Balance::from).collect()))
}

/// Sums that were found; none if nothing was.
///
/// # Errors
/// One of them does not fit.
pub(crate) fn summed<T>(found: Option<&Arc<Summed<T>>>) -> Result<&[T]> {
    match found.map(|found| &**found) {
        None => Ok(&[]),
        Some(Ok(sums)) => Ok(sums),
        Some(Err(_)) => Err(coded(ErrorCode::AmountTooLarge, "A sum is larger than an amount can be.")),
    }
}
