//! The bounds that the guard enforces, with the defaults the server starts with. No behaviour lives here.

/// What one request may ask for. Every bound is inclusive: a document that reaches it exactly is admitted.
///
/// The defaults let the introspection query of the common tools and a four-level dashboard through, and keep parsing,
/// validating and refusing the worst document within them well under 50 ms on one core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// Bytes of the document's text; checked before anything reads it.
    pub max_document_bytes: u64,
    /// Lexical tokens of the document (names, numbers, strings, punctuation).
    pub max_tokens: u64,
    /// Open `{`, `[` and `(` at one point of the text. The parser recurses once per bracket, so this protects the stack.
    pub max_brackets: u64,
    /// Bytes of a name or a number in the document.
    pub max_name_bytes: u64,
    /// Operations in the document; all are validated although one is executed.
    pub max_operations: u64,
    /// Fragment definitions in the document.
    pub max_fragments: u64,
    /// Variable definitions in one operation, and variables given with the request.
    pub max_variables: u64,
    /// Arguments of one field or directive.
    pub max_arguments: u64,
    /// Fields on the longest path from the root to a leaf, fragments followed. The root field counts one.
    pub max_depth: u64,
    /// Selection sets on the longest such path, fragments included: what the validator and the executor recurse by.
    pub max_nesting: u64,
    /// Aliases in the document.
    pub max_aliases: u64,
    /// Directives in the document, wherever they stand.
    pub max_directives: u64,
    /// Fields at the root of one operation, fragments followed.
    pub max_root_fields: u64,
    /// Selections visited when every selection set is flattened, fragments followed at each spread: the validator's work.
    pub max_selections: u64,
    /// Fields, arguments, fragments and type conditions that the schema does not know. Each makes a message in the answer.
    pub max_unknown: u64,
    /// Levels of lists and objects in an argument or a variable; a scalar has depth 0.
    pub max_input_depth: u64,
    /// Values in all arguments together, a variable counted in full wherever it is used. 64 bytes of a string count one.
    pub max_argument_values: u64,
    /// Values in all variables together.
    pub max_variable_values: u64,
    /// Bytes of the strings and object keys in all variables together.
    pub max_variable_bytes: u64,
    /// The cost of the executed operation.
    pub max_cost: u64,
    /// Lists inside lists under `__schema` and `__type`; the standard introspection query needs three.
    pub max_introspection_depth: u64,
    /// Lists selected under `__schema` and `__type`, fragments followed; the standard introspection query needs nine.
    pub max_introspection_lists: u64,
    /// Whether `__schema` and `__type` may be asked for at all. `__typename` always may.
    pub introspection: bool,
    /// The page size of a connection whose `first` and `last` are absent.
    pub default_page_size: u64,
    /// The largest page a connection serves; a size out of range counts as this one.
    pub max_page_size: u64,
    /// The length that a plain list of objects is taken to have.
    pub list_size: u64,
    /// The cost of a mutation field before what it returns.
    pub mutation_cost: u64,
}

impl Default for GuardLimits {
    fn default() -> Self {
        Self {
            max_document_bytes: 64 * 1024,
            max_tokens: 8_000,
            max_brackets: 48,
            max_name_bytes: 128,
            max_operations: 10,
            max_fragments: 100,
            max_variables: 100,
            max_arguments: 32,
            max_depth: 15,
            max_nesting: 30,
            max_aliases: 50,
            max_directives: 50,
            max_root_fields: 20,
            max_selections: 5_000,
            max_unknown: 50,
            max_input_depth: 10,
            max_argument_values: 20_000,
            max_variable_values: 10_000,
            max_variable_bytes: 256 * 1024,
            max_cost: 50_000,
            max_introspection_depth: 3,
            max_introspection_lists: 20,
            introspection: true,
            default_page_size: 20,
            max_page_size: 100,
            list_size: 10,
            mutation_cost: 10,
        }
    }
}
