//! What comes back: rows, which are read in place.

use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use postgres_types::{FromSql, Kind, Type};

use crate::error::{Error, cause};

/// The answer to one statement.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Its rows.
    pub rows: Rows,
    /// How many rows it touched, or gave.
    pub affected: u64,
}

impl Deref for Answer {
    type Target = Rows;

    fn deref(&self) -> &Rows {
        &self.rows
    }
}

/// Rows as they came, one behind the other in one piece of memory.
#[derive(Debug, Clone)]
pub struct Rows {
    columns: Arc<[Type]>,
    bytes: Vec<u8>,
    /// Where each row begins.
    starts: Vec<usize>,
}

/// No columns. Most statements of an exchange give none, and share these.
static NO_COLUMNS: LazyLock<Arc<[Type]>> = LazyLock::new(|| Arc::from([]));

/// How many rows are expected when the first one comes: about a page of a list.
const EXPECTED: usize = 24;

impl Default for Rows {
    fn default() -> Self {
        Self::new(Arc::clone(&NO_COLUMNS))
    }
}

impl Rows {
    /// No rows yet, of these columns.
    pub(crate) fn new(columns: Arc<[Type]>) -> Self {
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

    /// The columns' types.
    pub(crate) fn columns(&self) -> &Arc<[Type]> {
        &self.columns
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The first row, if there is any.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// All rows, in the order in which they came.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        self.starts.iter().map(|start| Row { columns: &self.columns, bytes: &self.bytes[*start..] })
    }
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    columns: &'r [Type],
    /// The row, and those behind it.
    bytes: &'r [u8],
}

impl<'r> Row<'r> {
    /// The value of the column at this place.
    ///
    /// # Errors
    /// [`Error::Decode`] when there is no such column, or it is of a type that `T` does not read.
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

    /// Whether there is no column.
    pub fn is_empty(self) -> bool {
        self.columns.is_empty()
    }

    /// The values from the first to the last.
    pub fn values(self) -> Values<'r> {
        // The number of columns, which the statement's description gives, too.
        Values { columns: self.columns, bytes: self.bytes.get(size_of::<i16>()..).unwrap_or_default(), column: 0 }
    }
}

/// The values of a row that are still to be read. Going from one to the next costs the same however many there are.
#[derive(Debug, Clone)]
pub struct Values<'r> {
    columns: &'r [Type],
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

    /// Passes over the next value.
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
        let kind = self.columns.get(column).ok_or_else(missing)?;
        let (value, rest) = split(self.bytes).ok_or_else(missing)?;
        self.bytes = rest;
        self.column += 1;
        Ok((kind, value))
    }
}

/// The value at the beginning, behind its length, and what follows it.
fn split(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    // Negative for null.
    match usize::try_from(i32::from_be_bytes(*length)) {
        Ok(length) => rest.split_at_checked(length).map(|(value, rest)| (Some(value), rest)),
        Err(_) => Some((None, rest)),
    }
}

/// Whether reading this value would panic or ask for more memory than there is, instead of giving an error: `rust_decimal`
/// does the one from 10³² on, and arrays are made as large as they say they are.
fn is_beyond(kind: &Type, value: &[u8]) -> bool {
    if *kind == Type::NUMERIC {
        return is_vast(value);
    }
    let Kind::Array(member) = kind.kind() else { return false };
    // Three numbers, then one dimension's length and first index. Without a dimension the array is empty; those of several
    // are read by nobody.
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
    // How many groups are sent, and the power of 10,000 that the first of them counts.
    let Some(([a, b, c, d], _)) = numeric.split_first_chunk() else { return false };
    let (groups, weight) = (u16::from_be_bytes([*a, *b]), i16::from_be_bytes([*c, *d]));
    i32::from(weight) + 1 - i32::from(groups) >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let mut rows = Rows::new(Arc::from([Type::INT4, Type::TEXT]));
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
    fn what_is_not_there_or_of_another_type_is_an_error() {
        let rows = rows();
        let row = rows.first().unwrap();
        assert!(matches!(row.get::<i64>(0), Err(Error::Decode { column: 0, .. })));
        assert!(matches!(row.get::<i32>(2), Err(Error::Decode { column: 2, .. })));
        let null = rows.iter().nth(1).unwrap();
        assert!(matches!(null.get::<i32>(0), Err(Error::Decode { column: 0, .. })), "null is no number");
        let mut cut = Rows::new(Arc::from([Type::INT4]));
        cut.push(b"\0\x01\0\0\0\x09ab");
        assert!(cut.first().unwrap().get::<i32>(0).is_err());
    }
}
