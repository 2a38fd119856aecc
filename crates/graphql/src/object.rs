//! How an object type is declared whose rows are no noun's: the organization.

/// Declares an object type over a record: first its leaves, each with its name, type and value; then its relations as resolver
/// functions.
///
/// The type, its schema and its leaves come from this one list, so none can miss a field that the other has.
macro_rules! object {
    (
        $(#[$meta:meta])*
        $type:ident = $graphql:literal from $record:ty {
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

        impl tenantry_executor::object::Node for $type {
            type Record = $record;
            const NAME: &'static str = $graphql;

            fn leaf(name: &str) -> Option<tenantry_executor::object::LeafField<$record>> {
                use tenantry_executor::object::{LeafField, LeafRead};
                let read: for<'r> fn(&'r $record) -> tenantry_executor::leaf::Leaf<'r> = match name {
                    $($name => |$row| tenantry_executor::leaf::ToLeaf::to_leaf($value),)*
                    _ => return None,
                };
                Some(LeafField { columns: tenantry_store::ColumnSet::ALL, read: LeafRead::Made(read) })
            }

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
