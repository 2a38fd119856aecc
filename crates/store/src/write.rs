//! Writes: SeaORM builds the statement, the scope runs it, and the row comes back as the domain's entity.

use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, OnConflict, PostgresQueryBuilder, Query, QueryStatementWriter, SimpleExpr,
};
use sea_orm::{ActiveModelTrait, EntityTrait, Insert, QueryFilter, QueryTrait};
use tenantry_domain::{Clock, Id};
use tenantry_wire::Error;
use uuid::Uuid;

use crate::error::StoreError;
use crate::record::{self, Record};
use crate::scope::sea_orm::bind;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// Copies the fields that a change sets into an active model's fields of the same names.
macro_rules! set {
    ($row:ident, $changes:ident, { $($field:ident),+ $(,)? }) => {$(
        if let tenantry_domain::Change::Set(value) = $changes.$field {
            $row.$field = sea_orm::Set(value);
        }
    )+};
}

pub(crate) use set;

/// Inserts one row and gives it back.
pub(crate) async fn insert<R, A>(scope: &mut WriteScope, row: A) -> Result<R, StoreError>
where
    R: Record,
    A: ActiveModelTrait + Send,
{
    let mut statement = Insert::one(row).into_query();
    statement.returning(returning::<R>());
    one(scope, statement).await?.ok_or(StoreError::Database(Error::NoRow))
}

/// Inserts one row, or changes the one that is there already as `conflict` says; gives it back.
pub(crate) async fn upsert<R, A>(scope: &mut WriteScope, row: A, conflict: OnConflict) -> Result<R, StoreError>
where
    R: Record,
    A: ActiveModelTrait + Send,
{
    let mut statement = Insert::one(row).into_query();
    statement.on_conflict(conflict).returning(returning::<R>());
    one(scope, statement).await?.ok_or(StoreError::Database(Error::NoRow))
}

/// Inserts rows of which nothing is wanted back.
pub(crate) async fn insert_many<A>(scope: &mut WriteScope, rows: Vec<A>) -> Result<(), StoreError>
where
    A: ActiveModelTrait + Send,
{
    if rows.is_empty() {
        return Ok(());
    }
    let statement = Insert::many(rows).into_query();
    scope.connection().execute(bound(&statement)).await.map(drop)
}

/// Sets the columns that `row` sets, on the row with this id, and gives it back; `None` when there is no such row.
pub(crate) async fn update<R, A>(scope: &mut WriteScope, row: A, id: R::Id) -> Result<Option<R>, StoreError>
where
    R: Record,
    A: ActiveModelTrait + Send,
{
    let organization = scope.organization_id();
    let mut statement = A::Entity::update_many()
        .set(row)
        .filter(own(organization.as_uuid()))
        .filter(is("id", id.as_uuid()))
        .into_query();
    statement.returning(returning::<R>());
    one(scope, statement).await
}

/// Deletes the row with this id; tells whether there was one.
pub(crate) async fn delete<E: EntityTrait>(scope: &mut WriteScope, id: impl Id) -> Result<bool, StoreError> {
    delete_where::<E>(scope, is("id", id.as_uuid())).await.map(|deleted| deleted > 0)
}

/// Deletes the organization's rows that meet the condition; gives their number.
pub(crate) async fn delete_where<E: EntityTrait>(
    scope: &mut WriteScope,
    condition: SimpleExpr,
) -> Result<u64, StoreError> {
    let organization = scope.organization_id();
    let statement = E::delete_many().filter(own(organization.as_uuid())).filter(condition).into_query();
    scope.connection().execute(bound(&statement)).await
}

/// Sets `column` to null, and `updated_at` to now, in the organization's rows of the entity that refer to `id`.
///
/// The foreign keys would do the first by themselves on one machine. A cluster does not allow such keys, and the rows did
/// change.
pub(crate) async fn unlink<E: EntityTrait>(
    scope: &mut WriteScope,
    column: &'static str,
    id: impl Id,
) -> Result<u64, StoreError> {
    let now = scope.tenant().clock.now();
    let mut statement = Query::update();
    statement
        .table(E::default().table_ref())
        .value(Alias::new(column), None::<Uuid>)
        .value(Alias::new("updated_at"), now)
        .and_where(own(scope.organization_id().as_uuid()))
        .and_where(is(column, id.as_uuid()));
    scope.connection().execute(bound(&statement)).await
}

/// `organization_id = …`, the first lock.
fn own(organization: Uuid) -> SimpleExpr {
    is("organization_id", organization)
}

/// `column = id`.
pub(crate) fn is(column: &str, id: Uuid) -> SimpleExpr {
    Expr::col(Alias::new(column)).eq(id)
}

/// The record's columns, as a `RETURNING` clause names them: without the table's short name.
fn returning<R: Record>() -> sea_orm::sea_query::ReturningClause {
    let columns = R::COLUMNS.iter().map(|column| Alias::new(column.strip_prefix("t.").unwrap_or(column)));
    Query::returning().columns(columns)
}

/// Builds a statement of the builder.
pub(crate) fn bound(statement: &impl QueryStatementWriter) -> Sql {
    let (text, values) = statement.build(PostgresQueryBuilder);
    let mut sql = Sql::new(&text);
    for value in values {
        if let Err(value) = bind(&mut sql, value) {
            sql.refuse(&format!("no column has the type of {value:?}"));
        }
    }
    sql
}

/// Runs a statement that returns at most one row.
async fn one<R: Record>(scope: &mut WriteScope, statement: impl QueryStatementWriter) -> Result<Option<R>, StoreError> {
    let rows = scope.connection().fetch(bound(&statement)).await?;
    rows.first().map(|row| record::read(scope.tenant(), row)).transpose()
}

/// The time for `updated_at`: now, but later than the last change, so that two changes never look like one.
pub(crate) fn next_update(clock: &Clock, before: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    std::cmp::max(clock.now(), before + chrono::Duration::microseconds(1))
}
