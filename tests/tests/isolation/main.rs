//! No organization reaches another one: proven for every table that the catalogue lists and for every id that the schema
//! takes, whatever is added later. Nobody is asked to remember to extend a list here; what a list does not know is red.

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
