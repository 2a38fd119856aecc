//! Why a document was refused before execution. The text for the caller and the numbers behind it; no policy.

use async_graphql::{ErrorExtensionValues, Pos, ServerError};

/// Which bound a document broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GuardErrorKind {
    /// The text is not a GraphQL document.
    Syntax,
    /// The text is too long.
    DocumentBytes,
    /// The text has too many tokens.
    Tokens,
    /// Brackets are nested too deeply in the text.
    Brackets,
    /// A name or number is too long.
    NameBytes,
    /// Too many operations.
    Operations,
    /// Too many fragment definitions.
    Fragments,
    /// Too many variables.
    Variables,
    /// Too many arguments on one field or directive.
    Arguments,
    /// Fields are nested too deeply.
    Depth,
    /// Selection sets and fragments are nested too deeply.
    Nesting,
    /// Too many aliases.
    Aliases,
    /// Too many directives.
    Directives,
    /// Too many root fields.
    RootFields,
    /// Too many selections once fragments are followed.
    Selections,
    /// Too much of the document is unknown to the schema.
    Unknown,
    /// An argument or variable is nested too deeply.
    InputDepth,
    /// The arguments hold too many values.
    ArgumentValues,
    /// The variables hold too many values.
    VariableValues,
    /// The variables hold too much text.
    VariableBytes,
    /// A page size is no 32-bit integer.
    PageSize,
    /// A fragment spreads itself, directly or through others.
    FragmentCycle,
    /// Lists are nested too deeply under `__schema` or `__type`.
    IntrospectionDepth,
    /// Too many lists are selected under `__schema` or `__type`.
    IntrospectionLists,
    /// Introspection is switched off.
    IntrospectionOff,
    /// The operation costs too much.
    Cost,
}

impl GuardErrorKind {
    /// What was counted, in the words of the message.
    const fn subject(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::DocumentBytes => "document size in bytes",
            Self::Tokens => "number of tokens",
            Self::Brackets => "nesting depth of brackets",
            Self::NameBytes => "length of a name or number, in bytes",
            Self::Operations => "number of operations",
            Self::Fragments => "number of fragments",
            Self::Variables => "number of variables",
            Self::Arguments => "number of arguments of one field or directive",
            Self::Depth => "depth",
            Self::Nesting => "nesting of selection sets",
            Self::Aliases => "number of aliases",
            Self::Directives => "number of directives",
            Self::RootFields => "number of root fields",
            Self::Selections => "number of selections after expanding fragments",
            Self::Unknown => "number of names unknown to the schema",
            Self::InputDepth => "nesting of an input value",
            Self::ArgumentValues => "number of argument values",
            Self::VariableValues => "number of variable values",
            Self::VariableBytes => "size of text in variables, in bytes",
            Self::PageSize => "page size",
            Self::FragmentCycle => "fragment cycle",
            Self::IntrospectionDepth => "nesting of introspection lists",
            Self::IntrospectionLists => "number of introspection lists",
            Self::IntrospectionOff => "introspection",
            Self::Cost => "cost",
        }
    }
}

/// A refusal. `message` names the limit and the value and may be shown to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct GuardError {
    /// Which bound was broken.
    pub kind: GuardErrorKind,
    /// For the caller.
    pub message: String,
    /// The bound; 0 where there is none (syntax, cycles, introspection switched off).
    pub limit: u64,
    /// The value found; where counting stopped early, the value at which it stopped.
    pub actual: u64,
    /// Where in the document, when that is known.
    pub locations: Vec<Pos>,
}

impl GuardError {
    pub(super) fn exceeded(kind: GuardErrorKind, limit: u64, actual: u64) -> Self {
        let message = format!("The query is too costly: the {} is {actual}, the limit is {limit}.", kind.subject());
        Self { kind, message, limit, actual, locations: Vec::new() }
    }

    pub(super) fn cycle(fragment: &str, at: Pos) -> Self {
        let message = format!("The query is too costly: fragment \"{fragment}\" spreads itself.");
        Self { kind: GuardErrorKind::FragmentCycle, message, limit: 0, actual: 0, locations: vec![at] }
    }

    pub(super) fn introspection_off(at: Pos) -> Self {
        let message = "Introspection is switched off.".to_owned();
        Self { kind: GuardErrorKind::IntrospectionOff, message, limit: 0, actual: 0, locations: vec![at] }
    }

    pub(super) fn syntax(message: String, locations: Vec<Pos>) -> Self {
        Self { kind: GuardErrorKind::Syntax, message, limit: 0, actual: 0, locations }
    }

    /// The first thing that is wrong with the document's grammar.
    pub(crate) fn not_parsed(errors: Vec<ServerError>) -> Self {
        let first = errors.into_iter().next();
        first.map_or_else(
            || Self::syntax("syntax error".to_owned(), Vec::new()),
            |first| Self::syntax(first.message, first.locations),
        )
    }

    pub(super) fn at(mut self, at: Pos) -> Self {
        self.locations = vec![at];
        self
    }

    /// The stable `extensions.code` of this refusal.
    pub const fn code(&self) -> &'static str {
        match self.kind {
            GuardErrorKind::Syntax => "BAD_USER_INPUT",
            GuardErrorKind::IntrospectionOff => "FORBIDDEN",
            _ => "QUERY_TOO_COSTLY",
        }
    }

    /// The error as it stands in a response, with `code` and, for a bound, `limit` and `actual` in its extensions.
    pub fn into_server_error(self) -> ServerError {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", self.code());
        if self.limit > 0 {
            extensions.set("limit", self.limit);
            extensions.set("actual", self.actual);
        }
        let mut error = ServerError::new(self.message, None);
        error.locations = self.locations;
        error.extensions = Some(extensions);
        error
    }
}
