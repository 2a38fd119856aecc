//! What can be counted in a document as it is written, fragments not followed. One pass; no knowledge of the schema.

use async_graphql::{
    Positioned,
    parser::types::{Directive, ExecutableDocument, Selection, SelectionSet},
};

use super::{GuardError, GuardErrorKind as Kind, GuardLimits};

#[derive(Default)]
struct Totals {
    aliases: u64,
    directives: u64,
    most_arguments: u64,
    most_variables: u64,
}

/// Checks the numbers of operations, fragments, variables, arguments, aliases and directives.
pub(super) fn check_totals(document: &ExecutableDocument, limits: &GuardLimits) -> Result<(), GuardError> {
    let mut totals = Totals::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        totals.most_variables = totals.most_variables.max(operation.variable_definitions.len() as u64);
        for variable in &operation.variable_definitions {
            totals.directives(&variable.node.directives);
        }
        totals.directives(&operation.directives);
        totals.selection_set(&operation.selection_set.node);
    }
    for fragment in document.fragments.values() {
        totals.directives(&fragment.node.directives);
        totals.selection_set(&fragment.node.selection_set.node);
    }

    let found = [
        (Kind::Operations, limits.max_operations, document.operations.iter().len() as u64),
        (Kind::Fragments, limits.max_fragments, document.fragments.len() as u64),
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
    fn directives(&mut self, directives: &[Positioned<Directive>]) {
        self.directives += directives.len() as u64;
        for directive in directives {
            self.arguments(directive.node.arguments.len());
        }
    }

    fn arguments(&mut self, number: usize) {
        self.most_arguments = self.most_arguments.max(number as u64);
    }

    fn selection_set(&mut self, set: &SelectionSet) {
        for selection in &set.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => {
                    self.aliases += u64::from(field.node.alias.is_some());
                    self.arguments(field.node.arguments.len());
                    self.selection_set(&field.node.selection_set.node);
                }
                Selection::InlineFragment(inline) => self.selection_set(&inline.node.selection_set.node),
                Selection::FragmentSpread(_) => {}
            }
        }
    }
}
