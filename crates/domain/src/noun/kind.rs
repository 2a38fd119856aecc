//! The types that a field can have, and a field's value when its type does not matter.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::currency::Currency;
use crate::id::Id;
use crate::money::Money;
use crate::position::Position;

/// The type of a field, without whether it may be null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A text.
    Text,
    /// A truth value.
    Boolean,
    /// An id; the text is its prefix.
    Id(&'static str),
    /// Several ids of this prefix. It is given, and never a column.
    Ids(&'static str),
    /// A point in time.
    Time,
    /// A day.
    Date,
    /// An exact decimal.
    Decimal,
    /// A whole number of 32 bits.
    Integer,
    /// An amount: minor units, whose currency stands in another column.
    Money,
    /// One of a fixed set of texts.
    Enum(&'static EnumInfo),
}

/// An enum that the database keeps as text.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumInfo {
    /// The enum's name.
    pub name: &'static str,
    /// What it is, as its doc comment says.
    pub doc: &'static str,
    /// The values, in the order of the declaration.
    pub values: &'static [EnumValue],
}

/// A value of an enum.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumValue {
    /// What the database holds.
    pub text: &'static str,
    /// What it means, as its doc comment says.
    pub doc: &'static str,
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// None.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A value of an enum, as the database holds it.
    Name(&'static str),
    /// A truth value.
    Boolean(bool),
    /// An id.
    Id(Uuid),
    /// Several ids.
    Ids(Vec<Uuid>),
    /// A point in time.
    Time(DateTime<Utc>),
    /// A day.
    Date(NaiveDate),
    /// A decimal.
    Decimal(Decimal),
    /// A whole number.
    Integer(i32),
    /// Minor units of an amount whose currency is read apart.
    Minor(i64),
    /// An amount.
    Money(Money),
}

impl Value<'_> {
    /// The same, holding its own text.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Null => Value::Null,
            Self::Name(name) => Value::Name(name),
            Self::Boolean(value) => Value::Boolean(value),
            Self::Id(id) => Value::Id(id),
            Self::Ids(ids) => Value::Ids(ids),
            Self::Time(time) => Value::Time(time),
            Self::Date(date) => Value::Date(date),
            Self::Decimal(value) => Value::Decimal(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Minor(value) => Value::Minor(value),
            Self::Money(money) => Value::Money(money),
        }
    }
}

/// A type that a field can have.
pub trait FieldType: Clone + Sized {
    /// The type, without whether it may be null.
    const KIND: Kind;
    /// What stands in a row in place of a value that was not read or not yet made.
    fn blank() -> Self;
    /// The value.
    fn to_value(&self) -> Value<'_>;
    /// The value as this type; `None` when it is of another one.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: Kind = T::KIND;

    fn blank() -> Self {
        None
    }

    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<I: Id> FieldType for I {
    const KIND: Kind = Kind::Id(I::PREFIX);

    fn blank() -> Self {
        I::from_uuid(Uuid::nil())
    }

    fn to_value(&self) -> Value<'_> {
        Value::Id(self.as_uuid())
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Id(uuid) = value { Some(I::from_uuid(uuid)) } else { None }
    }
}

impl<I: Id> FieldType for Vec<I> {
    const KIND: Kind = Kind::Ids(I::PREFIX);

    fn blank() -> Self {
        Self::new()
    }

    fn to_value(&self) -> Value<'_> {
        Value::Ids(self.iter().map(Id::as_uuid).collect())
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Ids(ids) = value { Some(ids.into_iter().map(I::from_uuid).collect()) } else { None }
    }
}

/// A type that is one variant of [`Value`].
macro_rules! plain {
    ($($type:ty = $kind:ident, $blank:expr;)+) => {$(
        impl FieldType for $type {
            const KIND: Kind = Kind::$kind;

            fn blank() -> Self {
                $blank
            }

            fn to_value(&self) -> Value<'_> {
                Value::$kind(*self)
            }

            fn from_value(value: Value<'_>) -> Option<Self> {
                if let Value::$kind(value) = value { Some(value) } else { None }
            }
        }
    )+};
}

plain! {
    bool = Boolean, false;
    DateTime<Utc> = Time, DateTime::UNIX_EPOCH;
    NaiveDate = Date, NaiveDate::default();
    Decimal = Decimal, Decimal::ZERO;
    i32 = Integer, 0;
    Money = Money, Money::from_minor(0, Currency::USD);
}

impl FieldType for String {
    const KIND: Kind = Kind::Text;

    fn blank() -> Self {
        Self::new()
    }

    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.into_owned()) } else { None }
    }
}

impl FieldType for Position {
    const KIND: Kind = Kind::Text;

    fn blank() -> Self {
        Self::from_stored(String::new())
    }

    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self.as_str()))
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        String::from_value(value).map(Self::from_stored)
    }
}

/// A stored row, whose columns are read from left to right.
pub trait Source<'r> {
    /// Why it cannot be read.
    type Error;
    /// Passes over the next column if the statement left it out, and says whether it did.
    fn skip(&mut self) -> bool;
    /// The next column, which the statement did not leave out, as a value of this kind; an amount as its minor units.
    ///
    /// # Errors
    /// When the column holds something else.
    fn next(&mut self, kind: Kind) -> Result<Value<'r>, Self::Error>;
    /// Says that the column just read does not make sense.
    fn corrupt(&self) -> Self::Error;
}

/// The next column as a field's value.
///
/// # Errors
/// The source's, and [`Source::corrupt`] for a value that the field cannot hold.
pub fn load<'r, T: FieldType, S: Source<'r>>(source: &mut S) -> Result<T, S::Error> {
    if source.skip() {
        return Ok(T::blank());
    }
    T::from_value(source.next(T::KIND)?).ok_or_else(|| source.corrupt())
}

/// The next column as an amount of this currency. Where an amount is read, its currency is.
///
/// # Errors
/// As [`load`].
pub fn load_money<'r, T: FieldType, S: Source<'r>>(source: &mut S, currency: Option<Currency>) -> Result<T, S::Error> {
    if source.skip() {
        return Ok(T::blank());
    }
    let value = match source.next(Kind::Money)? {
        Value::Minor(minor) => {
            let currency = currency.ok_or_else(|| source.corrupt())?;
            Value::Money(Money::from_minor(minor, currency))
        }
        value => value,
    };
    T::from_value(value).ok_or_else(|| source.corrupt())
}

/// The next column as the currency of a row's amounts; `None` when it was left out, or there are no amounts.
///
/// # Errors
/// As [`load`].
pub fn load_currency<'r, S: Source<'r>>(source: &mut S) -> Result<Option<Currency>, S::Error> {
    if source.skip() {
        return Ok(None);
    }
    match source.next(Kind::Text)? {
        Value::Text(code) => code.parse().map(Some).map_err(|_| source.corrupt()),
        _ => Ok(None),
    }
}
