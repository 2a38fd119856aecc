//! What an order of a list is in SQL, and which values of a row it goes by. Both come from the noun's declaration.

use std::borrow::Cow;

use tenantry_domain::noun::{EnumInfo, FieldInfo, Kind, Noun, Rule, SortInfo, Value};

use crate::page::{Direction, SortKey, SortKind, SortValue};

/// By name, as people sort names: by the root collation of ICU, whatever the database's locale. The indexes over names are in
/// the same order. Equal names are told apart by id, like all ties.
pub(crate) const NAME_COLLATION: &str = " COLLATE \"und-x-icu\"";

/// The field with this name.
pub(crate) fn field<N: Noun>(name: &str) -> Option<&'static FieldInfo> {
    N::FIELDS.iter().map(|field| &field.info).find(|info| info.name == name)
}

/// The fields that an order goes by.
pub(crate) fn fields<N: Noun>(sort: &'static SortInfo) -> impl Iterator<Item = &'static FieldInfo> {
    sort.fields.iter().filter_map(|name| field::<N>(name))
}

/// The expressions of an order, without the id, which always comes last.
pub(crate) fn keys<N: Noun>(sort: &'static SortInfo, direction: Direction) -> Vec<SortKey> {
    fields::<N>(sort).map(|field| key(field, direction)).collect()
}

/// The row's values of these expressions.
pub(crate) fn values<N: Noun>(row: &N, sort: &'static SortInfo, direction: Direction) -> Vec<SortValue> {
    let by = N::FIELDS.iter();
    let by = |name: &&str| by.clone().find(|field| field.info.name == *name);
    sort.fields.iter().filter_map(by).map(|field| value(&field.info, (field.read)(row), direction)).collect()
}

/// A field as a list of this direction is sorted by it. Rows without a value come last in both.
pub(crate) fn key(field: &FieldInfo, direction: Direction) -> SortKey {
    let column = field.column;
    let (expression, kind) = match (field.kind, field.nullable) {
        (Kind::Time, false) => (Cow::Borrowed(column), SortKind::Time),
        (Kind::Time, true) => {
            let last = last(direction);
            (format!("coalesce({column}, '{last}'::timestamptz)").into(), SortKind::OptionalTime { last })
        }
        (Kind::Date, false) => (column.into(), SortKind::Date),
        (Kind::Date, true) => {
            let last = last(direction);
            (format!("coalesce({column}, '{last}'::date)").into(), SortKind::OptionalDate { last })
        }
        (Kind::Enum(info), _) => (rank_expression(column, info).into(), SortKind::Number),
        // What people write is sorted as people sort; what the program writes, byte by byte.
        _ if matches!(field.rule, Rule::Text(_)) => (format!("{column}{NAME_COLLATION}").into(), SortKind::Text),
        _ => (column.into(), SortKind::Text),
    };
    SortKey { expression, kind }
}

/// Sorts by an enum: the last value first.
fn rank_expression(column: &str, info: &EnumInfo) -> String {
    let others = info.values.get(1..).unwrap_or_default();
    let whens = others.iter().rev().enumerate().map(|(n, value)| format!("WHEN '{}' THEN {n} ", value.text));
    format!("(CASE {column} {}ELSE {} END)", whens.collect::<String>(), others.len())
}

/// What comes after all other times and days in a list of this direction.
const fn last(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "infinity",
        Direction::Descending => "-infinity",
    }
}

fn value(field: &FieldInfo, value: Value<'_>, direction: Direction) -> SortValue {
    match (field.kind, value) {
        (Kind::Enum(info), Value::Name(name)) => {
            let rank = info.values.iter().rev().position(|value| value.text == name);
            SortValue::Number(rank.and_then(|rank| i32::try_from(rank).ok()).unwrap_or_default())
        }
        (Kind::Time, Value::Time(time)) => SortValue::Time(time),
        (Kind::Date, Value::Date(date)) => SortValue::Date(date),
        (Kind::Time | Kind::Date, _) => SortValue::Text(last(direction).to_owned()),
        (_, Value::Text(text)) => SortValue::Text(text.into_owned()),
        _ => SortValue::Text(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::task::Task;

    use super::*;

    #[test]
    fn urgent_tasks_come_first_by_the_expression_of_the_index() {
        let info = field::<Task>("priority").expect("a field");
        let expected = "(CASE t.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END)";
        let up = Direction::Ascending;
        assert_eq!(key(info, up).expression, expected);
        let rank = |name| value(info, Value::Name(name), up);
        assert_eq!([rank("urgent"), rank("low")], [SortValue::Number(0), SortValue::Number(3)]);
    }
}
