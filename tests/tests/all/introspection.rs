//! The schema's description of itself. The tests take their lists from it, so a new field is tested the day it appears.

use serde_json::Value;
use tenantry_tests::Session;

/// A document that asks for the whole schema.
const DOCUMENT: &str = "{ __schema { types { kind name description
    fields { name description args { ...input } type { ...ref } }
    inputFields { ...input } enumValues { name description } interfaces { name } possibleTypes { name } }
    directives { name description args { ...input } } } }
    fragment input on __InputValue { name description type { ...ref } }
    fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The types of a schema.
pub(crate) struct Types(Vec<Value>);

/// A field of an object type.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a>(&'a Value);

impl Types {
    pub(crate) async fn of(session: &Session) -> Self {
        let data = session.data(DOCUMENT).await;
        Self(data["__schema"]["types"].as_array().unwrap().clone())
    }

    /// All types except introspection's own.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(|ty| !text(&ty["name"]).starts_with("__"))
    }

    pub(crate) fn get(&self, name: &str) -> &Value {
        self.0.iter().find(|ty| ty["name"] == name).unwrap_or_else(|| panic!("no type {name}"))
    }

    pub(crate) fn fields(&self, type_name: &str) -> Vec<Field<'_>> {
        self.get(type_name)["fields"].as_array().into_iter().flatten().map(Field).collect()
    }

    /// The object types with a global id.
    pub(crate) fn nodes(&self) -> Vec<&str> {
        self.get("Node")["possibleTypes"].as_array().unwrap().iter().map(|ty| text(&ty["name"])).collect()
    }

    pub(crate) fn is_composite(&self, type_name: &str) -> bool {
        matches!(text(&self.get(type_name)["kind"]), "OBJECT" | "INTERFACE" | "UNION")
    }

    /// A selection of every field that takes no argument, this many levels deep; empty for a leaf.
    pub(crate) fn selection(&self, type_name: &str, depth: usize) -> String {
        if !self.is_composite(type_name) {
            return String::new();
        }
        if text(&self.get(type_name)["kind"]) != "OBJECT" {
            return "{ __typename }".to_owned();
        }
        let mut selected = vec!["__typename".to_owned()];
        for field in self.fields(type_name) {
            let inner = field.type_name();
            let composite = self.is_composite(inner);
            // Lists with arguments are queried separately; `nodes` covers `edges`.
            if !field.args().is_empty() || (composite && depth == 0) || (composite && field.name() == "edges") {
                continue;
            }
            let below = if composite { self.selection(inner, depth - 1) } else { String::new() };
            selected.push(format!("{} {below}", field.name()));
        }
        format!("{{ {} }}", selected.join(" "))
    }

    /// The orders of a list, if it has any.
    pub(crate) fn orders(&self, field: Field<'_>) -> Vec<&str> {
        let Some(order) = field.args().into_iter().find(|arg| arg["name"] == "orderBy") else { return Vec::new() };
        let order = self.get(inner_name(&order["type"]));
        let by = order["inputFields"].as_array().unwrap().iter().find(|input| input["name"] == "field").unwrap();
        let values = self.get(inner_name(&by["type"]))["enumValues"].as_array().unwrap();
        values.iter().map(|value| text(&value["name"])).collect()
    }
}

impl<'a> Field<'a> {
    pub(crate) fn name(self) -> &'a str {
        text(&self.0["name"])
    }

    pub(crate) fn args(self) -> Vec<&'a Value> {
        self.0["args"].as_array().into_iter().flatten().collect()
    }

    /// The name of the type, without list and non-null wrappers.
    pub(crate) fn type_name(self) -> &'a str {
        inner_name(&self.0["type"])
    }

    pub(crate) fn is_connection(self) -> bool {
        self.type_name().ends_with("Connection")
    }
}

/// The name of a type, without list and non-null wrappers.
pub(crate) fn inner_name(ty: &Value) -> &str {
    match &ty["ofType"] {
        Value::Null => text(&ty["name"]),
        inner => inner_name(inner),
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}
