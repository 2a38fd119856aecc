//! A pooled connection with an open transaction, which it never takes back to the pool.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::Mutex;

use crate::error::StoreError;
use crate::shelf::Lease;
use crate::sql::Sql;

/// What an open transaction keeps from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing: it only reads.
    Nothing,
    /// The rows that it changed, or a lock.
    Locks,
}

/// A connection inside a transaction. Statements of concurrent callers run one after the other.
#[derive(Debug)]
pub struct Connection {
    held: Mutex<Held>,
    keeps: Keeps,
}

#[derive(Debug)]
struct Held {
    /// `None` only after the transaction has ended.
    lease: Option<Lease>,
    /// Whether the last statement's answer has been read to its end, and was no failure.
    is_settled: bool,
}

impl Held {
    /// Runs one statement on the connection.
    async fn run<T>(
        &mut self,
        statement: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let lease = self.lease.as_mut().ok_or_else(ended)?;
        // Whoever waits for the answer may be dropped meanwhile; and after a failure the connection may be broken.
        self.is_settled = false;
        let answer = statement(lease).await;
        self.is_settled = answer.is_ok();
        answer
    }
}

impl Connection {
    /// Sends `statements`, the first of which begins a transaction, in one round trip; gives the rows that they return.
    pub(crate) async fn open(
        mut lease: Lease,
        statements: &str,
        keeps: Keeps,
    ) -> Result<(Self, Vec<PgRow>), StoreError> {
        let statements = format!("{}{statements}", lease.opening());
        lease.begin();
        // From here on the guard rolls back, whatever happens.
        let connection = Self { held: Mutex::new(Held { lease: Some(lease), is_settled: true }), keeps };
        let rows = connection.fetch_unprepared(statements).await?;
        Ok((connection, rows))
    }

    /// The connection, whose transaction keeps more from others than it did when it began.
    pub(crate) fn keeping(mut self, keeps: Keeps) -> Self {
        self.keeps = keeps;
        self
    }

    /// Runs a statement and gives its rows.
    pub(crate) async fn fetch(&self, sql: Sql) -> Result<Vec<PgRow>, StoreError> {
        self.held.lock().await.run(async |connection| sql.fetch(connection).await).await
    }

    /// Runs a statement that gives one number.
    pub(crate) async fn fetch_count(&self, sql: Sql) -> Result<i64, StoreError> {
        let rows = self.fetch(sql).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.try_get(0))?)
    }

    /// Runs a statement and gives the number of rows that it touched.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64, StoreError> {
        self.held.lock().await.run(async |connection| sql.execute(connection).await).await
    }

    /// Sends literal statements in one round trip.
    pub(crate) async fn fetch_unprepared(&self, statements: String) -> Result<Vec<PgRow>, StoreError> {
        let mut held = self.held.lock().await;
        held.run(async |connection| Ok(sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(connection).await?)).await
    }

    /// Commits and gives the connection back.
    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        let mut held = self.held.lock().await;
        held.run(async |connection| Ok(sqlx::raw_sql("COMMIT").execute(connection).await.map(drop)?)).await?;
        // Only now: a commit that was cut off leaves the connection to the guard.
        if let Some(lease) = held.lease.take() {
            lease.put_back();
        }
        Ok(())
    }
}

/// A scope is used after its end. The types make that impossible; the error is there so that nothing has to panic.
fn ended() -> StoreError {
    StoreError::Database(sqlx::Error::PoolClosed)
}

/// Ends the transaction, if it has not ended: at once when others may wait for its locks, otherwise when the connection is
/// used next.
impl Drop for Connection {
    fn drop(&mut self) {
        let held = self.held.get_mut();
        let Some(lease) = held.lease.take() else { return };
        if self.keeps == Keeps::Nothing && held.is_settled {
            lease.linger();
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(lease.roll_back())),
            // Without a runtime nothing can be sent. The process is ending, and the server rolls back when the socket closes.
            Err(_) => lease.abandon(),
        }
    }
}
