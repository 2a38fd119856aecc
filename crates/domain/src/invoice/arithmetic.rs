//! The arithmetic of invoices. It is done in exact fractions; only what is named here is rounded, half away from zero to the
//! currency's minor unit:
//!
//! * each line, once: `quantity × rate`, with a discount in percent taken off before;
//! * a discount on the whole in percent, once;
//! * each tax, once for the whole invoice (EN 16931, BR-CO-14 and BR-CO-17).
//!
//! What is shared between parts, such as a discount between lines with different taxes, is shared in whole minor units that
//! add up to the whole.

use std::collections::BTreeMap;

use num_rational::BigRational;
use rust_decimal::Decimal;

use super::line::{LineItem, NewLineItem, checked_lines};
use super::tax::{Discount, NO_FRACTION, Tax, TaxAmount, checked_taxes, is_fraction};
use crate::currency::Currency;
use crate::money::Money;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// What an invoice's amounts are computed from, beside its lines.
#[derive(Debug, Clone)]
pub struct Pricing {
    /// The currency of every amount.
    pub currency: Currency,
    /// The taxes. They apply to every line that does not name its own.
    pub taxes: Vec<Tax>,
    /// Whether the lines' rates contain the taxes.
    pub prices_include_tax: bool,
    /// A discount on the sum of the lines.
    pub discount: Option<Discount>,
}

/// An invoice's totals, all in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    /// The sum of the lines' amounts.
    pub subtotal: Money,
    /// What the discount takes off the subtotal.
    pub discount: Money,
    /// The sum of the taxes.
    pub tax_amount: Money,
    /// The subtotal without the discount, and with the taxes unless the prices contain them.
    pub total: Money,
}

/// A draft's validated content, with all amounts computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftContent {
    /// The lines with their amounts.
    pub line_items: Vec<LineItem>,
    /// The taxes with their amounts.
    pub taxes: Vec<TaxAmount>,
    /// Whether the lines' rates contain the taxes.
    pub prices_include_tax: bool,
    /// The discount on the sum of the lines.
    pub discount: Option<Discount>,
    /// The totals.
    pub totals: Totals,
}

impl DraftContent {
    /// The rate of the one tax that applies to all lines; zero if there is no tax, `None` if one rate does not say it.
    pub fn tax_rate(&self) -> Option<Decimal> {
        let is_for_all = self.line_items.iter().all(|line| line.taxes.is_none());
        match self.taxes.as_slice() {
            [] => Some(Decimal::ZERO),
            [one] if is_for_all => Some(one.tax.rate),
            _ => None,
        }
    }

    /// Whether [`tax_rate`](Self::tax_rate) says all that there is to say of the taxes.
    pub fn has_short_taxes(&self) -> bool {
        self.tax_rate().is_some() && self.taxes.iter().all(|amount| amount.tax.is_short())
    }
}

/// Computes the lines' amounts, the taxes and the totals.
///
/// `amount = round(quantity × rate)`; the subtotal is the sum of the amounts. The discount comes off before tax, in proportion to
/// the amounts. Each tax is `round(base × rate)`, of what is left of the lines that it applies to; if the prices contain the
/// taxes, it is the part that is contained, and its base is what is left without any tax. The total is the subtotal without the
/// discount, and with the taxes unless the prices contain them.
///
/// The order of the lines and of the taxes does not matter.
///
/// # Errors
/// All fields that are out of bounds; a subtotal or a total that is negative, a discount that is more than the subtotal, and an
/// amount that does not fit.
pub fn compute(pricing: Pricing, lines: Vec<NewLineItem>) -> Result<DraftContent, Violations> {
    let Pricing { currency, taxes, prices_include_tax, discount } = pricing;
    let mut v = Violations::default();
    let taxes = checked_taxes(&mut v, "taxes", taxes);
    let lines = checked_lines(&mut v, currency, &taxes, lines);
    let discount = discount.map(|discount| checked_discount(&mut v, currency, discount));
    v.into_result()?;

    let mut line_items = Vec::with_capacity(lines.len());
    for (n, line) in lines.into_iter().enumerate() {
        let within = |error: FieldError| error.within(&["lineItems", &n.to_string()]);
        line_items.push(priced(currency, line).map_err(within)?);
    }
    let subtotal = minor(line_items.iter().map(|line| i128::from(line.amount.minor())).sum())?;
    if subtotal < 0 {
        let message = "The sum of the lines must not be negative.";
        return Err(FieldError::new(FieldErrorCode::OutOfRange, "lineItems", message).into());
    }
    let off = match discount {
        None => 0,
        Some(Discount::Rate(rate)) => rounded(&(whole(subtotal) * exact(rate)))?,
        // One that does not fit is more than the lines, too.
        Some(Discount::Amount(amount)) => rounded(&in_minor(amount, currency)).unwrap_or(i64::MAX),
    };
    if off > subtotal {
        let message = "This must not be more than the sum of the lines.";
        return Err(FieldError::new(FieldErrorCode::OutOfRange, "discountAmount", message).into());
    }

    let groups = discounted(group(&line_items, &taxes), subtotal, off)?;
    let amounts = tax_amounts(&taxes, &groups, prices_include_tax)?;
    let nets = if prices_include_tax { without_tax(&taxes, &groups, &amounts)? } else { groups };
    let tax_amount = minor(amounts.iter().map(|amount| i128::from(*amount)).sum())?;
    let added = if prices_include_tax { 0 } else { tax_amount };
    let total = minor(i128::from(subtotal) - i128::from(off) + i128::from(added))?;
    if total < 0 {
        let message = "The total must not be negative.";
        return Err(FieldError::new(FieldErrorCode::OutOfRange, "lineItems", message).into());
    }
    // What is shown as the total without the taxes has to fit as well.
    minor(i128::from(total) - i128::from(tax_amount))?;
    let money = |amount: i64| Money::from_minor(amount, currency);
    let mut found = Vec::with_capacity(taxes.len());
    for (tax, amount) in taxes.into_iter().zip(amounts) {
        let base = nets.iter().filter(|(names, _)| names.contains(&tax.name)).map(|(_, net)| *net).sum();
        found.push(TaxAmount { tax, base: money(minor(base)?), amount: money(amount) });
    }
    let totals =
        Totals { subtotal: money(subtotal), discount: money(off), tax_amount: money(tax_amount), total: money(total) };
    Ok(DraftContent { line_items, taxes: found, prices_include_tax, discount, totals })
}

/// A line with its amount.
fn priced(currency: Currency, line: NewLineItem) -> Result<LineItem, FieldError> {
    let NewLineItem { description, quantity, rate, discount, taxes } = line;
    let full = exact(quantity) * in_minor(rate, currency);
    let fits = |amount: &BigRational| {
        let message = "Quantity times rate is too large.";
        rounded(amount).map_err(|_| FieldError::new(FieldErrorCode::OutOfRange, "rate", message))
    };
    let amount = match discount {
        None => fits(&full)?,
        Some(Discount::Rate(rate)) => fits(&(full * (whole(1) - exact(rate))))?,
        Some(Discount::Amount(off)) => {
            let (full, off) = (fits(&full)?, rounded(&in_minor(off, currency)).unwrap_or(i64::MAX));
            if off > full.max(0) {
                let message = "This must not be more than the line.";
                return Err(FieldError::new(FieldErrorCode::OutOfRange, "discountAmount", message));
            }
            full - off
        }
    };
    Ok(LineItem { description, quantity, rate, discount, taxes, amount: Money::from_minor(amount, currency) })
}

/// The sums of the lines' amounts by the taxes that apply to them, in minor units. The names of the taxes are sorted.
type Groups = BTreeMap<Vec<String>, i128>;

fn group(lines: &[LineItem], taxes: &[Tax]) -> Groups {
    let mut groups = Groups::new();
    for line in lines {
        let all = || taxes.iter().map(|tax| tax.name.clone()).collect();
        let mut names: Vec<String> = line.taxes.clone().unwrap_or_else(all);
        names.sort_unstable();
        *groups.entry(names).or_insert(0) += i128::from(line.amount.minor());
    }
    groups
}

/// The groups after a discount of `off`, which each bears in proportion.
fn discounted(groups: Groups, subtotal: i64, off: i64) -> Result<Groups, FieldError> {
    if off == 0 {
        return Ok(groups);
    }
    let parts: Vec<BigRational> = groups.values().map(|sum| whole(off) * whole(*sum) / whole(subtotal)).collect();
    let shares = share(off.into(), &parts)?;
    Ok(groups.into_iter().zip(shares).map(|((names, sum), share)| (names, sum - share)).collect())
}

/// Each tax, rounded once.
fn tax_amounts(taxes: &[Tax], groups: &Groups, prices_include_tax: bool) -> Result<Vec<i64>, FieldError> {
    let amount = |tax: &Tax| {
        let its_groups = groups.iter().filter(|(names, _)| names.contains(&tax.name));
        let bases =
            its_groups.map(|(names, sum)| if prices_include_tax { net(taxes, names, *sum) } else { whole(*sum) });
        rounded(&(bases.sum::<BigRational>() * exact(tax.rate)))
    };
    taxes.iter().map(amount).collect()
}

/// What is left of each group without the taxes that it contains. Together with the taxes they are the whole again.
fn without_tax(taxes: &[Tax], groups: &Groups, amounts: &[i64]) -> Result<Groups, FieldError> {
    let left = groups.values().sum::<i128>() - amounts.iter().map(|amount| i128::from(*amount)).sum::<i128>();
    let parts: Vec<BigRational> = groups.iter().map(|(names, sum)| net(taxes, names, *sum)).collect();
    Ok(groups.keys().cloned().zip(share(left, &parts)?).collect())
}

/// What is left of a sum without the taxes of these names that it contains.
fn net(taxes: &[Tax], names: &[String], sum: i128) -> BigRational {
    let rates = taxes.iter().filter(|tax| names.contains(&tax.name)).map(|tax| exact(tax.rate));
    whole(sum) / (whole(1) + rates.sum::<BigRational>())
}

/// Whole numbers that add up to `total`, near these parts: each part is rounded down, and what is left is given to those that lost
/// most, to the earlier one of two that lost as much.
fn share(total: i128, parts: &[BigRational]) -> Result<Vec<i128>, FieldError> {
    let floor = |part: &BigRational| i128::try_from(part.floor().to_integer()).map_err(|_| too_large());
    let mut shares = parts.iter().map(floor).collect::<Result<Vec<i128>, _>>()?;
    let Ok(count @ 1..) = i128::try_from(parts.len()) else { return Ok(shares) };
    let left = total - shares.iter().sum::<i128>();
    let lost = |n: usize| parts[n].clone() - parts[n].floor();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_cached_key(|n| std::cmp::Reverse(lost(*n)));
    for (place, n) in (0..).zip(order) {
        shares[n] += left.div_euclid(count) + i128::from(place < left.rem_euclid(count));
    }
    Ok(shares)
}

/// A discount on the whole as it is stored; its faults are added to `v`. Its amount is compared with the lines later.
pub(super) fn checked_discount(v: &mut Violations, currency: Currency, discount: Discount) -> Discount {
    match discount {
        Discount::Rate(rate) if !is_fraction(rate) => {
            v.push(FieldError::new(FieldErrorCode::OutOfRange, "discountRate", NO_FRACTION));
        }
        Discount::Amount(amount) if amount < Decimal::ZERO => {
            v.push(FieldError::new(FieldErrorCode::OutOfRange, "discountAmount", "This must not be negative."));
        }
        Discount::Amount(amount) if amount.normalize().scale() > currency.digits() => {
            let message = format!("{currency} has {} decimal places.", currency.digits());
            v.push(FieldError::new(FieldErrorCode::Invalid, "discountAmount", message));
        }
        _ => {}
    }
    match discount {
        Discount::Rate(rate) => Discount::Rate(rate.normalize()),
        amount @ Discount::Amount(_) => amount,
    }
}

/// A decimal as a fraction.
fn exact(number: Decimal) -> BigRational {
    whole(number.mantissa()) / whole(10_i128.pow(number.scale()))
}

fn whole(number: impl Into<i128>) -> BigRational {
    BigRational::from_integer(number.into().into())
}

/// An amount in major units as minor units.
fn in_minor(amount: Decimal, currency: Currency) -> BigRational {
    exact(amount) * whole(10_i128.pow(currency.digits()))
}

/// Minor units, rounded half away from zero.
fn rounded(number: &BigRational) -> Result<i64, FieldError> {
    i64::try_from(number.round().to_integer()).map_err(|_| too_large())
}

fn minor(number: i128) -> Result<i64, FieldError> {
    i64::try_from(number).map_err(|_| too_large())
}

fn too_large() -> FieldError {
    FieldError::new(FieldErrorCode::OutOfRange, "lineItems", "The sum is too large.")
}

#[cfg(test)]
mod tests;
