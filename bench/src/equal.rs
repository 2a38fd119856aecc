//! Compares two contestants' answers. Each has its own format of ids, times, enum values and amounts, so both are
//! normalised first.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tenantry_domain::{Currency, Money, typeid};

/// An answer's data, normalised: UUIDs, UTC to the microsecond, lower-case enum values, amounts in major units.
pub(crate) fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut normal: Map<String, Value> =
                fields.iter().map(|(key, value)| (key.clone(), self::normal(value))).collect();
            fold_amounts(fields, &mut normal);
            Value::Object(normal)
        }
        Value::Array(items) => Value::Array(items.iter().map(normal).collect()),
        Value::String(text) => Value::String(normal_text(text)),
        other => other.clone(),
    }
}

fn normal_text(text: &str) -> String {
    if let Ok((_, uuid)) = typeid::split(text) {
        return uuid.to_string();
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return time.with_timezone(&Utc).to_rfc3339_opts(SecondsFormat::Micros, true);
    }
    let is_enum = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if is_enum { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// A `total` in minor units next to its `currency`, as stored in the table, becomes an amount of money.
fn fold_amounts(fields: &Map<String, Value>, normal: &mut Map<String, Value>) {
    let currency = fields.get("currency").and_then(|currency| currency.as_str()?.parse::<Currency>().ok());
    let total = fields.get("total").and_then(|total| total.as_str()?.parse::<i64>().ok());
    if let (Some(currency), Some(total)) = (currency, total) {
        let amount: Decimal = Money::from_minor(total, currency).amount();
        normal.remove("currency");
        normal.insert(
            "total".to_owned(),
            json!({ "amount": amount.to_string(), "currency": normal_text(currency.as_str()) }),
        );
    }
}

/// The first place where two answers differ, with both values; both answers must be normalised.
pub(crate) fn difference(left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            let missing = b.keys().find(|key| !a.contains_key(*key)).map(|key| format!(".{key}: only on one side"));
            missing.or_else(|| {
                a.iter().find_map(|(key, value)| match b.get(key) {
                    Some(other) => difference(value, other).map(|rest| format!(".{key}{rest}")),
                    None => Some(format!(".{key}: only on one side")),
                })
            })
        }
        (Value::Array(a), Value::Array(b)) => {
            let mut pairs = a.iter().zip(b).enumerate();
            let found = pairs.find_map(|(n, (a, b))| difference(a, b).map(|rest| format!("[{n}]{rest}")));
            found.or_else(|| (a.len() != b.len()).then(|| format!(": {} items and {}", a.len(), b.len())))
        }
        (a, b) => (a != b).then(|| format!(": {a} and {b}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_answer_in_three_spellings() {
        let ours = json!({ "id": "task_01h455vb4pex5vsknk084sn02q", "status": "IN_REVIEW", "name": "Ada",
            "at": "2026-01-31T12:00:00.5Z", "total": { "amount": "12.50", "currency": "USD" } });
        let peers = json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "status": "in_review", "name": "Ada",
            "at": "2026-01-31T13:00:00.500000+01:00", "total": "1250", "currency": "USD" });
        let floor = json!({ "id": "01890a5d-ac96-774b-bcce-b302099a8057", "status": "in_review", "name": "Ada",
            "at": "2026-01-31T12:00:00.5+00:00", "total": { "amount": "12.50", "currency": "USD" } });
        assert_eq!(difference(&normal(&ours), &normal(&peers)), None);
        assert_eq!(difference(&normal(&ours), &normal(&floor)), None);
    }

    #[test]
    fn a_difference_is_reported_with_its_path() {
        let (a, b) = (json!({ "a": [{ "b": 1 }] }), json!({ "a": [{ "b": 2 }] }));
        assert_eq!(difference(&a, &b).as_deref(), Some(".a[0].b: 1 and 2"));
        assert!(difference(&json!([1]), &json!([1, 2])).is_some());
        assert!(difference(&json!({}), &json!({ "a": 1 })).is_some());
    }
}
