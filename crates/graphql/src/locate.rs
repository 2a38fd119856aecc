//! Names the field of an input that holds a refused value.
//!
//! async-graphql says which input object it was reading, but not which field of it. The refused value itself is known, so the
//! field is found by looking for it among the arguments of the field that failed. This runs only when something was refused.

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{PathSegment, ServerError, Value, Variables};

/// The extension that carries the refused value from the scalar to here. It never leaves the server.
pub(crate) const REFUSED: &str = "refusedValue";

/// Replaces each refused value by the path of the field that holds it.
pub(crate) fn name_fields(errors: &mut [ServerError], query: &str, variables: &Variables) {
    if !errors.iter().any(|error| error.extensions.as_ref().is_some_and(|e| e.get(REFUSED).is_some())) {
        return;
    }
    // The document was read once already; it was given away to be executed.
    let document = async_graphql::parser::parse_query(query).ok();
    for error in errors {
        let Some(extensions) = &mut error.extensions else { continue };
        let Some(Value::String(refused)) = extensions.get(REFUSED).cloned() else { continue };
        extensions.unset(REFUSED);
        let path = document.as_ref().and_then(|document| {
            let field = field_at(document, &error.path)?;
            let arguments = field.arguments.iter().map(|(name, value)| {
                let value = value
                    .node
                    .clone()
                    .into_const_with(|variable| Ok::<_, ()>(variables.get(&variable).cloned().unwrap_or_default()));
                (name.node.to_string(), value.unwrap_or_default())
            });
            arguments.into_iter().find_map(|(name, value)| {
                let mut path = vec![name];
                holds(&value, &refused, &mut path).then_some(path)
            })
        });
        if let Some(path) = path {
            error.message = format!("{}: {}", path.join("."), reason(&error.message));
            extensions.set("field", Value::List(path.into_iter().map(Value::String).collect()));
        }
    }
}

/// The part of async-graphql's message that says what is wrong with the value.
fn reason(message: &str) -> &str {
    let message = message.split_once("\": ").map_or(message, |(_, reason)| reason);
    message.split_once(" (occurred while parsing").map_or(message, |(reason, _)| reason)
}

/// The field at the end of an error's path, in any operation of the document.
fn field_at<'d>(document: &'d ExecutableDocument, path: &[PathSegment]) -> Option<&'d Field> {
    let keys: Vec<&str> = path
        .iter()
        .filter_map(|segment| match segment {
            PathSegment::Field(key) => Some(key.as_str()),
            PathSegment::Index(_) => None,
        })
        .collect();
    let mut operations = document.operations.iter();
    operations.find_map(|(_, operation)| descend(document, &operation.node.selection_set.node, &keys))
}

fn descend<'d>(document: &'d ExecutableDocument, selection: &'d SelectionSet, keys: &[&str]) -> Option<&'d Field> {
    let (key, rest) = keys.split_first()?;
    selection.items.iter().find_map(|item| match &item.node {
        Selection::Field(field) if field.node.response_key().node == *key => {
            if rest.is_empty() {
                Some(&field.node)
            } else {
                descend(document, &field.node.selection_set.node, rest)
            }
        }
        Selection::Field(_) => None,
        Selection::InlineFragment(fragment) => descend(document, &fragment.node.selection_set.node, keys),
        // The guard has refused circles and bounds how much fragments unfold to.
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node)?;
            descend(document, &fragment.node.selection_set.node, keys)
        }
    })
}

/// Whether the value is or contains the refused text; leaves the way to it in `path`.
fn holds(value: &Value, refused: &str, path: &mut Vec<String>) -> bool {
    match value {
        Value::String(text) => text == refused,
        Value::List(items) => items.iter().enumerate().any(|(n, item)| holds_at(item, refused, path, n.to_string())),
        Value::Object(fields) => fields.iter().any(|(name, field)| holds_at(field, refused, path, name.to_string())),
        _ => false,
    }
}

fn holds_at(value: &Value, refused: &str, path: &mut Vec<String>, segment: String) -> bool {
    path.push(segment);
    let found = holds(value, refused, path);
    if !found {
        path.pop();
    }
    found
}
