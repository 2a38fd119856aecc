//! The API of the nouns: object types, lists, inputs, payloads and root fields, all of them from the nouns' declarations.
//!
//! `registry` holds what can be done with a noun whose type is not known; `row` is its object type; `arguments` reads the
//! filter and the order of its lists; `input` reads what a mutation is given; `bulk` takes several rows at once; `root` has the fields of `Query` and `Mutation`.

mod arguments;
mod bulk;
mod choice;
mod input;
pub(crate) mod meta;
mod payload;
mod registry;
mod root;
mod row;

use async_graphql::{Context, ServerError};

/// The error of a field, at the field's place unless it is of a place below.
fn at_field(context: &Context<'_>, error: ServerError) -> ServerError {
    if error.path.is_empty() { context.set_error_path(error) } else { error }
}

pub(crate) use choice::Choice;
pub(crate) use registry::{Entry, Question, Shown, entries};
pub(crate) use root::{Mutations, NounLists, NounMutation, NounQuery};
pub(crate) use row::{NoMore, Row};
