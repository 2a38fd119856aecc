//! A pooled connection with an open transaction, which it never takes back to the pool.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::Mutex;

use crate::error::StoreError;
use crate::shelf::Lease;
use crate::sql::Sql;

/// How long a dropped scope may take to roll back before its connection is thrown away. Longer than a statement may take by
/// default: the server would go on with it, and another connection beside it would be one too many.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(6);

/// A connection inside a transaction. Statements of concurrent callers run one after the other.
#[derive(Debug)]
pub struct Connection {
    /// `None` only after the transaction has ended.
    pooled: Mutex<Option<Lease>>,
}

impl Connection {
    /// Sends `statements`, the first of which begins a transaction, in one round trip; gives the rows that they return.
    pub(crate) async fn open(pooled: Lease, statements: String) -> Result<(Self, Vec<PgRow>), StoreError> {
        // From here on the guard rolls back, whatever happens.
        let connection = Self { pooled: Mutex::new(Some(pooled)) };
        let rows = connection.fetch_unprepared(statements).await?;
        Ok((connection, rows))
    }

    /// Runs a statement and gives its rows.
    pub(crate) async fn fetch(&self, sql: Sql) -> Result<Vec<PgRow>, StoreError> {
        let mut guard = self.pooled.lock().await;
        let pooled = guard.as_mut().ok_or_else(ended)?;
        sql.fetch(pooled).await
    }

    /// Runs a statement that gives one number.
    pub(crate) async fn fetch_count(&self, sql: Sql) -> Result<i64, StoreError> {
        let rows = self.fetch(sql).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
    }

    /// Runs a statement and gives the number of rows that it touched.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64, StoreError> {
        let mut guard = self.pooled.lock().await;
        let pooled = guard.as_mut().ok_or_else(ended)?;
        sql.execute(pooled).await
    }

    /// Sends literal statements in one round trip.
    pub(crate) async fn fetch_unprepared(&self, statements: String) -> Result<Vec<PgRow>, StoreError> {
        let mut guard = self.pooled.lock().await;
        let pooled = guard.as_mut().ok_or_else(ended)?;
        Ok(sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(&mut **pooled).await?)
    }

    /// Commits and gives the connection back.
    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        let mut guard = self.pooled.lock().await;
        let pooled = guard.as_mut().ok_or_else(ended)?;
        sqlx::raw_sql("COMMIT").execute(&mut **pooled).await?;
        // Only now: a commit that was cut off leaves the connection to the guard.
        if let Some(pooled) = guard.take() {
            pooled.put_back();
        }
        Ok(())
    }
}

/// A scope is used after its end. The types make that impossible; the error is there so that nothing has to panic.
fn ended() -> StoreError {
    StoreError::Database(sqlx::Error::PoolClosed)
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(pooled) = self.pooled.get_mut().take() else { return };
        roll_back(pooled);
    }
}

/// Ends the transaction in the background, and only then lets anyone else have the connection. One that does not answer is
/// thrown away.
fn roll_back(mut pooled: Lease) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        // Without a runtime nothing can be sent. The process is ending, and the server rolls back when the socket closes.
        pooled.abandon();
        return;
    };
    runtime.spawn(async move {
        let rollback = sqlx::raw_sql("ROLLBACK").execute(&mut *pooled);
        match tokio::time::timeout(ROLLBACK_TIMEOUT, rollback).await {
            Ok(Ok(_)) => pooled.put_back(),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a connection is thrown away because it did not roll back");
                pooled.discard();
            }
            Err(_) => {
                tracing::debug!("a connection is thrown away because it did not roll back in time");
                pooled.discard();
            }
        }
    });
}
