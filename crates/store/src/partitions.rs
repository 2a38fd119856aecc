//! Tables that are divided by month: the partitions of the coming months, and taking old ones out of use. The database's own functions do
//! it, because the roles of the program may not create tables.

use chrono::NaiveDate;

use crate::error::StoreError;
use crate::pool::Store;
use crate::scope::WorkerScope;
use crate::scope::sealed::Sealed;
use crate::sql::Sql;

/// Makes the partitions of this month and the next three, as far as they are missing; gives their names. Any role of the program may do
/// this, several processes at once.
///
/// # Errors
/// Those of the database.
pub async fn make(store: &Store) -> Result<Vec<String>, StoreError> {
    run(store, Sql::new("SELECT unnest(platform.make_partitions())")).await
}

/// Detaches a table's partitions of the months before that of `before`; gives their names. They stay as tables of their own, out of reach
/// of the program, until somebody archives and drops them. Only the worker's role may do this.
///
/// # Errors
/// Those of the database; it refuses to detach the current month or a later one.
pub async fn detach(worker: &Store, table: &str, before: NaiveDate) -> Result<Vec<String>, StoreError> {
    let mut sql = Sql::new("SELECT unnest(platform.detach_partitions(");
    sql.bind(table.to_owned()).push(", ").bind(before).push("))");
    run(worker, sql).await
}

async fn run(store: &Store, sql: Sql) -> Result<Vec<String>, StoreError> {
    let scope = WorkerScope::open(store).await?;
    let rows = scope.connection().fetch(sql).await?;
    let names = rows.iter().map(|row| Ok(row.get(0)?)).collect::<Result<_, StoreError>>()?;
    scope.commit().await?;
    Ok(names)
}
