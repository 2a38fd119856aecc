//! What a selection set asks of an object, looked up once for all the objects of a list.

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::{Name, Positioned};
use tenantry_domain::Money;

use super::{LeafField, ListField, Node};
use crate::leaf::Leaf;
use crate::request::EMPTY;

/// One field of a selection set.
pub(crate) enum Step<'a, N: Node> {
    /// `__typename`.
    TypeName,
    /// A leaf without a selection.
    Leaf(LeafField<N::Record>),
    /// A leaf that is an amount, with what is selected of it.
    Money(LeafField<N::Record>, Vec<(&'a Name, MoneyPart)>),
    /// A list of rows.
    List(ListField<N::Record>, &'a Positioned<Field>),
    /// Anything else: a relation.
    Relation(&'a Positioned<Field>),
}

/// A field of an amount.
#[derive(Debug, Clone, Copy)]
pub(crate) enum MoneyPart {
    Amount,
    Currency,
    TypeName,
}

impl MoneyPart {
    /// The part of this amount.
    pub(crate) fn of(self, money: Money) -> Leaf<'static> {
        match self {
            Self::Amount => Leaf::Made(money.amount().to_string()),
            Self::Currency => Leaf::Made(money.currency().to_string()),
            Self::TypeName => Leaf::Plain("Money"),
        }
    }
}

/// The fields that a selection set asks of a node, in order, with the keys as they are to appear.
pub(crate) struct Plan<'a, N: Node> {
    pub(crate) steps: Vec<(&'a Name, Step<'a, N>)>,
    /// Whether there are only leaves.
    pub(crate) is_flat: bool,
}

impl<'a, N: Node> Plan<'a, N> {
    /// Looks up the selection set; fragments of other types are left out.
    pub(crate) fn new(selection: &'a SelectionSet) -> Self {
        let mut plan = Self { steps: Vec::new(), is_flat: true };
        for field in fields_of(selection, N::NAME) {
            plan.add(field);
        }
        plan
    }

    fn add(&mut self, field: &'a Positioned<Field>) {
        let key = &field.node.response_key().node;
        let name = field.node.name.node.as_str();
        let step = if name == "__typename" {
            Step::TypeName
        } else if let Some(leaf) = N::leaf(name) {
            if field.node.selection_set.node.items.is_empty() {
                Step::Leaf(leaf)
            } else {
                Step::Money(leaf, parts_of(&field.node.selection_set.node))
            }
        } else {
            self.is_flat = false;
            match N::list(name) {
                Some(list) => Step::List(list, field),
                None => Step::Relation(field),
            }
        };
        self.steps.push((key, step));
    }
}

/// The fields that are selected of an amount.
fn parts_of(selection: &SelectionSet) -> Vec<(&Name, MoneyPart)> {
    let fields = fields_of(selection, "Money").into_iter();
    let parts = fields.map(|field| {
        let part = match field.node.name.node.as_str() {
            "amount" => MoneyPart::Amount,
            "currency" => MoneyPart::Currency,
            _ => MoneyPart::TypeName,
        };
        (&field.node.response_key().node, part)
    });
    parts.collect()
}

/// The fields that a selection set asks of an object of this type, in order. The request layer has left no more than one for
/// each key, and no fragments but those that tell the types of an interface apart.
pub(super) fn fields_of<'a>(selection: &'a SelectionSet, type_name: &str) -> Vec<&'a Positioned<Field>> {
    let mut fields = Vec::with_capacity(selection.items.len());
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) if field.node.response_key().node == EMPTY => {}
            Selection::Field(field) => fields.push(field),
            Selection::InlineFragment(fragment) => {
                let on = fragment.node.type_condition.as_ref().map(|condition| &condition.node.on.node);
                if on.is_none_or(|on| on == type_name) {
                    fields.extend(fields_of(&fragment.node.selection_set.node, type_name));
                }
            }
            Selection::FragmentSpread(_) => {}
        }
    }
    fields
}
