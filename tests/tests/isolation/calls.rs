//! Calls of a field with an id in one place. The other arguments are generated from the schema.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Map, Value, json};
use tenantry_tests::{Answer, FullOrg, Session};

use crate::ids::{Place, Schema, inner, is_required, list, spelled, text};
use crate::kinds::{Kind, own};

/// Optional texts that are given all the same, so that an update has something to change.
const TEXTS: &[&str] = &["description", "name", "notes", "title"];

/// Makes texts unique.
static TEXT: AtomicU32 = AtomicU32::new(0);

/// Generates calls for a user in an organization.
pub(crate) struct Caller<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) of: &'a FullOrg,
}

/// A generated call; only the id is missing.
pub(crate) struct Call {
    document: String,
    variables: Map<String, Value>,
    path: Vec<String>,
    goes_on: bool,
}

impl Call {
    /// Sends the call with this id, or list of ids, in its place.
    pub(crate) async fn with(&self, session: &Session, id: &Value) -> Answer {
        let mut variables = Value::Object(self.variables.clone());
        let mut at = &mut variables;
        for (n, step) in self.path.iter().enumerate() {
            at = &mut at[step];
            // An input in a list is given once.
            if at.is_array() && n + 1 < self.path.len() {
                at = &mut at[0];
            }
        }
        *at = id.clone();
        if self.goes_on {
            session.subscribe(&self.document, variables).await
        } else {
            session.query(&self.document, variables).await
        }
    }
}

impl Caller<'_> {
    /// The call of the field that a place belongs to.
    pub(crate) fn call(&self, place: &Place) -> Call {
        let field = self.schema.field(&place.owner, &place.field);
        let mut variables = Map::new();
        let (mut declared, mut given) = (Vec::new(), Vec::new());
        for arg in list(&field["args"]) {
            let name = text(&arg["name"]);
            let on_the_way = place.path[0] == name;
            if on_the_way || is_required(arg) {
                declared.push(format!("${name}: {}", spelled(&arg["type"])));
                given.push(format!("{name}: ${name}"));
                let below = on_the_way.then(|| &place.path[1..]);
                variables.insert(name.to_owned(), self.value(place, &arg["type"], name, below));
            }
        }
        let selection = self.schema.selection(inner(&field["type"]), 2);
        let mut body = format!("{}({}) {selection}", place.field, given.join(", "));
        let operation = match place.owner.as_str() {
            "Mutation" => "mutation",
            "Subscription" => "subscription",
            _ => "query",
        };
        if self.schema.nodes().contains(place.owner.as_str()) {
            body = format!("node(id: $root) {{ ... on {} {{ {body} }} }}", place.owner);
            declared.push("$root: ID!".to_owned());
            variables.insert("root".to_owned(), json!(self.of.sample(&place.owner)));
        } else if !matches!(place.owner.as_str(), "Query" | "Mutation" | "Subscription") {
            let way = self.schema.way_to(&place.owner);
            let way = way.unwrap_or_else(|| panic!("{} is not reached from the query", place.name()));
            body = way.iter().rev().fold(body, |body, step| format!("{step} {{ {body} }}"));
        }
        let document = format!("{operation}({}) {{ {body} }}", declared.join(", "));
        Call { document, variables, path: place.path.clone(), goes_on: place.is_subscription() }
    }

    /// A valid value. `below` is the rest of the path to the place, if the value is on it.
    fn value(&self, place: &Place, ty: &Value, name: &str, below: Option<&[String]>) -> Value {
        match text(&ty["kind"]) {
            "NON_NULL" => return self.value(place, &ty["ofType"], name, below),
            "LIST" => return json!([self.value(place, &ty["ofType"], name, below)]),
            _ => {}
        }
        let ty = self.schema.get(text(&ty["name"]));
        match (text(&ty["kind"]), text(&ty["name"])) {
            ("INPUT_OBJECT", _) => {
                let mut value = Map::new();
                for field in list(&ty["inputFields"]) {
                    let name = text(&field["name"]);
                    let on_the_way = below.is_some_and(|below| below[0] == name);
                    if on_the_way || is_required(field) || TEXTS.contains(&name) {
                        let below = below.filter(|_| on_the_way).map(|below| &below[1..]);
                        value.insert(name.to_owned(), self.value(place, &field["type"], name, below));
                    }
                }
                Value::Object(value)
            }
            ("ENUM", _) => ty["enumValues"][0]["name"].clone(),
            // Replaced by the id under test at the end of the path; elsewhere one of the organization's own.
            ("SCALAR", "ID") => {
                let path = vec![name.to_owned()];
                let kind = Kind::of(self.schema, &Place { path, ..place.clone() });
                let kind = kind.unwrap_or_else(|| panic!("nobody has said what `{name}` in {} is", place.name()));
                json!(own(self.of, &place.field, name, &kind))
            }
            ("SCALAR", "String") if name == "mimeType" => json!("text/plain"),
            ("SCALAR", "String") if name == "checksum" => json!("0".repeat(64)),
            ("SCALAR", "String") => json!(format!("Text {}", TEXT.fetch_add(1, Ordering::Relaxed))),
            ("SCALAR", "Int" | "Float") => json!(1),
            ("SCALAR", "Boolean") => json!(true),
            ("SCALAR", "DateTime") => json!("2026-06-01T00:00:00Z"),
            ("SCALAR", "Date") => json!("2026-06-01"),
            ("SCALAR", "Decimal") => json!("1.5"),
            ("SCALAR", "CurrencyCode") => json!("USD"),
            (kind, other) => panic!("no value is known for {kind} {other}"),
        }
    }
}
