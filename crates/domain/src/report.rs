//! Sums over invoices and transactions: what is owed, what came in, what tax is due. Each is of one currency: amounts of two are never added.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::id::ClientId;
use crate::invoice::TaxCategory;
use crate::money::Money;
use crate::project::Project;

/// How a client, a project or the organization stands in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// The totals of issued invoices that are not void.
    pub invoiced: Money,
    /// What their credit notes come to.
    pub credited: Money,
    /// What was paid of them, less refunds.
    pub paid: Money,
    /// What is still to be paid of them. What was written off is not in it.
    pub outstanding: Money,
    /// The part of it that is past its due date today.
    pub overdue: Money,
    /// What was written off and is still not paid.
    pub written_off: Money,
    /// Payments in advance, which belong to no invoice, less refunds of such payments.
    pub advances: Money,
    /// Expenses.
    pub expenses: Money,
    /// Other income.
    pub income: Money,
}

/// What a client owes in one currency, by how long it has been due today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receivable {
    /// The client; `None` for invoices of clients that were deleted.
    pub client_id: Option<ClientId>,
    /// All of it.
    pub outstanding: Money,
    /// What is past its due date: from one day on.
    pub overdue: Money,
    /// What is not due yet, or has no due date.
    pub not_due: Money,
    /// Due for 0 to 30 days; 0 is today.
    pub days_0_to_30: Money,
    /// Due for 31 to 60 days.
    pub days_31_to_60: Money,
    /// Due for 61 to 90 days.
    pub days_61_to_90: Money,
    /// Due for more than 90 days.
    pub over_90_days: Money,
}

/// What was invoiced in a month, in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revenue {
    /// The first day of the month, by the invoice date.
    pub month: NaiveDate,
    /// The totals before taxes of what was invoiced, less the credit notes of that month.
    pub net: Money,
    /// The taxes on it.
    pub tax: Money,
}

/// What a tax comes to on the invoices of some days, in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxDue {
    /// The name of the tax.
    pub name: String,
    /// Its rate.
    pub rate: Decimal,
    /// Its category.
    pub category: TaxCategory,
    /// What it applies to, less credit notes.
    pub base: Money,
    /// What it comes to, less credit notes.
    pub amount: Money,
}

/// The most months that are reported at once.
pub const MAX_MONTHS: u32 = 120;

/// How a project stands in the currency of its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The expenses.
    pub spent: Money,
    /// What was invoiced, with taxes, less credit notes.
    pub billed: Money,
    /// What is left of the budget after what was billed; `None` without a budget.
    pub remaining: Option<Money>,
}

impl Standing {
    /// How a project with these balances stands. `None` if it has neither a budget nor an advance, and so no currency.
    pub fn of(project: &Project, balances: &[Balance]) -> Option<Self> {
        let currency = project.budget.or(project.advance_received)?.currency();
        let found = balances.iter().find(|balance| balance.invoiced.currency() == currency);
        let zero = Money::zero(currency);
        let billed = found.map_or(zero, |balance| {
            Money::from_minor(balance.invoiced.minor().saturating_sub(balance.credited.minor()), currency)
        });
        let left = |budget: Money| Money::from_minor(budget.minor().saturating_sub(billed.minor()), currency);
        Some(Self {
            spent: found.map_or(zero, |balance| balance.expenses),
            billed,
            remaining: project.budget.map(left),
        })
    }
}
