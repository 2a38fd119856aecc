//! Where in its field's arguments a value stands. An id takes its place along, so that the code that reads it can name the field
//! that holds a wrong one.

use apollo_compiler::Schema;
use apollo_compiler::ast::Type;
use apollo_compiler::schema::ExtendedType;
use async_graphql::Value;

/// Divides the segments of a path, and the path from the text. No name of the schema holds either.
const SEGMENT: char = '\u{1F}';
const END: char = '\u{1E}';

/// A text and the path to it from the field's arguments.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Placed<'v> {
    path: &'v str,
    /// The text as it was given.
    pub(crate) text: &'v str,
}

impl<'v> Placed<'v> {
    /// Reads a value that [`place_ids`] has marked.
    pub(crate) fn read(value: &'v Value) -> Option<Self> {
        let Value::Binary(bytes) = value else { return None };
        let (path, text) = std::str::from_utf8(bytes).ok()?.split_once(END)?;
        Some(Self { path, text })
    }

    /// The segments of the path: names of arguments and fields, and indices of lists.
    pub(crate) fn path(&self) -> impl Iterator<Item = &'v str> {
        self.path.split(SEGMENT)
    }
}

/// Marks every id in a coerced value with its place.
pub(super) fn place_ids(schema: &Schema, ty: &Type, value: &mut Value, path: &mut Vec<String>) {
    match value {
        Value::List(items) if ty.is_list() => {
            for (n, item) in items.iter_mut().enumerate() {
                path.push(n.to_string());
                place_ids(schema, ty.item_type(), item, path);
                path.pop();
            }
        }
        Value::Object(fields) => {
            let Some(ExtendedType::InputObject(object)) = schema.types.get(ty.inner_named_type()) else { return };
            for (name, field) in fields {
                let Some(definition) = object.fields.get(name.as_str()) else { continue };
                path.push(name.to_string());
                place_ids(schema, &definition.ty, field, path);
                path.pop();
            }
        }
        Value::String(text) if ty.inner_named_type() == "ID" => {
            let mut placed = path.join(&SEGMENT.to_string());
            placed.push(END);
            placed.push_str(text);
            *value = Value::Binary(placed.into_bytes().into());
        }
        _ => {}
    }
}
