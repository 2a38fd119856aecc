//! The walk that is the same for every noun: get one, get many, a page of a list, the pages of many parents, counts.
//!
//! What differs (table, columns, filter, orders, relations, who may see it) is in the noun's declaration. What a declaration
//! cannot say, [`Record`] does.
//! Every statement names the organization, so that row-level security is the second lock and not the first.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::EntityTrait;
use tenantry_domain::noun::{Access, Asked, Kind, Noun, Value};
use tenantry_domain::{Actor, Id};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::column_set::ColumnSet;
use crate::columns::Columns;
use crate::error::StoreError;
use crate::page::{Cursor, Direction, Page, PageRequest};
use crate::read::Read;
use crate::scope::{Scope, Tenant};
use crate::sql::Sql;
use crate::{narrowing, ordering, visibility};

/// A noun as it is read. What is the same for every noun comes from its declaration; what is said here is its own.
///
/// Only this crate can implement it, because only this crate can name what the hidden part is made of. In every piece of SQL the
/// table is `t`, and `$1` is the organization.
pub trait Record: Noun {
    /// The table as SeaORM knows it.
    #[doc(hidden)]
    type Entity: EntityTrait;

    /// Appends what narrows the rows to those that the actor may see, for a noun that is placed by a rule of its own. Without
    /// that rule nothing is found.
    #[doc(hidden)]
    fn narrow_to_visible(_: &Actor, sql: &mut Sql) {
        sql.push(" AND false");
    }

    /// Makes of a stored row what the reader is to see of it today.
    #[doc(hidden)]
    fn as_seen_by(&mut self, _: &Tenant) {}

    /// Appends a condition that the declaration leaves to this crate, with a leading ` AND `.
    #[doc(hidden)]
    fn narrow_by(condition: &str, _: &Asked<'_>, _: &Tenant, sql: &mut Sql) {
        sql.refuse(&format!("{} has no rule for the condition {condition}", Self::INFO.name));
    }
}

/// Which rows of a list are wanted, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListRequest<F, S> {
    /// What the list is narrowed by.
    pub filter: F,
    /// What it is sorted by, and which way; where two rows are equal in the first, by the second, and so on. Empty for the noun's
    /// own order.
    pub order: Vec<(S, Direction)>,
    /// Which page of it.
    pub page: PageRequest,
    /// Which columns are read: all, unless the reader is sure to look at no others.
    pub columns: ColumnSet,
}

impl<F: Default, S: Default> Default for ListRequest<F, S> {
    fn default() -> Self {
        Self { filter: F::default(), order: Vec::new(), page: PageRequest::default(), columns: ColumnSet::ALL }
    }
}

/// The list request of a record.
pub type ListOf<R> = ListRequest<<R as Noun>::Filter, <R as Noun>::Sort>;

/// What a list is sorted by: its order, or the noun's own where it asks for none.
fn order_of<R: Record>(request: &ListOf<R>) -> Cow<'_, [(R::Sort, Direction)]> {
    if request.order.is_empty() {
        let own = if R::INFO.ascending { Direction::Ascending } else { Direction::Descending };
        return Cow::Owned(vec![(R::Sort::default(), own)]);
    }
    Cow::Borrowed(&request.order)
}

/// The row with this id, if it exists and the actor may see it.
///
/// # Errors
/// Those of the database.
pub fn get<R: Record>(scope: &impl Scope, id: R::Id) -> Read<'_, Option<R>> {
    let mut sql = select::<R>(scope);
    sql.push(" AND t.id = ").bind(id.as_uuid());
    visibility::narrow::<R>(scope.actor(), &mut sql);
    Read::rows(scope, sql, |tenant, rows| rows.first().map(|row| read(tenant, row)).transpose())
}

/// The row with this id, locked until the transaction ends. It has all its columns, also those hidden from the actor,
/// because what is written next is compared with it.
///
/// # Errors
/// Those of the database.
pub async fn get_for_update<R: Record>(scope: &mut crate::WriteScope, id: R::Id) -> Result<Option<R>, StoreError> {
    // A row that moves to another place while this one waits for it may not be found: PostgreSQL looks again at the row, and at its place as
    // it was when the statement began. Asked once more, it is found in its new place. Who sees everything asks for no place.
    let tries = if scope.actor().role.sees_everything() { 1 } else { 2 };
    for _ in 0..tries {
        let mut sql = select_as::<R>(scope, stored::<R>());
        sql.push(" AND t.id = ").bind(id.as_uuid());
        visibility::narrow::<R>(scope.actor(), &mut sql);
        // Weaker than what a deletion takes, so that rows that refer to this one can be written meanwhile.
        sql.push(" FOR NO KEY UPDATE OF t");
        let rows = sealed(scope).fetch(sql).await?;
        if let Some(row) = rows.first() {
            return read_stored(scope.tenant(), row).map(Some);
        }
    }
    Ok(None)
}

/// Locks the rows with these ids until the transaction ends, as [`get_for_update`] does, in the order of the ids; gives those that
/// exist and that the actor may see, and when each last changed.
///
/// # Errors
/// Those of the database.
pub async fn lock<R: Record>(
    scope: &mut crate::WriteScope,
    ids: &[R::Id],
) -> Result<HashMap<R::Id, DateTime<Utc>>, StoreError> {
    let mut sql = Sql::new("SELECT found.id, found.updated_at");
    // The organization is always $1.
    let organization = sql.value(scope.organization_id().as_uuid());
    let mut ids = uuids(ids);
    ids.sort_unstable();
    ids.dedup();
    sql.for_each(ids).push("SELECT t.id, t.updated_at FROM ").push(R::INFO.from);
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization).push(" AND t.id = wanted.id");
    visibility::narrow::<R>(scope.actor(), &mut sql);
    sql.push(" FOR NO KEY UPDATE OF t) found");
    let rows = sealed(scope).fetch(sql).await?;
    rows.iter().map(|row| Ok((R::Id::from_uuid(row.get(0)?), row.get(1)?))).collect()
}

/// Whether the row with this id exists and the actor may see it.
///
/// # Errors
/// Those of the database.
pub async fn exists<R: Record>(scope: &crate::WriteScope, id: R::Id) -> Result<bool, StoreError> {
    let found = get_many::<R>(scope, &[id], ColumnSet::ID).await?;
    Ok(found.contains_key(&id))
}

/// The rows with these ids that exist and that the actor may see, in one statement; of each, these columns.
///
/// # Errors
/// Those of the database.
pub fn get_many<'s, R: Record>(
    scope: &'s impl Scope,
    ids: &[R::Id],
    columns: ColumnSet,
) -> Read<'s, HashMap<R::Id, Arc<R>>> {
    many(scope, "t.id", uuids(ids), columns, Noun::id)
}

/// The visible rows that have one of these values in a column, of which no two have the same, by that value.
pub(crate) fn many<'s, R: Record, K: Eq + Hash + Send + 's>(
    scope: &'s impl Scope,
    column: &str,
    values: Vec<Uuid>,
    columns: ColumnSet,
    key: fn(&R) -> K,
) -> Read<'s, HashMap<K, Arc<R>>> {
    let mut sql = Sql::new("SELECT found.*");
    // The organization is always $1.
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(values);
    looked_up(scope, sql, organization, &format!("{column} = wanted.id"), columns, key)
}

/// These rows of a table that is partitioned by month, as far as the actor may see them. Each is named by its id and its `created_at`, so that only
/// its own partition is read.
pub(crate) fn many_of_months<'s, R: Record>(
    scope: &'s impl Scope,
    rows: &[(R::Id, DateTime<Utc>)],
) -> Read<'s, HashMap<R::Id, Arc<R>>> {
    let mut sql = Sql::new("SELECT found.*");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push(" FROM unnest(").bind(rows.iter().map(|(id, _)| id.as_uuid()).collect::<Vec<_>>()).push(", ");
    sql.bind(rows.iter().map(|(_, at)| *at).collect::<Vec<_>>());
    sql.push(") AS wanted (id, created_at) CROSS JOIN LATERAL (");
    let condition = "t.id = wanted.id AND t.created_at = wanted.created_at";
    looked_up(scope, sql, organization, condition, ColumnSet::ALL, Noun::id)
}

/// Ends a statement that looks rows up, after its lateral part was opened: the visible rows with this condition. Each wanted value has at most one.
fn looked_up<'s, R: Record, K: Eq + Hash + Send + 's>(
    scope: &'s impl Scope,
    mut sql: Sql,
    organization: usize,
    condition: &str,
    columns: ColumnSet,
    key: fn(&R) -> K,
) -> Read<'s, HashMap<K, Arc<R>>> {
    sql.push("SELECT ");
    push_columns::<R>(&mut sql, seen::<R>(scope.actor(), columns));
    sql.push(" FROM ").push(R::INFO.from).push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND ").push(condition);
    visibility::narrow::<R>(scope.actor(), &mut sql);
    // The limit makes PostgreSQL look each row up by its key: see `Sql::for_each`.
    sql.push(" LIMIT 1) found");
    Read::rows(scope, sql, move |tenant, rows| {
        let read = reader::<R>(tenant, columns);
        rows.iter().map(|row| read(row).map(|record| (key(&record), Arc::new(record)))).collect()
    })
}

/// A page of the organization's list.
///
/// # Errors
/// [`StoreError::InvalidCursor`] for a cursor of another list; those of the database.
pub fn list<'s, R: Record>(scope: &'s impl Scope, request: &ListOf<R>) -> Read<'s, Page<Arc<R>>> {
    let mut sql = Sql::new("SELECT ");
    push_columns::<R>(&mut sql, seen::<R>(scope.actor(), request.columns));
    push_rows::<R>(scope, &request.filter, &mut sql);
    visibility::narrow::<R>(scope.actor(), &mut sql);
    if let Err(error) = narrow_and_sort::<R>(scope, request, &mut sql) {
        return Read::settled(scope, Err(error));
    }
    let (columns, page) = (request.columns, request.page.clone());
    Read::rows(scope, sql, move |tenant, rows| {
        let read = reader(tenant, columns);
        Ok(Page::new(rows.iter().map(|row| read(row).map(Arc::new)).collect::<Result<_, _>>()?, &page))
    })
}

/// The pages of many parents' lists, in one statement whatever their number; in the order of the parents.
///
/// # Errors
/// As [`list`].
pub fn list_for<'s, R: Record, P: Id>(
    scope: &'s impl Scope,
    parent: R::Parent,
    parents: &[P],
    request: &ListOf<R>,
) -> Read<'s, Vec<Page<Arc<R>>>> {
    // For each parent the lateral part reads one range of the index (organization, parent, sort key, id) and stops after
    // the page's rows.
    let relation = R::parent_info(parent);
    let mut sql = Sql::new("SELECT page.*, parents.n FROM unnest(");
    // The organization is always $1.
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.bind(uuids(parents));
    sql.push(") WITH ORDINALITY AS parents (id, n) CROSS JOIN LATERAL (SELECT ");
    push_columns::<R>(&mut sql, seen::<R>(scope.actor(), request.columns));
    sql.push(" FROM ").push(R::INFO.from).push(relation.join);
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND ").push(relation.column).push(" = parents.id");
    if !visibility::comes_with_parent::<R>(scope.actor(), relation) {
        visibility::narrow::<R>(scope.actor(), &mut sql);
    }
    if let Err(error) = narrow_and_sort::<R>(scope, request, &mut sql) {
        return Read::settled(scope, Err(error));
    }
    // No ORDER BY here: the nested loop keeps the order of the parents and, within each, that of the lateral part, while a
    // sort by the parent would not be stable.
    sql.push(") page");
    let (count, columns, page) = (parents.len(), request.columns, request.page.clone());
    Read::rows(scope, sql, move |tenant, rows| {
        let read = reader(tenant, columns);
        let mut items: Vec<Vec<Arc<R>>> = vec![Vec::new(); count];
        for row in rows.iter() {
            let parent: i64 = row.get(row.len() - 1)?;
            let slot = usize::try_from(parent - 1).ok().and_then(|n| items.get_mut(n));
            if let Some(slot) = slot {
                slot.push(Arc::new(read(row)?));
            }
        }
        Ok(items.into_iter().map(|items| Page::new(items, &page)).collect())
    })
}

/// How many rows the organization's list has, whatever the page. It has none in an order that the caller may not know.
///
/// # Errors
/// Those of the database.
pub fn count<'s, R: Record>(scope: &'s impl Scope, request: &ListOf<R>) -> Read<'s, u64> {
    let mut sql = Sql::count("SELECT count(*)");
    push_rows::<R>(scope, &request.filter, &mut sql);
    visibility::narrow::<R>(scope.actor(), &mut sql);
    narrow::<R>(scope, request, &mut sql);
    Read::rows(scope, sql, |_, rows| {
        let count: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
        Ok(count.unsigned_abs())
    })
}

/// How many rows the lists of many parents have, in one statement. Every parent has an entry.
///
/// # Errors
/// Those of the database.
pub fn count_for<'s, R: Record, P: Id>(
    scope: &'s impl Scope,
    parent: R::Parent,
    parents: &[P],
    request: &ListOf<R>,
) -> Read<'s, HashMap<P, u64>> {
    let relation = R::parent_info(parent);
    let mut sql = Sql::count("SELECT wanted.id, found.count");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(parents)).push("SELECT count(*) FROM ").push(R::INFO.from).push(relation.join);
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND ").push(relation.column).push(" = wanted.id");
    if !visibility::comes_with_parent::<R>(scope.actor(), relation) {
        visibility::narrow::<R>(scope.actor(), &mut sql);
    }
    narrow::<R>(scope, request, &mut sql);
    sql.push(") found");
    Read::rows(scope, sql, |_, rows| {
        let read = |row: Row<'_>| {
            let (parent, count): (Uuid, i64) = (row.get(0)?, row.get(1)?);
            Ok((P::from_uuid(parent), count.unsigned_abs()))
        };
        rows.iter().map(read).collect()
    })
}

/// The cursor of a row of this list, for a caller.
pub fn cursor<R: Record>(record: &R, request: &ListOf<R>) -> String {
    let order = order_of::<R>(request);
    let cursor = Cursor { values: ordering::values(record, &order), id: record.id().as_uuid() };
    cursor.encode(&order_name::<R>(&order))
}

/// The columns that this list reads for its cursors.
pub fn sort_columns<R: Record>(request: &ListOf<R>) -> ColumnSet {
    let order = order_of::<R>(request);
    let fields = order.iter().flat_map(|(sort, _)| R::sort_info(*sort).fields);
    fields.fold(ColumnSet::ID, |set, name| set.and(columns_of::<R>(name)))
}

/// The columns that a field is made of; only the id's when there is no such field.
pub fn columns_of<R: Record>(field: &str) -> ColumnSet {
    let Some(info) = ordering::field::<R>(field) else { return ColumnSet::ID };
    let own = ColumnSet::of(R::COLUMNS, &[info.column]);
    let own = match R::INFO.currency {
        Some(currency) if info.kind == Kind::Money => own.and(ColumnSet::of(R::COLUMNS, &[currency])),
        _ => own,
    };
    info.needs.iter().fold(own, |set, name| set.and(columns_of::<R>(name)))
}

/// Begins `SELECT … WHERE t.organization_id = $1` of all columns.
pub(crate) fn select<R: Record>(scope: &impl Scope) -> Sql {
    select_columns::<R>(scope, ColumnSet::ALL)
}

fn select_columns<R: Record>(scope: &impl Scope, columns: ColumnSet) -> Sql {
    select_as::<R>(scope, seen::<R>(scope.actor(), columns))
}

fn select_as<R: Record>(scope: &impl Scope, columns: ColumnSet) -> Sql {
    let mut sql = Sql::new("SELECT ");
    push_columns::<R>(&mut sql, columns);
    sql.push(" FROM ").push(R::INFO.from);
    sql.push(" WHERE t.organization_id = ").bind(scope.organization_id().as_uuid());
    sql
}

/// Appends the organization's rows, `t`; of several ids that are asked for, each is looked up (see [`Sql::for_each`]).
fn push_rows<R: Record>(scope: &impl Scope, filter: &R::Filter, sql: &mut Sql) {
    // The organization is always $1.
    let organization = sql.value(scope.organization_id().as_uuid());
    let mut ids = narrowing::wanted_ids::<R>(filter);
    ids.sort_unstable();
    ids.dedup();
    if ids.len() > 1 {
        let own = R::COLUMNS.iter().filter(|column| column.starts_with("t."));
        sql.for_each(ids).push("SELECT ").push(&own.copied().collect::<Vec<_>>().join(", "));
        sql.push(" FROM ").push(R::INFO.table).push(" t WHERE t.organization_id = ").push_placeholder(organization);
        sql.push(" AND t.id = wanted.id LIMIT 1)").push(R::INFO.from.strip_prefix(R::INFO.table).unwrap_or(" t"));
    } else {
        sql.push(" FROM ").push(R::INFO.from);
    }
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
}

pub(crate) fn push_columns<R: Record>(sql: &mut Sql, columns: ColumnSet) {
    let wanted = R::COLUMNS.iter().enumerate().filter(|(n, _)| columns.has(*n));
    for (n, (_, column)) in wanted.enumerate() {
        if n > 0 {
            sql.push(", ");
        }
        sql.push(column);
    }
}

/// Reads a row that [`select`] gave, as its reader is to see it.
pub(crate) fn read<R: Record>(tenant: &Tenant, row: Row<'_>) -> Result<R, StoreError> {
    reader(tenant, ColumnSet::ALL)(row)
}

/// Reads the rows of a statement that was asked for these columns.
fn reader<R: Record>(tenant: &Tenant, columns: ColumnSet) -> impl Fn(Row<'_>) -> Result<R, StoreError> {
    let set = seen::<R>(&tenant.actor, columns);
    let sees_part = visibility::sees_part::<R>(&tenant.actor);
    move |row| {
        let mut record = R::decode(&mut Columns::some(row, R::INFO.table, set))?;
        if sees_part {
            // When a row last changed tells of what is hidden. When it was made can be read off its id.
            record.set_updated_at(record.created_at());
        }
        record.as_seen_by(tenant);
        Ok(record)
    }
}

/// Reads a row as it is stored, without its secret fields.
pub(crate) fn read_stored<R: Record>(tenant: &Tenant, row: Row<'_>) -> Result<R, StoreError> {
    let mut record = R::decode(&mut Columns::some(row, R::INFO.table, stored::<R>()))?;
    record.as_seen_by(tenant);
    Ok(record)
}

/// Takes out of a row that was read as it is stored what the actor does not see.
pub(crate) fn mask<R: Record>(actor: &Actor, record: &mut R) {
    if !visibility::sees_part::<R>(actor) {
        return;
    }
    for field in R::FIELDS.iter().filter(|field| field.info.access == Access::Members) {
        // Such a field is always optional.
        (field.write)(record, Value::Null);
    }
    record.set_updated_at(record.created_at());
}

/// All columns but the secret ones.
pub(crate) fn stored<R: Record>() -> ColumnSet {
    let secret = R::FIELDS.iter().filter(|field| field.info.access == Access::Secret);
    secret.fold(ColumnSet::ALL, |all, field| all.without(ColumnSet::of(R::COLUMNS, &[field.info.column])))
}

/// Of these columns those that the actor may see, without the secret ones.
pub(crate) fn seen<R: Record>(actor: &Actor, columns: ColumnSet) -> ColumnSet {
    let mut seen = columns.within(stored::<R>());
    if !visibility::sees_part::<R>(actor) {
        return seen;
    }
    for field in R::FIELDS.iter().filter(|field| visibility::is_hidden::<R>(actor, &field.info)) {
        seen = seen.without(ColumnSet::of(R::COLUMNS, &[field.info.column]));
    }
    // In the place of when it last changed.
    seen.and(columns_of::<R>("created_at"))
}

/// The UUIDs of ids, as an array parameter.
pub(crate) fn uuids<I: Id>(ids: &[I]) -> Vec<Uuid> {
    ids.iter().map(Id::as_uuid).collect()
}

fn sealed(scope: &crate::WriteScope) -> &crate::scope::Connection {
    crate::scope::sealed::Sealed::connection(scope)
}

/// Tells the orders of all lists apart, so that a cursor works only where it was made.
fn order_name<R: Record>(order: &[(R::Sort, Direction)]) -> String {
    let mut name = R::INFO.table.to_owned();
    for (sort, direction) in order {
        name.push(if *direction == Direction::Ascending { '+' } else { '-' });
        name.push_str(R::sort_info(*sort).name);
    }
    name
}

/// Appends the filter.
fn narrow<R: Record>(scope: &impl Scope, request: &ListOf<R>, sql: &mut Sql) {
    let order = order_of::<R>(request);
    narrowing::narrow::<R>(&request.filter, &order, scope.tenant(), sql);
    if ordering::fields::<R>(&order).any(|field| visibility::is_hidden::<R>(scope.actor(), field)) {
        // The order would tell what is hidden.
        sql.push(" AND false");
    }
}

/// Appends the filter, the page's borders, the order and the limit.
fn narrow_and_sort<R: Record>(scope: &impl Scope, request: &ListOf<R>, sql: &mut Sql) -> Result<(), StoreError> {
    narrow::<R>(scope, request, sql);
    let order = order_of::<R>(request);
    let keys = ordering::keys::<R>(&order);
    let name = order_name::<R>(&order);
    for (argument, cursor, is_after) in [("after", &request.page.after, true), ("before", &request.page.before, false)]
    {
        let Some(cursor) = cursor else { continue };
        let cursor = Cursor::decode(cursor, &name, &keys).ok_or(StoreError::InvalidCursor { argument })?;
        ordering::narrow_to_side(&keys, &cursor, is_after, sql);
    }
    sql.push(" ORDER BY ");
    let mut way = "";
    for key in &keys {
        way = if (key.direction == Direction::Ascending) == request.page.from_end { " DESC" } else { "" };
        sql.push(&key.expression).push(way).push(", ");
    }
    // Ties are broken in the direction of the last key. One row more than wanted tells whether there are others.
    sql.push("t.id").push(way).push(" LIMIT ").bind(i64::from(request.page.limit) + 1);
    Ok(())
}
