//! The schema that requests are held against, and the steps that a request takes.

use std::collections::HashMap;

use apollo_compiler::ast::Document;
use apollo_compiler::diagnostic::ToCliReport as _;
use apollo_compiler::executable::{Operation as Chosen, OperationType};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Node, Schema, name, parser::Parser, ty};
#[cfg(any(test, feature = "testing"))]
use async_graphql::Value;
use async_graphql::{ServerError, Variables};

use super::coerce::{self, Coerced, Coercion};
use super::lower::{self, Lowered};
#[cfg(any(test, feature = "testing"))]
use super::position::resolve_errors;
use super::position::{offset, start_of};
use super::scalar::Scalars;
use super::source::Prepared;
use super::suggest::suggestion;
use super::{fault, rules, source};

/// Parses the text of a request (section 2).
///
/// # Errors
/// What is wrong with its grammar.
pub(crate) fn parse(query: &str) -> Result<Document, Vec<ServerError>> {
    let Prepared { text, descriptions } = source::prepare(query).map_err(|error| vec![error])?;
    if let Some(first) = descriptions.first() {
        // The text has lost them, so that they are read in a document of their own.
        let strings: Vec<&str> = descriptions.iter().map(|at| &query[at.clone()]).collect();
        let alone = format!("{{ f(a: [{}]) }}", strings.join(" "));
        if Parser::new().parse_ast(alone, "descriptions").is_err() {
            let message = "syntax error: a description is no valid string";
            return Err(vec![fault::of_document(message, vec![offset(first.start)])]);
        }
    }
    Parser::new().parse_ast(text, "request").map_err(|failed| told(&failed.errors, None))
}

/// How many errors of a document have suggestions.
const MOST_SUGGESTIONS: usize = 5;

/// The errors of a document, as a client is told them; with suggestions from this schema.
fn told(errors: &DiagnosticList, suggest_from: Option<&Schema>) -> Vec<ServerError> {
    let has = |name: &str| errors.iter().any(|error| error.error.unstable_error_name() == Some(name));
    // What follows from an unknown name only repeats it, and says more of the schema than was asked.
    let follows = [
        (has("UndefinedField") || has("UndefinedDefinition") || has("SubselectionOnScalarType"))
            .then_some("MissingSubselection"),
        has("UndefinedDefinition").then_some("DisallowedVariableUsage"),
    ];
    let errors = errors.iter().filter(|error| {
        let name = error.error.unstable_error_name();
        name.is_none() || !follows.contains(&name)
    });
    let errors = errors.take(fault::MOST).enumerate().map(|(n, error)| {
        let message = error.error.to_string();
        let suggestion = suggest_from.filter(|_| n < MOST_SUGGESTIONS).and_then(|schema| suggestion(schema, &message));
        let message = match suggestion {
            Some(suggestion) => format!("{}. {suggestion}", plain(&message)),
            None => plain(&message),
        };
        let at = error.error.location().map(|span| offset(span.offset()));
        fault::of_document(&message, at.into_iter().collect())
    });
    errors.collect()
}

/// A message of `apollo-compiler` in the words of the language instead of its parser's.
fn plain(message: &str) -> String {
    const WORDS: [(&str, &str); 12] = [
        ("L_CURLY", "`{`"),
        ("R_CURLY", "`}`"),
        ("L_PAREN", "`(`"),
        ("R_PAREN", "`)`"),
        ("L_BRACK", "`[`"),
        ("R_BRACK", "`]`"),
        ("COLON", "`:`"),
        ("DOLLAR", "`$`"),
        ("INT_VALUE", "a number"),
        ("EOF", "the end of the text"),
        ("in this document", "in the schema"),
        ("cannot find fragment", "there is no fragment"),
    ];
    WORDS.iter().fold(message.to_owned(), |message, (theirs, ours)| message.replace(theirs, ours))
}

/// A schema, and the rules of its custom scalars.
#[derive(Debug)]
pub struct RequestSchema {
    schema: Valid<Schema>,
    scalars: Scalars,
    /// The object types of each abstract type.
    possible: HashMap<Name, Vec<Name>>,
    /// Whether errors suggest names that exist.
    suggests: bool,
}

/// Brings the types of introspection, which `apollo-compiler` has from an older edition, to September 2025 (4.2): `isOneOf` exists,
/// and `includeDeprecated` may not be null.
fn with_introspection_of_2025(schema: Valid<Schema>) -> Valid<Schema> {
    let mut schema = schema.into_inner();
    for (name, ty) in &mut schema.types {
        let ExtendedType::Object(ty) = ty else { continue };
        if !name.starts_with("__") {
            continue;
        }
        let ty = ty.make_mut();
        for field in ty.fields.values_mut() {
            for argument in &mut field.make_mut().arguments {
                if argument.name == "includeDeprecated" {
                    argument.make_mut().ty = ty!(Boolean!).into();
                }
            }
        }
        if name == "__Type"
            && !ty.fields.contains_key("isOneOf")
            && let Some(alike) = ty.fields.get("specifiedByURL")
        {
            let mut definition = FieldDefinition::clone(alike);
            definition.name = name!("isOneOf");
            definition.ty = ty!(Boolean);
            ty.fields.insert(definition.name.clone(), definition.into());
        }
    }
    Valid::assume_valid(schema)
}

/// The operation of a valid document that a request runs.
#[derive(Clone, Copy)]
pub(crate) struct Operation<'d> {
    document: &'d Valid<ExecutableDocument>,
    chosen: &'d Chosen,
}

impl<'d> Operation<'d> {
    /// Chooses the operation (6.1.1).
    ///
    /// # Errors
    /// There is none of this name; or there are several and no name is given.
    pub(crate) fn choose(document: &'d Valid<ExecutableDocument>, name: Option<&str>) -> Result<Self, ServerError> {
        match document.operations.get(name) {
            Ok(chosen) => Ok(Self { document, chosen }),
            Err(_) => Err(fault::of_document(
                &match name {
                    Some(name) => format!("There is no operation named \"{name}\" in the document."),
                    None => "The document has several operations: name the one to run in `operationName`.".to_owned(),
                },
                Vec::new(),
            )),
        }
    }

    /// Its kind.
    pub(crate) fn kind(self) -> OperationType {
        self.chosen.operation_type
    }

    /// Whether what it does depends on variables.
    pub(crate) fn has_variables(self) -> bool {
        !self.chosen.variables.is_empty()
    }
}

impl RequestSchema {
    /// Reads the schema's definition language.
    ///
    /// # Errors
    /// The text is no valid schema.
    pub(crate) fn new(sdl: &str, scalars: Scalars) -> Result<Self, Vec<ServerError>> {
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").map_err(|failed| told(&failed.errors, None))?;
        let schema = with_introspection_of_2025(schema);
        let mut possible = HashMap::new();
        for (name, ty) in &schema.types {
            if let ExtendedType::Union(union) = ty {
                possible.insert(name.clone(), union.members.iter().map(|member| member.name.clone()).collect());
            }
        }
        // An interface may have no implementers.
        for (name, ty) in &schema.types {
            if ty.is_interface() {
                possible.insert(name.clone(), Vec::new());
            }
        }
        for (name, implementers) in schema.implementers_map() {
            possible.insert(name, implementers.objects.iter().cloned().collect());
        }
        for objects in possible.values_mut() {
            let objects: &mut Vec<Name> = objects;
            objects.sort();
        }
        Ok(Self { schema, scalars, possible, suggests: true })
    }

    /// Keeps the names of the schema to itself: errors suggest none.
    #[must_use]
    pub(crate) fn without_suggestions(self) -> Self {
        Self { suggests: false, ..self }
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(super) fn coercion(&self) -> Coercion<'_> {
        Coercion::new(&self.schema, &self.scalars)
    }

    /// The object types that an abstract type can be; `None` for a type that is not abstract.
    pub(super) fn possible(&self, name: &str) -> Option<&[Name]> {
        self.possible.get(name).map(Vec::as_slice)
    }

    /// Validates a document (section 5).
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn validate(&self, document: &Document) -> Result<Valid<ExecutableDocument>, Vec<ServerError>> {
        let valid = document.to_executable_validate(&self.schema);
        let suggest_from = self.suggests.then_some(&*self.schema);
        let valid = valid.map_err(|failed| told(&failed.errors, suggest_from))?;
        let errors = rules::check(self, &valid);
        if errors.is_empty() { Ok(valid) } else { Err(errors) }
    }

    /// Coerces the variables of the operation (6.1.2).
    fn coerce<'d>(&self, operation: Operation<'d>, given: &Variables) -> Result<Coerced<'d>, Vec<ServerError>> {
        let mut coercion = self.coercion();
        let definitions = &operation.chosen.variables;
        let declared = definitions.iter().map(|v| (v.name.as_str(), &*v.ty, v.default_value.as_deref()));
        coerce::variables(&mut coercion, declared, given).map_err(|faults| {
            let mut errors = Vec::new();
            for (name, misfits) in faults {
                let at = definitions.iter().find(|v| v.name == name).map(Node::location);
                let used = rules::path_to_variable(operation.document, operation.chosen, name);
                errors.extend(misfits.into_iter().map(|misfit| {
                    let at = start_of(at.flatten());
                    fault::of_variable(name, used.clone(), &misfit.path, &misfit.reason, at)
                }));
            }
            errors.truncate(fault::MOST);
            errors
        })
    }

    /// Makes of the operation, with these variables, a document that has one meaning left.
    ///
    /// # Errors
    /// The values that do not fit.
    pub(crate) fn lower(&self, operation: Operation<'_>, given: &Variables) -> Result<Lowered, Vec<ServerError>> {
        let variables = self.coerce(operation, given)?;
        lower::lower(self, operation.document, operation.chosen, &variables)
    }

    /// A schema whose custom scalars take any value.
    ///
    /// # Errors
    /// What is wrong with the text.
    #[cfg(any(test, feature = "testing"))]
    pub fn of(sdl: &str) -> Result<Self, String> {
        Self::new(sdl, Scalars::new()).map_err(|errors| errors.into_iter().map(|error| error.message).collect())
    }

    /// Takes a request through the steps that another implementation can be compared by, without the limits of the cost guard.
    #[cfg(any(test, feature = "testing"))]
    pub fn check(&self, query: &str, operation_name: Option<&str>, variables: &Variables) -> Checked {
        let tell = |mut errors: Vec<ServerError>| {
            resolve_errors(&mut errors, query);
            errors.into_iter().map(|error| error.message).collect()
        };
        let document = match parse(query) {
            Ok(document) => document,
            Err(errors) => return Checked::Syntax(tell(errors)),
        };
        let document = match self.validate(&document) {
            Ok(document) => document,
            Err(errors) => return Checked::Invalid(tell(errors)),
        };
        let operation = match Operation::choose(&document, operation_name) {
            Ok(operation) => operation,
            Err(error) => return Checked::NoOperation(error.message),
        };
        match self.coerce(operation, variables) {
            Ok(coerced) => Checked::Right(coerced.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            Err(errors) => Checked::Variables(tell(errors)),
        }
    }
}

/// How far a request comes before it is executed. The texts say what is wrong.
#[cfg(any(test, feature = "testing"))]
#[derive(Debug, Clone, PartialEq)]
pub enum Checked {
    /// The text is no document.
    Syntax(Vec<String>),
    /// The document is not valid.
    Invalid(Vec<String>),
    /// It is not clear which operation runs.
    NoOperation(String),
    /// Values of variables do not fit.
    Variables(Vec<String>),
    /// It would be executed with these variables.
    Right(HashMap<String, Value>),
}
