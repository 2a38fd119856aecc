//! What a new row and a change of a row are made from.

use chrono::{DateTime, Utc};

use crate::change::Change;
use crate::id::{OrganizationId, UserId};
use crate::noun::Noun;
use crate::noun::field::FieldInfo;
use crate::noun::kind::{FieldType, Value};
use crate::validate::Violations;

/// What a new row knows of where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<I> {
    /// The row's id.
    pub id: I,
    /// The organization that will own it.
    pub organization_id: OrganizationId,
    /// The user who makes it.
    pub user_id: UserId,
    /// The time.
    pub now: DateTime<Utc>,
}

/// A field of an input.
#[derive(Debug)]
pub struct Input<T> {
    /// The noun's field.
    pub field: &'static FieldInfo,
    /// Whether it has to be given.
    pub required: bool,
    /// Whether the input gives it.
    pub is_given: fn(&T) -> bool,
    /// Puts a value into the input; `false` when the value is of another type.
    pub write: fn(&mut T, Value<'_>) -> bool,
}

/// What a new row is made from.
pub trait New: Clone + Send + Sync + 'static {
    /// The noun.
    type Noun: Noun;
    /// The fields that the caller gives.
    const INPUTS: &'static [Input<Self>];
    /// Nothing given.
    fn blank() -> Self;
    /// The row, or everything that is wrong with it. Texts are trimmed and brought into their normal form.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    fn into_row(self, origin: Origin<<Self::Noun as Noun>::Id>) -> Result<Self::Noun, Violations>;
}

/// What an update does to a row.
pub trait Changes: Clone + Default + Send + Sync + 'static {
    /// The noun.
    type Noun: Noun;
    /// The fields that the caller may give.
    const INPUTS: &'static [Input<Self>];
    /// The row as it is after the update, or everything that would be wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    fn apply(self, before: &Self::Noun) -> Result<Self::Noun, Violations>;
}

/// Puts a value that was given into a new row's field.
pub fn given<T: FieldType>(field: &mut T, value: Value<'_>) -> bool {
    T::from_value(value).map(|value| *field = value).is_some()
}

/// Puts a value that was given into an update's field.
pub fn given_back<T: FieldType>(field: &mut Change<T>, value: Value<'_>) -> bool {
    T::from_value(value).map(|value| *field = Change::Set(value)).is_some()
}
