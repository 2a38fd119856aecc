//! Loading many rows at once with COPY, across organizations; for seeds and imports that an operator runs.
//!
//! This is the one way to the database that is not a scope. It needs the role `tenantry_owner` (or one that may become it),
//! which the API never is: COPY is refused on a table whose row-level security binds the caller, so the load lifts the
//! policies' force from the owner inside its own transaction and puts it back before it commits. Whatever ends the load
//! before that rolls all of it back.

mod catalogue;
mod encode;
mod row;

use tenantry_wire::Connection;

use self::catalogue::Definition;
use self::encode::{HEADER, RowWriter, TRAILER};
use self::row::{Table, TermRow};
use crate::apart;
use crate::error::StoreError;
use crate::sql::Sql;

pub use self::row::{
    AssigneeRow, BillingRow, InvoiceRow, InvoiceTaskRow, MemberRow, NumberCounterRow, Row, TaskLabelRow, UsageRow,
};

/// How many bytes of rows are held before they are sent. More makes the load no faster.
const BUFFER_LIMIT: usize = 8 << 20;

/// For the transaction only. Sorts and joins of whole tables are what rebuilding keys and indexes consists of.
const SETTINGS: &str = "SET LOCAL search_path = pg_catalog; \
     SET LOCAL lock_timeout = '10s'; \
     SET LOCAL statement_timeout = 0; \
     SET LOCAL idle_in_transaction_session_timeout = 0; \
     SET LOCAL maintenance_work_mem = '512MB'";

/// Words of what is on a task are found by who sees the task's project.
const PROJECTS_OF_COMMENTS: &str = "UPDATE app.search_terms s SET project_id = t.project_id \
     FROM app.comments c JOIN app.tasks t ON t.organization_id = c.organization_id AND t.id = c.task_id \
     WHERE s.organization_id = c.organization_id AND s.entity_id = c.id AND s.project_id IS NULL";

/// What a load is doing after its rows are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkPhase {
    /// Building the indexes that were set aside.
    Indexes,
    /// Counting what the planner needs to know.
    Statistics,
    /// Checking every row against the foreign keys that were set aside.
    ForeignKeys,
    /// Making the rows durable, and marking them as visible to all.
    Commit,
}

/// One step of a phase, told before it is taken.
#[derive(Debug, Clone, Copy)]
pub struct BulkStep<'n> {
    /// The phase.
    pub phase: BulkPhase,
    /// What is worked on: an index, a key, a table.
    pub name: &'n str,
    /// How many steps of the phase are done.
    pub done: usize,
    /// How many steps the phase has.
    pub total: usize,
}

/// A transaction that loads rows. Dropping it without [`commit`](Self::commit) rolls it back.
#[derive(Debug)]
pub struct BulkLoad {
    connection: Connection,
    tables: Vec<Buffer>,
    buffered: usize,
    /// Whether words were loaded of rows that name their task and not its project.
    lacks_projects: bool,
    policies: Vec<Definition>,
    indexes: Vec<Definition>,
    foreign_keys: Vec<Definition>,
}

#[derive(Debug)]
struct Buffer {
    table: Table,
    bytes: Vec<u8>,
    loaded: u64,
    /// Whether the table was emptied in this transaction, so that its rows may be frozen as they arrive.
    fresh: bool,
}

impl BulkLoad {
    /// Connects, becomes the owner and begins. From here on nobody else reaches the tables until the load ends.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the database cannot be reached; [`StoreError::Timeout`] when others did not let go of
    /// a table; [`StoreError::Database`] when the role may not become the owner or the tables are not there.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let mut connection = apart::connect(url, "tenantry-bulk").await?;
        catalogue::run(&mut connection, "SET ROLE tenantry_owner; SET timezone = 'UTC'").await?;
        catalogue::run(&mut connection, &format!("BEGIN; {SETTINGS}")).await?;
        let policies = catalogue::lift_policies(&mut connection, &names()).await?;
        let buffer = |&table: &Table| Buffer { table, bytes: Vec::new(), loaded: 0, fresh: false };
        let tables = Table::ALL.iter().map(buffer).collect();
        Ok(Self {
            connection,
            tables,
            buffered: 0,
            lacks_projects: false,
            policies,
            indexes: Vec::new(),
            foreign_keys: Vec::new(),
        })
    }

    /// Whether there is any organization.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn has_organizations(&mut self) -> Result<bool, StoreError> {
        self.any(Sql::new("SELECT EXISTS (SELECT FROM app.organizations)")).await
    }

    /// Whether there is an organization with this slug.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn has_organization(&mut self, slug: &str) -> Result<bool, StoreError> {
        let mut sql = Sql::new("SELECT EXISTS (SELECT FROM app.organizations o WHERE o.slug = ");
        sql.bind(slug).push(")");
        self.any(sql).await
    }

    /// Drops the tables' foreign keys and indexes until [`commit`](Self::commit) builds them anew, which is many times faster
    /// than keeping them up to date row by row once there are millions. Call it before the first row.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn set_indexes_aside(&mut self) -> Result<(), StoreError> {
        self.foreign_keys = catalogue::drop_foreign_keys(&mut self.connection, &names()).await?;
        self.indexes = catalogue::drop_indexes(&mut self.connection, &names()).await?;
        for n in 0..self.tables.len() {
            let name = self.tables[n].table.name();
            catalogue::run(&mut self.connection, &format!("LOCK TABLE {name}")).await?;
            if !self.any(Sql::new(&format!("SELECT EXISTS (SELECT FROM {name})"))).await? {
                // Nothing is lost, and rows that arrive in a table emptied by the same transaction can be written as visible
                // to all from the start, which saves rewriting every page later.
                catalogue::run(&mut self.connection, &format!("TRUNCATE {name}")).await?;
                self.tables[n].fresh = true;
            }
        }
        Ok(())
    }

    /// Adds a row. It is sent when enough have come together, parents before those that refer to them; so unless
    /// [`set_indexes_aside`](Self::set_indexes_aside) was called, push a row after those that it refers to.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when the database refuses a row, this one or an earlier one; those of the connection.
    pub async fn push<R: Row>(&mut self, row: &R) -> Result<(), StoreError> {
        self.encode(row)?;
        if let Some((organization_id, indexed)) = row.indexed() {
            self.lacks_projects |= indexed.task_id.is_some();
            for (term, posting) in &indexed.terms {
                self.encode(&TermRow { organization_id, indexed: &indexed, term, posting: *posting })?;
            }
        }
        if self.buffered >= BUFFER_LIMIT { self.flush().await } else { Ok(()) }
    }

    fn encode<R: Row>(&mut self, row: &R) -> Result<(), StoreError> {
        let buffer = &mut self.tables[R::TABLE as usize];
        if buffer.bytes.is_empty() {
            buffer.bytes.extend_from_slice(HEADER);
        }
        let before = buffer.bytes.len();
        let mut writer = RowWriter::default();
        row.encode(&mut writer)?;
        let columns = writer.finish(&mut buffer.bytes)?;
        debug_assert_eq!(columns, R::TABLE.columns().split(',').count(), "{:?}", R::TABLE);
        self.buffered += buffer.bytes.len() - before;
        Ok(())
    }

    /// Builds what was set aside, puts the policies' force back, counts for the planner, and commits. Gives how many rows each
    /// table got.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when rows break a key; those of the database. Nothing was loaded then, unless the phase
    /// [`BulkPhase::Commit`] had begun.
    pub async fn commit(
        mut self,
        step: &mut (dyn FnMut(BulkStep<'_>) + Send),
    ) -> Result<Vec<(&'static str, u64)>, StoreError> {
        self.flush().await?;
        let indexes = std::mem::take(&mut self.indexes);
        self.restore(BulkPhase::Indexes, indexes, step).await?;
        if self.lacks_projects {
            catalogue::run(&mut self.connection, PROJECTS_OF_COMMENTS).await?;
        }
        // Before the keys are checked, because that joins whole tables and needs good plans.
        self.each_table(BulkPhase::Statistics, "ANALYZE", step).await?;
        let foreign_keys = std::mem::take(&mut self.foreign_keys);
        self.restore(BulkPhase::ForeignKeys, foreign_keys, step).await?;
        for policy in std::mem::take(&mut self.policies) {
            catalogue::run(&mut self.connection, &policy.restore).await?;
        }
        catalogue::run(&mut self.connection, "COMMIT").await?;
        self.each_table(BulkPhase::Commit, "VACUUM", step).await?;
        self.connection.close().await?;
        Ok(self.tables.iter().map(|buffer| (buffer.table.name(), buffer.loaded)).collect())
    }

    /// Gives up, and waits until the tables are free again.
    ///
    /// # Errors
    /// Those of the connection, in which case the server rolls back by itself.
    pub async fn roll_back(mut self) -> Result<(), StoreError> {
        catalogue::run(&mut self.connection, "ROLLBACK").await?;
        Ok(self.connection.close().await?)
    }

    async fn restore(
        &mut self,
        phase: BulkPhase,
        definitions: Vec<Definition>,
        step: &mut (dyn FnMut(BulkStep<'_>) + Send),
    ) -> Result<(), StoreError> {
        let total = definitions.len();
        for (done, definition) in definitions.iter().enumerate() {
            step(BulkStep { phase, name: &definition.name, done, total });
            catalogue::run(&mut self.connection, &definition.restore).await?;
        }
        Ok(())
    }

    async fn each_table(
        &mut self,
        phase: BulkPhase,
        command: &str,
        step: &mut (dyn FnMut(BulkStep<'_>) + Send),
    ) -> Result<(), StoreError> {
        let total = self.tables.len();
        for (done, buffer) in self.tables.iter().enumerate() {
            step(BulkStep { phase, name: buffer.table.name(), done, total });
            catalogue::run(&mut self.connection, &format!("{command} {}", buffer.table.name())).await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        for buffer in &mut self.tables {
            if buffer.bytes.is_empty() {
                continue;
            }
            buffer.bytes.extend_from_slice(TRAILER);
            let (name, columns) = (buffer.table.name(), buffer.table.columns());
            let freeze = if buffer.fresh { ", FREEZE" } else { "" };
            let statement = format!("COPY {name} ({columns}) FROM STDIN WITH (FORMAT binary{freeze})");
            buffer.loaded += self.connection.copy_in(&statement, &buffer.bytes).await?;
            buffer.bytes.clear();
        }
        self.buffered = 0;
        Ok(())
    }

    async fn any(&mut self, sql: Sql) -> Result<bool, StoreError> {
        let rows = sql.run(&mut self.connection).await?;
        Ok(rows.first().map_or(Ok(false), |row| row.get(0))?)
    }
}

fn names() -> Vec<&'static str> {
    Table::ALL.iter().map(|table| table.name()).collect()
}
