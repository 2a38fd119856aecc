//! One migration as two functions that tell its change and the way back, and the adapter that lets `sea-orm-migration` run them.

use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::change::Change;

/// A migration's statements as text, with the transactions that they run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The migration's name, as recorded in the database.
    pub name: String,
    /// The statements that make the change.
    pub up: String,
    /// The statements that revert it.
    pub down: String,
    /// Whether it is done in parts, of which each can be run again.
    pub in_parts: bool,
}

/// A migration: its recorded name and the functions with its SQL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    name: &'static str,
    up: fn() -> Change,
    down: fn() -> Change,
}

impl Step {
    pub(crate) const fn new(name: &'static str, up: fn() -> Change, down: fn() -> Change) -> Self {
        Self { name, up, down }
    }

    pub(crate) fn script(self) -> Script {
        let (up, down) = ((self.up)().text(), (self.down)().text());
        Script { name: self.name.to_owned(), up, down, in_parts: !self.is_whole() }
    }

    /// Whether both ways are one transaction each, so that what fails leaves nothing behind.
    pub(crate) fn is_whole(self) -> bool {
        (self.up)().is_whole() && (self.down)().is_whole()
    }
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
        (self.up)().run(manager, self.is_whole()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        (self.down)().run(manager, self.is_whole()).await
    }

    /// The record is written in the same transaction where there is one.
    fn use_transaction(&self) -> Option<bool> {
        Some(self.is_whole())
    }
}
