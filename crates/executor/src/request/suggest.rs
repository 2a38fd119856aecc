//! What a misspelled name was probably meant to be, as a sentence behind the error. Only where clients may read the schema.

use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{Name, Schema};

/// The most names that are suggested.
const MOST: usize = 3;

/// A sentence for the message of an error of `apollo-compiler`; `None` where no name is at fault or none is near.
///
/// The names stand in the message between backticks. A message of another form gets no suggestion.
pub(super) fn suggestion(schema: &Schema, message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (first, second) = (quoted.next()?, quoted.next());
    let (wrong, names): (&str, Vec<&str>) = if message.contains("does not have a field") {
        (second?, fields_of(schema, first))
    } else if message.contains("argument") && message.contains("is not supported by") {
        let (ty, field) = second?.split_once('.')?;
        let field = schema.type_field(ty, field).ok()?;
        (first, field.arguments.iter().map(|argument| argument.name.as_str()).collect())
    } else if message.contains("cannot find type") {
        (first, schema.types.keys().map(Name::as_str).filter(|name| !name.starts_with("__")).collect())
    } else {
        return None;
    };
    let allowed = |name: &str| wrong.len().max(name.len()) / 3;
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        // Names whose lengths differ by more are not compared, which costs their product.
        .filter(|name| wrong.len().abs_diff(name.len()) <= allowed(name))
        .map(|name| (strsim::damerau_levenshtein(wrong, name), name))
        .filter(|(distance, name)| *distance <= allowed(name))
        .collect();
    near.sort_unstable();
    let near: Vec<String> = near.into_iter().take(MOST).map(|(_, name)| format!("`{name}`")).collect();
    (!near.is_empty()).then(|| format!("Did you mean {}?", near.join(" or ")))
}

fn fields_of<'s>(schema: &'s Schema, ty: &str) -> Vec<&'s str> {
    let fields = match schema.types.get(ty) {
        Some(ExtendedType::Object(object)) => &object.fields,
        Some(ExtendedType::Interface(interface)) => &interface.fields,
        _ => return Vec::new(),
    };
    fields.keys().map(Name::as_str).collect()
}
