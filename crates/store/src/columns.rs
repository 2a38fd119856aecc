//! Reads a row's columns in the order in which the statement names them. By position, because a look-up by name costs more
//! than the decoding.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use tenantry_domain::noun::{Kind, Source, Value};
use tenantry_domain::subscription::SubscriptionStatus;
use tenantry_domain::{Currency, Grant, Id, Money, Role};
use tenantry_wire::{FromSql, Row, Values};

use crate::column_set::ColumnSet;
use crate::error::StoreError;

/// What stands in place of a text that was not read, where the text names a value.
pub(crate) trait Blank {
    const BLANK: Self;
}

macro_rules! blanks {
    ($($type:ident::$blank:ident),+) => { $(impl Blank for $type { const BLANK: Self = Self::$blank; })+ };
}

blanks! {
    Currency::USD, Grant::View, Role::Guest, SubscriptionStatus::Incomplete
}

/// A row that is read from left to right. A column that the statement left out is skipped, and blank.
pub struct Columns<'r> {
    values: Values<'r>,
    table: &'static str,
    set: ColumnSet,
    /// The place among all columns of the record.
    next: usize,
}

impl<'r> Columns<'r> {
    /// Starts at the first of all columns. The table's name is for the error.
    pub(crate) fn new(row: Row<'r>, table: &'static str) -> Self {
        Self::some(row, table, ColumnSet::ALL)
    }

    /// Starts at the first column of a row that has only these.
    pub(crate) fn some(row: Row<'r>, table: &'static str, set: ColumnSet) -> Self {
        Self { values: row.values(), table, set, next: 0 }
    }

    /// The next column, if the statement read it.
    fn read<T: FromSql<'r>>(&mut self) -> Result<Option<T>, StoreError> {
        let column = self.next;
        self.next += 1;
        if self.set.has(column) { Ok(Some(self.values.read()?)) } else { Ok(None) }
    }

    /// The next column, of any type that the driver decodes.
    pub(crate) fn next<T: FromSql<'r> + Default>(&mut self) -> Result<T, StoreError> {
        Ok(self.read()?.unwrap_or_default())
    }

    /// The next column as a value of a noun. Null is a value, too.
    fn value<T: FromSql<'r>>(&mut self, make: impl FnOnce(T) -> Value<'r>) -> Result<Value<'r>, StoreError> {
        self.next += 1;
        Ok(self.values.read::<Option<T>>()?.map_or(Value::Null, make))
    }

    /// The next column as an id.
    pub(crate) fn id<I: Id>(&mut self) -> Result<I, StoreError> {
        Ok(I::from_uuid(self.next()?))
    }

    /// The next column as a text that names a value of an enum or a currency.
    pub(crate) fn parsed<T: FromStr + Blank>(&mut self) -> Result<T, StoreError> {
        let Some(text) = self.read::<&str>()? else { return Ok(T::BLANK) };
        text.parse().map_err(|_| self.corrupt())
    }

    /// The next column as such a text that may be null.
    pub(crate) fn optional_parsed<T: FromStr>(&mut self) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.next()?;
        text.map(|text| text.parse().map_err(|_| self.corrupt())).transpose()
    }

    /// The next column as minor units of `currency`.
    pub(crate) fn money(&mut self, currency: Currency) -> Result<Money, StoreError> {
        Ok(Money::from_minor(self.next()?, currency))
    }

    /// The next column as a point in time.
    pub(crate) fn time(&mut self) -> Result<DateTime<Utc>, StoreError> {
        Ok(self.read()?.unwrap_or(DateTime::UNIX_EPOCH))
    }

    /// The next column as a point in time that may be null.
    pub(crate) fn optional_time(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.next()
    }

    /// What is wrong when the column just read does not make sense.
    pub(crate) fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { table: self.table, column: self.next.saturating_sub(1) }
    }
}

impl<'r> Source<'r> for Columns<'r> {
    type Error = StoreError;

    fn skip(&mut self) -> bool {
        let skips = !self.set.has(self.next);
        self.next += usize::from(skips);
        skips
    }

    fn next(&mut self, kind: Kind) -> Result<Value<'r>, StoreError> {
        match kind {
            // The text of an enum is looked up by the enum.
            Kind::Text | Kind::Enum(_) => self.value(|text: &'r str| Value::Text(text.into())),
            Kind::Boolean => self.value(Value::Boolean),
            Kind::Id(_) => self.value(Value::Id),
            Kind::Time => self.value(Value::Time),
            Kind::Date => self.value(Value::Date),
            // A column has a fixed scale; the zeros behind the last digit say nothing.
            Kind::Decimal => self.value(|value: Decimal| Value::Decimal(value.normalize())),
            Kind::Integer => self.value(Value::Integer),
            Kind::Money => self.value(Value::Minor),
            // No column holds several.
            Kind::Ids(_) => Err(Columns::corrupt(self)),
        }
    }

    fn corrupt(&self) -> StoreError {
        Columns::corrupt(self)
    }
}
