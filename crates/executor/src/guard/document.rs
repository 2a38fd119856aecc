//! What can be counted in a document as it is written, fragments not followed. One pass; no knowledge of the schema.

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Definition, DirectiveList, Document, FragmentDefinition, OperationDefinition, Selection};

use super::{GuardError, GuardErrorKind as Kind, GuardLimits};

/// The executable definitions of a document.
pub(super) struct Parts<'a> {
    pub(super) operations: Vec<&'a Node<OperationDefinition>>,
    /// By name; the first where a name is given twice, which validation refuses.
    pub(super) fragments: HashMap<&'a str, &'a Node<FragmentDefinition>>,
    fragment_count: u64,
}

impl<'a> Parts<'a> {
    pub(super) fn of(document: &'a Document) -> Self {
        let mut parts = Self { operations: Vec::new(), fragments: HashMap::new(), fragment_count: 0 };
        for definition in &document.definitions {
            match definition {
                Definition::OperationDefinition(operation) => parts.operations.push(operation),
                Definition::FragmentDefinition(fragment) => {
                    parts.fragment_count += 1;
                    parts.fragments.entry(fragment.name.as_str()).or_insert(fragment);
                }
                // Type definitions have no place in a request. Validation refuses them.
                _ => {}
            }
        }
        parts
    }
}

#[derive(Default)]
struct Totals {
    aliases: u64,
    directives: u64,
    most_arguments: u64,
    most_variables: u64,
}

/// Checks the numbers of operations, fragments, variables, arguments, aliases and directives.
pub(super) fn check_totals(document: &Document, parts: &Parts<'_>, limits: &GuardLimits) -> Result<(), GuardError> {
    let mut totals = Totals::default();
    for definition in &document.definitions {
        match definition {
            Definition::OperationDefinition(operation) => {
                totals.most_variables = totals.most_variables.max(operation.variables.len() as u64);
                for variable in &operation.variables {
                    totals.directives(&variable.directives);
                }
                totals.directives(&operation.directives);
                totals.selection_set(&operation.selection_set);
            }
            Definition::FragmentDefinition(fragment) => {
                totals.directives(&fragment.directives);
                totals.selection_set(&fragment.selection_set);
            }
            _ => {}
        }
    }
    let found = [
        (Kind::Operations, limits.max_operations, parts.operations.len() as u64),
        (Kind::Fragments, limits.max_fragments, parts.fragment_count),
        (Kind::Variables, limits.max_variables, totals.most_variables),
        (Kind::Directives, limits.max_directives, totals.directives),
        (Kind::Aliases, limits.max_aliases, totals.aliases),
        (Kind::Arguments, limits.max_arguments, totals.most_arguments),
    ];
    match found.into_iter().find(|(_, limit, actual)| actual > limit) {
        Some((kind, limit, actual)) => Err(GuardError::exceeded(kind, limit, actual)),
        None => Ok(()),
    }
}

impl Totals {
    fn directives(&mut self, directives: &DirectiveList) {
        self.directives += directives.len() as u64;
        for directive in &directives.0 {
            self.arguments(directive.arguments.len());
        }
    }

    fn arguments(&mut self, number: usize) {
        self.most_arguments = self.most_arguments.max(number as u64);
    }

    fn selection_set(&mut self, set: &[Selection]) {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    self.directives(&field.directives);
                    self.aliases += u64::from(field.alias.is_some());
                    self.arguments(field.arguments.len());
                    self.selection_set(&field.selection_set);
                }
                Selection::InlineFragment(inline) => {
                    self.directives(&inline.directives);
                    self.selection_set(&inline.selection_set);
                }
                Selection::FragmentSpread(spread) => self.directives(&spread.directives),
            }
        }
    }
}
