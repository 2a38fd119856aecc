//! Writes rows in PostgreSQL's binary COPY format. Chosen over text because nothing is escaped on the way in nor parsed on
//! the way out, which is most of what a text COPY costs.
//!
//! A row is the number of its columns and their values, each written as a bound value is.

use chrono::{DateTime, Utc};
use tenantry_domain::Id;
use tenantry_domain::noun::Value;
use tenantry_wire::{Bound, Error, Parameters};
use uuid::Uuid;

/// What a stream starts with: the signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a stream ends with: a row of −1 columns.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

/// One row in the making. Columns are written in the order in which the statement names them.
#[derive(Default)]
pub struct RowWriter {
    columns: Parameters,
    failed: Option<Error>,
}

impl RowWriter {
    /// Ends the row: appends it to `buffer`, and tells how many columns it has.
    pub(super) fn finish(self, buffer: &mut Vec<u8>) -> Result<usize, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        // A table has at most 1,600 columns.
        buffer.extend_from_slice(&i16::try_from(self.columns.len()).unwrap_or(i16::MAX).to_be_bytes());
        buffer.extend_from_slice(self.columns.encoded());
        Ok(self.columns.len())
    }

    #[expect(clippy::needless_pass_by_value, reason = "most are ids and numbers; a `&` before each would say nothing")]
    fn value<T: Bound>(&mut self, value: T) -> &mut Self {
        if let Err(error) = self.columns.push(&value) {
            self.failed.get_or_insert(error);
        }
        self
    }

    /// A field of a noun.
    pub(super) fn field(&mut self, value: Value<'_>) -> &mut Self {
        match value {
            Value::Text(text) => self.value(text.as_ref()),
            Value::Name(name) => self.value(name),
            Value::Boolean(value) => self.value(value),
            Value::Id(id) => self.value(id),
            Value::Ids(ids) => self.value(ids),
            Value::Time(time) => self.value(time),
            Value::Date(date) => self.value(date),
            Value::Decimal(value) => self.value(value),
            Value::Integer(value) => self.value(value),
            Value::Minor(minor) => self.value(minor),
            Value::Money(money) => self.value(money.minor()),
            // In the binary format, null is the same for every type.
            Value::Null => self.value(None::<&str>),
        }
    }

    pub(super) fn uuid(&mut self, uuid: Uuid) -> &mut Self {
        self.value(uuid)
    }

    pub(super) fn id(&mut self, id: impl Id) -> &mut Self {
        self.value(id.as_uuid())
    }

    pub(super) fn optional_uuid(&mut self, uuid: Option<Uuid>) -> &mut Self {
        self.value(uuid)
    }

    pub(super) fn optional_id(&mut self, id: Option<impl Id>) -> &mut Self {
        self.value(id.map(|id| id.as_uuid()))
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.value(text)
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.value(text)
    }

    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.value(value)
    }

    pub(super) fn small_integer(&mut self, value: i16) -> &mut Self {
        self.value(value)
    }

    pub(super) fn integer(&mut self, value: i64) -> &mut Self {
        self.value(value)
    }

    pub(super) fn time(&mut self, at: DateTime<Utc>) -> &mut Self {
        self.value(at)
    }

    pub(super) fn optional_time(&mut self, at: Option<DateTime<Utc>>) -> &mut Self {
        self.value(at)
    }

    pub(super) fn json(&mut self, value: serde_json::Value) -> &mut Self {
        self.value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_number_of_columns_and_their_values() {
        let mut buffer = Vec::new();
        let mut row = RowWriter::default();
        row.integer(-7).optional_text(None).boolean(true);
        assert_eq!(row.finish(&mut buffer).unwrap(), 3);
        let seven = (-7_i64).to_be_bytes();
        assert_eq!(buffer, [&[0, 3][..], &[0, 0, 0, 8], &seven, &[0xff; 4], &[0, 0, 0, 1, 1]].concat());
    }
}
