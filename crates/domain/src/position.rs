//! Where a task stands among its siblings: a text between two other texts, so that a move writes one row.

use std::fmt;

use fractional_index::FractionalIndex;

/// A fractional index. Positions compare as bytes, so the database column is `COLLATE "C"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(String);

/// A text that is no position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid position")]
pub struct InvalidPosition;

impl Position {
    /// The position of the first row of a list.
    pub fn first() -> Self {
        Self(FractionalIndex::default().to_string())
    }

    /// A position after `last`, or the first one of an empty list.
    ///
    /// # Errors
    /// [`InvalidPosition`] when `last` is not one that this type made.
    pub fn after(last: Option<&Self>) -> Result<Self, InvalidPosition> {
        Self::between(last, None)
    }

    /// A position between two others; `None` stands for the end of the list.
    ///
    /// # Errors
    /// [`InvalidPosition`] when a side is malformed or `lower` does not come before `upper`.
    pub fn between(lower: Option<&Self>, upper: Option<&Self>) -> Result<Self, InvalidPosition> {
        let lower = lower.map(Self::index).transpose()?;
        let upper = upper.map(Self::index).transpose()?;
        FractionalIndex::new(lower.as_ref(), upper.as_ref()).map(|p| Self(p.to_string())).ok_or(InvalidPosition)
    }

    /// A position read from the database, trusted as it is.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text that the database holds.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn index(&self) -> Result<FractionalIndex, InvalidPosition> {
        FractionalIndex::from_string(&self.0).map_err(|_| InvalidPosition)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_position_fits_between_any_two_neighbours(choices in prop::collection::vec(0_usize..1000, 1..200)) {
            let mut list = vec![Position::first()];
            for choice in choices {
                let at = choice % (list.len() + 1);
                let lower = at.checked_sub(1).map(|n| &list[n]);
                let made = Position::between(lower, list.get(at)).expect("both sides come from the list");
                list.insert(at, made);
            }
            prop_assert!(list.windows(2).all(|pair| pair[0].as_str().as_bytes() < pair[1].as_str().as_bytes()));
        }
    }
}
