//! The scalars: how ids, times, dates, amounts and currencies are spelled.

mod id;
mod money;

use std::borrow::Cow;
use std::collections::HashMap;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaType, MetaTypeId, Registry};
use async_graphql::{
    ContextSelectionSet, Enum, InputType, InputValueError, InputValueResult, OutputType, Positioned, ServerResult,
    Value,
};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use tenantry_domain::{Currency, plain_decimal};

use crate::leaf::{Leaf, ToLeaf};
use crate::request::{ScalarRule, Scalars};

pub use self::id::{AnyId, GlobalId, read_id, refused_value};
pub use self::money::{Amount, Money, MoneyInput};

/// Declares a scalar that wraps a value: its name, its description, how it is read and what leaf it is.
macro_rules! scalar {
    ($(#[$meta:meta])* $type:ident($inner:ty) = $name:literal, $description:literal, $specified_by:expr,
     example $example:literal, read |$text:ident| $read:expr, leaf |$value:ident| $leaf:expr) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $type(pub $inner);

        impl $type {
            /// How the request layer checks a value of this scalar.
            const RULE: (&'static str, ScalarRule) = ($name, ScalarRule {
                example: $example,
                check: |$text| $read.map(drop).map_err(|reason| reason.to_string()),
            });

            fn register(registry: &mut Registry) -> String {
                registry.create_input_type::<Self, _>(MetaTypeId::Scalar, |_| MetaType::Scalar {
                    name: $name.to_owned(),
                    description: Some($description.to_owned()),
                    is_valid: Some(std::sync::Arc::new(|value| matches!(value, Value::String(_)))),
                    visible: None,
                    inaccessible: false,
                    tags: Vec::new(),
                    specified_by_url: $specified_by,
                    directive_invocations: Vec::new(),
                    requires_scopes: Vec::new(),
                })
            }
        }

        impl ToLeaf<'static> for $type {
            fn to_leaf(self) -> Leaf<'static> {
                let $value = self.0;
                $leaf
            }
        }

        impl InputType for $type {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn create_type_info(registry: &mut Registry) -> String {
                Self::register(registry)
            }

            fn parse(value: Option<Value>) -> InputValueResult<Self> {
                match value {
                    Some(Value::String(text)) => {
                        let $text = text.as_str();
                        $read.map(Self).map_err(InputValueError::custom)
                    }
                    Some(other) => Err(InputValueError::expected_type(other)),
                    None => Err(InputValueError::expected_type(Value::Null)),
                }
            }

            fn to_value(&self) -> Value {
                self.to_leaf().to_value()
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }

        impl OutputType for $type {
            fn type_name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }

            fn create_type_info(registry: &mut Registry) -> String {
                Self::register(registry)
            }

            async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
                Ok(self.to_leaf().to_value())
            }
        }
    };
}

scalar! {
    /// A point in time.
    Timestamp(DateTime<Utc>) = "DateTime",
    "A point in time, as RFC 3339 in UTC with up to six digits of a second.",
    Some("https://scalars.graphql.org/andimarek/date-time".to_owned()),
    example "2026-01-31T12:00:00Z", read |text| read_time(text),
    leaf |value| Leaf::Time(value)
}

scalar! {
    /// A day.
    Date(NaiveDate) = "Date",
    "A day, as ISO 8601: `2026-01-31`.",
    None,
    example "2026-01-31", read |text| read_day(text),
    leaf |value| Leaf::Day(value)
}

scalar! {
    /// An exact decimal.
    DecimalText(Decimal) = "Decimal",
    "An exact decimal number, as a string: `\"2500.00\"`. Never a float.",
    None,
    example "2500.00", read |text| read_decimal(text),
    leaf |value| Leaf::Made(value.to_string())
}

scalar! {
    /// A currency.
    CurrencyCode(Currency) = "CurrencyCode",
    "An ISO 4217 currency code: `USD`.",
    Some("https://www.iso.org/iso-4217-currency-codes.html".to_owned()),
    example "USD", read |text| text.parse::<Currency>().map_err(|error| format!("{error}.")),
    leaf |value| Leaf::Made(value.to_string())
}

/// How the request layer checks the schema's scalars. The rule for ids is given, because it shows one of the schema's.
pub fn scalars(id: ScalarRule) -> Scalars {
    HashMap::from([("ID", id), Timestamp::RULE, Date::RULE, DecimalText::RULE, CurrencyCode::RULE])
}

/// Reads a day of the years 1 to 9999, spelled in full: the parser alone takes signs, spaces and single digits as well, and
/// years that PostgreSQL cannot hold.
fn read_day(text: &str) -> Result<NaiveDate, &'static str> {
    let spelled = |(n, byte): (usize, u8)| if n == 4 || n == 7 { byte == b'-' } else { byte.is_ascii_digit() };
    let is_spelled = text.len() == 10 && text.bytes().enumerate().all(spelled) && !text.starts_with("0000");
    let day = if is_spelled { text.parse().ok() } else { None };
    day.ok_or("This is not a date such as 2026-01-31.")
}

/// Reads RFC 3339; digits beyond microseconds are refused, because they could not be kept.
fn read_time(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| "This is not a time such as 2026-01-31T12:00:00Z.")?;
    let time = time.with_timezone(&Utc);
    // The seconds in which the year 1 begins and the year 9999 ends. What follows the last second's point still belongs to it, but a
    // leap second does not: it is kept as the next one.
    let is_leap = time.timestamp_subsec_nanos() >= 1_000_000_000;
    if !(-62_135_596_800..=253_402_300_799 - i64::from(is_leap)).contains(&time.timestamp()) {
        return Err("This must be between the years 1 and 9999.");
    }
    if time.timestamp_subsec_nanos() % 1_000 == 0 { Ok(time) } else { Err("This is finer than a microsecond.") }
}

fn read_decimal(text: &str) -> Result<Decimal, &'static str> {
    plain_decimal(text).ok_or("This is not a decimal number such as 2500.00.")
}

/// The direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum OrderDirection {
    /// From the smallest, the earliest or the alphabetically first.
    Asc,
    /// From the greatest, the latest or the alphabetically last.
    Desc,
}

impl From<OrderDirection> for tenantry_store::Direction {
    fn from(direction: OrderDirection) -> Self {
        match direction {
            OrderDirection::Asc => Self::Ascending,
            OrderDirection::Desc => Self::Descending,
        }
    }
}
