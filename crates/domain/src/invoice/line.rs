//! The lines of an invoice.

use rust_decimal::Decimal;

use super::arithmetic::checked_discount;
use super::tax::{Discount, Tax};
use crate::currency::Currency;
use crate::money::Money;
use crate::text::normalized;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineItem {
    /// What is billed.
    pub description: String,
    /// The quantity.
    pub quantity: Decimal,
    /// The price per unit, in major units; it may be finer than the minor unit.
    pub rate: Decimal,
    /// What comes off the line, before tax.
    pub discount: Option<Discount>,
    /// The names of the taxes that apply to it; `None` if all of the invoice's do.
    pub taxes: Option<Vec<String>>,
    /// `round(quantity × rate)`, without the discount.
    pub amount: Money,
}

impl LineItem {
    /// The discount, if it was given as an amount.
    pub fn discount_amount(&self) -> Option<Money> {
        // It was checked to be whole minor units.
        let Some(Discount::Amount(amount)) = self.discount else { return None };
        Money::from_major(amount, self.amount.currency()).ok()
    }
}

/// The input for an invoice line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLineItem {
    /// Required; 1 to 500 characters.
    pub description: String,
    /// More than zero, below 10⁹, at most 6 decimals.
    pub quantity: Decimal,
    /// Between −10¹² and 10¹², at most 6 decimals; negative for what is taken back.
    pub rate: Decimal,
    /// Not more than the line.
    pub discount: Option<Discount>,
    /// The names of some of the invoice's taxes; `None` for all of them.
    pub taxes: Option<Vec<String>>,
}

/// The most lines of one invoice.
pub const MAX_LINE_ITEMS: usize = 200;

impl NewLineItem {
    /// A line without a discount, to which all of the invoice's taxes apply.
    pub fn new(description: String, quantity: Decimal, rate: Decimal) -> Self {
        Self { description, quantity, rate, discount: None, taxes: None }
    }
}

impl From<LineItem> for NewLineItem {
    fn from(line: LineItem) -> Self {
        let LineItem { description, quantity, rate, discount, taxes, amount: _ } = line;
        Self { description, quantity, rate, discount, taxes }
    }
}

/// The lines as they are stored; their faults are added to `v`.
pub(super) fn checked_lines(
    v: &mut Violations,
    currency: Currency,
    taxes: &[Tax],
    lines: Vec<NewLineItem>,
) -> Vec<NewLineItem> {
    if lines.len() > MAX_LINE_ITEMS {
        let message = format!("An invoice has at most {MAX_LINE_ITEMS} lines.");
        v.push(FieldError::new(FieldErrorCode::OutOfRange, "lineItems", message));
    }
    lines.into_iter().enumerate().map(|(n, line)| checked_line(v, n, line, currency, taxes)).collect()
}

fn checked_line(v: &mut Violations, n: usize, line: NewLineItem, currency: Currency, taxes: &[Tax]) -> NewLineItem {
    let NewLineItem { description, quantity, rate, discount, taxes: its_taxes } = line;
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
    let discount = discount.map(|discount| checked_discount(&mut own, currency, discount));
    let its_taxes = its_taxes.map(|names| checked_names(&mut own, names, taxes));
    let index = n.to_string();
    v.0.extend(own.0.into_iter().map(|error| error.within(&["lineItems", &index])));
    NewLineItem { description, quantity, rate, discount, taxes: its_taxes }
}

/// The names of the line's taxes, each once, as the invoice spells them.
fn checked_names(v: &mut Violations, names: Vec<String>, taxes: &[Tax]) -> Vec<String> {
    let mut found: Vec<String> = Vec::with_capacity(names.len().min(taxes.len()));
    for (n, name) in names.into_iter().enumerate() {
        let name = normalized(name.trim());
        match taxes.iter().find(|tax| normalized(tax.name.trim()) == name) {
            Some(tax) if found.contains(&tax.name) => {}
            Some(tax) => found.push(tax.name.clone()),
            None => {
                let message = "The invoice has no tax of this name.";
                let fault = FieldError::new(FieldErrorCode::NotFound, "taxes", message);
                v.push(FieldError { field: vec!["taxes".to_owned(), n.to_string()], ..fault });
            }
        }
    }
    found
}
