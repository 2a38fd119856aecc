//! No organization reaches another one. This is tested for every table in the catalogue and for every id in the schema,
//! including those added later. Nobody has to extend a list here: an unknown table or id fails the test.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod answers;
mod attempt;
mod calls;
mod catalogue;
mod ids;
mod keys;
mod kinds;
mod sabotage;
mod schema;
mod shape;
mod tables;
