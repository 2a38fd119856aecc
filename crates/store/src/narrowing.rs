//! What the conditions of a filter are in SQL. They come from the noun's declaration.

use tenantry_domain::noun::{Asked, FieldInfo, Kind, Test, Value};

use crate::page::Direction;
use crate::record::Record;
use crate::scope::Tenant;
use crate::sql::Sql;
use crate::{ordering, visibility};

/// Appends the filter, each condition with a leading ` AND `. A condition on a field that the actor does not see finds nothing.
/// `direction` is the list's, so that a range is narrowed by the expression that the list is sorted by.
pub(crate) fn narrow<R: Record>(filter: &R::Filter, direction: Direction, tenant: &Tenant, sql: &mut Sql) {
    for condition in R::CONDITIONS {
        let asked = (condition.read)(filter);
        if asked == Asked::Nothing {
            continue;
        }
        let field = ordering::field::<R>(condition.info.field);
        if field.is_some_and(|field| visibility::is_hidden::<R>(&tenant.actor, field)) {
            sql.push(" AND false");
            continue;
        }
        match (condition.info.test, field) {
            (Test::Own, _) | (_, None) => R::narrow_by(condition.info.name, &asked, tenant, sql),
            (test, Some(field)) => compare(test, field, asked, direction, tenant, sql),
        }
    }
}

fn compare(
    test: Test,
    field: &'static FieldInfo,
    asked: Asked<'_>,
    direction: Direction,
    tenant: &Tenant,
    sql: &mut Sql,
) {
    let column = field.column;
    match (test, asked) {
        (Test::AnyOf, Asked::Any(values)) => {
            let names: Vec<&'static str> = values.iter().filter_map(name).collect();
            sql.narrow_to_any(column, &names, |name| name);
        }
        (Test::From | Test::Before, Asked::One(value)) => {
            // By the indexed expression; a row without a value lies in no range.
            let key = ordering::key(field, direction);
            sql.push(" AND ").push(&key.expression).push(if test == Test::From { " >= " } else { " < " });
            bind(sql, field.kind, value);
            // Without a value the key is after all others in a list that runs up, and before them in one that runs down.
            let would_match = if direction == Direction::Ascending { Test::From } else { Test::Before };
            if test == would_match && field.nullable {
                sql.push(" AND ").push(column).push(" IS NOT NULL");
            }
        }
        (_, Asked::One(value)) => {
            sql.push(" AND ").push(column).push(" = ");
            bind(sql, field.kind, value);
            // A caller who sees a row may not see what it links to. A hidden one finds nothing, like one that does not exist.
            if let Some(link) = field.link.filter(|link| link.key == "id") {
                visibility::within_visible(&tenant.actor, sql, column, link.table);
            }
        }
        (Test::Is, Asked::Absent) => {
            sql.push(" AND ").push(column).push(" IS NULL");
        }
        (test, asked) => sql.refuse(&format!("{column} cannot be narrowed by {test:?} {asked:?}")),
    }
}

fn name(value: &Value<'_>) -> Option<&'static str> {
    if let Value::Name(name) = value { Some(name) } else { None }
}

fn bind(sql: &mut Sql, kind: Kind, value: Value<'_>) {
    let _ = match value {
        Value::Id(id) => sql.bind(id),
        Value::Time(time) => sql.bind(time),
        Value::Date(date) => sql.bind(date),
        Value::Boolean(value) => sql.bind(value),
        other => {
            sql.refuse(&format!("a {kind:?} is not compared with {other:?}"));
            return;
        }
    };
}
