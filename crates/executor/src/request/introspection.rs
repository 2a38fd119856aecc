//! Introspection (section 4): `__schema` and `__type` are answered from the schema's own text, so the two cannot differ.

use apollo_compiler::ast::{DirectiveDefinition, DirectiveList, EnumValueDefinition, InputValueDefinition, Type};
use apollo_compiler::schema::{ExtendedType, FieldDefinition};
use apollo_compiler::{Node, Schema};
use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::{Name, Value};
use async_graphql_value::Value as Argument;

use super::schema::RequestSchema;

/// An object of introspection.
#[derive(Clone, Copy)]
enum Meta<'s> {
    Schema,
    Type(Of<'s>),
    Field(&'s FieldDefinition),
    Input(&'s InputValueDefinition),
    EnumValue(&'s EnumValueDefinition),
    Directive(&'s DirectiveDefinition),
}

/// A type, with or without a wrapper around it.
#[derive(Clone, Copy)]
enum Of<'s> {
    Named(&'s ExtendedType),
    NonNull(&'s Type),
    List(&'s Type),
}

/// The value of this root field, `__schema` or `__type`; `None` for any other.
pub(crate) fn resolve(schema: &RequestSchema, field: &Field) -> Option<Value> {
    let reader = Reader { schema };
    match field.name.node.as_str() {
        "__schema" => Some(reader.object(Meta::Schema, &field.selection_set.node)),
        "__type" => {
            let name = argument(field, "name").and_then(|name| match name {
                Argument::String(name) => Some(name.as_str()),
                _ => None,
            });
            let named = name.and_then(|name| schema.schema().types.get(name));
            Some(
                named.map_or(Value::Null, |named| {
                    reader.object(Meta::Type(Of::Named(named)), &field.selection_set.node)
                }),
            )
        }
        _ => None,
    }
}

fn argument<'f>(field: &'f Field, name: &str) -> Option<&'f Argument> {
    field.arguments.iter().find(|(found, _)| found.node == name).map(|(_, value)| &value.node)
}

struct Reader<'s> {
    schema: &'s RequestSchema,
}

impl<'s> Reader<'s> {
    fn schema(&self) -> &'s Schema {
        self.schema.schema()
    }

    /// What is selected of an object. Fragments are expanded and keys are distinct.
    fn object(&self, meta: Meta<'s>, selected: &SelectionSet) -> Value {
        let fields = selected.items.iter().filter_map(|item| match &item.node {
            Selection::Field(field) => Some(&field.node),
            _ => None,
        });
        let fields = fields.map(|field| (field.response_key().node.clone(), self.field(meta, field)));
        Value::Object(fields.collect())
    }

    fn field(&self, meta: Meta<'s>, field: &Field) -> Value {
        let name = field.name.node.as_str();
        match meta {
            Meta::Schema => self.of_schema(name, field),
            Meta::Type(of) => self.of_type(of, name, field),
            Meta::Field(of) => match name {
                "name" => text(&of.name),
                "description" => optional(of.description.as_ref()),
                "args" => self.inputs(of.arguments.iter(), field),
                "type" => self.typed(&of.ty, field),
                "isDeprecated" => Value::Boolean(is_deprecated(&of.directives)),
                "deprecationReason" => self.reason(&of.directives),
                _ => text("__Field"),
            },
            Meta::Input(of) => match name {
                "name" => text(&of.name),
                "description" => optional(of.description.as_ref()),
                "type" => self.typed(&of.ty, field),
                "defaultValue" => {
                    let default = of.default_value.as_ref();
                    default.map_or(Value::Null, |value| text(&value.serialize().no_indent().to_string()))
                }
                "isDeprecated" => Value::Boolean(is_deprecated(&of.directives)),
                "deprecationReason" => self.reason(&of.directives),
                _ => text("__InputValue"),
            },
            Meta::EnumValue(of) => match name {
                "name" => text(&of.value),
                "description" => optional(of.description.as_ref()),
                "isDeprecated" => Value::Boolean(is_deprecated(&of.directives)),
                "deprecationReason" => self.reason(&of.directives),
                _ => text("__EnumValue"),
            },
            Meta::Directive(of) => match name {
                "name" => text(&of.name),
                "description" => optional(of.description.as_ref()),
                "locations" => {
                    Value::List(of.locations.iter().map(|place| Value::Enum(Name::new(place.name()))).collect())
                }
                "args" => self.inputs(of.arguments.iter(), field),
                "isRepeatable" => Value::Boolean(of.repeatable),
                _ => text("__Directive"),
            },
        }
    }

    fn of_schema(&self, name: &str, field: &Field) -> Value {
        let definition = &self.schema().schema_definition;
        let root = |root: Option<&apollo_compiler::schema::ComponentName>| {
            let ty = root.and_then(|root| self.schema().types.get(&root.name));
            ty.map_or(Value::Null, |ty| self.object(Meta::Type(Of::Named(ty)), &field.selection_set.node))
        };
        match name {
            "description" => optional(definition.description.as_ref()),
            "types" => self.list(self.schema().types.values().map(|ty| Meta::Type(Of::Named(ty))), field),
            "queryType" => root(definition.query.as_ref()),
            "mutationType" => root(definition.mutation.as_ref()),
            "subscriptionType" => root(definition.subscription.as_ref()),
            "directives" => {
                let directives = self.schema().directive_definitions.values();
                self.list(directives.map(|directive| Meta::Directive(directive)), field)
            }
            _ => text("__Schema"),
        }
    }

    fn of_type(&self, of: Of<'s>, name: &str, field: &Field) -> Value {
        let named = match (of, name) {
            (_, "__typename") => return text("__Type"),
            (Of::NonNull(_), "kind") => return Value::Enum(Name::new("NON_NULL")),
            (Of::List(_), "kind") => return Value::Enum(Name::new("LIST")),
            (Of::NonNull(ty), "ofType") => return self.typed(&ty.clone().nullable(), field),
            (Of::List(ty), "ofType") => return self.typed(ty.item_type(), field),
            (Of::NonNull(_) | Of::List(_), _) => return Value::Null,
            (Of::Named(named), _) => named,
        };
        let shows_deprecated = shows_deprecated(field);
        match name {
            "kind" => Value::Enum(Name::new(match named {
                ExtendedType::Scalar(_) => "SCALAR",
                ExtendedType::Object(_) => "OBJECT",
                ExtendedType::Interface(_) => "INTERFACE",
                ExtendedType::Union(_) => "UNION",
                ExtendedType::Enum(_) => "ENUM",
                ExtendedType::InputObject(_) => "INPUT_OBJECT",
            })),
            "name" => text(named.name()),
            "description" => optional(named.description()),
            "specifiedByURL" => {
                let url = named.directives().get("specifiedBy");
                let url = url.and_then(|directive| directive.argument_by_name("url", self.schema()).ok());
                url.and_then(|url| url.as_str()).map_or(Value::Null, text)
            }
            "isOneOf" => match named {
                ExtendedType::InputObject(object) => Value::Boolean(object.directives.has("oneOf")),
                _ => Value::Null,
            },
            "fields" => {
                let fields = match named {
                    ExtendedType::Object(object) => &object.fields,
                    ExtendedType::Interface(interface) => &interface.fields,
                    _ => return Value::Null,
                };
                let fields = fields.values().filter(|field| shows_deprecated || !is_deprecated(&field.directives));
                // Those of the query that begin with two underscores are everywhere, and named nowhere.
                let fields = fields.filter(|field| named.is_built_in() || !field.name.starts_with("__"));
                self.list(fields.map(|field| Meta::Field(field)), field)
            }
            "interfaces" => {
                let interfaces = match named {
                    ExtendedType::Object(object) => &object.implements_interfaces,
                    ExtendedType::Interface(interface) => &interface.implements_interfaces,
                    _ => return Value::Null,
                };
                let interfaces = interfaces.iter().filter_map(|name| self.schema().types.get(&name.name));
                self.list(interfaces.map(|ty| Meta::Type(Of::Named(ty))), field)
            }
            "possibleTypes" => {
                let Some(possible) = self.schema.possible(named.name()) else { return Value::Null };
                let possible = possible.iter().filter_map(|name| self.schema().types.get(name));
                self.list(possible.map(|ty| Meta::Type(Of::Named(ty))), field)
            }
            "enumValues" => match named {
                ExtendedType::Enum(found) => {
                    let values = found.values.values();
                    let values = values.filter(|value| shows_deprecated || !is_deprecated(&value.directives));
                    self.list(values.map(|value| Meta::EnumValue(value)), field)
                }
                _ => Value::Null,
            },
            "inputFields" => match named {
                ExtendedType::InputObject(object) => {
                    let fields = object.fields.values();
                    let fields = fields.filter(|input| shows_deprecated || !is_deprecated(&input.directives));
                    self.list(fields.map(|input| Meta::Input(input)), field)
                }
                _ => Value::Null,
            },
            _ => Value::Null,
        }
    }

    fn inputs(&self, inputs: impl Iterator<Item = &'s Node<InputValueDefinition>>, field: &Field) -> Value {
        let shows_deprecated = shows_deprecated(field);
        let inputs = inputs.filter(|input| shows_deprecated || !is_deprecated(&input.directives));
        self.list(inputs.map(|input| Meta::Input(input)), field)
    }

    fn list(&self, items: impl Iterator<Item = Meta<'s>>, field: &Field) -> Value {
        Value::List(items.map(|item| self.object(item, &field.selection_set.node)).collect())
    }

    /// What is selected of a type as it is written.
    fn typed(&self, ty: &Type, field: &Field) -> Value {
        let selected = &field.selection_set.node;
        // The wrappers live as long as this call, and so does what is read of them.
        let reader = Reader { schema: self.schema };
        if ty.is_non_null() {
            return reader.object(Meta::Type(Of::NonNull(ty)), selected);
        }
        if ty.is_list() {
            return reader.object(Meta::Type(Of::List(ty)), selected);
        }
        let named = self.schema().types.get(ty.inner_named_type());
        named.map_or(Value::Null, |named| self.object(Meta::Type(Of::Named(named)), selected))
    }

    fn reason(&self, directives: &DirectiveList) -> Value {
        let deprecated = directives.get("deprecated");
        let reason = deprecated.and_then(|directive| directive.argument_by_name("reason", self.schema()).ok());
        reason.and_then(|reason| reason.as_str()).map_or(Value::Null, text)
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn optional(description: Option<&Node<str>>) -> Value {
    description.map_or(Value::Null, |description| text(description))
}

fn is_deprecated(directives: &DirectiveList) -> bool {
    directives.has("deprecated")
}

fn shows_deprecated(field: &Field) -> bool {
    matches!(argument(field, "includeDeprecated"), Some(Argument::Boolean(true)))
}
