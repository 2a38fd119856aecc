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
use async_graphql::{ContainerType, ContextSelectionSet, Positioned, ServerResult, Value};
use futures_util::future::BoxFuture;
use tenantry_domain::noun::{Kind, Value as FieldValue};
use tenantry_store::{ColumnSet, Record};
use uuid::Uuid;

use crate::leaf::Leaf;

pub(crate) use columns::{of_list, of_node};
pub use lists::{page, resolve_lists};
pub(crate) use resolve::List;
pub use resolve::{Object, Ordered};

/// A leaf of rows of one kind.
pub struct LeafField<R: 'static> {
    /// The columns that its value is made of.
    pub columns: ColumnSet,
    /// How it is read off a row.
    pub read: LeafRead<R>,
}

impl<R> Clone for LeafField<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for LeafField<R> {}

impl<R> LeafField<R> {
    /// The leaf of this row.
    pub(crate) fn of<'r>(&self, row: &'r R) -> Leaf<'r> {
        match self.read {
            LeafRead::Declared(kind, read) => Leaf::of(kind, read(row)),
            LeafRead::Made(read) => read(row),
        }
    }
}

/// How a leaf is read off a row.
pub enum LeafRead<R: 'static> {
    /// It is a field of this kind.
    Declared(Kind, for<'r> fn(&'r R) -> FieldValue<'r>),
    /// It is made of the row.
    Made(for<'r> fn(&'r R) -> Leaf<'r>),
}

impl<R> Clone for LeafRead<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for LeafRead<R> {}

/// One answer for each row of a level, in their order.
pub type Answers<'a> = BoxFuture<'a, ServerResult<Vec<Value>>>;

/// Resolves a list for the rows that have these contexts and these keys.
pub type ResolveLists =
    dyn for<'a> Fn(&'a [ContextSelectionSet<'a>], Vec<Uuid>, &'a Positioned<Field>) -> Answers<'a> + Send + Sync;

/// A list that hangs on rows of one kind.
pub struct ListField<R: 'static> {
    /// The column that says which rows it holds.
    pub columns: ColumnSet,
    /// What that column holds.
    pub key: for<'r> fn(&'r R) -> FieldValue<'r>,
    /// Resolves it for all rows of a level at once.
    pub resolve: &'static ResolveLists,
}

impl<R> Clone for ListField<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for ListField<R> {}

/// An object type of the graph over one kind of row.
pub trait Node: ContainerType + Clone + Send + Sync + 'static {
    /// The row.
    type Record: Send + Sync + 'static;
    /// The name of the type.
    const NAME: &'static str;

    /// The leaf of this name.
    fn leaf(name: &str) -> Option<LeafField<Self::Record>>;

    /// The list of rows of this name.
    fn list(_: &str) -> Option<ListField<Self::Record>> {
        None
    }

    /// The columns that the field of this name looks at.
    fn columns(name: &str) -> ColumnSet {
        let leaf = Self::leaf(name).map(|leaf| leaf.columns);
        leaf.or_else(|| Self::list(name).map(|list| list.columns)).unwrap_or(ColumnSet::ALL)
    }

    /// The object over this row.
    fn new(record: Arc<Self::Record>) -> Self;

    /// The row.
    fn record(&self) -> &Self::Record;
}

/// A node whose rows are read by the store.
pub trait RecordNode: Node<Record: Record> {}

impl<N: Node<Record: Record>> RecordNode for N {}
