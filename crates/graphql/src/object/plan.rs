//! What a selection set asks of an object, looked up once for all the objects of a list.

use std::collections::HashSet;

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{ContextBase, ContextSelectionSet, Name, Positioned};
use tenantry_domain::Money;

use super::{LeafField, ListField, Node};
use crate::leaf::Leaf;

/// Whether lists of leaves are rendered to bytes at once. They are not when the document selects the same relation twice,
/// because then async-graphql merges the two answers, which takes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rendering {
    /// As bytes, inside `Value::Binary`.
    Bytes,
    /// As values.
    Values,
}

impl Rendering {
    /// How the document in this context is rendered.
    pub(super) fn of<T>(context: &ContextBase<'_, T>) -> Self {
        context.data_opt().copied().unwrap_or(Self::Values)
    }
}

/// One field of a selection set.
pub(crate) enum Step<'a, N: Node> {
    /// `__typename`.
    TypeName,
    /// A leaf without a selection.
    Leaf(&'static LeafField<N::Record>),
    /// A leaf that is an amount, with what is selected of it.
    Money(&'static LeafField<N::Record>, Vec<(&'a Name, MoneyPart)>),
    /// A list of rows.
    List(&'static ListField<N>, &'a Positioned<Field>),
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

/// The fields that a selection set asks of a node, in order, each response key once (but relations as often as they stand
/// there), with the keys as they are to appear.
pub(crate) struct Plan<'a, N: Node> {
    pub(crate) steps: Vec<(&'a Name, Step<'a, N>)>,
    /// Whether there are only leaves.
    pub(crate) is_flat: bool,
}

impl<'a, N: Node> Plan<'a, N> {
    /// Looks up the selection set; fragments of other types are left out.
    pub(crate) fn new(context: &ContextSelectionSet<'a>) -> Self {
        let mut plan = Self { steps: Vec::new(), is_flat: true };
        let mut fields = Vec::new();
        collect_fields(context, &context.item.node, N::NAME, &mut fields);
        for field in fields {
            plan.add(context, field);
        }
        plan
    }

    fn add(&mut self, context: &ContextSelectionSet<'a>, field: &'a Positioned<Field>) {
        let key = &field.node.response_key().node;
        let name = field.node.name.node.as_str();
        let step = if name == "__typename" {
            Step::TypeName
        } else if let Some(leaf) = N::LEAVES.iter().find(|leaf| leaf.name == name) {
            if field.node.selection_set.node.items.is_empty() {
                Step::Leaf(leaf)
            } else {
                let mut parts = Vec::new();
                collect_money(context, &field.node.selection_set.node, &mut parts);
                Step::Money(leaf, parts)
            }
        } else {
            self.is_flat = false;
            match N::LISTS.iter().find(|list| list.name == name) {
                Some(list) => Step::List(list, field),
                None => Step::Relation(field),
            }
        };
        // The same leaf twice says the same twice; validation refuses one key for two fields.
        let again = self.steps.iter_mut().find(|(other, _)| *other == key);
        match (again, step) {
            (Some((_, Step::Money(_, parts))), Step::Money(_, more)) => {
                for (key, part) in more {
                    if !parts.iter().any(|(other, _)| *other == key) {
                        parts.push((key, part));
                    }
                }
            }
            (Some(_), Step::TypeName | Step::Leaf(_) | Step::Money(..)) => {}
            (_, step) => self.steps.push((key, step)),
        }
    }
}

/// Collects the fields that are selected of an amount, each response key once.
fn collect_money<'a>(
    context: &ContextSelectionSet<'a>,
    selection: &'a SelectionSet,
    parts: &mut Vec<(&'a Name, MoneyPart)>,
) {
    for item in &selection.items {
        match &item.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                let part = match field.node.name.node.as_str() {
                    "amount" => MoneyPart::Amount,
                    "currency" => MoneyPart::Currency,
                    _ => MoneyPart::TypeName,
                };
                if !parts.iter().any(|(other, _)| *other == key) {
                    parts.push((key, part));
                }
            }
            Selection::InlineFragment(fragment) => collect_money(context, &fragment.node.selection_set.node, parts),
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = context.query_env.fragments.get(&spread.node.fragment_name.node) {
                    collect_money(context, &fragment.node.selection_set.node, parts);
                }
            }
        }
    }
}

/// The fields that a selection set asks of an object of this type, with those of the fragments that apply to it, in order.
pub(super) fn collect_fields<'a, T>(
    context: &ContextBase<'a, T>,
    selection: &'a SelectionSet,
    type_name: &str,
    fields: &mut Vec<&'a Positioned<Field>>,
) {
    for item in &selection.items {
        let (condition, selection) = match &item.node {
            Selection::Field(field) => {
                fields.push(field);
                continue;
            }
            Selection::InlineFragment(fragment) => {
                (fragment.node.type_condition.as_ref(), &fragment.node.selection_set.node)
            }
            Selection::FragmentSpread(spread) => {
                // Validation has made sure that the fragment is there and that there is no circle.
                let Some(fragment) = context.query_env.fragments.get(&spread.node.fragment_name.node) else { continue };
                (Some(&fragment.node.type_condition), &fragment.node.selection_set.node)
            }
        };
        if condition.is_none_or(|condition| applies(context, type_name, &condition.node.on.node)) {
            collect_fields(context, selection, type_name, fields);
        }
    }
}

/// Whether a fragment on `on` applies to an object of this type.
fn applies<T>(context: &ContextBase<'_, T>, type_name: &str, on: &str) -> bool {
    let implements = &context.schema_env.registry.implements;
    on == type_name || implements.get(type_name).is_some_and(|interfaces| interfaces.contains(on))
}

/// The most selections that are looked at before a document counts as one that repeats a relation.
const MOST_SELECTIONS: usize = 2_000;

/// Whether one object may be asked for the same relation twice under one key, so that its answers have to be merged. Rather
/// says yes too often: types are not looked at.
pub(crate) fn repeats_a_relation(document: &ExecutableDocument) -> bool {
    let mut left = MOST_SELECTIONS;
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    operations.into_iter().any(|selection| repeats(document, &[selection], &mut left).unwrap_or(true))
}

/// Looks through selection sets that fill one object; `None` when there are too many selections to tell.
fn repeats(document: &ExecutableDocument, sets: &[&SelectionSet], left: &mut usize) -> Option<bool> {
    let mut keys = HashSet::new();
    let mut open: Vec<&SelectionSet> = sets.to_vec();
    while let Some(selection) = open.pop() {
        for item in &selection.items {
            *left = left.checked_sub(1)?;
            match &item.node {
                Selection::Field(field) if field.node.selection_set.node.items.is_empty() => {}
                Selection::Field(field) => {
                    let repeated = !keys.insert(field.node.response_key().node.as_str());
                    if repeated || repeats(document, &[&field.node.selection_set.node], left)? {
                        return Some(true);
                    }
                }
                Selection::InlineFragment(fragment) => open.push(&fragment.node.selection_set.node),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                        open.push(&fragment.node.selection_set.node);
                    }
                }
            }
        }
    }
    Some(false)
}
