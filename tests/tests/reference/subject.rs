//! What is compared with the reference implementation, and the verdicts of both.

use async_graphql::Variables;
use serde_json::Value;
use tenantry_executor::{Checked, RequestSchema};

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

/// The request layer, as the engine uses it, with custom scalars that take any value.
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
