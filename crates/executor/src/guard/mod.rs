//! The cost guard: decides before execution whether a request may run, in time linear in the request.
//!
//! Three steps, each cheap enough to face what the one before it admitted: a scan of the text before the parser, a count
//! of the parsed document as written, and one pass that follows fragments and prices fields by the types of the schema.
//! Each fragment is measured once, so that thirty fragments of two spreads each cost thirty measurements and not 2³⁰.
//! What it admits is also cheap to validate, so the schema's own walkers, which expand fragments anew, are safe to run.
//!
//! **The cost of a field** is 1 (a mutation: [`GuardLimits::mutation_cost`], for each element if its input is a list), plus 1 for every ten values in its arguments,
//! plus the cost of what it selects times how many it returns: a connection's `nodes` and `edges` count by its `first` or
//! `last`, a field with `ids` by their number, any other list of objects as [`GuardLimits::list_size`]. Scalars cost 1, so
//! that the cost is about the number of values in the answer. Fragments on different types are summed: an upper bound.
//!
//! It knows neither SQL nor resolvers, and leaves what is merely wrong to validation.

mod document;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod hostile;
mod lex;
mod limits;
mod shape;
mod table;
#[cfg(test)]
mod tests;
mod values;
mod walk;

use std::collections::HashMap;

use apollo_compiler::Node;
use apollo_compiler::ast::{Document, OperationDefinition, OperationType};
use async_graphql::{Pos, Variables};

use crate::request::{parse, resolve};

use self::{document::Parts, shape::Shape, table::Table, values::Bindings, walk::Walk};
pub use self::{
    error::{GuardError, GuardErrorKind},
    limits::GuardLimits,
};

/// What an admitted operation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The price of the operation that will run; 0 if the document does not say which.
    pub cost: u64,
    /// Fields on its longest path.
    pub depth: u64,
    /// Fields at its root, fragments followed.
    pub root_fields: u64,
    /// Its kind; `None` if the document does not say which operation will run, which execution then refuses.
    pub operation_type: Option<OperationType>,
}

/// A document that may be validated and executed.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The parsed document.
    pub document: Document,
    /// The price of the operation that will run.
    pub cost: u64,
    /// The kind of the operation that will run; `None` if the document does not say which, which execution then refuses.
    pub operation_type: Option<OperationType>,
    /// Fields at its root, fragments followed.
    pub root_fields: u64,
}

/// The guard of one schema. Made once, shared by all requests.
#[derive(Debug)]
pub struct Guard {
    limits: GuardLimits,
    table: Table,
}

impl Guard {
    /// Learns the schema from its definition language.
    ///
    /// # Errors
    ///
    /// `sdl` is no schema.
    pub fn new(limits: GuardLimits, sdl: &str) -> Result<Self, GuardError> {
        let table = Table::parse(sdl).map_err(|error| GuardError::syntax(error.to_string(), Vec::new()))?;
        Ok(Self { limits, table })
    }

    /// The bounds this guard enforces.
    pub const fn limits(&self) -> &GuardLimits {
        &self.limits
    }

    /// Scans, parses and checks a request: all that has to happen before it is executed.
    ///
    /// # Errors
    ///
    /// The bound that is broken, or the parser's error; [`GuardError::code`] tells which.
    pub fn admit(
        &self,
        query: &str,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<Admitted, GuardError> {
        self.check_source(query)?;
        let placed = |mut error: GuardError| {
            error.locations.iter_mut().for_each(|position| resolve(position, query));
            error
        };
        let document = parse(query).map_err(|errors| placed(GuardError::not_parsed(errors)))?;
        let Cost { cost, root_fields, operation_type, .. } =
            self.check(&document, operation_name, variables).map_err(placed)?;
        Ok(Admitted { document, cost, operation_type, root_fields })
    }

    /// Checks a document's text; what it admits is safe and fast to parse.
    ///
    /// # Errors
    ///
    /// The bound that is broken, or an unterminated string.
    pub fn check_source(&self, query: &str) -> Result<(), GuardError> {
        lex::scan(query, &self.limits)
    }

    /// Checks the cost of several operations together.
    ///
    /// # Errors
    ///
    /// [`GuardErrorKind::Cost`].
    pub fn check_cost(&self, total: u64) -> Result<(), GuardError> {
        at_most(GuardErrorKind::Cost, self.limits.max_cost, total)
    }

    /// Checks a parsed document with the variables of its request.
    ///
    /// Every operation has to keep the structural bounds, because all of them are validated; only the one that will run
    /// has to keep the cost.
    ///
    /// # Errors
    ///
    /// The bound that is broken.
    pub fn check(
        &self,
        document: &Document,
        operation_name: Option<&str>,
        variables: &Variables,
    ) -> Result<Cost, GuardError> {
        let sizes = values::check_variables(variables, &self.table.nested_filters, &self.limits)?;
        let parts = Parts::of(document);
        document::check_totals(document, &parts, &self.limits)?;

        let selected = selected_operation(&parts, operation_name);
        let walk = |operation| Walk {
            table: &self.table,
            limits: &self.limits,
            parts: &parts,
            bindings: Bindings::new(variables, &sizes, &self.table.nested_filters, operation),
            fragments: HashMap::new(),
        };
        let mut total = Shape::default();
        let mut measured = None;
        let mut reached: HashMap<&str, Option<Shape>> = HashMap::new();
        for &operation in &parts.operations {
            let mut walk = walk(Some(&**operation));
            let shape = walk.operation(operation)?;
            at_most(GuardErrorKind::RootFields, self.limits.max_root_fields, shape.fields)?;
            if selected.is_some_and(|selected| selected.ptr_eq(operation)) {
                measured = Some((operation.operation_type, shape));
            }
            total = total.beside(shape);
            reached.extend(walk.fragments);
        }
        // Fragments that nothing spreads are validated all the same.
        let mut walk = walk(None);
        for &name in parts.fragments.keys().filter(|name| !reached.contains_key(*name)) {
            if let Some(shape) = walk.fragment(name, 1, Pos::default())? {
                total = total.beside(shape);
            }
        }
        total.check(&self.limits)?;

        let Some((operation_type, shape)) = measured else {
            return Ok(Cost { cost: 0, depth: total.depth, root_fields: 0, operation_type: None });
        };
        let cost = shape.flat.saturating_add(shape.per_item);
        self.check_cost(cost)?;
        Ok(Cost { cost, depth: shape.depth, root_fields: shape.fields, operation_type: Some(operation_type) })
    }
}

/// The operation that will run, chosen as the executor chooses it.
fn selected_operation<'a>(parts: &Parts<'a>, name: Option<&str>) -> Option<&'a Node<OperationDefinition>> {
    match (parts.operations.as_slice(), name) {
        ([only], None) => Some(only),
        (operations, Some(name)) => {
            operations.iter().find(|operation| operation.name.as_ref().is_some_and(|found| found == name)).copied()
        }
        (_, None) => None,
    }
}

fn at_most(kind: GuardErrorKind, limit: u64, actual: u64) -> Result<(), GuardError> {
    if actual > limit { Err(GuardError::exceeded(kind, limit, actual)) } else { Ok(()) }
}
