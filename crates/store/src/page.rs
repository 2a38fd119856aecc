//! Pages of a list: requests, results, and the cursors between them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use uuid::Uuid;

use crate::sql::Sql;

/// The direction of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Greatest first.
    #[default]
    Descending,
}

/// A position in a list: the values that it is sorted by, and the id that breaks ties.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Cursor {
    pub(crate) values: Vec<SortValue>,
    pub(crate) id: Uuid,
}

/// A value that a list is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum SortValue {
    Time(DateTime<Utc>),
    Date(NaiveDate),
    Text(String),
    Number(i32),
}

impl SortValue {
    fn text(&self) -> Cow<'_, str> {
        match self {
            // PostgreSQL holds microseconds.
            Self::Time(value) => value.timestamp_micros().to_string().into(),
            Self::Date(value) => value.to_string().into(),
            Self::Text(value) => value.into(),
            Self::Number(value) => value.to_string().into(),
        }
    }
}

/// One expression that a list is sorted by.
#[derive(Debug, Clone)]
pub(crate) struct SortKey {
    /// The expression over the table `t`.
    pub(crate) expression: Cow<'static, str>,
    /// Its type.
    pub(crate) kind: SortKind,
    /// Which way it runs.
    pub(crate) direction: Direction,
}

/// The type of a sort key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SortKind {
    Time,
    /// A time, with PostgreSQL's `infinity` or `-infinity` for null. The driver cannot decode them, so they never leave a
    /// statement; cursors contain their text.
    OptionalTime {
        /// Which of the two.
        last: &'static str,
    },
    Date,
    /// As [`OptionalTime`](Self::OptionalTime), for a date.
    OptionalDate {
        /// Which of the two.
        last: &'static str,
    },
    Text,
    Number,
}

impl SortKind {
    /// Parses a value from a cursor. A cursor can be forged, so values that PostgreSQL would not accept are refused: a
    /// time or a day beyond the years that can be written, and U+0000 in a text.
    fn read(self, text: &str) -> Option<SortValue> {
        match self {
            Self::OptionalTime { last } | Self::OptionalDate { last } if text == last => {
                Some(SortValue::Text(text.to_owned()))
            }
            Self::Time | Self::OptionalTime { .. } => {
                let time = DateTime::from_timestamp_micros(text.parse().ok()?)?;
                (0..=9999).contains(&time.year()).then_some(SortValue::Time(time))
            }
            Self::Date | Self::OptionalDate { .. } => {
                let day: NaiveDate = text.parse().ok()?;
                (0..=9999).contains(&day.year()).then_some(SortValue::Date(day))
            }
            Self::Text => (!text.contains('\0')).then(|| SortValue::Text(text.to_owned())),
            Self::Number => text.parse().ok().map(SortValue::Number),
        }
    }

    /// Binds the value as this type.
    pub(crate) fn bind(self, sql: &mut Sql, value: &SortValue) {
        match (self, value) {
            (_, SortValue::Time(value)) => sql.bind(*value),
            (_, SortValue::Date(value)) => sql.bind(*value),
            (_, SortValue::Number(value)) => sql.bind(*value),
            (Self::OptionalTime { last }, SortValue::Text(_)) => sql.push("'").push(last).push("'::timestamptz"),
            (Self::OptionalDate { last }, SortValue::Text(_)) => sql.push("'").push(last).push("'::date"),
            (_, SortValue::Text(value)) => sql.bind(value.clone()),
        };
    }
}

impl Cursor {
    /// The cursor's text for a caller, who is not to look into it. `order` tells lists of another order apart. The parts are an
    /// array of texts in JSON, so that no text that is sorted by can be mistaken for the end of its part.
    pub(crate) fn encode(&self, order: &str) -> String {
        let id = self.id.simple().to_string();
        let values = self.values.iter().map(SortValue::text);
        let parts: Vec<Cow<'_, str>> =
            [Cow::Borrowed(order)].into_iter().chain(values).chain([Cow::Owned(id)]).collect();
        URL_SAFE_NO_PAD.encode(serde_json::Value::from(parts).to_string())
    }

    /// Parses a cursor that [`encode`](Self::encode) created for the same order; `None` for anything else.
    pub(crate) fn decode(text: &str, order: &str, keys: &[SortKey]) -> Option<Self> {
        let parts: Vec<String> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = parts.iter();
        if parts.next()? != order {
            return None;
        }
        let values = keys.iter().map(|key| key.kind.read(parts.next()?)).collect::<Option<Vec<_>>>()?;
        let id = Uuid::try_parse(parts.next()?).ok()?;
        parts.next().is_none().then_some(Self { values, id })
    }
}

/// Which rows of a list are requested.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// How many rows, 0 to 100.
    pub limit: u32,
    /// Whether to take the last rows instead of the first.
    pub from_end: bool,
    /// Only rows after this cursor.
    pub after: Option<String>,
    /// Only rows before this cursor.
    pub before: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: 20, from_end: false, after: None, before: None }
    }
}

/// Some rows of a list, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Whether there are rows after them.
    pub has_next: bool,
    /// Whether there are rows before them.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Makes a page from the rows of a statement, which requested one row more than the page has.
    pub(crate) fn new(mut items: Vec<T>, request: &PageRequest) -> Self {
        let wanted = request.limit as usize;
        let more = items.len() > wanted;
        items.truncate(wanted);
        if request.from_end {
            items.reverse();
            Self { items, has_next: request.before.is_some(), has_previous: more }
        } else {
            Self { items, has_next: more, has_previous: request.after.is_some() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[SortKey] = &[
        SortKey {
            expression: Cow::Borrowed("t.a"),
            kind: SortKind::OptionalTime { last: "infinity" },
            direction: Direction::Ascending,
        },
        SortKey { expression: Cow::Borrowed("t.b"), kind: SortKind::Text, direction: Direction::Ascending },
    ];

    #[test]
    fn a_cursor_can_be_encoded_and_decoded() {
        for time in [None, DateTime::from_timestamp_micros(1_700_000_000_123_456)] {
            let time = time.map_or_else(|| SortValue::Text("infinity".to_owned()), SortValue::Time);
            let values = vec![time, SortValue::Text("Ünïcode 🙂 \u{1f} \", \"".into())];
            let cursor = Cursor { values, id: Uuid::from_u128(7) };
            let text = cursor.encode("X");
            assert_eq!(Cursor::decode(&text, "X", KEYS), Some(cursor));
            assert!(Cursor::decode(&text, "Y", KEYS).is_none(), "a cursor of another order is refused");
            assert!(Cursor::decode(&text, "X", &KEYS[..1]).is_none());
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "x", "!!!", "AAAA", &URL_SAFE_NO_PAD.encode(r#"["X", "1", "b"]"#), &"A".repeat(10_000)] {
            assert!(Cursor::decode(text, "X", KEYS).is_none(), "{text}");
        }
    }
}
