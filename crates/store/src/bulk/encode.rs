//! Writes rows in PostgreSQL's binary COPY format. Chosen over text because nothing is escaped on the way in nor parsed on
//! the way out, which is most of what a text COPY costs.
//!
//! Each type is written as its `*_recv` function reads it. Integers are big-endian.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use tenantry_domain::Id;
use uuid::Uuid;

/// What a stream starts with: the signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// What a stream ends with: a row of −1 columns.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

/// Microseconds from the Unix epoch to 2000-01-01T00:00:00Z, PostgreSQL's zero.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// Days from 0001-01-01, which chrono counts as day one, to 2000-01-01.
const EPOCH_DAY: i32 = 730_120;

/// The length that stands for NULL.
const NULL: i32 = -1;

/// One row in the making. Columns are written in the order in which the statement names them.
pub struct RowWriter<'b> {
    buffer: &'b mut Vec<u8>,
    start: usize,
    columns: i16,
}

impl<'b> RowWriter<'b> {
    /// Starts a row at the end of `buffer`.
    pub(super) fn begin(buffer: &'b mut Vec<u8>) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&[0; 2]);
        Self { buffer, start, columns: 0 }
    }

    /// Ends the row and tells how many columns it has.
    pub(super) fn finish(self) -> i16 {
        self.buffer[self.start..self.start + 2].copy_from_slice(&self.columns.to_be_bytes());
        self.columns
    }

    fn value(&mut self, bytes: &[u8]) -> &mut Self {
        // A value of more than 2 GiB would be cut short here, which the server refuses; none comes near it.
        self.length(i32::try_from(bytes.len()).unwrap_or(i32::MAX));
        self.buffer.extend_from_slice(bytes);
        self
    }

    fn length(&mut self, length: i32) {
        self.columns += 1;
        self.buffer.extend_from_slice(&length.to_be_bytes());
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            Some(value) => write(self, value),
            None => self.length(NULL),
        }
        self
    }

    pub(super) fn uuid(&mut self, uuid: Uuid) -> &mut Self {
        self.value(uuid.as_bytes())
    }

    pub(super) fn id(&mut self, id: impl Id) -> &mut Self {
        self.uuid(id.as_uuid())
    }

    pub(super) fn optional_id(&mut self, id: Option<impl Id>) -> &mut Self {
        self.optional(id, |row, id| {
            row.id(id);
        })
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.value(text.as_bytes())
    }

    pub(super) fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        self.optional(text, |row, text| {
            row.text(text);
        })
    }

    pub(super) fn boolean(&mut self, value: bool) -> &mut Self {
        self.value(&[u8::from(value)])
    }

    pub(super) fn integer(&mut self, value: i64) -> &mut Self {
        self.value(&value.to_be_bytes())
    }

    pub(super) fn optional_integer(&mut self, value: Option<i64>) -> &mut Self {
        self.optional(value, |row, value| {
            row.integer(value);
        })
    }

    pub(super) fn time(&mut self, at: DateTime<Utc>) -> &mut Self {
        self.integer(at.timestamp_micros() - EPOCH_MICROSECONDS)
    }

    pub(super) fn optional_time(&mut self, at: Option<DateTime<Utc>>) -> &mut Self {
        self.optional(at, |row, at| {
            row.time(at);
        })
    }

    pub(super) fn date(&mut self, date: NaiveDate) -> &mut Self {
        use chrono::Datelike as _;
        self.value(&(date.num_days_from_ce() - EPOCH_DAY).to_be_bytes())
    }

    pub(super) fn optional_date(&mut self, date: Option<NaiveDate>) -> &mut Self {
        self.optional(date, |row, date| {
            row.date(date);
        })
    }

    /// A `jsonb`: a version byte and the text.
    pub(super) fn json(&mut self, value: &serde_json::Value) -> &mut Self {
        let text = value.to_string();
        self.length(i32::try_from(text.len() + 1).unwrap_or(i32::MAX));
        self.buffer.push(1);
        self.buffer.extend_from_slice(text.as_bytes());
        self
    }

    /// A `numeric`: digits of base 10,000, the weight of the first of them, the sign, and how many decimals to show.
    pub(super) fn numeric(&mut self, value: Decimal) -> &mut Self {
        let scale = value.scale();
        // Padded so that the decimal point falls between two digits of base 10,000. A `Decimal` has at most 96 bits and 28
        // decimals, so three more decimal digits fit into 128 bits.
        let padding = (4 - scale % 4) % 4;
        let mut rest = value.mantissa().unsigned_abs() * 10_u128.pow(padding);
        let mut digits = Vec::with_capacity(10);
        while rest > 0 {
            // A remainder of 10,000 fits.
            digits.push(i16::try_from(rest % 10_000).unwrap_or_default());
            rest /= 10_000;
        }
        digits.reverse();
        // All of these are below 40.
        let small = |number: usize| i16::try_from(number).unwrap_or_default();
        let fraction = small((scale + padding) as usize / 4);
        let weight = if digits.is_empty() { 0 } else { small(digits.len()) - fraction - 1 };
        while digits.last() == Some(&0) {
            digits.pop();
        }
        let sign = if value.is_sign_negative() && !value.is_zero() { 0x4000 } else { 0 };
        let mut bytes = Vec::with_capacity(8 + 2 * digits.len());
        for part in [small(digits.len()), weight, sign, small(scale as usize)].into_iter().chain(digits) {
            bytes.extend_from_slice(&part.to_be_bytes());
        }
        self.value(&bytes)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgArgumentBuffer;
    use sqlx::{Encode, Postgres};
    use tenantry_domain::TaskId;

    use super::*;

    /// The value as the driver sends it, which is what the server reads in a binary COPY as well.
    fn driver<'v, T: Encode<'v, Postgres>>(value: T) -> Vec<u8> {
        let mut buffer = PgArgumentBuffer::default();
        let _ = value.encode_by_ref(&mut buffer).unwrap();
        buffer.to_vec()
    }

    fn ours(write: impl for<'w, 'b> FnOnce(&'w mut RowWriter<'b>) -> &'w mut RowWriter<'b>) -> Vec<u8> {
        let mut buffer = Vec::new();
        let mut row = RowWriter::begin(&mut buffer);
        write(&mut row);
        assert_eq!(row.finish(), 1);
        assert_eq!(buffer[..2], 1_i16.to_be_bytes());
        let length = i32::from_be_bytes(buffer[2..6].try_into().unwrap());
        assert_eq!(usize::try_from(length).unwrap(), buffer.len() - 6);
        buffer.split_off(6)
    }

    #[test]
    fn values_are_written_as_the_driver_writes_them() {
        let id = Uuid::from_u128(0x0192_3456_789a_7bcd_8ef0_1234_5678_9abc);
        assert_eq!(ours(|row| row.id(TaskId::from_uuid(id))), driver(id));
        assert_eq!(ours(|row| row.text("שלום 🌱")), driver("שלום 🌱"));
        assert_eq!(ours(|row| row.boolean(true)), driver(true));
        assert_eq!(ours(|row| row.integer(-7)), driver(-7_i64));
        let json = serde_json::json!([{ "description": "Ω", "amount": 1 }]);
        assert_eq!(ours(|row| row.json(&json)), driver(sqlx::types::Json(&json)));
        for at in [0, 946_684_800_000_000, 1_782_777_600_123_456, -1] {
            let at = DateTime::from_timestamp_micros(at).unwrap();
            assert_eq!(ours(|row| row.time(at)), driver(at));
            assert_eq!(ours(|row| row.date(at.date_naive())), driver(at.date_naive()));
        }
    }

    #[test]
    fn numerics_are_written_as_the_driver_writes_them() {
        for text in ["0", "1", "0.18", "0.09975", "0.2", "0.00000001", "10000", "12345.6789", "-99999999.5", "1.10"] {
            let value: Decimal = text.parse().unwrap();
            assert_eq!(ours(|row| row.numeric(value)), driver(value), "{text}");
        }
    }

    #[test]
    fn what_is_absent_has_the_length_minus_one() {
        let mut buffer = Vec::new();
        let mut row = RowWriter::begin(&mut buffer);
        row.optional_id(None::<TaskId>).optional_text(None).optional_time(None).optional_date(None);
        assert_eq!(row.finish(), 4);
        assert_eq!(buffer, [&[0, 4][..], &[0xff; 16]].concat());
    }
}
