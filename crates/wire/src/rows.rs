//! Answers: rows, which are read in place.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use postgres_types::{FromSql, Kind, Type};

use crate::error::{Error, cause};

/// The answer to one statement.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Its rows.
    pub rows: Rows,
    /// How many rows it affected or returned.
    pub affected: u64,
}

impl Deref for Answer {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.rows
    }
}

/// What a statement gives under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub(crate) name: Box<str>,
    pub(crate) kind: Type,
}

impl Column {
    /// Its name, which other columns of the statement may have, too.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    pub fn kind(&self) -> &Type {
        &self.kind
    }
}

/// Rows as they came, one behind the other in one piece of memory.
#[derive(Debug, Clone)]
pub struct Rows {
    columns: Arc<[Column]>,
    bytes: Vec<u8>,
    /// The offset of each row.
    starts: Vec<usize>,
}

/// No columns. Most statements of an exchange give none, and share these.
static NO_COLUMNS: LazyLock<Arc<[Column]>> = LazyLock::new(|| Arc::from([]));

/// How many rows to expect when the first one arrives: about a page of a list.
const EXPECTED: usize = 24;

impl Default for Rows {
    fn default() -> Self {
        Self::new(Arc::clone(&NO_COLUMNS))
    }
}

impl Rows {
    /// No rows yet, of these columns.
    pub(crate) fn new(columns: Arc<[Column]>) -> Self {
        Self { columns, bytes: Vec::new(), starts: Vec::new() }
    }

    /// Adds a row: the body of a `DataRow` message.
    pub(crate) fn push(&mut self, row: &[u8]) {
        if self.starts.is_empty() {
            self.starts.reserve(EXPECTED);
            self.bytes.reserve(EXPECTED * row.len().min(256));
        }
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(row);
    }

    /// The columns, shared with other rows of the same statement.
    pub(crate) fn shared_columns(&self) -> &Arc<[Column]> {
        &self.columns
    }

    /// The columns, from the first to the last.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The first row, if there is one.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// All rows, in the order in which they arrived.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        self.starts.iter().map(|start| Row { columns: &self.columns, bytes: &self.bytes[*start..] })
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    columns: &'r [Column],
    /// The row, and those behind it.
    bytes: &'r [u8],
}

impl<'r> Row<'r> {
    /// The value of the column at this index.
    ///
    /// # Errors
    /// [`Error::Decode`] when there is no such column, or `T` cannot read its type.
    pub fn get<T: FromSql<'r>>(self, column: usize) -> Result<T, Error> {
        let mut values = self.values();
        for _ in 0..column {
            values.skip()?;
        }
        values.read()
    }

    /// How many columns there are.
    pub fn len(self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(self) -> bool {
        self.columns.is_empty()
    }

    /// The values from first to last.
    pub fn values(self) -> Values<'r> {
        // Skips the number of columns, which is also in the statement's description.
        Values { columns: self.columns, bytes: self.bytes.get(size_of::<i16>()..).unwrap_or_default(), column: 0 }
    }
}

/// The remaining values of a row. Each step costs the same, however many columns there are.
#[derive(Debug, Clone)]
pub struct Values<'r> {
    columns: &'r [Column],
    bytes: &'r [u8],
    column: usize,
}

impl<'r> Values<'r> {
    /// Reads the next value.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn read<T: FromSql<'r>>(&mut self) -> Result<T, Error> {
        let column = self.column;
        let fault = |source| Error::Decode { column, source };
        let (kind, value) = self.raw()?;
        if !T::accepts(kind) {
            return Err(fault(cause(format!("it is of the type {kind}"))));
        }
        if value.is_some_and(|value| is_beyond(kind, value)) {
            return Err(fault(cause("it is larger than can be held")));
        }
        T::from_sql_nullable(kind, value).map_err(|source| fault(cause(source)))
    }

    /// Skips the next value.
    ///
    /// # Errors
    /// As [`Row::get`].
    pub fn skip(&mut self) -> Result<(), Error> {
        self.raw().map(drop)
    }

    /// The next value's type and bytes.
    fn raw(&mut self) -> Result<(&'r Type, Option<&'r [u8]>), Error> {
        let column = self.column;
        let missing = || Error::Decode { column, source: cause("there is no such column") };
        let kind = &self.columns.get(column).ok_or_else(missing)?.kind;
        let (value, rest) = split(self.bytes).ok_or_else(missing)?;
        self.bytes = rest;
        self.column += 1;
        Ok((kind, value))
    }
}

/// The value at the start, after its length, and the rest.
fn split(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    // Negative for null.
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) => rest.split_at_checked(length).map(|(value, rest)| (Some(value), rest)),
        Err(_) => Some((None, rest)),
    }
}

/// Whether reading this value would panic or allocate too much memory instead of returning an error: `rust_decimal`
/// panics from 10³² on, and an array is allocated with the length it announces.
fn is_beyond(kind: &Type, value: &[u8]) -> bool {
    if *kind == Type::NUMERIC {
        return is_vast(value);
    }
    let Kind::Array(member) = kind.kind() else { return false };
    // Three numbers, then the length and the first index of one dimension. Without a dimension the array is empty.
    // Nothing reads arrays of several dimensions.
    let Some((header, mut elements)) = value.split_first_chunk::<20>() else { return false };
    let count = i32::from_be_bytes([header[12], header[13], header[14], header[15]]);
    if usize::try_from(count).is_ok_and(|count| count > elements.len() / size_of::<i32>()) {
        return true;
    }
    while *member == Type::NUMERIC
        && let Some((element, rest)) = split(elements)
    {
        if element.is_some_and(is_vast) {
            return true;
        }
        elements = rest;
    }
    false
}

/// Whether a `numeric` ends in eight or more groups of four zeros, which are not sent.
fn is_vast(numeric: &[u8]) -> bool {
    // The number of groups that are sent, and the exponent (base 10,000) of the first one.
    let Some(([a, b, c, d], _)) = numeric.split_first_chunk() else { return false };
    let (groups, weight) = (u16::from_be_bytes([*a, *b]), i16::from_be_bytes([*c, *d]));
    i32::from(weight) + 1 - i32::from(groups) >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns<const N: usize>(kinds: [Type; N]) -> Arc<[Column]> {
        Arc::from(kinds.map(|kind| Column { name: kind.name().into(), kind }))
    }

    fn rows() -> Rows {
        let mut rows = Rows::new(columns([Type::INT4, Type::TEXT]));
        rows.push(b"\0\x02\0\0\0\x04\0\0\0\x07\0\0\0\x02hi");
        rows.push(b"\0\x02\xff\xff\xff\xff\0\0\0\0");
        rows
    }

    #[test]
    fn values_are_read_in_place() {
        let rows = rows();
        let read: Vec<(Option<i32>, &str)> =
            rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).collect();
        assert_eq!(read, [(Some(7), "hi"), (None, "")]);
        let mut values = rows.first().unwrap().values();
        values.skip().unwrap();
        assert_eq!(values.read::<String>().unwrap(), "hi");
    }

    #[test]
    fn a_missing_column_or_another_type_is_an_error() {
        let rows = rows();
        let row = rows.first().unwrap();
        assert!(matches!(row.get::<i64>(0), Err(Error::Decode { column: 0, .. })));
        assert!(matches!(row.get::<i32>(2), Err(Error::Decode { column: 2, .. })));
        let null = rows.iter().nth(1).unwrap();
        assert!(matches!(null.get::<i32>(0), Err(Error::Decode { column: 0, .. })), "null is no number");
        let mut cut = Rows::new(columns([Type::INT4]));
        cut.push(b"\0\x01\0\0\0\x09ab");
        assert!(cut.first().unwrap().get::<i32>(0).is_err());
    }
}
