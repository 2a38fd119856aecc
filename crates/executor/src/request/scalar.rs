//! How the values of custom scalars, and of ids, are checked: by rules that the schema's owner gives for each.

use std::collections::HashMap;

use async_graphql::Value;

/// The rule of one scalar. All that have one are written as strings.
#[derive(Clone, Copy, Debug)]
pub struct ScalarRule {
    /// A value as it may be written, for messages.
    pub example: &'static str,
    /// What is wrong with a text, in a whole sentence.
    pub check: fn(&str) -> Result<(), String>,
}

/// The rules by the name of the scalar.
pub type Scalars = HashMap<&'static str, ScalarRule>;

impl ScalarRule {
    /// Checks a value of the scalar `name`.
    ///
    /// # Errors
    /// What is wrong with it, in a whole sentence.
    pub(super) fn check(&self, name: &str, value: &Value) -> Result<(), String> {
        match value {
            Value::String(text) => (self.check)(text),
            _ => Err(format!("Write a {name} as a string, such as \"{}\".", self.example)),
        }
    }
}
