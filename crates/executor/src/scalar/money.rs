//! Amounts of one currency.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContextSelectionSet, InputObject, OutputType, Positioned, ServerResult, SimpleObject, Value};
use tenantry_domain::{FieldError, FieldErrorCode, Money as DomainMoney, MoneyError};

use super::{CurrencyCode, DecimalText};
use crate::leaf::{Leaf, ToLeaf};

/// An amount in one currency.
#[derive(SimpleObject)]
#[graphql(name = "Money")]
pub struct Money {
    /// The amount in major units, with as many decimals as the currency has.
    amount: DecimalText,
    /// The currency.
    currency: CurrencyCode,
}

impl From<DomainMoney> for Money {
    fn from(money: DomainMoney) -> Self {
        Self { amount: DecimalText(money.amount()), currency: CurrencyCode(money.currency()) }
    }
}

/// An amount, as a field of an object: its schema is [`Money`]'s, and as a leaf it is the amount itself.
#[derive(Debug, Clone, Copy)]
pub struct Amount(pub DomainMoney);

impl ToLeaf<'static> for Amount {
    fn to_leaf(self) -> Leaf<'static> {
        Leaf::Money(self.0)
    }
}

impl OutputType for Amount {
    fn type_name() -> Cow<'static, str> {
        <Money as OutputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <Money as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        Money::from(self.0).resolve(context, field).await
    }
}

/// An amount, as an input.
#[derive(InputObject, Clone, Copy)]
pub struct MoneyInput {
    /// The amount in major units; at most as many decimals as the currency has.
    amount: DecimalText,
    /// The currency.
    currency: CurrencyCode,
}

impl MoneyInput {
    /// The amount of the input field `field`.
    ///
    /// # Errors
    /// It has more decimals than its currency, or more digits than can be kept.
    pub fn read(self, field: &str) -> Result<DomainMoney, FieldError> {
        DomainMoney::from_major(self.amount.0, self.currency.0).map_err(|error| {
            let code = FieldErrorCode::OutOfRange;
            let message = match error {
                MoneyError::TooFine { currency } => {
                    format!("{currency} has {} decimal places.", currency.digits())
                }
                _ => "The amount is too large.".to_owned(),
            };
            FieldError::new(code, "amount", message).within(&[field])
        })
    }
}
