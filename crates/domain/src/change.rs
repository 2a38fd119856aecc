//! The difference between "leave it" and "set it", for updates.

/// What an update does to one field.
///
/// A nullable field is a `Change<Option<T>>`: `Keep` leaves it, `Set(None)` clears it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// The field was not given; it stays as it is.
    #[default]
    Keep,
    /// The field gets this value.
    Set(T),
}

impl<T> Change<T> {
    /// The new value, if one was given.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Keep => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Whether the field stays as it is.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// Applies `f` to the new value, if one was given.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Set(value) => Change::Set(f(value)),
        }
    }

    /// The value after the change, given the one before.
    pub fn apply(self, before: T) -> T {
        match self {
            Self::Keep => before,
            Self::Set(value) => value,
        }
    }
}
