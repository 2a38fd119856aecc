//! How the objects of the graph are resolved: leaves at once, relations as futures, and everything in the order of the query.
//!
//! async-graphql resolves an object with one future per field, gives the fields in the order in which they finish, and drops a
//! field that failed. Here a leaf costs no future, the order is the query's, and a failed field is null, or takes its parent
//! with it when it may not be null: as the specification says.

mod columns;
mod level;
mod lists;
mod plan;
mod render;
mod resolve;

use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::{ContainerType, Positioned, ServerResult, Value};
use futures_util::future::BoxFuture;
use tenantry_store::{ColumnSet, Record};

use crate::leaf::Leaf;

pub(crate) use columns::of_list;
pub use level::Level;
pub use lists::resolve_lists;
pub(crate) use resolve::List;
pub use resolve::{Object, Ordered};

/// A leaf of rows of one kind.
pub struct LeafField<R: 'static> {
    /// Its name.
    pub name: &'static str,
    /// The columns that its value is made of.
    pub columns: ColumnSet,
    /// How it is read off a row.
    pub read: for<'r> fn(&'r R) -> Leaf<'r>,
}

/// One answer for each row of a level, in their order.
pub type Answers<'a> = BoxFuture<'a, ServerResult<Vec<Value>>>;

/// A list that hangs on rows of one kind.
pub struct ListField<N> {
    /// Its name.
    pub name: &'static str,
    /// Resolves it for all rows of a level at once.
    pub resolve: for<'a> fn(Level<'a, N>, &'a Positioned<Field>) -> Answers<'a>,
}

/// An object type of the graph over one kind of row.
pub trait Node: ContainerType + Clone + Send + Sync + 'static {
    /// The row.
    type Record: Send + Sync + 'static;
    /// The name of the type.
    const NAME: &'static str;
    /// The fields that are leaves.
    const LEAVES: &'static [LeafField<Self::Record>];
    /// The fields that are lists of rows.
    const LISTS: &'static [ListField<Self>];

    /// The object over this row.
    fn new(record: Arc<Self::Record>) -> Self;

    /// The row.
    fn record(&self) -> &Self::Record;
}

/// A node whose rows are read by the store.
pub trait RecordNode: Node<Record: Record> {}

impl<N: Node<Record: Record>> RecordNode for N {}
