//! A scope as a connection of SeaORM's: a service in Rust runs statements of its own entities inside of a tenant.
//!
//! **Invariant:** no statement leaves the tenant.
//! 1. The server sees it as every other statement of the scope: one statement, in the scope's transaction, under row-level security.
//! 2. That holds as long as nobody changes the setting that the policies read. Only statements that read or change rows pass, and
//!    only with functions that are on a list: see [`statement`].
//! 3. Before anybody gets an answer, the server is asked in the same round trip whether the transaction is still bound to the
//!    organization. If it is not, the scope is of no use any more. This would not find a statement that changes the setting and
//!    changes it back, which is why it is not the only lock.
//!
//! It keeps to the organization and to nothing narrower: private workspaces, grants and what guests do not see are rules of the
//! reads and writes of this crate, which these statements do not go through. Decide with `domain::permission` before you show their
//! rows to anybody.
//!
//! What no list can know is a function that an operator adds to the database, executable by everybody, which runs the text that it
//! is given as its only argument.

mod statement;
#[cfg(test)]
mod tests;
mod values;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::sea_orm::entity::prelude::async_trait::async_trait;
use ::sea_orm::{
    ConnectionTrait, DbBackend, DbErr, EntityTrait, ExecResult, IdenStatic as _, Iterable as _, ModelTrait as _,
    ProxyExecResult, ProxyRow, QueryResult, Statement, Value,
};
use tenantry_domain::OrganizationId;
use tenantry_wire::{Answer, Column, Error, Row, Rows, Type};

use super::Connection;
use crate::error::StoreError;
use crate::sql::Sql;

pub(crate) use values::bind;

/// A scope that SeaORM's statements run in: whatever takes a [`ConnectionTrait`] takes this. See
/// [`Scope::sea_orm`](super::Scope::sea_orm).
///
/// * It shows and changes the rows of one organization. In a [`ReadScope`](super::ReadScope) the server refuses changes; in a
///   [`WriteScope`](super::WriteScope) they happen with its commit.
/// * It is inside a transaction already, so it begins none.
/// * Rows of no organization, such as those of `auth.users`, are out of its reach. Ask [`user`](crate::user) for people.
/// * Every statement should name `organization_id`: the indexes begin with it.
/// * Errors are SeaORM's; `StoreError::from` gives the store's, so that `?` does in a function that returns those.
#[derive(Debug, Clone, Copy)]
pub struct SeaConnection<'s> {
    connection: &'s Connection,
    organization: OrganizationId,
    has_offsets: bool,
    is_by_name: bool,
}

impl<'s> SeaConnection<'s> {
    pub(super) fn new(connection: &'s Connection, organization: OrganizationId) -> Self {
        Self { connection, organization, has_offsets: false, is_by_name: false }
    }

    /// Gives points in time as `DateTimeWithTimeZone`, the type that SeaORM's generator writes, and not as `DateTimeUtc`.
    #[must_use]
    pub fn with_offsets(self) -> Self {
        Self { has_offsets: true, ..self }
    }

    /// For `into_json`. SeaORM keeps the columns of our rows in the order of their names, so what reads them by their place, as
    /// `into_tuple` does, finds them under further names that sort before these. JSON would show those, too.
    #[must_use]
    pub fn by_name(self) -> Self {
        Self { is_by_name: true, ..self }
    }

    /// Makes sure that the fields of an entity have the types that its table's columns are read as. SeaORM takes a value of
    /// another type for null, and an `Option` that is always `None` shows up late, so a service should ask this in a test or at
    /// its start.
    ///
    /// # Errors
    /// [`DbErr::Type`] with the names of all columns that are of another type or not in the table.
    pub async fn check<E: EntityTrait>(&self) -> Result<(), DbErr> {
        let entity = E::default();
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let schema = entity.schema_name().map(|schema| format!("{}.", quoted(schema))).unwrap_or_default();
        let mut sql = Sql::new(
            "SELECT a.attname::text, a.atttypid FROM pg_catalog.pg_attribute a \
             WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid = to_regclass(",
        );
        sql.bind(format!("{schema}{}", quoted(entity.table_name()))).push(")");
        let rows = self.connection.fetch(sql).await.map_err(failed)?;
        let mut kinds = BTreeMap::new();
        for row in rows.iter() {
            let read = |row: Row<'_>| Ok::<_, Error>((row.get::<String>(0)?, row.get::<u32>(1)?));
            let (name, oid) = read(row).map_err(|error| failed(error.into()))?;
            kinds.insert(name, Type::from_oid(oid));
        }
        let fits = |column: &E::Column| {
            let kind = kinds.get(column.as_str())?.as_ref()?;
            values::fits(kind, &E::Model::get_value_type(*column), self.has_offsets).then_some(())
        };
        let strangers: Vec<String> = E::Column::iter()
            .filter(|column| fits(column).is_none())
            .map(|column| column.as_str().to_owned())
            .collect();
        if strangers.is_empty() {
            return Ok(());
        }
        let table = entity.table_name();
        Err(DbErr::Type(format!("in {table}, missing or of another type than the entity's: {}", strangers.join(", "))))
    }

    async fn answer(&self, statement: Statement) -> Result<Answer, DbErr> {
        if statement.db_backend != DbBackend::Postgres {
            return Err(refused("a statement for another kind of database".to_owned()));
        }
        statement::check(&statement.sql).map_err(refused)?;
        let mut sql = Sql::new(&statement.sql);
        for value in statement.values.into_iter().flat_map(|values| values.0) {
            bind(&mut sql, value).map_err(|value| DbErr::Type(format!("no column has the type of {value:?}")))?;
        }
        self.connection.answer_within(sql, self.organization).await.map_err(failed)
    }

    fn rows<'r>(&self, rows: &'r Rows) -> impl Iterator<Item = Result<QueryResult, DbErr>> + use<'r> {
        let names: Vec<&str> = rows.columns().iter().map(Column::name).collect();
        // In that order already, the columns are found by their places as they are.
        let is_sorted = names.is_sorted_by(|one, other| one < other);
        let (has_offsets, has_places) = (self.has_offsets, !is_sorted && !self.is_by_name);
        rows.iter().map(move |row| read(rows, row, has_offsets, has_places))
    }
}

/// One row as SeaORM takes it.
fn read(rows: &Rows, row: Row<'_>, has_offsets: bool, has_places: bool) -> Result<QueryResult, DbErr> {
    let mut named = BTreeMap::<String, Value>::new();
    let mut values = row.values();
    for (place, column) in rows.columns().iter().enumerate() {
        let value = values::read(&mut values, column.kind(), has_offsets).map_err(|error| match error {
            None => {
                DbErr::Type(format!("the column {} is of a type that is not read: {}", column.name(), column.kind()))
            }
            Some(error) => failed(error.into()),
        })?;
        if has_places {
            // No column's name has U+0000 in it, and nothing sorts before that.
            named.insert(format!("\0{place:05}"), value.clone());
        }
        named.entry(column.name().to_owned()).or_insert(value);
    }
    Ok(ProxyRow::new(named).into())
}

#[async_trait]
impl ConnectionTrait for SeaConnection<'_> {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let answer = self.answer(statement).await?;
        Ok(ProxyExecResult::new(0, answer.affected).into())
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        Err(refused("a text of any number of statements".to_owned()))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let answer = self.answer(statement).await?;
        self.rows(&answer).next().transpose()
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let answer = self.answer(statement).await?;
        self.rows(&answer).collect()
    }
}

/// The store's error as SeaORM's, with the store's inside.
fn failed(error: StoreError) -> DbErr {
    DbErr::TryIntoErr { from: "a statement", into: "an answer", source: Arc::new(error) }
}

/// What a scope does not run.
fn refused(what: String) -> DbErr {
    DbErr::AccessDenied { permission: what, resource: "a tenant's scope".to_owned() }
}

/// The store's error if that is what went wrong, and otherwise what SeaORM says.
impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let DbErr::TryIntoErr { source, .. } = &error
            && let Some(error) = source.downcast_ref::<Self>()
        {
            return error.clone();
        }
        Self::Database(Error::encode(&error.to_string()))
    }
}
