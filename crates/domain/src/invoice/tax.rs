//! The taxes of an invoice, and its discounts.

use std::collections::HashSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

text_enum! {
    /// How a tax treats what it applies to. These are the VAT categories of EN 16931 (code list UNCL 5305).
    TaxCategory {
        /// Taxed at the rate (`S`).
        Standard = "standard",
        /// Taxed at a rate of zero (`Z`).
        ZeroRated = "zero_rated",
        /// Exempt from tax (`E`).
        Exempt = "exempt",
        /// The buyer owes the tax (`AE`).
        ReverseCharge = "reverse_charge",
        /// A supply to a business in another country of the European Union (`K`).
        IntraCommunity = "intra_community",
        /// An export out of the European Union (`G`).
        Export = "export",
        /// Outside the scope of the tax (`O`).
        OutOfScope = "out_of_scope",
    }
}

/// A tax of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tax {
    /// 1 to 100 characters; no two taxes of an invoice have one name.
    pub name: String,
    /// A fraction between 0 and 1, at most 8 decimals: 0.18 is 18 %. Zero in every category but the standard one.
    pub rate: Decimal,
    /// How it treats what it applies to.
    #[serde(with = "crate::text_enum::as_text")]
    pub category: TaxCategory,
    /// Why no tax is due, as the law wants it on the invoice; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a tax comes to on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxAmount {
    /// The tax.
    pub tax: Tax,
    /// What it applies to, after discounts and without any tax.
    pub base: Money,
    /// The tax, rounded once: `round(base × rate)`, or the tax that the prices contain.
    pub amount: Money,
}

/// A discount, which comes off before tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discount {
    /// A fraction between 0 and 1, at most 8 decimals: 0.1 is 10 %.
    Rate(Decimal),
    /// An amount in major units, not finer than the currency's minor unit.
    Amount(Decimal),
}

/// The most taxes of one invoice.
pub const MAX_TAXES: usize = 10;

/// The name of the tax that a bare tax rate stands for.
pub const SHORT_TAX: &str = "Tax";

impl Tax {
    /// The tax that a bare rate stands for.
    pub fn short(rate: Decimal) -> Self {
        Self { name: SHORT_TAX.to_owned(), rate, category: TaxCategory::Standard, reason: None }
    }

    /// Whether a bare rate says all of it.
    pub fn is_short(&self) -> bool {
        // A rate of zero stands for no tax at all.
        !self.rate.is_zero() && *self == Self::short(self.rate)
    }
}

/// The taxes that a bare rate stands for: one, or none for a rate of zero.
///
/// # Errors
/// A rate that is not between 0 and 1, or has more than 8 decimals; the field is `taxRate`.
pub fn short_taxes(rate: Decimal) -> Result<Vec<Tax>, FieldError> {
    if !is_fraction(rate) {
        return Err(FieldError::new(FieldErrorCode::OutOfRange, "taxRate", NO_FRACTION));
    }
    Ok(if rate.is_zero() { Vec::new() } else { vec![Tax::short(rate.normalize())] })
}

/// The taxes as they are stored; their faults are added to `v`, under `field`.
pub fn checked_taxes(v: &mut Violations, field: &str, taxes: Vec<Tax>) -> Vec<Tax> {
    if taxes.len() > MAX_TAXES {
        let message = format!("There are at most {MAX_TAXES} taxes.");
        v.push(FieldError::new(FieldErrorCode::OutOfRange, field, message));
        // As they are, so that lines that name one are not blamed for it.
        return taxes;
    }
    let mut names = HashSet::new();
    let check = |(n, tax): (usize, Tax)| {
        let mut own = Violations::default();
        let name = own.required_text("name", &tax.name, 100);
        if !names.insert(name.clone()) {
            own.push(FieldError::new(FieldErrorCode::Taken, "name", "Another of these taxes has this name."));
        }
        if !is_fraction(tax.rate) {
            own.push(FieldError::new(FieldErrorCode::OutOfRange, "rate", NO_FRACTION));
        } else if tax.category != TaxCategory::Standard && !tax.rate.is_zero() {
            let message = "This must be 0 in a category in which no tax is due.";
            own.push(FieldError::new(FieldErrorCode::OutOfRange, "rate", message));
        }
        let reason = own.optional_text("reason", tax.reason.as_deref(), 200);
        let index = n.to_string();
        v.0.extend(own.0.into_iter().map(|error| error.within(&[field, &index])));
        Tax { name, rate: tax.rate.normalize(), category: tax.category, reason }
    };
    taxes.into_iter().enumerate().map(check).collect()
}

/// The message for a number that is no fraction.
pub(crate) const NO_FRACTION: &str = "This must be a fraction between 0 and 1 with at most 8 decimals.";

/// Whether a number is between 0 and 1 and has at most 8 decimals.
pub(crate) fn is_fraction(number: Decimal) -> bool {
    number >= Decimal::ZERO && number <= Decimal::ONE && number.normalize().scale() <= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_of_taxes_are_named() {
        let good = Tax { name: " VAT ".to_owned(), ..Tax::short(Decimal::new(19, 2)) };
        let bad = [
            Tax { name: String::new(), ..good.clone() },
            Tax { name: "VAT".to_owned(), ..good.clone() },
            Tax { name: "b".to_owned(), rate: Decimal::new(-1, 2), ..good.clone() },
            Tax { name: "c".to_owned(), rate: Decimal::new(1, 9), ..good.clone() },
            Tax { name: "d".to_owned(), category: TaxCategory::ReverseCharge, ..good.clone() },
            Tax { name: "e".to_owned(), reason: Some("x".repeat(201)), ..good.clone() },
        ];
        let mut v = Violations::default();
        let taxes = std::iter::once(good).chain(bad).collect();
        assert_eq!(checked_taxes(&mut v, "taxes", taxes)[0].name, "VAT");
        let fields: Vec<_> = v.0.iter().map(|error| error.field.join(".")).collect();
        let expected =
            ["taxes.1.name", "taxes.2.name", "taxes.3.rate", "taxes.4.rate", "taxes.5.rate", "taxes.6.reason"];
        assert_eq!(fields, expected);
        let mut v = Violations::default();
        checked_taxes(&mut v, "taxes", vec![Tax::short(Decimal::ONE); 11]);
        assert_eq!(v.0.len(), 1);
    }
}
