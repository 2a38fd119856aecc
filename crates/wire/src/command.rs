//! What is sent: statements and the values bound to them.

use std::fmt;

use bytes::{BufMut as _, BytesMut};
use chrono::{DateTime, NaiveDate, Utc};
use postgres_types::{IsNull, Json, ToSql, Type};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::error::{Error, cause};

/// A value that can be bound, with the type that the server is told.
pub trait Bound: ToSql {
    /// The server's type.
    const TYPE: Type;
}

/// A value that can be an element of an array.
pub trait Element: Bound {
    /// The server's type of an array of such values.
    const ARRAY: Type;
}

macro_rules! bound {
    ($($type:ty: $one:ident, $array:ident;)+) => {$(
        impl Bound for $type { const TYPE: Type = Type::$one; }
        impl Element for $type { const ARRAY: Type = Type::$array; }
    )+};
}

bound! {
    bool: BOOL, BOOL_ARRAY;
    i16: INT2, INT2_ARRAY;
    i32: INT4, INT4_ARRAY;
    i64: INT8, INT8_ARRAY;
    f64: FLOAT8, FLOAT8_ARRAY;
    &str: TEXT, TEXT_ARRAY;
    String: TEXT, TEXT_ARRAY;
    Uuid: UUID, UUID_ARRAY;
    DateTime<Utc>: TIMESTAMPTZ, TIMESTAMPTZ_ARRAY;
    NaiveDate: DATE, DATE_ARRAY;
    Decimal: NUMERIC, NUMERIC_ARRAY;
    serde_json::Value: JSONB, JSONB_ARRAY;
}

impl Bound for Vec<u8> {
    const TYPE: Type = Type::BYTEA;
}

impl Bound for f32 {
    const TYPE: Type = Type::FLOAT4;
}

impl<T: fmt::Debug> Bound for Json<T>
where
    Self: ToSql,
{
    const TYPE: Type = Type::JSONB;
}

impl<T: Bound> Bound for Option<T> {
    const TYPE: Type = T::TYPE;
}

impl<T: Element> Element for Option<T> {
    const ARRAY: Type = T::ARRAY;
}

impl<T: Element> Bound for &[T] {
    const TYPE: Type = T::ARRAY;
}

impl<T: Element> Bound for Vec<T> {
    const TYPE: Type = T::ARRAY;
}

/// The values bound to a statement, in the order of its placeholders.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    /// The server's type number (OID) of each value.
    pub(crate) types: Vec<u32>,
    /// Each value after its length; the length is −1 for null.
    pub(crate) values: BytesMut,
}

impl Parameters {
    /// Binds the next placeholder to this value.
    ///
    /// # Errors
    /// [`Error::Encode`] when the server's type cannot hold the value. In that case nothing is bound.
    pub fn push<T: Bound>(&mut self, value: &T) -> Result<(), Error> {
        let start = self.values.len();
        self.values.put_i32(-1);
        let written = value.to_sql(&T::TYPE, &mut self.values);
        let length = i32::try_from(self.values.len() - start - size_of::<i32>());
        match (written, length) {
            (Ok(IsNull::Yes), _) => {}
            (Ok(IsNull::No), Ok(length)) => {
                self.values[start..start + size_of::<i32>()].copy_from_slice(&length.to_be_bytes());
            }
            (Ok(IsNull::No), Err(error)) => return Err(self.undo(start, error.into())),
            (Err(error), _) => return Err(self.undo(start, error)),
        }
        self.types.push(T::TYPE.oid());
        Ok(())
    }

    fn undo(&mut self, length: usize, error: Box<dyn std::error::Error + Send + Sync>) -> Error {
        self.values.truncate(length);
        Error::Encode(cause(error))
    }

    /// The values, each after its length, in the format of a `Bind` message and of a binary `COPY`.
    pub fn encoded(&self) -> &[u8] {
        &self.values
    }

    /// How many values are bound.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether no value is bound.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }
}

/// One statement of an exchange.
#[derive(Debug, Clone, Copy)]
pub struct Command<'s> {
    pub(crate) text: &'s str,
    /// `None` for a statement that is not kept prepared.
    pub(crate) parameters: Option<&'s Parameters>,
}

impl<'s> Command<'s> {
    /// A statement that the connection prepares on first use and keeps, so that the server does not parse it again. Use
    /// few different texts: put varying values into the parameters.
    pub fn prepared(text: &'s str, parameters: &'s Parameters) -> Self {
        Self { text, parameters: Some(parameters) }
    }

    /// A statement that is unlikely to be used again. Its rows are not read.
    pub fn once(text: &'s str) -> Self {
        Self { text, parameters: None }
    }

    /// The server's type numbers (OIDs) of the bound values.
    pub(crate) fn types(&self) -> &'s [u32] {
        self.parameters.map_or(&[], |parameters| &parameters.types)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_follow_their_length_and_null_has_length_minus_one() {
        let mut parameters = Parameters::default();
        parameters.push(&7_i32).unwrap();
        parameters.push(&None::<Uuid>).unwrap();
        parameters.push(&"a").unwrap();
        assert_eq!(&parameters.values[..], b"\0\0\0\x04\0\0\0\x07\xff\xff\xff\xff\0\0\0\x01a");
        assert_eq!(parameters.types, [Type::INT4.oid(), Type::UUID.oid(), Type::TEXT.oid()]);
    }

    #[test]
    fn a_value_that_cannot_be_sent_is_not_bound() {
        let mut parameters = Parameters::default();
        // The keys of a JSON object are strings.
        let odd = Json(std::collections::HashMap::from([((1, 2), 3)]));
        parameters.push(&1_i64).unwrap();
        let before = parameters.clone();
        assert!(matches!(parameters.push(&odd), Err(Error::Encode(_))));
        assert_eq!((parameters.len(), &parameters.values), (before.len(), &before.values));
    }
}
