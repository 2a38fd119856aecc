//! The format of exported values: an id as the API's TypeID, a number as a string of its exact digits. A JSON reader
//! may treat numbers as floats, which are not exact above 2⁵³.

use std::collections::HashMap;

use tenantry_domain::activity::EntityType;
use tenantry_domain::{EntityId, typeid};
use uuid::Uuid;

/// The row, a JSON object as PostgreSQL prints it, with the ids in these columns as TypeIDs and every number, at any
/// depth, in quotes.
///
/// It works on the text, because parsing the numbers first would lose digits.
pub(super) fn spelled(row: &str, ids: &HashMap<String, &'static str>) -> String {
    let mut out = String::with_capacity(row.len() + 64);
    let (mut rest, mut depth) = (row, 0_usize);
    // The prefix of the current column.
    let mut prefix = None;
    while let Some(first) = rest.bytes().next() {
        let length = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => rest.find(|c: char| !is_of_number(c)).unwrap_or(rest.len()),
            // Everything outside strings is ASCII.
            _ => 1,
        };
        let (token, tail) = rest.split_at(length);
        rest = tail;
        match first {
            b'"' => {
                let text = &token[1..token.len() - 1];
                let is_key = tail.starts_with(':');
                if is_key && depth == 1 {
                    prefix = ids.get(text).copied().map(|prefix| prefix_in(row, prefix));
                }
                match prefix.filter(|_| !is_key).zip(Uuid::parse_str(text).ok()) {
                    Some((prefix, uuid)) => push_id(&mut out, prefix, uuid),
                    None => out.push_str(token),
                }
            }
            b'-' | b'0'..=b'9' => out.extend(["\"", token, "\""]),
            b'{' | b'[' => {
                depth += 1;
                out.push_str(token);
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                out.push_str(token);
            }
            _ => out.push_str(token),
        }
    }
    out
}

/// The prefix of a column's ids in this row: where a column names rows of any kind, the row says of which.
fn prefix_in(row: &str, prefix: &'static str) -> &'static str {
    if prefix != EntityId::PREFIX {
        return prefix;
    }
    // A quote in a value is escaped, so this is found as a key alone.
    let kind = row.split_once(r#""entity_type": ""#).and_then(|(_, rest)| rest.split_once('"'));
    kind.and_then(|(kind, _)| kind.parse().ok()).map_or(prefix, EntityType::prefix)
}

fn push_id(out: &mut String, prefix: &str, uuid: Uuid) {
    out.push('"');
    // Writing to a String cannot fail.
    let _ = typeid::write(out, prefix, uuid);
    out.push('"');
}

fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')
}

/// The length of the string at the start of the text, including its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (n, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return n + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const CLIENT: &str = "client_01h455vb4pex5vsknk084sn02q";

    fn spelled_with_id(row: &str) -> String {
        spelled(row, &HashMap::from([("id".to_owned(), "client")]))
    }

    #[test]
    fn numbers_become_strings_of_the_same_digits_at_any_depth() {
        for (row, expected) in [
            (r#"{"a": 9007199254740993}"#, r#"{"a": "9007199254740993"}"#),
            (r#"{"a": -0.10000000, "b": 1e+21}"#, r#"{"a": "-0.10000000", "b": "1e+21"}"#),
            (r#"{"a": [1, {"b": 2}], "c": 3}"#, r#"{"a": ["1", {"b": "2"}], "c": "3"}"#),
            (r#"{"a": true, "b": null, "c": "7", "d": "é 8"}"#, r#"{"a": true, "b": null, "c": "7", "d": "é 8"}"#),
            (r#"{"a": "\" 1 \\", "b": 2}"#, r#"{"a": "\" 1 \\", "b": "2"}"#),
            (r#"{"a\" 1": "x: 2, 3", "4": 5}"#, r#"{"a\" 1": "x: 2, 3", "4": "5"}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(spelled_with_id(row), expected);
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok(), "{expected}");
        }
    }

    #[test]
    fn ids_are_formatted_only_in_their_columns() {
        let row = format!(r#"{{"id": "{UUID}", "name": "{UUID}", "more": {{"id": "{UUID}"}}, "ids": ["{UUID}"]}}"#);
        let expected =
            format!(r#"{{"id": "{CLIENT}", "name": "{UUID}", "more": {{"id": "{UUID}"}}, "ids": ["{UUID}"]}}"#);
        assert_eq!(spelled_with_id(&row), expected);
        assert_eq!(spelled_with_id(r#"{"id": null}"#), r#"{"id": null}"#);
        assert_eq!(spelled_with_id(&format!(r#"{{"id": ["{UUID}"]}}"#)), format!(r#"{{"id": ["{CLIENT}"]}}"#));
    }
}
