//! One way of a migration, there or back: either all of it in one transaction, or in parts that each lock little. No SQL of a
//! particular table lives here.
//!
//! Parts are for tables that are in use. A lock that stops everybody is held as long as its transaction, so what takes one and
//! what takes long stand in different transactions, and an index that is built beside the writers stands in none. A run may be
//! cut off between two parts; the change is not recorded then, and the next run starts over. **Invariant:** every part may be
//! run again.

use sea_orm_migration::SchemaManager;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};

/// What waits for a lock on a table makes every later query on that table wait behind it. Failing is the lesser evil.
const LOCK_TIMEOUT: &str = "5s";

/// What takes a lock that stops everybody has nothing to read and is over at once, or it is wrong.
const BRIEF: &str = "10s";

/// An index that is built beside the writers waits for every transaction that is older than itself, and nobody waits for it.
const PATIENCE: &str = "5min";

/// The statements of one direction.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// In one transaction, together with the record that it is applied.
    Whole(String),
    /// One behind the other.
    Parts(Vec<Part>),
}

/// Statements that are sent one at a time, each ending in a semicolon.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    /// A transaction that takes locks which stop everybody, and reads nothing.
    Brief(Vec<String>),
    /// A transaction that reads a whole table while everybody works on.
    Patient(Vec<String>),
    /// No transaction: what PostgreSQL does not allow in one.
    Alone(Vec<String>),
    /// One [`Patient`](Self::Patient) statement that has to see every row, so that these tables do not force their policies on
    /// the owner meanwhile. They do so again behind it, also when it fails. Other roles are bound all the time.
    Unforced { tables: Vec<String>, statement: String },
}

impl From<String> for Change {
    fn from(sql: String) -> Self {
        Self::Whole(sql)
    }
}

/// Several changes, one behind the other, in parts.
impl FromIterator<Change> for Change {
    fn from_iter<I: IntoIterator<Item = Self>>(changes: I) -> Self {
        let parts = changes.into_iter().flat_map(|change| match change {
            Self::Whole(sql) => vec![Part::Brief(vec![sql])],
            Self::Parts(parts) => parts,
        });
        Self::Parts(parts.collect())
    }
}

impl Change {
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    /// The text as `psql` would run it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Whole(sql) => format!("BEGIN;\n{}COMMIT;\n", with_timeout(sql)),
            Self::Parts(parts) => parts.iter().map(Part::text).collect::<Vec<_>>().join("\n"),
        }
    }

    /// Runs it. `in_transaction` tells whether the manager's connection is in one already.
    pub(crate) async fn run(&self, manager: &SchemaManager<'_>, in_transaction: bool) -> Result<(), DbErr> {
        match self {
            Self::Whole(sql) if in_transaction => execute(manager, &with_timeout(sql)).await,
            Self::Whole(sql) => {
                let transaction = manager.begin().await?;
                execute(&transaction, &with_timeout(sql)).await?;
                transaction.commit().await
            }
            Self::Parts(parts) => {
                for part in parts {
                    part.run(manager).await?;
                }
                Ok(())
            }
        }
    }
}

impl Part {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Brief(_) | Self::Patient(_) => format!("BEGIN;\n{}\nCOMMIT;\n", self.statements().join("\n")),
            Self::Alone(_) => format!("{}\n", self.statements().join("\n")),
            Self::Unforced { .. } => self.split().iter().map(Self::text).collect::<Vec<_>>().join("\n"),
        }
    }

    async fn run(&self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        match self {
            Self::Brief(_) | Self::Patient(_) => {
                let transaction = manager.begin().await?;
                for statement in self.statements() {
                    execute(&transaction, &statement).await?;
                }
                transaction.commit().await
            }
            Self::Alone(_) => {
                for statement in self.statements() {
                    execute(manager, &statement).await?;
                }
                Ok(())
            }
            Self::Unforced { tables, .. } => {
                let parts = self.split();
                let (before, after) = parts.split_at(tables.len() + 1);
                let mut done = Ok(());
                for part in before {
                    done = Box::pin(part.run(manager)).await;
                    if done.is_err() {
                        break;
                    }
                }
                for part in after {
                    done = done.and(Box::pin(part.run(manager)).await);
                }
                done
            }
        }
    }

    /// The statements with the settings before, and behind, them.
    fn statements(&self) -> Vec<String> {
        let (settings, statements, end): (Vec<String>, _, &[&str]) = match self {
            Self::Brief(statements) => (local(BRIEF), statements.as_slice(), &[]),
            // Whatever the role's own limit is: cut off, it would only have to be done again.
            Self::Patient(statements) => (local("0"), statements.as_slice(), &[]),
            Self::Alone(statements) => (
                vec![format!("SET lock_timeout = '{PATIENCE}';"), "SET statement_timeout = '0';".to_owned()],
                statements.as_slice(),
                &["RESET lock_timeout;", "RESET statement_timeout;"],
            ),
            Self::Unforced { .. } => (Vec::new(), &[], &[]),
        };
        settings.into_iter().chain(statements.iter().cloned()).chain(end.iter().map(|&text| text.to_owned())).collect()
    }

    /// An [`Unforced`](Self::Unforced) as simpler parts: one for each table, the statement, and one for each table.
    fn split(&self) -> Vec<Self> {
        let Self::Unforced { tables, statement } = self else { return Vec::new() };
        // Each table in a transaction of its own, so that the lock on one is not held while another is waited for.
        let alter = |what: &'static str| {
            tables.iter().map(move |table| Self::Brief(vec![format!("ALTER TABLE {table} {what} ROW LEVEL SECURITY;")]))
        };
        alter("NO FORCE").chain([Self::Patient(vec![statement.clone()])]).chain(alter("FORCE")).collect()
    }
}

/// Stops before anything is changed if a row of the table meets the condition; says why. `column` is one that the change takes away: when
/// it is gone, the change has been made, and there is nothing left to ask.
pub(crate) fn refuse_rows(table: &str, column: &str, condition: &str, why: &str) -> Change {
    let statement = format!(
        "DO $$ BEGIN\n    IF EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = '{table}'::regclass \
         AND attname = '{column}' AND NOT attisdropped) THEN\n        \
         IF EXISTS (SELECT FROM {table} WHERE {condition}) THEN\n            \
         RAISE EXCEPTION '{why}';\n        END IF;\n    END IF;\nEND $$;"
    );
    // The policies show the owner no rows.
    Change::Parts(vec![Part::Unforced { tables: vec![table.to_owned()], statement }])
}

/// Drops a table, in the transaction that this text is run in, unless there are rows in it that cannot be made again; says why.
pub(crate) fn drop_empty(table: &str, why: &str) -> String {
    format!(
        "-- The policies show the owner no rows.\nALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;\n\
         DO $$ BEGIN\n    IF EXISTS (SELECT FROM {table}) THEN\n        RAISE EXCEPTION '{why}';\n    END IF;\nEND $$;\n\
         DROP TABLE {table};"
    )
}

/// The settings of a transaction.
fn local(statement_timeout: &str) -> Vec<String> {
    vec![
        format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';"),
        format!("SET LOCAL statement_timeout = '{statement_timeout}';"),
    ]
}

/// Puts the lock timeout first, so that no migration can forget it.
fn with_timeout(sql: &str) -> String {
    format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}';\n{}\n", sql.trim())
}

async fn execute(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(sql).await.map(drop)
}
