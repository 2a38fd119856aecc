//! The implementations that are compared, and their verdicts.

use async_graphql::Variables;
use serde_json::Value;
use tenantry_executor::{Checked, RequestSchema};

/// The stage at which a request ends before anything is resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// The text is not a document.
    Syntax,
    /// A rule of validation refuses the document.
    Validation,
    /// There is no operation with that name, or no name where one is needed.
    Operation,
    /// The value of a variable is invalid.
    Variables,
    /// The request can be executed, with these values of its variables.
    Ready(Value),
}

/// An implementation that gives verdicts on requests for one schema.
pub(crate) trait Subject {
    /// The verdict on one request. `variables` is an object.
    fn check(&self, query: &str, operation_name: Option<&str>, variables: &Value) -> Verdict;
}

/// The request layer as used by the engine, with custom scalars that accept any value.
pub(crate) struct Ours(RequestSchema);

impl Ours {
    /// Reads the schema.
    pub(crate) fn new(sdl: &str) -> Self {
        Self(RequestSchema::of(sdl).unwrap_or_else(|error| panic!("{error}")))
    }
}

impl Subject for Ours {
    fn check(&self, query: &str, operation_name: Option<&str>, variables: &Value) -> Verdict {
        match self.0.check(query, operation_name, &Variables::from_json(variables.clone())) {
            Checked::Syntax(_) => Verdict::Syntax,
            Checked::Invalid(_) => Verdict::Validation,
            Checked::NoOperation(_) => Verdict::Operation,
            Checked::Variables(_) => Verdict::Variables,
            Checked::Right(values) => Verdict::Ready(
                values.into_iter().map(|(name, value)| (name, value.into_json().unwrap_or_default())).collect(),
            ),
        }
    }
}
