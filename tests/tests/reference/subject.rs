//! What is compared with the reference implementation, and the verdicts of both.

use apollo_compiler::{Schema, parser::Parser, request::coerce_variable_values, response::JsonMap, validation::Valid};
use serde_json::Value;

/// Where a request ends before anything is resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The text is not a document.
    Syntax,
    /// A rule of validation refuses the document.
    Validation,
    /// There is no operation of that name, or no name where one is needed.
    Operation,
    /// A value of a variable does not fit.
    Variables,
    /// The request can be executed, with these values of its variables.
    Ready(Value),
}

/// Something that decides about requests against one schema.
pub(crate) trait Subject {
    /// Decides about one request. `variables` is an object.
    fn check(&self, query: &str, operation_name: Option<&str>, variables: &Value) -> Verdict;
}

/// The library on which the request layer is built, as it is.
pub(crate) struct Apollo {
    schema: Valid<Schema>,
}

impl Apollo {
    /// Reads the schema.
    pub(crate) fn new(sdl: &str) -> Self {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap_or_else(|errors| panic!("{errors}"));
        Self { schema }
    }
}

impl Subject for Apollo {
    fn check(&self, query: &str, operation_name: Option<&str>, variables: &Value) -> Verdict {
        let Ok(ast) = Parser::new().parse_ast(query, "query.graphql") else {
            return Verdict::Syntax;
        };
        let Ok(document) = ast.to_executable_validate(&self.schema) else {
            return Verdict::Validation;
        };
        let Ok(operation) = document.operations.get(operation_name) else {
            return Verdict::Operation;
        };
        let Ok(variables) = serde_json::from_value::<JsonMap>(variables.clone()) else {
            return Verdict::Variables;
        };
        match coerce_variable_values(&self.schema, operation, &variables) {
            Ok(values) => Verdict::Ready(serde_json::to_value(values.into_inner()).unwrap_or_default()),
            Err(_) => Verdict::Variables,
        }
    }
}
