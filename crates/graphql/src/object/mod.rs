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
pub(crate) use level::Level;
pub(crate) use lists::resolve_lists;
pub(crate) use resolve::{List, Object, Ordered};

/// A leaf of rows of one kind.
pub(crate) struct LeafField<R: 'static> {
    /// Its name.
    pub(crate) name: &'static str,
    /// The columns that its value is made of.
    pub(crate) columns: ColumnSet,
    /// How it is read off a row.
    pub(crate) read: for<'r> fn(&'r R) -> Leaf<'r>,
}

/// One answer for each row of a level, in their order.
type Answers<'a> = BoxFuture<'a, ServerResult<Vec<Value>>>;

/// A list that hangs on rows of one kind.
pub(crate) struct ListField<N> {
    /// Its name.
    pub(crate) name: &'static str,
    /// Resolves it for all rows of a level at once.
    pub(crate) resolve: for<'a> fn(Level<'a, N>, &'a Positioned<Field>) -> Answers<'a>,
}

/// An object type of the graph over one kind of row.
pub(crate) trait Node: ContainerType + Clone + Send + Sync + 'static {
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
pub(crate) trait RecordNode: Node<Record: Record> {}

impl<N: Node<Record: Record>> RecordNode for N {}

/// Declares an object type: first its leaves, each with its name, type and value; then the lists that hang on it, each with
/// its name, the type of its rows, of its filter and of its order, what it hangs on and how it is asked for; then its other
/// relations as resolver functions.
///
/// The type, its schema and its leaf table come from this one list, so none can miss a field that the other has.
///
/// `over` a record that the store lists, a leaf looks at the column that has the resolver's name, or at those in brackets; a
/// list of nothing but leaves reads no others. `from` any other record, all columns are read.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $type:ident = $graphql:literal $how:ident $record:ty {
            $( $(#[$field_meta:meta])* $name:literal $field:ident $([$($column:ident),+])?: $field_type:ty = |$row:ident| $value:expr; )*
        }
        lists {
            $( $(#[$list_meta:meta])* $list_name:literal $list:ident: $child:ty [$filter:ty, $order:ty] =
                |$parent:ident| $origin:expr, $request:expr; )*
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
            $(
                $(#[$list_meta])*
                #[graphql(name = $list_name)]
                #[allow(clippy::too_many_arguments, reason = "these are the field's arguments")]
                pub(crate) async fn $list(
                    &self,
                    context: &async_graphql::Context<'_>,
                    #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
                    #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
                    #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
                    #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
                    #[graphql(desc = "What the list is narrowed to.")] filter: Option<$filter>,
                    #[graphql(desc = "What the list is sorted by.")] order_by: Option<$order>,
                ) -> async_graphql::Result<$crate::connection::Connection<$child>> {
                    let page = $crate::connection::PageArguments { first, after, last, before }.read()?;
                    let $parent = &*self.0;
                    let (kind, id) = $origin;
                    let origin = $crate::connection::Origin::Parent(kind, tenantry_domain::Id::as_uuid(&id));
                    $crate::connection::Connection::load(context, origin, $request(filter, order_by, page)).await
                }
            )*
        }

        impl $crate::object::Node for $type {
            type Record = $record;
            const NAME: &'static str = $graphql;
            const LEAVES: &'static [$crate::object::LeafField<$record>] =
                &[$($crate::object::LeafField {
                    name: $name,
                    columns: $crate::object::leaf_columns!($how $record, $field $([$($column),+])?),
                    read: |$row| $crate::leaf::ToLeaf::to_leaf($value),
                }),*];

            const LISTS: &'static [$crate::object::ListField<Self>] = &[$($crate::object::ListField {
                name: $list_name,
                resolve: |level, field| {
                    Box::pin($crate::object::resolve_lists::<_, $child, $filter, $order>(
                        level,
                        field,
                        |$parent| {
                            let (kind, id) = $origin;
                            (kind, tenantry_domain::Id::as_uuid(&id))
                        },
                        $request,
                    ))
                },
            },)*];

            fn new(record: std::sync::Arc<$record>) -> Self {
                Self(record)
            }

            fn record(&self) -> &$record {
                &self.0
            }
        }
    };
}

/// The columns of a leaf, found by the compiler.
macro_rules! leaf_columns {
    (from $record:ty, $field:ident) => {
        tenantry_store::ColumnSet::ALL
    };
    (over $record:ty, $field:ident) => {
        $crate::object::leaf_columns!(over $record, $field [$field])
    };
    (over $record:ty, $field:ident [$($column:ident),+]) => {
        tenantry_store::ColumnSet::of(<$record as tenantry_store::Record>::COLUMNS, &[$(stringify!($column)),+])
    };
}

pub(crate) use {leaf_columns, object};
