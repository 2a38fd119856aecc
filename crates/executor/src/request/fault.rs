//! What is wrong with a request, before anything of it runs.

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value};

/// The extension that holds the plain reason of a refused value, to be told behind the path of the field that holds it. It
/// never leaves the server.
pub(crate) const REASON: &str = "reason";

/// The code of a request that does not fit the schema.
const BAD_USER_INPUT: &str = "BAD_USER_INPUT";

/// The most faults that are looked for.
pub(super) const MOST: usize = 50;

/// The longest message. A document of one long line would otherwise be echoed in full.
const MAX_MESSAGE: usize = 512;

/// A fault of the document as such.
pub(super) fn of_document(message: &str, locations: Vec<Pos>) -> ServerError {
    let message = match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    };
    let mut error = ServerError::new(message, None);
    error.locations = locations;
    error.extensions = Some(coded());
    error
}

/// A value that does not fit; `path` leads to it from the arguments of the field.
pub(super) fn of_value(path: &[String], reason: &str, at: Pos) -> ServerError {
    let mut error = of_document(&format!("{}: {reason}", path.join(".")), vec![at]);
    let field = path.iter().cloned().map(Value::String).collect();
    error.extensions.get_or_insert_default().set("field", Value::List(field));
    error
}

/// A value of a variable that does not fit; `inside` leads to it from the variable's value, `used` to the variable from the
/// arguments of the field that uses it.
pub(super) fn of_variable(
    variable: &str,
    used: Option<Vec<String>>,
    inside: &[String],
    reason: &str,
    at: Pos,
) -> ServerError {
    let mut place = vec![format!("${variable}")];
    place.extend_from_slice(inside);
    let mut error = of_document(&format!("{}: {reason}", place.join(".")), vec![at]);
    let extensions = error.extensions.get_or_insert_default();
    extensions.set("variable", variable);
    if let Some(mut path) = used {
        path.extend_from_slice(inside);
        extensions.set("field", Value::List(path.into_iter().map(Value::String).collect()));
    }
    error
}

fn coded() -> ErrorExtensionValues {
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", BAD_USER_INPUT);
    extensions
}
