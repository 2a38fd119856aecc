//! A migration as two functions that return SQL, and the adapter that lets `sea-orm-migration` run them.

use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::prelude::*;

/// A migration's statements as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The migration's name, as recorded in the database.
    pub name: String,
    /// The statements that make the change.
    pub up: String,
    /// The statements that revert it.
    pub down: String,
}

/// A migration: its recorded name and the functions with its SQL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    name: &'static str,
    up: fn() -> String,
    down: fn() -> String,
}

impl Step {
    pub(crate) const fn new(name: &'static str, up: fn() -> String, down: fn() -> String) -> Self {
        Self { name, up, down }
    }

    pub(crate) fn script(self) -> Script {
        Script { name: self.name.to_owned(), up: with_timeout(&(self.up)()), down: with_timeout(&(self.down)()) }
    }
}

/// Puts the lock timeout first, so that no migration can forget it. While a migration waits for a lock, every later
/// query on that table waits behind it. Failing after five seconds is better.
fn with_timeout(sql: &str) -> String {
    format!("SET LOCAL lock_timeout = '5s';\n{}\n", sql.trim())
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[expect(elided_lifetimes_in_paths, reason = "the trait elides them, and async_trait makes the two spellings differ")]
#[async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&self.script().up).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&self.script().down).await.map(drop)
    }

    /// `SET LOCAL` has no effect outside a transaction, and a half-applied change would have to be repaired by hand.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
