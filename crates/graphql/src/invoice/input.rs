//! Invoices: what the inputs of drafts have in common.

use async_graphql::{InputObject, MaybeUndefined};
use tenantry_domain::invoice::{Discount, NewLineItem, Tax, TaxCategory, short_taxes};
use tenantry_domain::{Change, FieldError, FieldErrorCode, TaskId, Violations};
use tenantry_executor::scalar::{DecimalText, GlobalId};

use crate::mutation::required;
use crate::noun::Choice;

/// One line of a draft.
#[derive(InputObject, Clone)]
pub(crate) struct LineItemInput {
    /// What is billed; 1 to 500 characters.
    description: String,
    /// The quantity: more than 0, less than 10^9, at most 6 decimals.
    quantity: DecimalText,
    /// The price per unit, in major units: between -10^12 and 10^12, at most 6 decimals; negative for what is taken back.
    rate: DecimalText,
    /// A discount on the line as a fraction between 0 and 1, at most 8 decimals: 0.1 is 10 %.
    discount_rate: Option<DecimalText>,
    /// A discount on the line in major units, not more than the line. Give this or `discountRate`.
    discount_amount: Option<DecimalText>,
    /// The names of the invoice's taxes that apply to the line. Default: all of them.
    taxes: Option<Vec<String>>,
}

/// A tax.
#[derive(InputObject, Clone)]
pub(crate) struct TaxInput {
    /// Its name; 1 to 100 characters, and no other tax of the invoice has it.
    name: String,
    /// The tax as a fraction between 0 and 1, at most 8 decimals: 0.18 is 18 %.
    rate: DecimalText,
    /// How it treats what it applies to. In another category than `STANDARD` the rate is 0.
    #[graphql(default_with = "Choice(TaxCategory::Standard)")]
    category: Choice<TaxCategory>,
    /// Why no tax is due, as the law wants it on the invoice; at most 200 characters.
    reason: Option<String>,
}

/// The taxes of a new draft, from either of two fields.
pub(super) fn new_taxes(
    faults: &mut Violations,
    rate: Option<DecimalText>,
    taxes: Option<Vec<TaxInput>>,
) -> Option<Vec<Tax>> {
    match (rate, taxes) {
        (None, None) => None,
        (None, Some(taxes)) => Some(read_taxes(taxes)),
        (Some(rate), None) => Some(read_rate(faults, rate)),
        (Some(_), Some(_)) => {
            faults.push(both("taxes", "taxRate"));
            None
        }
    }
}

/// The change of a draft's taxes, from either of two fields.
pub(super) fn changed_taxes(
    faults: &mut Violations,
    rate: MaybeUndefined<DecimalText>,
    taxes: MaybeUndefined<Vec<TaxInput>>,
) -> Change<Vec<Tax>> {
    if !rate.is_undefined() && !taxes.is_undefined() {
        faults.push(both("taxes", "taxRate"));
        return Change::Keep;
    }
    match required(faults, "taxRate", rate, |rate| rate) {
        Change::Set(rate) => Change::Set(read_rate(faults, rate)),
        Change::Keep => required(faults, "taxes", taxes, read_taxes),
    }
}

/// The discount of a new draft, from either of two fields.
pub(super) fn new_discount(
    faults: &mut Violations,
    rate: Option<DecimalText>,
    amount: Option<DecimalText>,
) -> Option<Discount> {
    match (rate, amount) {
        (None, None) => None,
        (Some(rate), None) => Some(Discount::Rate(rate.0)),
        (None, Some(amount)) => Some(Discount::Amount(amount.0)),
        (Some(_), Some(_)) => {
            faults.push(both("discountAmount", "discountRate"));
            None
        }
    }
}

/// The change of a draft's discount, from either of two fields. Null takes it away.
pub(super) fn changed_discount(
    faults: &mut Violations,
    rate: MaybeUndefined<DecimalText>,
    amount: MaybeUndefined<DecimalText>,
) -> Change<Option<Discount>> {
    if rate.is_undefined() && amount.is_undefined() {
        return Change::Keep;
    }
    Change::Set(new_discount(faults, rate.take(), amount.take()))
}

/// The lines of a draft.
pub(super) fn lines(faults: &mut Violations, lines: Vec<LineItemInput>) -> Vec<NewLineItem> {
    let read = |(n, line): (usize, LineItemInput)| {
        let mut own = Violations::default();
        let discount = new_discount(&mut own, line.discount_rate, line.discount_amount);
        let index = n.to_string();
        faults.0.extend(own.0.into_iter().map(|fault| fault.within(&["lineItems", &index])));
        NewLineItem {
            description: line.description,
            quantity: line.quantity.0,
            rate: line.rate.0,
            discount,
            taxes: line.taxes,
        }
    };
    lines.into_iter().enumerate().map(read).collect()
}

/// The ids of tasks.
pub(super) fn tasks(ids: Vec<GlobalId<TaskId>>) -> Vec<TaskId> {
    ids.into_iter().map(|id| id.0).collect()
}

/// Taxes as the domain has them.
pub(crate) fn read_taxes(taxes: Vec<TaxInput>) -> Vec<Tax> {
    let read = |tax: TaxInput| Tax { name: tax.name, rate: tax.rate.0, category: tax.category.0, reason: tax.reason };
    taxes.into_iter().map(read).collect()
}

/// The taxes that a bare rate stands for. The rate is checked here, so that a fault names the field that was given.
fn read_rate(faults: &mut Violations, rate: DecimalText) -> Vec<Tax> {
    match short_taxes(rate.0) {
        Ok(taxes) => taxes,
        Err(fault) => {
            faults.push(fault);
            Vec::new()
        }
    }
}

fn both(field: &str, other: &str) -> FieldError {
    FieldError::new(FieldErrorCode::Invalid, field, format!("Give this or `{other}`, not both."))
}
