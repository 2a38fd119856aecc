//! What an order of a list is in SQL, and which values of a row it goes by. Both come from the noun's declaration.

use std::borrow::Cow;

use tenantry_domain::noun::{EnumInfo, FieldInfo, Kind, Noun, Rule, Value};

use crate::page::{Cursor, Direction, SortKey, SortKind, SortValue};
use crate::sql::Sql;

/// By name, as people sort names: by the root collation of ICU, whatever the database's locale. The indexes over names are in
/// the same order. Equal names are told apart by id, like all ties.
pub(crate) const NAME_COLLATION: &str = " COLLATE \"und-x-icu\"";

/// The field with this name.
pub(crate) fn field<N: Noun>(name: &str) -> Option<&'static FieldInfo> {
    N::FIELDS.iter().map(|field| &field.info).find(|info| info.name == name)
}

/// The fields that an order goes by.
pub(crate) fn fields<N: Noun>(order: &[(N::Sort, Direction)]) -> impl Iterator<Item = &'static FieldInfo> {
    order.iter().flat_map(|(sort, _)| N::sort_info(*sort).fields).filter_map(|name| field::<N>(name))
}

/// The expressions of an order, without the id, which always comes last.
pub(crate) fn keys<N: Noun>(order: &[(N::Sort, Direction)]) -> Vec<SortKey> {
    let fields = |(sort, direction): &(N::Sort, Direction)| {
        let direction = *direction;
        N::sort_info(*sort).fields.iter().filter_map(move |name| Some(key(field::<N>(name)?, direction)))
    };
    order.iter().flat_map(fields).collect()
}

/// The row's values of these expressions.
pub(crate) fn values<N: Noun>(row: &N, order: &[(N::Sort, Direction)]) -> Vec<SortValue> {
    let value = |name: &&str, direction| {
        let field = N::FIELDS.iter().find(|field| field.info.name == *name)?;
        Some(value(&field.info, (field.read)(row), direction))
    };
    let values = |(sort, direction): &(N::Sort, Direction)| {
        let direction = *direction;
        N::sort_info(*sort).fields.iter().filter_map(move |name| value(name, direction))
    };
    order.iter().flat_map(values).collect()
}

/// Narrows to the rows that come after a cursor in a list of this order, or before it.
pub(crate) fn narrow_to_side(keys: &[SortKey], cursor: &Cursor, is_after: bool, sql: &mut Sql) {
    let comparison = |direction| if (direction == Direction::Ascending) == is_after { " > " } else { " < " };
    let Some(last) = keys.last() else { return };
    if keys.iter().all(|key| key.direction == last.direction) {
        // A row comparison, because PostgreSQL turns it into one range of the index.
        sql.push(" AND (");
        for key in keys {
            sql.push(&key.expression).push(", ");
        }
        sql.push("t.id)").push(comparison(last.direction)).push("(");
        for (key, value) in keys.iter().zip(&cursor.values) {
            key.kind.bind(sql, value);
            sql.push(", ");
        }
        sql.bind(cursor.id).push(")");
        return;
    }
    // Keys that run different ways: a row is on this side by the first key in which it differs. What is said of the first key
    // alone is what an index can begin with.
    if let (Some(first), Some(value)) = (keys.first(), cursor.values.first()) {
        sql.push(" AND ").push(&first.expression).push(comparison(first.direction).trim_end()).push("= ");
        first.kind.bind(sql, value);
    }
    sql.push(" AND (");
    for end in 0..=keys.len() {
        sql.push(if end == 0 { "(" } else { " OR (" });
        for (key, value) in keys.iter().zip(&cursor.values).take(end) {
            sql.push(&key.expression).push(" = ");
            key.kind.bind(sql, value);
            sql.push(" AND ");
        }
        match keys.get(end).zip(cursor.values.get(end)) {
            Some((key, value)) => {
                sql.push(&key.expression).push(comparison(key.direction));
                key.kind.bind(sql, value);
            }
            None => {
                sql.push("t.id").push(comparison(last.direction)).bind(cursor.id);
            }
        }
        sql.push(")");
    }
    sql.push(")");
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
    SortKey { expression, kind, direction }
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
