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

#[cfg(test)]
mod tests {
    use async_graphql::Variables;

    use super::*;
    use crate::request::{Operation, parse};

    const SDL: &str = "
        directive @oneOf on INPUT_OBJECT
        directive @specifiedBy(url: String!) on SCALAR
        \"The schema.\" schema { query: Q }
        type Q implements N { id: ID! lists(first: Int = 3, old: Int @deprecated): [[E!]!]! gone: Int @deprecated(reason: \"why\") }
        interface N { id: ID! }
        interface Lonely { id: ID! }
        enum E { A B @deprecated }
        input One @oneOf { a: Int b: String }
        input Two { a: Int = 1 }
        scalar S @specifiedBy(url: \"https://s.example\")
        type Uses { one(one: One, two: Two, s: S, lonely: ID): Lonely }
        extend type Q { uses: Uses }";

    /// The values of a document's root fields that ask for the schema, as JSON.
    fn ask(document: &str) -> serde_json::Value {
        let schema = RequestSchema::of(SDL).unwrap();
        let valid = schema.validate(&parse(document).unwrap()).unwrap();
        let lowered = schema.lower(Operation::choose(&valid, None).unwrap(), &Variables::default()).unwrap();
        let fields = lowered.introspection.iter();
        let values = fields.map(|field| (field.response_key().node.clone(), resolve(&schema, field).unwrap()));
        serde_json::to_value(Value::Object(values.collect())).unwrap()
    }

    #[test]
    fn a_type_is_described_by_what_the_text_says() {
        let found = ask("{ __type(name: \"Q\") { __typename kind n: name fields { name } all: fields(includeDeprecated: true) {
            name isDeprecated deprecationReason args { name defaultValue } } interfaces { name } possibleTypes { name } } }");
        let expected = serde_json::json!({ "__type": {
            "__typename": "__Type", "kind": "OBJECT", "n": "Q",
            "fields": [{ "name": "id" }, { "name": "lists" }, { "name": "uses" }],
            "all": [
                { "name": "id", "isDeprecated": false, "deprecationReason": null, "args": [] },
                { "name": "lists", "isDeprecated": false, "deprecationReason": null,
                  "args": [{ "name": "first", "defaultValue": "3" }] },
                { "name": "gone", "isDeprecated": true, "deprecationReason": "why", "args": [] },
                { "name": "uses", "isDeprecated": false, "deprecationReason": null, "args": [] },
            ],
            "interfaces": [{ "name": "N" }], "possibleTypes": null,
        } });
        assert_eq!(found, expected);
    }

    #[test]
    fn wrappers_come_off_one_by_one() {
        let found = ask(
            "{ __type(name: \"Q\") { fields { name type { kind name ofType { kind ofType { kind ofType { kind ofType {
            kind ofType { kind name ofType { kind } } } } } } } } } }",
        );
        let mut at = &found["__type"]["fields"][1]["type"];
        for kind in ["NON_NULL", "LIST", "NON_NULL", "LIST", "NON_NULL", "ENUM"] {
            assert_eq!(at["kind"], kind);
            at = &at["ofType"];
        }
        assert!(at.is_null());
    }

    #[test]
    fn each_kind_of_type_has_its_own_parts() {
        let found = ask("{ one: __type(name: \"One\") { isOneOf inputFields { name } fields { name } }
            two: __type(name: \"Two\") { isOneOf inputFields { defaultValue } } s: __type(name: \"S\") { kind specifiedByURL isOneOf }
            e: __type(name: \"E\") { enumValues { name } all: enumValues(includeDeprecated: true) { name isDeprecated } }
            n: __type(name: \"N\") { possibleTypes { name } } lonely: __type(name: \"Lonely\") { possibleTypes { name } }
            none: __type(name: \"Nothing\") { name } }");
        let expected = serde_json::json!({
            "one": { "isOneOf": true, "inputFields": [{ "name": "a" }, { "name": "b" }], "fields": null },
            "two": { "isOneOf": false, "inputFields": [{ "defaultValue": "1" }] },
            "s": { "kind": "SCALAR", "specifiedByURL": "https://s.example", "isOneOf": null },
            "e": { "enumValues": [{ "name": "A" }],
                   "all": [{ "name": "A", "isDeprecated": false }, { "name": "B", "isDeprecated": true }] },
            "n": { "possibleTypes": [{ "name": "Q" }] },
            "lonely": { "possibleTypes": [] },
            "none": null,
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn the_schema_lists_only_the_types_that_are_used() {
        let found = ask("{ __schema { description queryType { name } mutationType { name } types { name }
            directives { name locations isRepeatable } } }");
        let schema = &found["__schema"];
        assert_eq!(schema["description"], "The schema.");
        assert_eq!((&schema["queryType"]["name"], &schema["mutationType"]), (&"Q".into(), &serde_json::Value::Null));
        let types: Vec<&str> =
            schema["types"].as_array().unwrap().iter().map(|ty| ty["name"].as_str().unwrap()).collect();
        assert!(!types.contains(&"Float") && types.contains(&"Int") && types.contains(&"__Type"), "{types:?}");
        let directives = schema["directives"].as_array().unwrap();
        let skip = directives.iter().find(|directive| directive["name"] == "skip").unwrap();
        assert_eq!(skip["locations"].as_array().unwrap().len(), 3);
        assert!(directives.iter().any(|directive| directive["name"] == "specifiedBy"));
    }
}
