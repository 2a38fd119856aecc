//! What `apollo-compiler` leaves out of the validation that the specification asks for, and ways through valid documents.

use std::collections::HashSet;

use apollo_compiler::ast::{Argument, DirectiveList, InputValueDefinition, Type, Value, VariableDefinition};
use apollo_compiler::executable::{Operation, Selection, SelectionSet};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{ExecutableDocument, Name, Node};
use async_graphql::ServerError;

use super::fault;
use super::merging;
use super::position::position_of;
use super::schema::RequestSchema;

/// Checks a document that `apollo-compiler` takes for valid.
pub(super) fn check(schema: &RequestSchema, document: &ExecutableDocument) -> Vec<ServerError> {
    let mut errors = Vec::new();
    for operation in document.operations.iter() {
        let mut has_lists = false;
        let mut values =
            Values { schema, variables: &operation.variables, errors: &mut errors, has_lists: &mut has_lists };
        for variable in &operation.variables {
            values.directives(&variable.directives);
            if let Some(default) = &variable.default_value {
                values.value(Some(&variable.ty), Location::default(), default);
            }
        }
        values.directives(&operation.directives);
        visit(document, operation, &mut |selection| values.selection(selection));
        if has_lists {
            merging::check(schema, document, operation, &mut errors);
        }
    }
    errors.truncate(fault::MOST);
    errors
}

/// Visits every selection that an operation reaches, each fragment once.
fn visit<'d>(document: &'d ExecutableDocument, operation: &'d Operation, see: &mut impl FnMut(&'d Selection)) {
    let mut seen = HashSet::new();
    let mut open: Vec<&SelectionSet> = vec![&operation.selection_set];
    while let Some(set) = open.pop() {
        for selection in &set.selections {
            see(selection);
            match selection {
                Selection::Field(field) => open.push(&field.selection_set),
                Selection::InlineFragment(inline) => open.push(&inline.selection_set),
                Selection::FragmentSpread(spread) => {
                    if seen.insert(&spread.fragment_name)
                        && let Some(fragment) = document.fragments.get(&spread.fragment_name)
                    {
                        open.push(&fragment.selection_set);
                    }
                }
            }
        }
    }
}

/// The values of arguments:
///
/// * All variable usages are allowed (5.8.5), also those inside lists and input objects, which `apollo-compiler` compares by
///   their innermost type alone, and where a default of null does not make null impossible.
/// * All used variables are defined (5.8.3), also those inside objects of custom scalars.
/// * Input fields are unique (5.6.3), and of a `OneOf` input object there is exactly one (5.6.5).
struct Values<'a> {
    schema: &'a RequestSchema,
    variables: &'a [Node<VariableDefinition>],
    errors: &'a mut Vec<ServerError>,
    /// Whether an argument holds a list.
    has_lists: &'a mut bool,
}

/// What matters of the place of a value beside its type.
#[derive(Clone, Copy, Default)]
struct Location {
    has_default: bool,
    is_in_one_of: bool,
}

impl Values<'_> {
    fn selection(&mut self, selection: &Selection) {
        if let Selection::Field(field) = selection {
            self.arguments(&field.definition.arguments, &field.arguments);
        }
        self.directives(selection.directives());
    }

    fn directives(&mut self, directives: &DirectiveList) {
        for directive in &directives.0 {
            if let Some(definition) = self.schema.schema().directive_definitions.get(&directive.name) {
                self.arguments(&definition.arguments, &directive.arguments);
            }
        }
    }

    fn arguments(&mut self, definitions: &[Node<InputValueDefinition>], arguments: &[Node<Argument>]) {
        for argument in arguments {
            if let Some(definition) = definitions.iter().find(|definition| definition.name == argument.name) {
                let location = Location { has_default: definition.default_value.is_some(), is_in_one_of: false };
                self.value(Some(&definition.ty), location, &argument.value);
            }
        }
    }

    /// Checks a value; without a type it is inside a custom scalar, where anything may stand.
    fn value(&mut self, ty: Option<&Type>, location: Location, value: &Node<Value>) {
        match &**value {
            Value::Variable(name) => self.usage(ty, location, name, value),
            Value::List(items) => {
                *self.has_lists = true;
                let item = ty.filter(|ty| ty.is_list()).map(Type::item_type);
                for value in items {
                    self.value(item, Location::default(), value);
                }
            }
            Value::Object(fields) => self.object(ty, fields, value),
            _ => {}
        }
    }

    fn object(&mut self, ty: Option<&Type>, fields: &[(Name, Node<Value>)], at: &Node<Value>) {
        let mut names = HashSet::new();
        for (name, _) in fields {
            if !names.insert(name) {
                self.refuse(&format!("the input field `{name}` is given more than once"), at);
            }
        }
        let definition = ty.and_then(|ty| match self.schema.schema().types.get(ty.inner_named_type()) {
            Some(ExtendedType::InputObject(object)) => Some(object),
            _ => None,
        });
        let is_one_of = definition.is_some_and(|object| object.directives.has("oneOf"));
        if is_one_of && (fields.len() != 1 || fields[0].1.is_null()) {
            self.refuse("exactly one field must be given here, and not null", at);
        }
        for (name, value) in fields {
            let field = definition.and_then(|object| object.fields.get(name));
            let has_default = field.is_some_and(|field| field.default_value.is_some());
            self.value(field.map(|field| &*field.ty), Location { has_default, is_in_one_of: is_one_of }, value);
        }
    }

    fn usage(&mut self, ty: Option<&Type>, location: Location, name: &Name, at: &Node<Value>) {
        let Some(variable) = self.variables.iter().find(|variable| variable.name == *name) else {
            return self.refuse(&format!("variable `${name}` is not defined"), at);
        };
        let Some(ty) = ty else { return };
        let has_default = variable.default_value.as_deref().is_some_and(|default| !default.is_null());
        let is_allowed = if ty.is_non_null() && !variable.ty.is_non_null() {
            (has_default || location.has_default) && variable.ty.is_assignable_to(&ty.clone().nullable())
        } else {
            variable.ty.is_assignable_to(ty) && (variable.ty.is_non_null() || !location.is_in_one_of)
        };
        if !is_allowed {
            let given = &variable.ty;
            self.refuse(
                &format!("variable `${name}` of type `{given}` cannot be used where type `{ty}` is expected"),
                at,
            );
        }
    }

    fn refuse(&mut self, message: &str, at: &Node<Value>) {
        if self.errors.len() < fault::MOST {
            self.errors.push(fault::of_document(message, vec![position_of(at)]));
        }
    }
}

/// The way from the arguments of a field to the first use of this variable.
pub(super) fn path_to_variable(
    document: &ExecutableDocument,
    operation: &Operation,
    variable: &str,
) -> Option<Vec<String>> {
    let mut found = None;
    visit(document, operation, &mut |selection| {
        if let (None, Selection::Field(field)) = (&found, selection) {
            found = field.arguments.iter().find_map(|argument| {
                let mut path = vec![argument.name.to_string()];
                holds(&argument.value, variable, &mut path).then_some(path)
            });
        }
    });
    found
}

/// Whether the value is or contains the variable; leaves the way to it in `path`.
fn holds(value: &Value, variable: &str, path: &mut Vec<String>) -> bool {
    match value {
        Value::Variable(name) => name == variable,
        Value::List(items) => items.iter().enumerate().any(|(n, item)| holds_at(item, variable, path, n.to_string())),
        Value::Object(fields) => fields.iter().any(|(name, field)| holds_at(field, variable, path, name.to_string())),
        _ => false,
    }
}

fn holds_at(value: &Value, variable: &str, path: &mut Vec<String>, segment: String) -> bool {
    path.push(segment);
    let found = holds(value, variable, path);
    if !found {
        path.pop();
    }
    found
}
