//! What the conditions of a filter are in SQL. They come from the noun's declaration.

use tenantry_domain::member::Member;
use tenantry_domain::noun::{Asked, ConditionInfo, FieldInfo, Has, Kind, Noun as _, Test, Value};
use tenantry_domain::{Role, text};
use tenantry_wire::Bound;

use crate::page::Direction;
use crate::record::Record;
use crate::scope::Tenant;
use crate::sql::Sql;
use crate::{ordering, visibility};

/// Appends the filter, each condition with a leading ` AND `. A condition on a field that the actor does not see finds nothing.
/// `order` is the list's, so that a range is narrowed by the expression that the list is sorted by.
pub(crate) fn narrow<R: Record>(filter: &R::Filter, order: &[(R::Sort, Direction)], tenant: &Tenant, sql: &mut Sql) {
    for condition in R::CONDITIONS {
        narrow_by::<R>(&condition.info, (condition.read)(filter), order, tenant, sql);
    }
    let is_asked = |about: &str| {
        R::CONDITIONS
            .iter()
            .any(|condition| condition.info.field == about && (condition.read)(filter) != Asked::Nothing)
    };
    leave_out_archived::<R>(is_asked, sql);
    for has in R::has(filter) {
        narrow_by_others(has, tenant, sql);
    }
}

/// Leaves out what is archived, unless the filter asks for it: by the field that says so, or by ids.
fn leave_out_archived<R: Record>(is_asked: impl Fn(&str) -> bool, sql: &mut Sql) {
    if let Some(archived) = R::INFO.archived.filter(|archived| !is_asked(archived.field) && !is_asked("id")) {
        sql.push(" AND ").push(archived.column).push(" <> '").push(archived.value).push("'");
    }
}

/// The ids of the rows that the filter asks for; none if it does not ask by id.
pub(crate) fn wanted_ids<R: Record>(filter: &R::Filter) -> Vec<uuid::Uuid> {
    let by_id = R::CONDITIONS.iter().find(|condition| condition.info.field == "id");
    match by_id.map(|condition| (condition.read)(filter)) {
        Some(Asked::Any(values)) => ids(&values),
        _ => Vec::new(),
    }
}

/// Appends one condition.
fn narrow_by<R: Record>(
    condition: &ConditionInfo,
    asked: Asked<'_>,
    order: &[(R::Sort, Direction)],
    tenant: &Tenant,
    sql: &mut Sql,
) {
    if asked == Asked::Nothing {
        return;
    }
    let field = ordering::field::<R>(condition.field);
    if field.is_some_and(|field| visibility::is_hidden::<R>(&tenant.actor, field)) {
        sql.push(" AND false");
        return;
    }
    match (condition.test, field) {
        (Test::Own, _) | (_, None) => R::narrow_by(condition.name, &asked, tenant, sql),
        (Test::From | Test::Before, Some(field)) => {
            let by_it = |fields: &[&str]| fields.contains(&field.name);
            let is_sorted = R::SORTS.iter().any(|(_, sort)| by_it(sort.fields));
            let direction = order.iter().find(|(sort, _)| by_it(R::sort_info(*sort).fields));
            let direction = direction.map_or(Direction::Ascending, |(_, direction)| *direction);
            narrow_to_range(condition.test, field, asked, is_sorted.then_some(direction), sql);
        }
        (Test::AtLeast | Test::AtMost, Some(field)) => match (asked, R::INFO.currency) {
            (Asked::One(Value::Money(amount)), Some(currency)) => {
                sql.push(" AND ").push(currency).push(" = ").bind(amount.currency().as_str());
                let comparison = if condition.test == Test::AtLeast { " >= " } else { " <= " };
                sql.push(" AND ").push(field.column).push(comparison).bind(amount.minor());
            }
            (asked, _) => sql.refuse(&format!("{} is not compared with {asked:?}", field.column)),
        },
        (test, Some(field)) => compare(test, field, asked, tenant, sql),
    }
}

/// Narrows to rows at or after a value, or before it. `direction` is that of the list, if lists can be sorted by the field.
fn narrow_to_range(
    test: Test,
    field: &'static FieldInfo,
    asked: Asked<'_>,
    direction: Option<Direction>,
    sql: &mut Sql,
) {
    let Asked::One(value) = asked else { return sql.refuse(&format!("{} has no range of {asked:?}", field.column)) };
    let comparison = if test == Test::From { " >= " } else { " < " };
    let Some(direction) = direction else {
        sql.push(" AND ").push(field.column).push(comparison);
        return bind(sql, field.kind, value);
    };
    // By the indexed expression; a row without a value lies in no range.
    let key = ordering::key(field, direction);
    sql.push(" AND ").push(&key.expression).push(comparison);
    bind(sql, field.kind, value);
    // Without a value the key is after all others in a list that runs up, and before them in one that runs down.
    let would_match = if direction == Direction::Ascending { Test::From } else { Test::Before };
    if test == would_match && field.nullable {
        sql.push(" AND ").push(field.column).push(" IS NOT NULL");
    }
}

fn compare(test: Test, field: &'static FieldInfo, asked: Asked<'_>, tenant: &Tenant, sql: &mut Sql) {
    let column = field.column;
    match (test, asked) {
        (Test::AnyOf, Asked::Any(values)) => narrow_to_any(field, &values, tenant, sql),
        (Test::NoneOf, Asked::Any(values)) => narrow_to_none(field, &values, tenant, sql),
        (Test::StartsWith, Asked::One(Value::Text(beginning))) => {
            let first = text::without_case_and_accents(&beginning);
            if beginning.contains('\0') {
                // No stored text has it, and the database takes none that has.
                sql.push(" AND false");
                return;
            }
            // In the order of the index, all that begins so lies between it and its last possible continuation.
            let last = format!("{first}{LAST_LETTER}");
            if first.is_empty() {
                return;
            }
            for (comparison, end) in [(" >= ", first), (" < ", last)] {
                sql.push(" AND ").push(column).push(ordering::NAME_COLLATION).push(comparison).bind(end);
            }
        }
        (Test::IsNull, Asked::One(Value::Boolean(is_null))) => {
            sql.push(" AND ").push(column).push(if is_null { " IS NULL" } else { " IS NOT NULL" });
        }
        (Test::Is, Asked::One(value)) => {
            sql.push(" AND ").push(column).push(" = ");
            bind(sql, field.kind, value);
            within_visible(field, tenant, sql);
        }
        (Test::Is, Asked::Absent) => {
            sql.push(" AND ").push(column).push(" IS NULL");
        }
        (test, asked) => sql.refuse(&format!("{column} cannot be narrowed by {test:?} {asked:?}")),
    }
}

/// The code point that Unicode's collation puts behind every other one, for this purpose (UTS 35, Collation, 1.9.3).
const LAST_LETTER: char = '\u{FFFF}';

fn narrow_to_any(field: &FieldInfo, values: &[Value<'_>], tenant: &Tenant, sql: &mut Sql) {
    match field.kind {
        Kind::Enum(_) => sql.narrow_to_any(field.column, &names(values), |name| name),
        Kind::Id(_) => {
            sql.push(" AND ").push(field.column);
            match ids(values)[..] {
                // As an equality, so that an index on (…, column, sort key) keeps its order.
                [id] => sql.push(" = ").bind(id),
                _ => sql.push(" = ANY(").bind(ids(values)).push(")"),
            };
            within_visible(field, tenant, sql);
        }
        Kind::Text => {
            sql.push(" AND ").push(field.column).push(" = ANY(").bind(texts(values)).push(")");
        }
        kind => sql.refuse(&format!("a {kind:?} is not one of some values")),
    }
}

fn narrow_to_none(field: &FieldInfo, values: &[Value<'_>], tenant: &Tenant, sql: &mut Sql) {
    if values.is_empty() {
        return;
    }
    let unwanted = names(values);
    match field.kind {
        // By the others, which an index finds.
        Kind::Enum(info) if !field.nullable => {
            let others = info.values.iter().map(|value| value.text).filter(|name| !unwanted.contains(name));
            sql.narrow_to_any(field.column, &others.collect::<Vec<_>>(), |name| name);
        }
        Kind::Enum(_) => exclude(field.column, unwanted, sql),
        Kind::Text => exclude(field.column, texts(values), sql),
        Kind::Id(_) => {
            // A hidden row is like one that does not exist: leaving it out leaves nothing out.
            sql.push(" AND (").push(field.column).push(" IS NULL OR NOT (").push(field.column).push(" = ANY(");
            sql.bind(ids(values)).push(")");
            within_visible(field, tenant, sql);
            sql.push("))");
        }
        kind => sql.refuse(&format!("a {kind:?} is not one of some values")),
    }
}

/// Narrows to rows whose column has none of these values, or no value.
fn exclude<T: Bound>(column: &str, values: T, sql: &mut Sql) {
    sql.push(" AND (").push(column).push(" IS NULL OR ").push(column).push(" <> ALL(").bind(values).push("))");
}

/// A caller who sees a row may not see what it links to. A hidden one finds nothing, like one that does not exist.
fn within_visible(field: &FieldInfo, tenant: &Tenant, sql: &mut Sql) {
    match field.link {
        Some(link) if link.table == Member::INFO.table && tenant.actor.role == Role::Guest => {
            sql.push(" AND ").push(field.column).push(" IN (SELECT t.user_id FROM ").push(link.table);
            sql.push(" t WHERE t.organization_id = $1");
            Member::narrow_to_visible(&tenant.actor, sql);
            sql.push(")");
        }
        Some(link) if link.key == "id" => visibility::within_visible(&tenant.actor, sql, field.column, link.table),
        _ => {}
    }
}

/// Narrows to rows to which rows of another noun link, or none of them do, as far as the actor sees them. One sub-select, by the
/// index of the link.
fn narrow_by_others(has: &Has, tenant: &Tenant, sql: &mut Sql) {
    macro_rules! find {
        ($($module:ident::$noun:ident,)+) => {$(
            if has.noun == tenantry_domain::$module::$noun::INFO.name {
                return narrow_by_rows_of::<tenantry_domain::$module::$noun>(has, tenant, sql);
            }
        )+};
    }
    tenantry_domain::nouns!(find);
    sql.refuse(&format!("{} is no noun", has.noun));
}

fn narrow_by_rows_of<R: Record>(has: &Has, tenant: &Tenant, sql: &mut Sql) {
    let parent = has.parent;
    sql.push(if has.none { " AND NOT EXISTS (" } else { " AND EXISTS (" });
    // Inside, `t` is the other noun's table; the row outside is compared with what the inner select gives.
    sql.push("SELECT 1 FROM (SELECT ").push(parent.column).push(" AS key FROM ").push(R::INFO.from).push(parent.join);
    sql.push(" WHERE t.organization_id = $1");
    if !visibility::comes_with_parent::<R>(&tenant.actor, parent) {
        visibility::narrow::<R>(&tenant.actor, sql);
    }
    for (name, asked) in &has.conditions {
        match R::CONDITIONS.iter().find(|condition| condition.info.name == *name) {
            Some(condition) => narrow_by::<R>(&condition.info, asked.clone(), &[], tenant, sql),
            None => sql.refuse(&format!("{} are not narrowed by {name}", R::INFO.plural)),
        }
    }
    let is_asked = |about: &str| {
        let asked = |name: &str| has.conditions.iter().any(|(asked, _)| *asked == name);
        R::CONDITIONS.iter().any(|condition| condition.info.field == about && asked(condition.info.name))
    };
    leave_out_archived::<R>(is_asked, sql);
    for has in &has.has {
        narrow_by_others(has, tenant, sql);
    }
    sql.push(") linked WHERE linked.key = t.").push(parent.key).push(")");
}

fn names(values: &[Value<'_>]) -> Vec<&'static str> {
    values.iter().filter_map(|value| if let Value::Name(name) = value { Some(*name) } else { None }).collect()
}

fn ids(values: &[Value<'_>]) -> Vec<uuid::Uuid> {
    values.iter().filter_map(|value| if let Value::Id(id) = value { Some(*id) } else { None }).collect()
}

/// The texts that a row can have: none has a NUL, which the database does not take.
fn texts(values: &[Value<'_>]) -> Vec<String> {
    let text = |value: &Value<'_>| {
        if let Value::Text(text) = value { Some(text.to_string()) } else { None }
    };
    values.iter().filter_map(text).filter(|text| !text.contains('\0')).collect()
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
