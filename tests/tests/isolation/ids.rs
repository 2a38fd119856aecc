//! Every place in the schema that takes an id: an argument of a field, or a field of an input at any depth.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use tenantry_tests::Session;

/// A document that asks for the whole schema.
const DOCUMENT: &str = "{ __schema {
    types { kind name fields { name args { ...input } type { ...ref } } inputFields { ...input } enumValues { name }
        possibleTypes { name } } } }
    fragment input on __InputValue { name defaultValue type { ...ref } }
    fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The schema, as it describes itself.
pub(crate) struct Schema(BTreeMap<String, Value>);

/// A place that takes an id.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The type with the field, and the field.
    pub(crate) owner: String,
    pub(crate) field: String,
    /// The argument, and the fields of inputs below it.
    pub(crate) path: Vec<String>,
    /// The input with the last of them; `None` if that is the argument itself.
    pub(crate) input: Option<String>,
    pub(crate) is_list: bool,
}

impl Place {
    /// For example `Mutation.updateTask(input.parentTaskId)`.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}({})", self.owner, self.field, self.path.join("."))
    }

    /// The name of the argument or input field that takes the id.
    pub(crate) fn argument(&self) -> &str {
        self.path.last().unwrap()
    }

    /// Whether it says what linked rows are not: in a small organization that is true of every row, whatever the id.
    pub(crate) fn is_always_true(&self) -> bool {
        let negative = |name: &String| name.starts_with("hasNo") || name.ends_with("Not");
        let linked = self.path.iter().position(|name| name.starts_with("has"));
        linked.is_some_and(|linked| self.path[linked + 1..].iter().any(negative))
    }

    /// Whether it says what linked rows are.
    pub(crate) fn is_about_linked(&self) -> bool {
        self.path.iter().any(|name| name.starts_with("has"))
    }

    pub(crate) fn is_subscription(&self) -> bool {
        self.owner == "Subscription"
    }

    pub(crate) fn is_mutation(&self) -> bool {
        self.owner == "Mutation"
    }
}

impl Schema {
    pub(crate) async fn of(session: &Session) -> Self {
        let schema = session.data(DOCUMENT).await["__schema"].clone();
        let types = schema["types"].as_array().unwrap().iter();
        let types = types.filter(|ty| !text(&ty["name"]).starts_with("__"));
        Self(types.map(|ty| (text(&ty["name"]).to_owned(), ty.clone())).collect())
    }

    pub(crate) fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or_else(|| panic!("no type {name}"))
    }

    /// The object types with a global id.
    pub(crate) fn nodes(&self) -> BTreeSet<&str> {
        list(&self.get("Node")["possibleTypes"]).map(|ty| text(&ty["name"])).collect()
    }

    pub(crate) fn fields(&self, type_name: &str) -> impl Iterator<Item = &Value> {
        list(&self.get(type_name)["fields"])
    }

    pub(crate) fn field(&self, type_name: &str, name: &str) -> &Value {
        self.fields(type_name).find(|field| field["name"] == name).unwrap()
    }

    /// How many fields the object types have.
    pub(crate) fn field_count(&self) -> usize {
        self.objects().map(|ty| list(&ty["fields"]).count()).sum()
    }

    fn objects(&self) -> impl Iterator<Item = &Value> {
        self.0.values().filter(|ty| ty["kind"] == "OBJECT")
    }

    /// Every place that takes an id.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for ty in self.objects() {
            for field in list(&ty["fields"]) {
                for arg in list(&field["args"]) {
                    // A filter in a filter is tried everywhere, and a third one in the lists of the root.
                    let max_filters = if ty["name"] == "Query" { 3 } else { 2 };
                    for (path, input, is_list) in self.below(arg, max_filters, &mut Vec::new()) {
                        let (owner, field) = (text(&ty["name"]).to_owned(), text(&field["name"]).to_owned());
                        places.push(Place { owner, field, path, input, is_list });
                    }
                }
            }
        }
        places
    }

    /// The paths to all ids at or below an argument or an input's field, each with the input that it ends in, and whether it
    /// takes a list.
    fn below(
        &self,
        input: &Value,
        max_filters: usize,
        seen: &mut Vec<String>,
    ) -> Vec<(Vec<String>, Option<String>, bool)> {
        let name = text(&input["name"]).to_owned();
        let inner = inner(&input["type"]);
        let ty = self.get(inner);
        if inner == "ID" {
            return vec![(vec![name], seen.last().cloned(), spelled(&input["type"]).starts_with('['))];
        }
        let filters = seen.iter().filter(|above| above.ends_with("Filter")).count();
        let too_deep = inner.ends_with("Filter") && filters == max_filters;
        // An input nested in itself takes nothing new.
        if ty["kind"] != "INPUT_OBJECT" || too_deep || seen.iter().any(|above| above == inner) {
            return Vec::new();
        }
        seen.push(inner.to_owned());
        let mut ways = Vec::new();
        for field in list(&ty["inputFields"]) {
            for (way, holder, is_list) in self.below(field, max_filters, seen) {
                ways.push(([vec![name.clone()], way].concat(), holder, is_list));
            }
        }
        seen.pop();
        ways
    }

    /// A selection of every field that takes no argument, this many levels deep; empty for a leaf.
    pub(crate) fn selection(&self, type_name: &str, depth: usize) -> String {
        match text(&self.get(type_name)["kind"]) {
            "OBJECT" => {}
            "INTERFACE" => return "{ __typename id }".to_owned(),
            "UNION" => return "{ __typename }".to_owned(),
            _ => return String::new(),
        }
        let mut selected = vec!["__typename".to_owned()];
        for field in self.fields(type_name) {
            let below = inner(&field["type"]);
            let composite = matches!(text(&self.get(below)["kind"]), "OBJECT" | "INTERFACE" | "UNION");
            // `nodes` covers `edges`.
            if list(&field["args"]).next().is_some() || composite && (depth == 0 || field["name"] == "edges") {
                continue;
            }
            let below = if composite { self.selection(below, depth - 1) } else { String::new() };
            selected.push(format!("{} {below}", text(&field["name"])));
        }
        format!("{{ {} }}", selected.join(" "))
    }

    /// The fields that lead from the query to an object type without a required argument; `None` if there are none.
    pub(crate) fn way_to(&self, type_name: &str) -> Option<Vec<String>> {
        let mut ways = VecDeque::from([("Query".to_owned(), Vec::new())]);
        let mut seen = BTreeSet::new();
        while let Some((reached, way)) = ways.pop_front() {
            if reached == type_name {
                return Some(way);
            }
            for field in list(&self.get(&reached)["fields"]) {
                let next = inner(&field["type"]).to_owned();
                if !list(&field["args"]).any(is_required) && seen.insert(next.clone()) {
                    let step = text(&field["name"]).to_owned();
                    ways.push_back((next, [way.clone(), vec![step]].concat()));
                }
            }
        }
        None
    }
}

/// Whether an argument or an input's field is required.
pub(crate) fn is_required(input: &Value) -> bool {
    input["type"]["kind"] == "NON_NULL" && input["defaultValue"].is_null()
}

/// The items of an array that may be null.
pub(crate) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}"))
}

/// The name of a type, without list and non-null wrappers.
pub(crate) fn inner(ty: &Value) -> &str {
    match &ty["ofType"] {
        Value::Null => text(&ty["name"]),
        below => inner(below),
    }
}

/// A type as written in a document.
pub(crate) fn spelled(ty: &Value) -> String {
    match text(&ty["kind"]) {
        "NON_NULL" => format!("{}!", spelled(&ty["ofType"])),
        "LIST" => format!("[{}]", spelled(&ty["ofType"])),
        _ => text(&ty["name"]).to_owned(),
    }
}
