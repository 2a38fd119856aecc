//! Every noun by its declaration: its table is as declared, and every field, filter, order and link of it does what it says. Nobody
//! lists a noun or a field here; a new one is tested the day it is declared.

mod catalogue;
mod conditions;
mod guests;
mod lists;
mod orders;
mod values;
mod writes;

pub(crate) use lists::meaning;
use tenantry_domain::noun::{ALL, Access, Declared, FieldInfo};

/// Nouns that have fields at the root of the API.
fn rooted() -> impl Iterator<Item = &'static Declared> {
    ALL.iter().filter(|noun| noun.info.rooted)
}

/// The field of a noun by its name.
fn field(noun: &Declared, name: &str) -> &'static FieldInfo {
    noun.fields().into_iter().find(|field| field.name == name).unwrap()
}

/// What selects a field in the API, and how its answer is recognised; `None` for one that the API does not show.
fn selection(field: &FieldInfo) -> Option<String> {
    if matches!(field.access, Access::Internal | Access::Secret) {
        return None;
    }
    Some(match (field.link.filter(|_| !field.as_id), field.kind) {
        (Some(link), _) if link.key == "id" => format!("{} {{ id }}", link.relation),
        (Some(link), _) => format!("{} {{ userId }}", link.relation),
        (None, tenantry_domain::noun::Kind::Money) => format!("{} {{ amount currency }}", field.api),
        _ => field.api.to_owned(),
    })
}

/// The key of a field in an answer.
fn key(field: &FieldInfo) -> &'static str {
    field.link.filter(|_| !field.as_id).map_or(field.api, |link| link.relation)
}
