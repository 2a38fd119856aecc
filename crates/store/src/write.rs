//! Writes: SeaORM builds the statement, the scope runs it, and the row comes back as the domain's entity.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use sea_orm::sea_query::{
    Alias, Expr, ExprTrait, OnConflict, PostgresQueryBuilder, Query, QueryStatementWriter, SimpleExpr, Value,
};
use sea_orm::{ActiveModelTrait, EntityName, EntityTrait, IdenStatic, Insert, Iterable, QueryFilter, QueryTrait};
use tenantry_domain::change::next_version;
use tenantry_domain::noun::{self, Kind, OnDelete, Origin, Value as FieldValue};
use tenantry_domain::{Clock, Id};
use tenantry_wire::Error;
use uuid::Uuid;

use crate::error::StoreError;
use crate::record::{self, Record};
use crate::scope::sea_orm::bind;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;

/// What a new row made in this scope knows of where it comes from: a new id, its organization, its author, the time.
pub fn origin<I: Id>(scope: &impl Scope) -> Origin<I> {
    let Tenant { actor, clock, .. } = scope.tenant();
    Origin { id: clock.new_id(), organization_id: actor.organization_id, user_id: actor.user_id, now: clock.now() }
}

/// Inserts a row that has been validated, and gives it back as it is stored.
///
/// # Errors
/// [`StoreError::Constraint`] when it refers to what does not exist in the organization, or has what another row has.
pub async fn insert<R: Record>(scope: &mut WriteScope, row: &R) -> Result<R, StoreError> {
    insert_with(scope, row, []).await
}

/// As [`insert`], with columns that the noun's struct does not have.
pub(crate) async fn insert_with<R: Record>(
    scope: &mut WriteScope,
    row: &R,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<R, StoreError> {
    let (names, values): (Vec<&str>, Vec<Value>) = stored(row).into_iter().chain(more).unzip();
    let mut statement = Query::insert();
    statement.into_table(R::Entity::default().table_ref()).columns(columns::<R>(&names)?);
    statement.values_panic(values.into_iter().map(Expr::value)).returning(returning::<R>());
    one(scope, statement).await?.ok_or(StoreError::Database(Error::NoRow))
}

/// Makes of a row that was read in this scope the row `after`, and gives it back as it is stored; `None` when it is not there
/// any more. Only what differs is written, and when.
///
/// # Errors
/// As [`insert`].
pub async fn update<R: Record>(scope: &mut WriteScope, before: &R, after: &R) -> Result<Option<R>, StoreError> {
    update_with(scope, before, after, []).await
}

/// As [`update`], with columns that the noun's struct does not have.
pub(crate) async fn update_with<R: Record>(
    scope: &mut WriteScope,
    before: &R,
    after: &R,
    more: impl IntoIterator<Item = (&'static str, Value)>,
) -> Result<Option<R>, StoreError> {
    let mut after = after.clone();
    after.set_updated_at(next_update(&scope.tenant().clock, before.updated_at()));
    let changed = stored(before).into_iter().zip(stored(&after)).filter(|(old, new)| old != new).map(|(_, new)| new);
    let (names, values): (Vec<&str>, Vec<Value>) = changed.chain(more).unzip();
    let mut statement = Query::update();
    statement.table(R::Entity::default().table_ref());
    statement.values(columns::<R>(&names)?.into_iter().zip(values.into_iter().map(Expr::value)));
    statement.and_where(own(scope.organization_id().as_uuid())).and_where(is("id", before.id().as_uuid()));
    statement.returning(returning::<R>());
    one(scope, statement).await
}

/// Deletes the row with this id; tells whether there was one. Rows of other nouns that link to it and stay are unlinked.
///
/// # Errors
/// [`StoreError::Constraint`] when a row that links to it is in the way.
pub async fn delete<R: Record>(scope: &mut WriteScope, id: R::Id) -> Result<bool, StoreError> {
    unlink(scope, R::INFO.table, "id", id.as_uuid()).await?;
    delete_where::<R::Entity>(scope, is("id", id.as_uuid())).await.map(|deleted| deleted > 0)
}

/// The row's columns, but for those of joined tables, with their values. What is null where the column may not be, because
/// guests do not see it, is what a new row has.
fn stored<R: Record>(row: &R) -> Vec<(&'static str, Value)> {
    let mut currency = None;
    let mut stored = Vec::with_capacity(R::FIELDS.len() + 1);
    for field in R::FIELDS {
        let Some(column) = field.info.own_column() else { continue };
        let value = match (field.read)(row) {
            FieldValue::Null if !field.info.nullable => field.info.default.map_or(FieldValue::Null, FieldValue::Name),
            value => value,
        };
        if let FieldValue::Money(money) = &value {
            currency = Some(money.currency().to_string());
        }
        stored.push((column, column_value(field.info.kind, value)));
    }
    if let Some(column) = R::INFO.currency.and_then(|column| column.strip_prefix("t.")) {
        stored.push((column, currency.into()));
    }
    stored
}

/// A field's value as the builder takes it.
fn column_value(kind: Kind, value: FieldValue<'_>) -> Value {
    match (value, kind) {
        (FieldValue::Text(text), _) => text.into_owned().into(),
        (FieldValue::Name(name), _) => name.into(),
        (FieldValue::Boolean(value), _) => value.into(),
        (FieldValue::Id(id), _) => id.into(),
        (FieldValue::Time(time), _) => time.into(),
        (FieldValue::Date(date), _) => date.into(),
        (FieldValue::Decimal(value), _) => value.into(),
        (FieldValue::Integer(value), _) => value.into(),
        (FieldValue::Minor(minor), _) => minor.into(),
        (FieldValue::Money(money), _) => money.minor().into(),
        (FieldValue::Null, Kind::Text | Kind::Enum(_)) => None::<String>.into(),
        (FieldValue::Null, Kind::Boolean) => None::<bool>.into(),
        // No column holds several ids; an array stands in its place, which no column of ours takes.
        (FieldValue::Ids(ids), _) => ids.into(),
        (FieldValue::Null, Kind::Id(_) | Kind::Ids(_)) => None::<Uuid>.into(),
        (FieldValue::Null, Kind::Time) => None::<DateTime<Utc>>.into(),
        (FieldValue::Null, Kind::Date) => None::<NaiveDate>.into(),
        (FieldValue::Null, Kind::Decimal) => None::<Decimal>.into(),
        (FieldValue::Null, Kind::Integer) => None::<i32>.into(),
        (FieldValue::Null, Kind::Money) => None::<i64>.into(),
    }
}

/// The entity's columns of these names.
fn columns<R: Record>(names: &[&str]) -> Result<Vec<<R::Entity as EntityTrait>::Column>, StoreError> {
    let find = |name: &&str| <R::Entity as EntityTrait>::Column::iter().find(|column| column.as_str() == *name);
    let missing = |name: &&str| Error::encode(&format!("the entity of {} has no column {name}", R::INFO.table));
    names.iter().map(|name| find(name).ok_or_else(|| missing(name).into())).collect()
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

/// Deletes the organization's rows that meet the condition; gives their number.
pub(crate) async fn delete_where<E: EntityTrait>(
    scope: &mut WriteScope,
    condition: SimpleExpr,
) -> Result<u64, StoreError> {
    let organization = scope.organization_id();
    let statement = E::delete_many().filter(own(organization.as_uuid())).filter(condition).into_query();
    scope.connection().execute(bound(&statement)).await
}

/// As [`delete_where`], of at most one row; gives the id that it had.
pub(crate) async fn delete_one<E: EntityTrait, I: Id>(
    scope: &mut WriteScope,
    condition: SimpleExpr,
) -> Result<Option<I>, StoreError> {
    let organization = scope.organization_id();
    let mut statement = E::delete_many().filter(own(organization.as_uuid())).filter(condition).into_query();
    let rows = scope.connection().fetch(bound(statement.returning_col(Alias::new("id")))).await?;
    rows.first().map(|row| row.get(0).map(I::from_uuid)).transpose().map_err(StoreError::from)
}

/// Sets every link to a row of `table` to null that is declared so, and `updated_at` to now or a little later, in the organization's rows whose link
/// holds `value`, the row's `key`.
///
/// The foreign keys would do the first by themselves on one machine. A cluster does not allow such keys, and the rows did
/// change.
pub(crate) async fn unlink(scope: &mut WriteScope, table: &str, key: &str, value: Uuid) -> Result<(), StoreError> {
    for noun in noun::ALL {
        for field in noun.fields() {
            let Some(link) = field.link.filter(|link| link.on_delete == OnDelete::Unlink) else { continue };
            let (Some(column), true) = (field.own_column(), link.table == table && link.key == key) else { continue };
            // In the order in which others lock several of them, or two transactions could wait for each other.
            let mut lock = Sql::new("SELECT count(*) FROM (SELECT 1 FROM ");
            lock.push(noun.info.table).push(" WHERE organization_id = ").bind(scope.organization_id().as_uuid());
            lock.push(" AND ").push(column).push(" = ").bind(value).push(" ORDER BY id FOR NO KEY UPDATE) locked");
            scope.connection().fetch_count(lock).await?;
            let now = scope.tenant().clock.now();
            let (schema, name) = noun.info.table.split_once('.').unwrap_or(("app", noun.info.table));
            let mut statement = Query::update();
            statement
                .table((Alias::new(schema), Alias::new(name)))
                .value(Alias::new(column), None::<Uuid>)
                .value(Alias::new("updated_at"), Expr::cust_with_values(NEXT_VERSION, [now]))
                .and_where(own(scope.organization_id().as_uuid()))
                .and_where(is(column, value));
            scope.connection().execute(bound(&statement)).await?;
        }
    }
    Ok(())
}

/// [`next_version`] in SQL; the parameter is now.
pub(crate) const NEXT_VERSION: &str = "GREATEST($1, date_trunc('milliseconds', updated_at) + interval '1 millisecond')";

/// `organization_id = …`, the first lock.
fn own(organization: Uuid) -> SimpleExpr {
    is("organization_id", organization)
}

/// `column = id`.
pub(crate) fn is(column: &str, id: Uuid) -> SimpleExpr {
    Expr::col(Alias::new(column)).eq(id)
}

/// The noun's columns, as a `RETURNING` clause names them: without the table's short name, and without the secret ones.
fn returning<R: Record>() -> sea_orm::sea_query::ReturningClause {
    let read = record::stored::<R>();
    let columns = R::COLUMNS.iter().enumerate().filter(|(n, _)| read.has(*n));
    Query::returning().columns(columns.map(|(_, column)| Alias::new(column.strip_prefix("t.").unwrap_or(column))))
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
    let Some(row) = rows.first() else { return Ok(None) };
    let mut written: R = record::read_stored(scope.tenant(), row)?;
    record::mask(scope.actor(), &mut written);
    Ok(Some(written))
}

/// The time for `updated_at`: now, but later than the last change; see [`next_version`].
pub(crate) fn next_update(clock: &Clock, before: chrono::DateTime<chrono::Utc>) -> chrono::DateTime<chrono::Utc> {
    next_version(clock.now(), before)
}
