//! What the guard knows of the schema: for each field what it returns and how many. Read once from the SDL, so that a
//! new type is covered the day it appears. Nothing here looks at a request.

use std::collections::{HashMap, HashSet};

use async_graphql::Value as ConstValue;
use async_graphql::parser::{
    Error, parse_schema,
    types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition},
};

use super::values::NestedFilters;

/// The introspection types, which no SDL spells out.
const INTROSPECTION: &str = "
type __Schema { types: [__Type!]! queryType: __Type! mutationType: __Type subscriptionType: __Type
  directives: [__Directive!]! description: String }
type __Type { kind: String! name: String description: String specifiedByURL: String isOneOf: Boolean ofType: __Type
  fields(includeDeprecated: Boolean): [__Field!] interfaces: [__Type!] possibleTypes: [__Type!]
  enumValues(includeDeprecated: Boolean): [__EnumValue!] inputFields(includeDeprecated: Boolean): [__InputValue!] }
type __Field { name: String! description: String args(includeDeprecated: Boolean): [__InputValue!]! type: __Type!
  isDeprecated: Boolean! deprecationReason: String }
type __InputValue { name: String! description: String type: __Type! defaultValue: String isDeprecated: Boolean!
  deprecationReason: String }
type __EnumValue { name: String! description: String isDeprecated: Boolean! deprecationReason: String }
type __Directive { name: String! description: String locations: [String!]! args(includeDeprecated: Boolean): [__InputValue!]!
  isRepeatable: Boolean! }
type __Roots { __schema: __Schema! __type(name: String!): __Type }
";

/// A type that has fields, by its place in [`Table::types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

/// How many objects a field returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// As many as the lists of a schema have, more or less.
    OfIntrospection,
    /// One object, or a scalar, or a list of scalars.
    One,
    /// A list whose length only the data knows.
    Some,
    /// As many as its `ids` argument has elements.
    PerId,
    /// As many as its own `first` or `last`.
    OwnPage,
    /// As many as the page size of the connection it belongs to, or the elements of the mutation whose payload it is in.
    PageOfParent,
}

/// What the guard needs to know of one field.
#[derive(Clone, Debug)]
pub(super) struct FieldInfo {
    /// The type with fields that it returns; `None` for scalars and enums.
    pub(super) returns: Option<TypeId>,
    pub(super) quantity: Quantity,
    /// The field of `input` that has several rows to write, if it takes several.
    pub(super) elements: Option<String>,
    /// The page size that the schema gives `first` or `last` by default.
    pub(super) default_page: Option<u64>,
    pub(super) arguments: HashSet<String>,
    /// One of the lists below `__schema` and `__type`.
    pub(super) introspection_list: bool,
    /// `fields`, `inputFields`, `interfaces` or `possibleTypes` below `__schema` and `__type`: what leads from a type to
    /// further types, so that nesting them multiplies the answer by the size of the schema.
    pub(super) leads_to_types: bool,
}

#[derive(Debug, Default)]
struct TypeInfo {
    fields: HashMap<String, FieldInfo>,
}

/// The schema as the guard sees it.
#[derive(Debug, Default)]
pub(super) struct Table {
    names: HashMap<String, TypeId>,
    types: Vec<TypeInfo>,
    pub(super) query: Option<TypeId>,
    pub(super) mutation: Option<TypeId>,
    pub(super) subscription: Option<TypeId>,
    pub(super) nested_filters: NestedFilters,
}

impl Table {
    /// Reads the schema's definition language.
    ///
    /// # Errors
    ///
    /// The parser's error where `sdl` is no schema.
    pub(super) fn parse(sdl: &str) -> Result<Self, Error> {
        let own = parse_schema(sdl)?;
        let introspection = parse_schema(INTROSPECTION)?;

        let mut table = Self::default();
        let mut bodies = Vec::new();
        let mut batches = HashMap::new();
        let (mut query, mut mutation, mut subscription) = ("Query".to_owned(), None, None);
        for definition in own.definitions.iter().chain(&introspection.definitions) {
            match definition {
                TypeSystemDefinition::Schema(schema) => {
                    let name = |root: &Option<async_graphql::Positioned<async_graphql::Name>>| {
                        root.as_ref().map(|name| name.node.to_string())
                    };
                    query = name(&schema.node.query).unwrap_or(query);
                    mutation = name(&schema.node.mutation).or(mutation);
                    subscription = name(&schema.node.subscription).or(subscription);
                }
                TypeSystemDefinition::Type(definition) => {
                    let fields: &[_] = match &definition.node.kind {
                        TypeKind::Object(object) => &object.fields,
                        TypeKind::Interface(interface) => &interface.fields,
                        TypeKind::Union(_) => &[],
                        TypeKind::InputObject(input) if is_filter(definition.node.name.node.as_str()) => {
                            let nested = input.fields.iter().filter(|field| is_filter(named_type(&field.node.ty.node)));
                            table.nested_filters.extend(nested.map(|field| field.node.name.node.to_string()));
                            continue;
                        }
                        TypeKind::InputObject(input) => {
                            if let [field] = &input.fields[..]
                                && matches!(field.node.ty.node.base, BaseType::List(_))
                            {
                                batches.insert(definition.node.name.node.to_string(), field.node.name.node.to_string());
                            }
                            continue;
                        }
                        TypeKind::Scalar | TypeKind::Enum(_) => continue,
                    };
                    let name = definition.node.name.node.as_str();
                    let id = table.intern(name);
                    bodies.push((id, name, fields));
                }
                TypeSystemDefinition::Directive(_) => {}
            }
        }
        // Only now is every type's name known, and with it which fields return something that has fields.
        for (id, name, fields) in bodies {
            for field in fields {
                let mut info = table.field_info(name, &field.node);
                let input = field.node.arguments.iter().find(|argument| argument.node.name.node == "input");
                info.elements = input.and_then(|input| batches.get(named_type(&input.node.ty.node)).cloned());
                table.types[id.0].fields.insert(field.node.name.node.to_string(), info);
            }
        }
        table.query = table.type_named(&query);
        table.mutation = table.type_named(mutation.as_deref().unwrap_or("Mutation"));
        table.subscription = table.type_named(subscription.as_deref().unwrap_or("Subscription"));
        table.add_meta_fields();
        Ok(table)
    }

    /// The type with fields of this name.
    pub(super) fn type_named(&self, name: &str) -> Option<TypeId> {
        self.names.get(name).copied()
    }

    /// What is known of a field of `parent`.
    pub(super) fn field(&self, parent: TypeId, name: &str) -> Option<&FieldInfo> {
        self.types[parent.0].fields.get(name)
    }

    fn intern(&mut self, name: &str) -> TypeId {
        if let Some(&id) = self.names.get(name) {
            return id;
        }
        let id = TypeId(self.types.len());
        self.types.push(TypeInfo::default());
        self.names.insert(name.to_owned(), id);
        id
    }

    fn field_info(&self, parent: &str, field: &FieldDefinition) -> FieldInfo {
        let returns = self.type_named(named_type(&field.ty.node));
        let list = matches!(field.ty.node.base, BaseType::List(_));
        let argument = |name: &str| field.arguments.iter().find(|argument| argument.node.name.node == name);
        let paged = argument("first").or_else(|| argument("last"));
        let introspection_list = parent.starts_with("__") && list && returns.is_some();
        let quantity = match returns {
            // How these nest is bounded on its own.
            Some(_) if introspection_list => Quantity::OfIntrospection,
            _ if parent.starts_with("__") => Quantity::One,
            // A list of scalars is one value of the answer to produce, as a string is.
            None => Quantity::One,
            Some(_) if !list => Quantity::One,
            Some(_) if parent.ends_with("Connection") => Quantity::PageOfParent,
            Some(_) if parent.ends_with("Payload") && field.name.node != "userErrors" => Quantity::PageOfParent,
            Some(_) if argument("ids").is_some() => Quantity::PerId,
            Some(_) if paged.is_some() => Quantity::OwnPage,
            Some(_) => Quantity::Some,
        };
        let default_page = paged.and_then(|argument| match &argument.node.default_value.as_ref()?.node {
            ConstValue::Number(number) => number.as_u64(),
            _ => None,
        });
        let name = field.name.node.as_str();
        FieldInfo {
            returns,
            quantity,
            elements: None,
            default_page,
            arguments: field.arguments.iter().map(|argument| argument.node.name.node.to_string()).collect(),
            introspection_list,
            leads_to_types: introspection_list
                && matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes"),
        }
    }

    /// Gives the query root the fields that introspection starts from.
    fn add_meta_fields(&mut self) {
        let (Some(query), Some(roots)) = (self.query, self.type_named("__Roots")) else { return };
        let meta = self.types[roots.0].fields.clone();
        self.types[query.0].fields.extend(meta);
    }
}

/// Whether an input is a filter of a list. Its name says so, as that of a connection does.
fn is_filter(input: &str) -> bool {
    input.ends_with("Filter")
}

fn named_type(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named_type(inner),
    }
}
