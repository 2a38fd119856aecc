//! Leaves: fields that need neither arguments nor the database. They are rendered where they stand, without a future each,
//! because most of every answer is made of them.

use std::borrow::Cow;
use std::fmt::Write as _;

use async_graphql::Value;
use async_graphql::indexmap::IndexMap;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use tenantry_domain::noun::{Kind, Value as FieldValue};
use tenantry_domain::{Money, typeid};
use uuid::Uuid;

/// The value of a leaf.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaf<'a> {
    /// No value.
    Null,
    /// Any text.
    Text(&'a str),
    /// A text that needs no escaping, such as an enum's name.
    Plain(&'static str),
    /// A value of an enum, as the database holds it; the answer has it in capitals.
    Name(&'static str),
    /// A text that was made for the answer.
    Made(String),
    /// A truth value.
    Boolean(bool),
    /// A whole number.
    Integer(i32),
    /// An id.
    Id(&'static str, Uuid),
    /// A point in time.
    Time(DateTime<Utc>),
    /// A day.
    Day(NaiveDate),
    /// An amount, of which the selection tells what is wanted.
    Money(Money),
}

impl<'a> Leaf<'a> {
    /// The leaf that a field of this kind is.
    pub fn of(kind: Kind, value: FieldValue<'a>) -> Self {
        match value {
            // An amount is read with its currency, so it never comes without. Several ids are no field of a row.
            FieldValue::Null | FieldValue::Minor(_) | FieldValue::Ids(_) => Self::Null,
            FieldValue::Text(Cow::Borrowed(text)) => Self::Text(text),
            FieldValue::Text(Cow::Owned(text)) => Self::Made(text),
            FieldValue::Name(name) => Self::Name(name),
            FieldValue::Boolean(truth) => Self::Boolean(truth),
            FieldValue::Id(id) => match kind {
                Kind::Id(prefix) => Self::Id(prefix, id),
                _ => Self::Null,
            },
            FieldValue::Time(time) => Self::Time(time),
            FieldValue::Date(day) => Self::Day(day),
            FieldValue::Decimal(value) => Self::Made(value.to_string()),
            FieldValue::Integer(value) => Self::Integer(value),
            FieldValue::Money(money) => Self::Money(money),
        }
    }

    /// Appends the leaf as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Text(text) => write_text(out, text),
            Self::Made(text) => write_text(out, text),
            Self::Plain(text) => quoted(out, |out| out.extend_from_slice(text.as_bytes())),
            Self::Name(name) => quoted(out, |out| out.extend(name.bytes().map(|byte| byte.to_ascii_uppercase()))),
            Self::Boolean(true) => out.extend_from_slice(b"true"),
            Self::Boolean(false) => out.extend_from_slice(b"false"),
            Self::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Id(prefix, uuid) => quoted(out, |out| {
                out.extend_from_slice(prefix.as_bytes());
                out.push(b'_');
                out.extend_from_slice(&typeid::encode(*uuid));
            }),
            Self::Time(time) => quoted(out, |out| {
                let _ = write!(Ascii(out), "{}", time_text(*time));
            }),
            Self::Day(day) => quoted(out, |out| {
                let _ = write!(Ascii(out), "{day}");
            }),
            // What is selected of an amount is written by whoever knows it; here, nothing is.
            Self::Money(_) => out.extend_from_slice(b"{}"),
        }
    }

    /// The leaf as a value of async-graphql.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) | Self::Plain(text) => Value::String((*text).to_owned()),
            Self::Name(name) => Value::String(name.to_ascii_uppercase()),
            Self::Made(text) => Value::String(text.clone()),
            Self::Boolean(truth) => Value::Boolean(*truth),
            Self::Integer(value) => Value::Number((*value).into()),
            Self::Id(prefix, uuid) => {
                let mut text = String::with_capacity(prefix.len() + 1 + typeid::SUFFIX_LENGTH);
                // Writing to a String cannot fail.
                let _ = typeid::write(&mut text, prefix, *uuid);
                Value::String(text)
            }
            Self::Time(time) => Value::String(time_text(*time)),
            Self::Day(day) => Value::String(day.to_string()),
            Self::Money(_) => Value::Object(IndexMap::new()),
        }
    }
}

/// RFC 3339 in UTC, with microseconds when there are any.
fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Appends a JSON string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    // A Vec takes every byte and a text is always valid JSON, so there is nothing that could fail.
    let _ = serde_json::to_writer(out, text);
}

fn quoted(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    content(out);
    out.push(b'"');
}

/// Lets `write!` append to bytes.
struct Ascii<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Ascii<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

/// What can be the value of a leaf.
pub trait ToLeaf<'a> {
    /// The leaf.
    fn to_leaf(self) -> Leaf<'a>;
}

impl<'a> ToLeaf<'a> for &'a str {
    fn to_leaf(self) -> Leaf<'a> {
        Leaf::Text(self)
    }
}

impl ToLeaf<'_> for bool {
    fn to_leaf(self) -> Leaf<'static> {
        Leaf::Boolean(self)
    }
}

impl<'a, T: ToLeaf<'a>> ToLeaf<'a> for Option<T> {
    fn to_leaf(self) -> Leaf<'a> {
        self.map_or(Leaf::Null, T::to_leaf)
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::Currency;

    use super::*;

    #[test]
    fn the_bytes_and_the_value_say_the_same() {
        let time = DateTime::from_timestamp_micros(1_700_000_000_123_456).expect("in range");
        for leaf in [
            Leaf::Null,
            Leaf::Text("\"quoted\" \\ \u{1} 🙂 مرحبا"),
            Leaf::Made("made\n".into()),
            Leaf::Plain("IN_PROGRESS"),
            Leaf::Name("in_progress"),
            Leaf::Boolean(true),
            Leaf::Boolean(false),
            Leaf::Id("client", Uuid::max()),
            Leaf::Time(time),
            Leaf::Time(DateTime::UNIX_EPOCH),
            Leaf::Day(NaiveDate::from_ymd_opt(2026, 1, 2).expect("a day")),
            Leaf::Money(Money::from_minor(17_464_000, Currency::USD)),
        ] {
            let mut bytes = Vec::new();
            leaf.write(&mut bytes);
            let written: serde_json::Value = serde_json::from_slice(&bytes).expect("valid JSON");
            assert_eq!(written, leaf.to_value().into_json().expect("a JSON value"), "{leaf:?}");
        }
    }
}
