//! How the objects of the graph are resolved: leaves at once, relations as futures, and everything in the order of the query.
//!
//! async-graphql resolves an object with one future per field, gives the fields in the order in which they finish, and drops a
//! field that failed. Here a leaf costs no future, the order is the query's, and a failed field is null, or takes its parent
//! with it when it may not be null: as the specification says.

mod plan;
mod resolve;

use std::sync::Arc;

use async_graphql::ContainerType;
use tenantry_store::Record;

use crate::leaf::Leaf;

pub(crate) use plan::{Rendering, repeats_a_relation};
pub(crate) use resolve::{List, Object, Ordered};

/// A leaf: its name, and how it is read off a row.
pub(crate) type LeafField<R> = (&'static str, for<'r> fn(&'r R) -> Leaf<'r>);

/// An object type of the graph over one kind of row.
pub(crate) trait Node: ContainerType + Clone + Send + Sync + 'static {
    /// The row.
    type Record: Send + Sync + 'static;
    /// The name of the type.
    const NAME: &'static str;
    /// The fields that are leaves.
    const LEAVES: &'static [LeafField<Self::Record>];

    /// The object over this row.
    fn new(record: Arc<Self::Record>) -> Self;

    /// The row.
    fn record(&self) -> &Self::Record;
}

/// A node whose rows are read by the store.
pub(crate) trait RecordNode: Node<Record: Record> {}

impl<N: Node<Record: Record>> RecordNode for N {}

/// Declares an object type: first its leaves, each with its name, type and value, then its relations as resolver functions.
///
/// The type, its schema and its leaf table come from this one list, so none can miss a field that the other has.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $type:ident = $graphql:literal over $record:ty {
            $( $(#[$field_meta:meta])* $name:literal $field:ident: $field_type:ty = |$row:ident| $value:expr; )*
        }
        $( $relations:item )*
    ) => {
        $(#[$meta])*
        #[derive(Clone)]
        pub(crate) struct $type(pub(crate) std::sync::Arc<$record>);

        $(#[$meta])*
        #[async_graphql::Object(name = $graphql)]
        impl $type {
            $(
                $(#[$field_meta])*
                #[graphql(name = $name)]
                pub(crate) async fn $field(&self) -> $field_type {
                    let $row = &*self.0;
                    $value
                }
            )*
            $($relations)*
        }

        impl $crate::object::Node for $type {
            type Record = $record;
            const NAME: &'static str = $graphql;
            const LEAVES: &'static [$crate::object::LeafField<$record>] =
                &[$(($name, |$row| $crate::leaf::ToLeaf::to_leaf($value))),*];

            fn new(record: std::sync::Arc<$record>) -> Self {
                Self(record)
            }

            fn record(&self) -> &$record {
                &self.0
            }
        }
    };
}

pub(crate) use object;
