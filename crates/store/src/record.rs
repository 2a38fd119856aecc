//! The walk that is the same for every noun: get one, get many, a page of a list, the pages of many parents, counts.
//!
//! A noun says what differs (its table, columns, filter, orders, relations and who may see it) by implementing [`Record`].
//! Every statement names the organization, so that row-level security is the second lock and not the first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use tenantry_domain::{Actor, Id};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::column_set::ColumnSet;
use crate::columns::Columns;
use crate::error::StoreError;
use crate::page::{Cursor, Direction, Page, PageRequest, SortKey, SortValue};
use crate::scope::{Scope, Tenant};
use crate::sql::Sql;

/// How one table is read. Only this crate can implement it, because only this crate can name what the hidden part is made of.
///
/// In every piece of SQL the table is `t`, and `$1` is the organization.
pub trait Record: Clone + Send + Sync + Sized + 'static {
    /// The table's id.
    type Id: Id;
    /// What a list of it can be narrowed by. The default narrows nothing.
    type Filter: Clone + Default + Eq + Hash + Send + Sync + 'static;
    /// What a list of it can be sorted by.
    type SortField: Copy + Default + Eq + Hash + Send + Sync + std::fmt::Debug + 'static;
    /// Through which other rows it is reached.
    type Parent: Copy + Eq + Hash + Send + Sync + 'static;

    /// The table's name with its schema, for errors.
    #[doc(hidden)]
    const NAME: &'static str;
    /// What stands behind `FROM`; the table is `t`.
    #[doc(hidden)]
    const FROM: &'static str;
    /// The columns in the order of [`decode`](Self::decode), each with its table's one letter; the id comes first.
    #[doc(hidden)]
    const COLUMNS: &'static [&'static str];

    /// The row's id.
    fn id(&self) -> Self::Id;

    /// Reads a row.
    #[doc(hidden)]
    fn decode(columns: &mut Columns<'_>) -> Result<Self, StoreError>;

    /// Appends what narrows the rows to those that the actor may see.
    #[doc(hidden)]
    fn narrow_to_visible(actor: &Actor, sql: &mut Sql);

    /// Makes of a stored row what the reader is to see of it today.
    #[doc(hidden)]
    fn as_seen_by(&mut self, _tenant: &Tenant) {}

    /// Appends the filter, each condition with a leading ` AND `.
    #[doc(hidden)]
    fn narrow(filter: &Self::Filter, tenant: &Tenant, sql: &mut Sql);

    /// The expressions of an order, without the id, which always comes last.
    #[doc(hidden)]
    fn sort_keys(field: Self::SortField) -> &'static [SortKey];

    /// The columns that [`sort_values`](Self::sort_values) looks at.
    #[doc(hidden)]
    fn sort_columns(field: Self::SortField) -> ColumnSet;

    /// The row's values of these expressions.
    #[doc(hidden)]
    fn sort_values(&self, field: Self::SortField) -> Vec<SortValue>;

    /// How rows are reached from a parent.
    #[doc(hidden)]
    fn relation(parent: Self::Parent) -> Relation;
}

/// How rows are reached from a parent.
pub struct Relation {
    /// The column that holds the parent's id.
    pub column: &'static str,
    /// What joins that column's table, when it is another one than `t`; starts with a space.
    pub join: &'static str,
    /// Whether everybody who sees the parent sees all its rows, so that nothing has to be checked for each of them.
    pub visible_with_parent: bool,
}

/// Which rows of a list are wanted, and in which order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListRequest<F, S> {
    /// What the list is narrowed by.
    pub filter: F,
    /// What it is sorted by.
    pub sort: S,
    /// Which way it runs.
    pub direction: Direction,
    /// Which page of it.
    pub page: PageRequest,
    /// Which columns are read: all, unless the reader is sure to look at no others.
    pub columns: ColumnSet,
}

impl<F: Default, S: Default> Default for ListRequest<F, S> {
    fn default() -> Self {
        Self {
            filter: F::default(),
            sort: S::default(),
            direction: Direction::default(),
            page: PageRequest::default(),
            columns: ColumnSet::ALL,
        }
    }
}

/// The list request of a record.
pub type ListOf<R> = ListRequest<<R as Record>::Filter, <R as Record>::SortField>;

/// The row with this id, if it exists and the actor may see it.
///
/// # Errors
/// Those of the database.
pub async fn get<R: Record>(scope: &impl Scope, id: R::Id) -> Result<Option<R>, StoreError> {
    let mut sql = select::<R>(scope);
    sql.push(" AND t.id = ").bind(id.as_uuid());
    R::narrow_to_visible(scope.actor(), &mut sql);
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| read(scope.tenant(), row)).transpose()
}

/// The row with this id, locked until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn get_for_update<R: Record>(scope: &mut crate::WriteScope, id: R::Id) -> Result<Option<R>, StoreError> {
    let mut sql = select::<R>(scope);
    sql.push(" AND t.id = ").bind(id.as_uuid());
    R::narrow_to_visible(scope.actor(), &mut sql);
    // Weaker than what a deletion takes, so that rows that refer to this one can be written meanwhile.
    sql.push(" FOR NO KEY UPDATE OF t");
    let rows = sealed(scope).fetch(sql).await?;
    rows.first().map(|row| read(scope.tenant(), row)).transpose()
}

/// The rows with these ids that exist and that the actor may see, in one statement.
///
/// # Errors
/// Those of the database.
pub async fn get_many<R: Record>(scope: &impl Scope, ids: &[R::Id]) -> Result<HashMap<R::Id, Arc<R>>, StoreError> {
    let mut sql = select::<R>(scope);
    sql.push(" AND t.id = ANY(").bind(uuids(ids)).push(")");
    R::narrow_to_visible(scope.actor(), &mut sql);
    let rows = scope.connection().fetch(sql).await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows.iter() {
        let record: R = read(scope.tenant(), row)?;
        found.insert(record.id(), Arc::new(record));
    }
    Ok(found)
}

/// A page of the organization's list.
///
/// # Errors
/// [`StoreError::InvalidCursor`] for a cursor of another list; those of the database.
pub async fn list<R: Record>(scope: &impl Scope, request: &ListOf<R>) -> Result<Page<Arc<R>>, StoreError> {
    let mut sql = select_columns::<R>(scope, request.columns);
    R::narrow_to_visible(scope.actor(), &mut sql);
    narrow_and_sort::<R>(scope, request, &mut sql)?;
    let rows = scope.connection().fetch(sql).await?;
    let read = |row| read_columns(scope.tenant(), row, request.columns).map(Arc::new);
    let items = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Page::new(items, &request.page))
}

/// The pages of many parents' lists, in one statement whatever their number; in the order of the parents.
///
/// # Errors
/// As [`list`].
pub async fn list_for<R: Record, P: Id>(
    scope: &impl Scope,
    parent: R::Parent,
    parents: &[P],
    request: &ListOf<R>,
) -> Result<Vec<Page<Arc<R>>>, StoreError> {
    // For each parent the lateral part reads one range of the index (organization, parent, sort key, id) and stops after
    // the page's rows.
    let relation = R::relation(parent);
    let mut sql = Sql::new("SELECT page.*, parents.n FROM unnest(");
    // The organization is always $1.
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.bind(uuids(parents));
    sql.push(") WITH ORDINALITY AS parents (id, n) CROSS JOIN LATERAL (SELECT ");
    push_columns::<R>(&mut sql, request.columns);
    sql.push(" FROM ").push(R::FROM).push(relation.join);
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND ").push(relation.column).push(" = parents.id");
    if !relation.visible_with_parent {
        R::narrow_to_visible(scope.actor(), &mut sql);
    }
    narrow_and_sort::<R>(scope, request, &mut sql)?;
    // No ORDER BY here: the nested loop keeps the order of the parents and, within each, that of the lateral part, while a
    // sort by the parent would not be stable.
    sql.push(") page");
    let rows = scope.connection().fetch(sql).await?;
    let mut items: Vec<Vec<Arc<R>>> = parents.iter().map(|_| Vec::new()).collect();
    for row in rows.iter() {
        let parent: i64 = row.get(row.len() - 1)?;
        let slot = usize::try_from(parent - 1).ok().and_then(|n| items.get_mut(n));
        if let Some(slot) = slot {
            slot.push(Arc::new(read_columns(scope.tenant(), row, request.columns)?));
        }
    }
    Ok(items.into_iter().map(|items| Page::new(items, &request.page)).collect())
}

/// How many rows the organization's list has, whatever the page.
///
/// # Errors
/// Those of the database.
pub async fn count<R: Record>(scope: &impl Scope, filter: &R::Filter) -> Result<u64, StoreError> {
    let mut sql = Sql::new("SELECT count(*) FROM ");
    sql.push(R::FROM).push(" WHERE t.organization_id = ").bind(scope.organization_id().as_uuid());
    R::narrow_to_visible(scope.actor(), &mut sql);
    R::narrow(filter, scope.tenant(), &mut sql);
    let rows = scope.connection().fetch(sql).await?;
    let count: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// How many rows the lists of many parents have, in one statement. Every parent has an entry.
///
/// # Errors
/// Those of the database.
pub async fn count_for<R: Record, P: Id>(
    scope: &impl Scope,
    parent: R::Parent,
    parents: &[P],
    filter: &R::Filter,
) -> Result<HashMap<P, u64>, StoreError> {
    let relation = R::relation(parent);
    let mut sql = Sql::new("SELECT ");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push(relation.column).push(", count(*) FROM ").push(R::FROM).push(relation.join);
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND ").push(relation.column).push(" = ANY(").bind(uuids(parents)).push(")");
    if !relation.visible_with_parent {
        R::narrow_to_visible(scope.actor(), &mut sql);
    }
    R::narrow(filter, scope.tenant(), &mut sql);
    sql.push(" GROUP BY 1");
    let rows = scope.connection().fetch(sql).await?;
    let mut counts: HashMap<P, u64> = parents.iter().map(|parent| (*parent, 0)).collect();
    for row in rows.iter() {
        let (parent, count): (Uuid, i64) = (row.get(0)?, row.get(1)?);
        counts.insert(P::from_uuid(parent), count.unsigned_abs());
    }
    Ok(counts)
}

/// The cursor of a row in a list of this order, for a caller.
pub fn cursor<R: Record>(record: &R, sort: R::SortField, direction: Direction) -> String {
    Cursor { values: record.sort_values(sort), id: record.id().as_uuid() }.encode(&order_name::<R>(sort, direction))
}

/// Begins `SELECT … WHERE t.organization_id = $1` of all columns.
pub(crate) fn select<R: Record>(scope: &impl Scope) -> Sql {
    select_columns::<R>(scope, ColumnSet::ALL)
}

fn select_columns<R: Record>(scope: &impl Scope, columns: ColumnSet) -> Sql {
    let mut sql = Sql::new("SELECT ");
    push_columns::<R>(&mut sql, columns);
    sql.push(" FROM ").push(R::FROM);
    sql.push(" WHERE t.organization_id = ").bind(scope.organization_id().as_uuid());
    sql
}

fn push_columns<R: Record>(sql: &mut Sql, columns: ColumnSet) {
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
    read_columns(tenant, row, ColumnSet::ALL)
}

fn read_columns<R: Record>(tenant: &Tenant, row: Row<'_>, columns: ColumnSet) -> Result<R, StoreError> {
    let mut record = R::decode(&mut Columns::some(row, R::NAME, columns))?;
    record.as_seen_by(tenant);
    Ok(record)
}

/// The UUIDs of ids, as an array parameter.
pub(crate) fn uuids<I: Id>(ids: &[I]) -> Vec<Uuid> {
    ids.iter().map(Id::as_uuid).collect()
}

fn sealed(scope: &crate::WriteScope) -> &crate::scope::Connection {
    crate::scope::sealed::Sealed::connection(scope)
}

/// Tells the orders of all lists apart, so that a cursor works only where it was made.
fn order_name<R: Record>(sort: R::SortField, direction: Direction) -> String {
    let way = if direction == Direction::Ascending { '+' } else { '-' };
    format!("{}{way}{sort:?}", R::NAME)
}

/// Appends the filter, the page's borders, the order and the limit.
fn narrow_and_sort<R: Record>(scope: &impl Scope, request: &ListOf<R>, sql: &mut Sql) -> Result<(), StoreError> {
    R::narrow(&request.filter, scope.tenant(), sql);
    let keys = R::sort_keys(request.sort);
    let order = order_name::<R>(request.sort, request.direction);
    let ascending = request.direction == Direction::Ascending;
    for (argument, cursor, comparison) in [
        ("after", &request.page.after, if ascending { " > " } else { " < " }),
        ("before", &request.page.before, if ascending { " < " } else { " > " }),
    ] {
        let Some(cursor) = cursor else { continue };
        let cursor = Cursor::decode(cursor, &order, keys).ok_or(StoreError::InvalidCursor { argument })?;
        // A row comparison, because PostgreSQL turns it into one range of the index.
        sql.push(" AND (");
        for key in keys {
            sql.push(key.expression).push(", ");
        }
        sql.push("t.id)").push(comparison).push("(");
        for (key, value) in keys.iter().zip(&cursor.values) {
            key.kind.bind(sql, value);
            sql.push(", ");
        }
        sql.bind(cursor.id).push(")");
    }
    let runs_up = ascending != request.page.from_end;
    let way = if runs_up { "" } else { " DESC" };
    sql.push(" ORDER BY ");
    for key in keys {
        sql.push(key.expression).push(way).push(", ");
    }
    // One row more than wanted tells whether there are others.
    sql.push("t.id").push(way).push(" LIMIT ").bind(i64::from(request.page.limit) + 1);
    Ok(())
}
