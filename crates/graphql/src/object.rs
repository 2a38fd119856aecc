//! How an object type is declared.

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
                ) -> async_graphql::Result<tenantry_executor::connection::Connection<$child>> {
                    let page = tenantry_executor::connection::PageArguments { first, after, last, before }.read()?;
                    let $parent = &*self.0;
                    let (kind, id) = $origin;
                    let origin = tenantry_executor::connection::Origin::Parent(kind, tenantry_domain::Id::as_uuid(&id));
                    tenantry_executor::connection::Connection::load(context, origin, $request(filter, order_by, page)).await
                }
            )*
        }

        impl tenantry_executor::object::Node for $type {
            type Record = $record;
            const NAME: &'static str = $graphql;
            const LEAVES: &'static [tenantry_executor::object::LeafField<$record>] =
                &[$(tenantry_executor::object::LeafField {
                    name: $name,
                    columns: $crate::object::leaf_columns!($how $record, $field $([$($column),+])?),
                    read: |$row| tenantry_executor::leaf::ToLeaf::to_leaf($value),
                }),*];

            const LISTS: &'static [tenantry_executor::object::ListField<Self>] = &[$(tenantry_executor::object::ListField {
                name: $list_name,
                resolve: |level, field| {
                    Box::pin(tenantry_executor::object::resolve_lists::<_, $child, $filter, $order>(
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
