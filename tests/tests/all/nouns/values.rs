//! Values for the fields of any noun, and what the API answers of them.

use serde_json::{Value, json};
use tenantry_domain::noun::{FieldInfo, Kind, Rule};
use tenantry_tests::FullOrg;

/// A value for a field, another one for each `variant`, as an input takes it.
pub(super) fn given(full: &FullOrg, field: &FieldInfo, variant: usize) -> Value {
    match (field.kind, field.rule) {
        (Kind::Text, Rule::Email) => json!(format!("somebody{variant}@example.test")),
        (Kind::Text, Rule::Url) => json!(format!("https://example.test/{variant}")),
        (Kind::Text, Rule::Country) => json!(["DE", "FR", "IN", "JP", "US"][variant % 5]),
        (Kind::Text, Rule::Color) => json!(format!("#{variant}{variant}{variant}abc")),
        (Kind::Text, _) => json!(format!("{} {variant}", field.name)),
        (Kind::Boolean, _) => json!(variant % 2 == 1),
        (Kind::Time, _) => json!(format!("2026-0{variant}-01T00:00:00Z")),
        (Kind::Date, _) => json!(format!("2026-0{variant}-01")),
        (Kind::Integer, _) => json!(variant),
        (Kind::Decimal, _) => json!(format!("0.{variant}")),
        (Kind::Money, _) => json!({ "amount": format!("{variant}00.00"), "currency": (["USD", "EUR"][variant % 2]) }),
        (Kind::Ids(_), _) => json!([full.ada.user_id.to_string()]),
        (Kind::Enum(info), _) => json!(info.values[variant % info.values.len()].text.to_ascii_uppercase()),
        (Kind::Id(_), _) => match field.link {
            Some(link) if link.key == "id" => json!(full.ids(link.noun)[variant]),
            _ => json!([&full.ada, &full.org.owner][variant % 2].user_id.to_string()),
        },
    }
}

/// What the API answers of a field that was given this.
pub(super) fn shown(field: &FieldInfo, given: &Value) -> Value {
    match field.link.filter(|_| !field.as_id) {
        _ if given.is_null() => Value::Null,
        Some(link) if link.key == "id" => json!({ "id": given }),
        Some(_) => json!({ "userId": given }),
        None => given.clone(),
    }
}
