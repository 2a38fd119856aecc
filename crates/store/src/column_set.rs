//! Which columns of a record a statement reads.

/// Some columns of a record.
///
/// A record that was read with fewer than all of its columns holds blanks (nil, empty, zero, `None`) in place of the others, so
/// whoever asks for fewer looks at nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ColumnSet(u64);

impl ColumnSet {
    /// All columns.
    pub const ALL: Self = Self(u64::MAX);
    /// The id alone, which is always read.
    pub const ID: Self = Self(1);

    /// The columns with these names, each with its table's letter, and the id. `columns` are those of a noun.
    pub(crate) fn of(columns: &[&str], names: &[&str]) -> Self {
        let wanted = columns.iter().enumerate().filter(|(_, column)| names.contains(column));
        Self(wanted.fold(Self::ID.0, |set, (n, _)| set | 1 << n))
    }

    /// Of these columns those that are among the others, too.
    #[must_use]
    pub(crate) const fn within(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// These columns but for the others; the id stays.
    #[must_use]
    pub(crate) const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0 | Self::ID.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[&str] = &["t.id", "t.name", "u.email"];

    #[test]
    fn names_find_their_columns_and_the_id_is_always_there() {
        let email = ColumnSet::of(COLUMNS, &["u.email"]);
        assert_eq!([0, 1, 2].map(|column| email.has(column)), [true, false, true]);
        assert_eq!(ColumnSet::of(COLUMNS, &[]), ColumnSet::ID);
        assert_eq!(email.and(ColumnSet::of(COLUMNS, &["t.name"])), ColumnSet::of(COLUMNS, &["t.name", "u.email"]));
        assert_eq!(ColumnSet::ALL.without(email), ColumnSet(u64::MAX - 4));
        assert!([0, 1, 2, 63].iter().all(|column| ColumnSet::ALL.has(*column)));
    }
}
