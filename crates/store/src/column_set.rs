//! Which columns of a record a statement reads.

/// Some columns of a record.
///
/// A record that was read with fewer than all of its columns holds blanks (nil, empty, zero, `None`) in place of the others, so
/// whoever asks for fewer looks at nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnSet(u32);

impl ColumnSet {
    /// All columns.
    pub const ALL: Self = Self(u32::MAX);
    /// The id alone, which is always read.
    pub const ID: Self = Self(1);

    /// The columns with these names, and the id. `columns` are those of a [`Record`](crate::Record), each with its table.
    ///
    /// # Panics
    /// When there is no such column: in a constant, an error of the compiler.
    pub const fn of(columns: &[&str], names: &[&str]) -> Self {
        assert!(columns.len() <= 32, "a record has at most 32 columns");
        let mut set = Self::ID.0;
        let mut n = 0;
        while n < names.len() {
            let mut column = 0;
            while !is_column(columns[column].as_bytes(), names[n].as_bytes()) {
                column += 1;
            }
            set |= 1 << column;
            n += 1;
        }
        Self(set)
    }

    /// These columns and the others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether the column at this place is one of them.
    pub(crate) const fn has(self, column: usize) -> bool {
        self.0 & (1 << column) != 0
    }
}

impl Default for ColumnSet {
    fn default() -> Self {
        Self::ALL
    }
}

/// Whether `column`, such as `t.name`, is the one with this name.
const fn is_column(column: &[u8], name: &[u8]) -> bool {
    if column.len() != name.len() + 2 {
        return false;
    }
    let mut n = 0;
    while n < name.len() {
        if column[n + 2] != name[n] {
            return false;
        }
        n += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[&str] = &["t.id", "t.name", "u.email"];

    #[test]
    fn names_find_their_columns_and_the_id_is_always_there() {
        const EMAIL: ColumnSet = ColumnSet::of(COLUMNS, &["email"]);
        assert_eq!([0, 1, 2].map(|column| EMAIL.has(column)), [true, false, true]);
        assert_eq!(ColumnSet::of(COLUMNS, &[]), ColumnSet::ID);
        assert_eq!(EMAIL.and(ColumnSet::of(COLUMNS, &["name"])), ColumnSet::of(COLUMNS, &["name", "email"]));
        assert!([0, 1, 2, 31].iter().all(|column| ColumnSet::ALL.has(*column)));
    }

    #[test]
    #[should_panic = "index out of bounds"]
    fn a_name_without_a_column_is_an_error() {
        ColumnSet::of(COLUMNS, &["nam"]);
    }
}
