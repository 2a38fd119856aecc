//! An amount in one currency, in whole minor units. Floats are never used.

use std::fmt;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::currency::Currency;

/// An exact amount in one currency, stored as minor units (cents for USD, yen for JPY).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why an operation on amounts failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Amounts of two currencies cannot be added.
    #[error("{left} and {right} cannot be combined")]
    CurrencyMismatch {
        /// The currency on the left.
        left: Currency,
        /// The currency on the right.
        right: Currency,
    },
    /// The amount does not fit into 63 bits of minor units.
    #[error("the amount is too large")]
    Overflow,
    /// The amount is finer than the currency's minor unit.
    #[error("{currency} has {} decimal places", currency.digits())]
    TooFine {
        /// The currency whose minor unit is coarser than the amount.
        currency: Currency,
    },
}

/// A decimal number written as such, `2500.00`; `None` if it has an exponent or other characters, or more digits than can be kept.
pub fn plain_decimal(text: &str) -> Option<Decimal> {
    let is_plain = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    is_plain.then(|| Decimal::from_str_exact(text).ok()).flatten()
}

impl Money {
    /// An amount of `minor` minor units.
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Zero in this currency.
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// An amount given in major units, which must be a whole number of minor units.
    ///
    /// # Errors
    /// [`MoneyError::TooFine`] when it is not, [`MoneyError::Overflow`] when it does not fit.
    pub fn from_major(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        if amount.normalize().scale() > currency.digits() {
            return Err(MoneyError::TooFine { currency });
        }
        Self::round(amount, currency)
    }

    /// An amount given in major units, rounded half away from zero to the minor unit.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when it does not fit.
    pub fn round(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let rounded = amount.round_dp_with_strategy(currency.digits(), RoundingStrategy::MidpointAwayFromZero);
        let minor = rounded.checked_mul(Decimal::from(10_u32.pow(currency.digits()))).ok_or(MoneyError::Overflow)?;
        let minor = i64::try_from(minor).map_err(|_| MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The amount in major units, with as many decimals as the currency has.
    pub fn amount(self) -> Decimal {
        Decimal::new(self.minor, self.currency.digits())
    }

    /// The sum of two amounts in one currency.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// The difference of two amounts in one currency.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`] or [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(self, other: Self, op: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency });
        }
        let minor = op(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency: self.currency })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::str::FromStr;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str(text).expect("a literal")
    }

    #[test]
    fn rounding_is_half_away_from_zero_to_the_minor_unit() {
        for (amount, currency, minor) in [
            ("0.005", Currency::USD, 1),
            ("-0.005", Currency::USD, -1),
            ("0.0049999", Currency::USD, 0),
            ("2.675", Currency::USD, 268),
            ("0.5", Currency::JPY, 1),
            ("-1.5", Currency::JPY, -2),
            ("0.0005", Currency::BHD, 1),
        ] {
            assert_eq!(Money::round(decimal(amount), currency), Ok(Money::from_minor(minor, currency)), "{amount}");
        }
    }

    #[test]
    fn amounts_finer_than_the_minor_unit_are_refused_not_rounded() {
        assert_eq!(Money::from_major(decimal("1.20"), Currency::USD), Ok(Money::from_minor(120, Currency::USD)));
        assert_eq!(Money::from_major(decimal("1.000"), Currency::JPY), Ok(Money::from_minor(1, Currency::JPY)));
        let refused = Money::from_major(decimal("1.234"), Currency::USD);
        assert_eq!(refused, Err(MoneyError::TooFine { currency: Currency::USD }));
    }

    #[test]
    fn adding_two_currencies_or_overflowing_is_an_error() {
        let (dollar, euro) = (Money::from_minor(1, Currency::USD), Money::from_minor(1, Currency::EUR));
        assert!(matches!(dollar.checked_add(euro), Err(MoneyError::CurrencyMismatch { .. })));
        assert_eq!(Money::from_minor(i64::MAX, Currency::USD).checked_add(dollar), Err(MoneyError::Overflow));
        assert_eq!(Money::round(Decimal::MAX, Currency::USD), Err(MoneyError::Overflow));
    }

    proptest! {
        #[test]
        fn minor_units_survive_the_conversion_to_decimals(minor: i64) {
            for currency in [Currency::USD, Currency::JPY, Currency::BHD] {
                let money = Money::from_minor(minor, currency);
                prop_assert_eq!(Money::from_major(money.amount(), currency), Ok(money));
            }
        }
    }
}
