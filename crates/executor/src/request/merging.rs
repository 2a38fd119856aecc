//! Fields of one response key have the same arguments (5.3.2), where those hold lists: `apollo-compiler` compares two lists only
//! as far as the shorter one goes.

use std::collections::{HashMap, HashSet};

use apollo_compiler::ast::{Argument, Value};
use apollo_compiler::executable::{Field, Operation, Selection, SelectionSet};
use apollo_compiler::{ExecutableDocument, Name, Node};
use async_graphql::ServerError;
use async_graphql::indexmap::IndexMap;

use super::fault;
use super::position::position_of;
use super::schema::RequestSchema;

/// Checks an operation whose arguments hold lists.
pub(super) fn check(
    schema: &RequestSchema,
    document: &ExecutableDocument,
    operation: &Operation,
    errors: &mut Vec<ServerError>,
) {
    Merging { schema, document, errors }.scope(&[&operation.selection_set]);
}

struct Merging<'a> {
    schema: &'a RequestSchema,
    document: &'a ExecutableDocument,
    errors: &'a mut Vec<ServerError>,
}

/// A field, and the type that it is selected on.
type Place<'a> = (&'a Name, &'a Node<Field>);

impl<'a> Merging<'a> {
    /// Checks the fields of one object, wherever they are selected.
    fn scope(&mut self, sets: &[&'a SelectionSet]) {
        let (mut fields, mut seen) = (IndexMap::new(), HashSet::new());
        for set in sets {
            self.collect(set, &mut fields, &mut seen);
        }
        for places in fields.into_values() {
            self.places(&places);
        }
    }

    fn collect(
        &self,
        set: &'a SelectionSet,
        fields: &mut IndexMap<&'a Name, Vec<Place<'a>>>,
        seen: &mut HashSet<&'a Name>,
    ) {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => fields.entry(field.response_key()).or_default().push((&set.ty, field)),
                Selection::InlineFragment(inline) => self.collect(&inline.selection_set, fields, seen),
                Selection::FragmentSpread(spread) => {
                    if seen.insert(&spread.fragment_name)
                        && let Some(fragment) = self.document.fragments.get(&spread.fragment_name)
                    {
                        self.collect(&fragment.selection_set, fields, seen);
                    }
                }
            }
        }
    }

    /// Checks all places of one response key. Those on two different object types never meet in one object.
    fn places(&mut self, places: &[Place<'a>]) {
        let is_abstract = |ty: &Name| self.schema.possible(ty).is_some();
        let (shared, own): (Vec<Place<'a>>, Vec<Place<'a>>) = places.iter().partition(|(ty, _)| is_abstract(ty));
        let mut groups: HashMap<&Name, Vec<&'a Node<Field>>> = HashMap::new();
        for (ty, field) in own {
            groups.entry(ty).or_default().push(field);
        }
        let shared: Vec<&'a Node<Field>> = shared.into_iter().map(|(_, field)| field).collect();
        if groups.is_empty() {
            return self.same(&shared);
        }
        for mut group in groups.into_values() {
            group.extend(&shared);
            self.same(&group);
        }
    }

    /// Checks fields that can meet in one object.
    fn same(&mut self, fields: &[&'a Node<Field>]) {
        let [first, others @ ..] = fields else { return };
        for other in others {
            if !same_arguments(&first.arguments, &other.arguments) && self.errors.len() < fault::MOST {
                let key = other.response_key();
                let message = format!("the fields `{key}` have different arguments: give one of them an alias");
                self.errors.push(fault::of_document(&message, vec![position_of(first), position_of(other)]));
            }
        }
        let sets: Vec<&SelectionSet> = fields.iter().map(|field| &field.selection_set).collect();
        if sets.iter().any(|set| !set.selections.is_empty()) {
            self.scope(&sets);
        }
    }
}

fn same_arguments(one: &[Node<Argument>], other: &[Node<Argument>]) -> bool {
    one.len() == other.len()
        && one.iter().all(|argument| {
            let other = other.iter().find(|other| other.name == argument.name);
            other.is_some_and(|other| same(&argument.value, &other.value))
        })
}

/// Whether two values are the same; the order of an object's fields means nothing.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| {
                    other.iter().find(|(key, _)| key == name).is_some_and(|(_, other)| same(value, other))
                })
        }
        (one, other) => one == other,
    }
}
