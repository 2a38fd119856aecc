//! Field collection (6.3.2): makes of an operation and its variables a document without variables, directives, named
//! fragments and repeated keys. In it a field stands where it first stood, with all that is selected of it anywhere.

use std::collections::HashSet;

use apollo_compiler::ast::{DirectiveList, OperationType as Kind, Value as Literal};
use apollo_compiler::executable::{Field as Selected, Operation, Selection as Item, SelectionSet as Set};
use apollo_compiler::{ExecutableDocument, Name as SchemaName, Node};
use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument as Document, Field, InlineFragment, OperationDefinition, OperationType,
    Selection, SelectionSet, TypeCondition,
};
use async_graphql::{Name, Pos, Positioned, ServerError, Value};
use async_graphql_value::Value as Argument;

use super::coerce::{Coerced, Coercion};
use super::fault;
use super::place::place_ids;
use super::position::position_of;
use super::schema::RequestSchema;

/// The key of a field that stands in a selection set of which nothing is left. The executor would take the object for a leaf
/// otherwise, or for null. It is no name, so that no client can ask for it, and it is never written out.
pub(crate) const EMPTY: &str = "\0";

/// An operation as it is executed.
#[derive(Clone)]
pub(crate) struct Lowered {
    /// A document of this one operation.
    pub(crate) document: Document,
    /// The keys of its root fields, in the order of the answer.
    pub(crate) roots: Vec<Name>,
    /// Its root fields `__schema` and `__type`, which the document does not have: see `introspection`.
    pub(crate) introspection: Vec<Field>,
    /// Whether the document has any fields.
    pub(crate) has_fields: bool,
}

/// Lowers an operation of a valid document.
///
/// # Errors
/// The values that do not fit.
pub(super) fn lower(
    schema: &RequestSchema,
    document: &ExecutableDocument,
    operation: &Operation,
    variables: &Coerced<'_>,
) -> Result<Lowered, Vec<ServerError>> {
    let mut lowering =
        Lowering { schema, document, variables, coercion: schema.coercion(), path: Vec::new(), errors: Vec::new() };
    let at = Pos::default();
    let fields = lowering.collect(operation.selection_set.ty.as_str(), &[&operation.selection_set]);
    let items = lowering.fields(fields);
    if !lowering.errors.is_empty() {
        return Err(lowering.errors);
    }
    let roots = items.iter().filter_map(|item| match &item.node {
        Selection::Field(field) => Some(field.node.response_key().node.clone()),
        _ => None,
    });
    let roots = roots.collect();
    let is_introspection = |item: &Positioned<Selection>| matches!(&item.node, Selection::Field(field) if matches!(field.node.name.node.as_str(), "__schema" | "__type"));
    let (introspection, items): (Vec<_>, Vec<_>) = items.into_iter().partition(is_introspection);
    let introspection = introspection.into_iter().filter_map(|item| match item.node {
        Selection::Field(field) => Some(field.node),
        _ => None,
    });
    let (introspection, has_fields) = (introspection.collect(), !items.is_empty());
    let ty = match operation.operation_type {
        Kind::Query => OperationType::Query,
        Kind::Mutation => OperationType::Mutation,
        Kind::Subscription => OperationType::Subscription,
    };
    let operation = OperationDefinition {
        ty,
        variable_definitions: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet { items }, at),
    };
    let operations = DocumentOperations::Single(Positioned::new(operation, at));
    Ok(Lowered {
        document: Document { operations, fragments: std::collections::HashMap::new() },
        roots,
        introspection,
        has_fields,
    })
}

/// The fields of one object by their response key, in order, each with every place where it is selected.
type Fields<'a> = IndexMap<&'a str, Vec<&'a Node<Selected>>>;

struct Lowering<'a> {
    schema: &'a RequestSchema,
    document: &'a ExecutableDocument,
    variables: &'a Coerced<'a>,
    coercion: Coercion<'a>,
    path: Vec<String>,
    errors: Vec<ServerError>,
}

impl<'a> Lowering<'a> {
    /// Collects what these selection sets ask of an object of the type.
    fn collect(&mut self, type_name: &str, sets: &[&'a Set]) -> Fields<'a> {
        let (mut fields, mut seen) = (Fields::new(), HashSet::new());
        for set in sets {
            self.collect_set(type_name, set, &mut fields, &mut seen);
        }
        fields
    }

    fn collect_set(
        &mut self,
        type_name: &str,
        set: &'a Set,
        fields: &mut Fields<'a>,
        seen: &mut HashSet<&'a SchemaName>,
    ) {
        for item in &set.selections {
            if !self.is_included(item.directives()) {
                continue;
            }
            match item {
                Item::Field(field) => fields.entry(field.response_key().as_str()).or_default().push(field),
                Item::InlineFragment(inline) => {
                    if inline.type_condition.as_ref().is_none_or(|on| self.applies(on, type_name)) {
                        self.collect_set(type_name, &inline.selection_set, fields, seen);
                    }
                }
                Item::FragmentSpread(spread) => {
                    if seen.insert(&spread.fragment_name)
                        && let Some(fragment) = self.document.fragments.get(&spread.fragment_name)
                        && self.applies(fragment.type_condition(), type_name)
                    {
                        self.collect_set(type_name, &fragment.selection_set, fields, seen);
                    }
                }
            }
        }
    }

    /// Whether `@skip` and `@include` leave this in.
    fn is_included(&mut self, directives: &DirectiveList) -> bool {
        directives.is_empty()
            || (!self.condition(directives, "skip", false) && self.condition(directives, "include", true))
    }

    fn condition(&mut self, directives: &DirectiveList, name: &str, absent: bool) -> bool {
        let Some(directive) = directives.get(name) else { return absent };
        let value = directive.specified_argument_by_name("if");
        let decided = value.and_then(|value| match &**value {
            Literal::Boolean(decided) => Some(*decided),
            Literal::Variable(name) => match self.variables.get(name.as_str()) {
                Some(Value::Boolean(decided)) => Some(*decided),
                _ => None,
            },
            _ => None,
        });
        decided.unwrap_or_else(|| {
            let path = [format!("@{name}"), "if".to_owned()];
            self.refuse(fault::of_value(&path, "This must be true or false.", position_of(directive)));
            absent
        })
    }

    fn refuse(&mut self, error: ServerError) {
        if self.errors.len() < fault::MOST {
            self.errors.push(error);
        }
    }

    /// Whether a fragment on `on` applies to an object of the type.
    fn applies(&self, on: &str, type_name: &str) -> bool {
        on == type_name || self.schema.schema().is_subtype(on, type_name)
    }

    fn fields(&mut self, fields: Fields<'a>) -> Vec<Positioned<Selection>> {
        fields.into_iter().map(|(key, places)| self.field(key, &places)).collect()
    }

    fn field(&mut self, key: &str, places: &[&'a Node<Selected>]) -> Positioned<Selection> {
        // They all have the same name and arguments, as validation has seen to.
        let field = places[0];
        let at = position_of(field);
        let arguments = self.arguments(field, at);
        let sets: Vec<&Set> = places.iter().map(|field| &field.selection_set).collect();
        let items = if field.selection_set.selections.is_empty() {
            Vec::new()
        } else {
            self.selection_sets(field.definition.ty.inner_named_type(), &sets, at)
        };
        let name = Name::new(field.name.as_str());
        let field = Field {
            alias: (key != field.name.as_str()).then(|| Positioned::new(Name::new(key), at)),
            name: Positioned::new(name, at),
            arguments,
            directives: Vec::new(),
            selection_set: Positioned::new(SelectionSet { items }, at),
        };
        Positioned::new(Selection::Field(Positioned::new(field, at)), at)
    }

    /// The selection of an object of the type, or of any object that the type can be.
    fn selection_sets(&mut self, ty: &str, sets: &[&'a Set], at: Pos) -> Vec<Positioned<Selection>> {
        let schema = self.schema;
        let Some(possible) = schema.possible(ty) else { return self.selection(ty, sets, at) };
        if let [first, ..] = possible
            && self.is_alike(possible, sets)
        {
            return self.selection(first, sets, at);
        }
        let of_each = possible.iter().map(|object| {
            let items = self.selection(object, sets, at);
            let on = TypeCondition { on: Positioned::new(Name::new(object.as_str()), at) };
            let fragment = InlineFragment {
                type_condition: Some(Positioned::new(on, at)),
                directives: Vec::new(),
                selection_set: Positioned::new(SelectionSet { items }, at),
            };
            Positioned::new(Selection::InlineFragment(Positioned::new(fragment, at)), at)
        });
        of_each.collect()
    }

    /// The selection of an object of the type; never without an item.
    fn selection(&mut self, object: &str, sets: &[&'a Set], at: Pos) -> Vec<Positioned<Selection>> {
        let fields = self.collect(object, sets);
        let items = self.fields(fields);
        if items.is_empty() { vec![nothing(at)] } else { items }
    }

    /// Whether the same is asked of objects of all these types.
    fn is_alike(&self, possible: &[SchemaName], sets: &[&'a Set]) -> bool {
        let mut seen = HashSet::new();
        let mut open: Vec<&Set> = sets.to_vec();
        while let Some(set) = open.pop() {
            for item in &set.selections {
                let (on, inner) = match item {
                    Item::Field(_) => continue,
                    Item::InlineFragment(inline) => (inline.type_condition.as_ref(), &inline.selection_set),
                    Item::FragmentSpread(spread) => {
                        let fragment = self.document.fragments.get(&spread.fragment_name);
                        let Some(fragment) = fragment.filter(|_| seen.insert(&spread.fragment_name)) else { continue };
                        (Some(fragment.type_condition()), &fragment.selection_set)
                    }
                };
                if on.is_some_and(|on| possible.iter().any(|object| !self.applies(on, object))) {
                    return false;
                }
                open.push(inner);
            }
        }
        true
    }

    /// The arguments of a field (6.4.1), in the order of the schema.
    fn arguments(&mut self, field: &Selected, at: Pos) -> Vec<(Positioned<Name>, Positioned<Argument>)> {
        let mut arguments = Vec::with_capacity(field.arguments.len());
        for definition in &field.definition.arguments {
            let given = field.arguments.iter().find(|argument| argument.name == definition.name);
            let name = definition.name.as_str();
            let (coercion, variables) = (&mut self.coercion, self.variables);
            let value = given
                .and_then(|argument| coercion.within(name, |c| c.literal(&definition.ty, &argument.value, variables)));
            let value = value.or_else(|| coercion.absent(name, &definition.ty, definition.default_value.as_deref()));
            if let Some(mut value) = value {
                self.path.push(name.to_owned());
                place_ids(self.schema.schema(), &definition.ty, &mut value, &mut self.path);
                self.path.clear();
                arguments.push((Positioned::new(Name::new(name), at), Positioned::new(value.into_value(), at)));
            }
        }
        for misfit in self.coercion.misfits() {
            self.refuse(fault::of_value(&misfit.path, &misfit.reason, at));
        }
        arguments
    }
}

/// What stands in a selection set of which nothing is left.
fn nothing(at: Pos) -> Positioned<Selection> {
    let field = Field {
        alias: Some(Positioned::new(Name::new(EMPTY), at)),
        name: Positioned::new(Name::new("__typename"), at),
        arguments: Vec::new(),
        directives: Vec::new(),
        selection_set: Positioned::new(SelectionSet::default(), at),
    };
    Positioned::new(Selection::Field(Positioned::new(field, at)), at)
}
