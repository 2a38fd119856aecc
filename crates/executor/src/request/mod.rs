//! The request layer: from the text of a request to a document that has one meaning left.
//!
//! It follows the GraphQL specification of September 2025. `apollo-compiler` parses and validates (sections 2 and 5).
//! [`coerce`] turns variables and arguments into values of the schema's types (3.10, 6.1.2, 6.4.1), and [`lower`] collects
//! the fields (6.3.2): it follows fragments, decides `@skip` and `@include`, merges fields of one response key, and puts
//! the values in place of the variables. What the executor gets holds no variable, no directive, no named fragment and no
//! key twice.
//!
//! Nothing here knows a noun.

mod coerce;
mod fault;
mod introspection;
mod lower;
mod merging;
mod place;
mod position;
mod rules;
mod scalar;
mod schema;
mod source;
mod suggest;

pub(crate) use fault::REASON;
pub(crate) use introspection::resolve as introspect;
pub(crate) use lower::{EMPTY, Lowered};
pub(crate) use place::Placed;
pub(crate) use position::{offset, position_of, resolve, resolve_errors};
pub use scalar::{ScalarRule, Scalars};
#[cfg(any(test, feature = "testing"))]
pub use schema::Checked;
pub use schema::RequestSchema;
pub(crate) use schema::{Operation, parse};
pub(crate) use source::string_length;
