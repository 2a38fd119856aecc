//! How large a selection set is, in every measure the guard bounds, and how such sizes combine. Arithmetic saturates.

use super::{GuardError, GuardErrorKind as Kind, GuardLimits};

/// The size of a selection set with its fragments followed. It depends on the set and its type alone, never on where
/// the set is spread, which is what lets one pass measure each fragment once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Cost that is paid once.
    pub(super) flat: u64,
    /// Cost that is paid for each item of the page, where the set belongs to a connection.
    pub(super) per_item: u64,
    /// Fields at the top of the set.
    pub(super) fields: u64,
    /// Fields on the longest path.
    pub(super) depth: u64,
    /// Selection sets on the longest path, this one included.
    pub(super) nesting: u64,
    /// Selections of this set alone, fragments followed: what the validator compares for conflicts.
    pub(super) flattened: u64,
    /// `flattened`, summed over this set and all below it.
    pub(super) visits: u64,
    /// Values in arguments.
    pub(super) values: u64,
    /// Levels of the deepest argument.
    pub(super) input_depth: u64,
    /// Names the schema does not know.
    pub(super) unknown: u64,
    /// Introspection lists selected.
    pub(super) introspection_lists: u64,
    /// Introspection lists inside one another.
    pub(super) introspection_depth: u64,
    /// Introspection lists that lead to further types, inside one another.
    pub(super) type_lists: u64,
}

impl Shape {
    /// Two parts of one document, or of one selection set.
    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            flat: self.flat.saturating_add(other.flat),
            per_item: self.per_item.saturating_add(other.per_item),
            fields: self.fields.saturating_add(other.fields),
            depth: self.depth.max(other.depth),
            nesting: self.nesting.max(other.nesting),
            flattened: self.flattened.saturating_add(other.flattened),
            visits: self.visits.saturating_add(other.visits),
            values: self.values.saturating_add(other.values),
            input_depth: self.input_depth.max(other.input_depth),
            unknown: self.unknown.saturating_add(other.unknown),
            introspection_lists: self.introspection_lists.saturating_add(other.introspection_lists),
            introspection_depth: self.introspection_depth.max(other.introspection_depth),
            type_lists: self.type_lists.max(other.type_lists),
        }
    }

    /// A selection set made of `contents`.
    pub(super) fn into_set(self) -> Self {
        Self { nesting: self.nesting.saturating_add(1), visits: self.visits.saturating_add(self.flattened), ..self }
    }

    /// A fragment spread or an inline fragment, itself one selection, that stands for the set `self`.
    pub(super) fn into_spread(self) -> Self {
        Self { flattened: self.flattened.saturating_add(1), ..self }
    }

    /// Checks everything but the cost.
    ///
    /// # Errors
    ///
    /// The first bound that is broken.
    pub(super) fn check(&self, limits: &GuardLimits) -> Result<(), GuardError> {
        let found = [
            (Kind::Depth, limits.max_depth, self.depth),
            (Kind::Nesting, limits.max_nesting, self.nesting),
            (Kind::IntrospectionDepth, limits.max_introspection_depth, self.introspection_depth),
            // A type's fields' types' fields: each such step multiplies the answer by the size of the schema.
            (Kind::IntrospectionDepth, 1, self.type_lists),
            (Kind::IntrospectionLists, limits.max_introspection_lists, self.introspection_lists),
            (Kind::Selections, limits.max_selections, self.visits),
            (Kind::InputDepth, limits.max_input_depth, self.input_depth),
            (Kind::ArgumentValues, limits.max_argument_values, self.values),
            (Kind::Unknown, limits.max_unknown, self.unknown),
        ];
        match found.into_iter().find(|(_, limit, actual)| actual > limit) {
            Some((kind, limit, actual)) => Err(GuardError::exceeded(kind, limit, actual)),
            None => Ok(()),
        }
    }
}
