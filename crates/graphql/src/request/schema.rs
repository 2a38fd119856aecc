//! The schema that requests are held against, and the steps that a request takes.

use std::collections::HashMap;

use apollo_compiler::ast::Document;
use apollo_compiler::executable::{Operation as Chosen, OperationType};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Name, Schema, name, parser::Parser, ty};
#[cfg(any(test, feature = "testing"))]
use async_graphql::Value;
use async_graphql::{Pos, ServerError, Variables};

use super::coerce::{self, Coerced, Coercion};
use super::lower::{self, Lowered};
#[cfg(any(test, feature = "testing"))]
use super::position::resolve_errors;
use super::position::start_of;
use super::scalar::Scalars;
use super::{fault, rules, source};

/// Parses the text of a request (section 2).
///
/// # Errors
/// What is wrong with its grammar.
pub(crate) fn parse(query: &str) -> Result<Document, Vec<ServerError>> {
    let source = source::prepare(query).map_err(|error| vec![error])?;
    Parser::new().parse_ast(source, "request").map_err(|failed| told(&failed.errors))
}

/// The errors of a document, as a client is told them.
fn told(errors: &DiagnosticList) -> Vec<ServerError> {
    let errors = errors.iter().take(fault::MOST).map(|error| {
        let error = error.to_json();
        let locations = error.locations.iter().map(|at| Pos { line: at.line, column: at.column });
        fault::of_document(&error.message, locations.collect())
    });
    errors.collect()
}

/// A schema, and the rules of its custom scalars.
#[derive(Debug)]
pub struct RequestSchema {
    schema: Valid<Schema>,
    scalars: Scalars,
    /// The object types of each abstract type.
    possible: HashMap<Name, Vec<Name>>,
}

/// Adds the field of introspection that `apollo-compiler` does not know yet (4.2.2).
fn with_one_of(schema: Valid<Schema>) -> Valid<Schema> {
    let mut schema = schema.into_inner();
    if let Some(ExtendedType::Object(ty)) = schema.types.get_mut("__Type")
        && !ty.fields.contains_key("isOneOf")
        && let Some(alike) = ty.fields.get("specifiedByURL")
    {
        let mut definition = FieldDefinition::clone(alike);
        definition.name = name!("isOneOf");
        definition.ty = ty!(Boolean);
        ty.make_mut().fields.insert(definition.name.clone(), definition.into());
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
        let schema = Schema::parse_and_validate(sdl, "schema.graphql").map_err(|failed| told(&failed.errors))?;
        let schema = with_one_of(schema);
        let mut possible = HashMap::new();
        for (name, ty) in &schema.types {
            if let ExtendedType::Union(union) = ty {
                possible.insert(name.clone(), union.members.iter().map(|member| member.name.clone()).collect());
            }
        }
        for (name, implementers) in schema.implementers_map() {
            possible.insert(name, implementers.objects.iter().cloned().collect());
        }
        possible.values_mut().for_each(|objects: &mut Vec<Name>| objects.sort());
        Ok(Self { schema, scalars, possible })
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
        let valid = document.to_executable_validate(&self.schema).map_err(|failed| told(&failed.errors))?;
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
                let at = definitions.iter().find(|v| v.name == name).map(|v| v.location());
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
