//! The limits on a GraphQL document that an operator may change. The others keep their defaults.

use clap::Args;
use tenantry_graphql::guard::GuardLimits;

/// What one request may contain; see [`GuardLimits`] for how each is counted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of a GraphQL document")]
pub struct GuardSettings {
    /// Bytes of the document's text.
    #[arg(long, env = "TENANTRY_MAX_DOCUMENT_BYTES", default_value_t = GuardLimits::default().max_document_bytes, value_name = "N")]
    pub max_document_bytes: u64,
    /// Lexical tokens of the document.
    #[arg(long, env = "TENANTRY_MAX_TOKENS", default_value_t = GuardLimits::default().max_tokens, value_name = "N")]
    pub max_tokens: u64,
    /// Fields on the longest path from the root to a leaf.
    #[arg(long, env = "TENANTRY_MAX_DEPTH", default_value_t = GuardLimits::default().max_depth, value_name = "N")]
    pub max_depth: u64,
    /// Aliases in the document.
    #[arg(long, env = "TENANTRY_MAX_ALIASES", default_value_t = GuardLimits::default().max_aliases, value_name = "N")]
    pub max_aliases: u64,
    /// Directives in the document.
    #[arg(long, env = "TENANTRY_MAX_DIRECTIVES", default_value_t = GuardLimits::default().max_directives, value_name = "N")]
    pub max_directives: u64,
    /// Fields at the root of one operation.
    #[arg(long, env = "TENANTRY_MAX_ROOT_FIELDS", default_value_t = GuardLimits::default().max_root_fields, value_name = "N")]
    pub max_root_fields: u64,
    /// Selections after fragments are expanded.
    #[arg(long, env = "TENANTRY_MAX_SELECTIONS", default_value_t = GuardLimits::default().max_selections, value_name = "N")]
    pub max_selections: u64,
    /// Levels of lists and objects in an argument or a variable.
    #[arg(long, env = "TENANTRY_MAX_INPUT_DEPTH", default_value_t = GuardLimits::default().max_input_depth, value_name = "N")]
    pub max_input_depth: u64,
    /// Values in all variables together.
    #[arg(long, env = "TENANTRY_MAX_VARIABLE_VALUES", default_value_t = GuardLimits::default().max_variable_values, value_name = "N")]
    pub max_variable_values: u64,
    /// The cost of an operation: about the number of values in its answer.
    #[arg(long, env = "TENANTRY_MAX_COST", default_value_t = GuardLimits::default().max_cost, value_name = "N")]
    pub max_cost: u64,
}

impl GuardSettings {
    /// The limits that the guard enforces.
    pub fn limits(&self, introspection: bool) -> GuardLimits {
        GuardLimits {
            max_document_bytes: self.max_document_bytes,
            max_tokens: self.max_tokens,
            max_depth: self.max_depth,
            max_aliases: self.max_aliases,
            max_directives: self.max_directives,
            max_root_fields: self.max_root_fields,
            max_selections: self.max_selections,
            max_input_depth: self.max_input_depth,
            max_variable_values: self.max_variable_values,
            max_cost: self.max_cost,
            introspection,
            ..GuardLimits::default()
        }
    }
}
