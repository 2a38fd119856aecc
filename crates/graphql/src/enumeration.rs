//! How the GraphQL face of a domain enum is declared.

/// Declares the GraphQL face of a domain enum, as an enum of the same values with their descriptions.
macro_rules! enumeration {
    ($(#[$meta:meta])* $name:ident = $remote:path { $($(#[$variant_meta:meta])* $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, async_graphql::Enum)]
        pub(crate) enum $name { $($(#[$variant_meta])* $variant,)+ }

        impl From<$name> for $remote {
            fn from(value: $name) -> Self {
                use $remote as Remote;
                match value { $($name::$variant => Remote::$variant,)+ }
            }
        }

        // Exhaustive, so that a new value of the domain does not compile until it has a face here.
        impl From<$remote> for $name {
            fn from(value: $remote) -> Self {
                use $remote as Remote;
                match value { $(Remote::$variant => $name::$variant,)+ }
            }
        }

        impl tenantry_executor::leaf::ToLeaf<'static> for $name {
            fn to_leaf(self) -> tenantry_executor::leaf::Leaf<'static> {
                use async_graphql::resolver_utils::EnumType as _;
                let item = Self::items().iter().find(|item| item.value == self);
                item.map_or(tenantry_executor::leaf::Leaf::Null, |item| tenantry_executor::leaf::Leaf::Plain(item.name))
            }
        }
    };
}

pub(crate) use enumeration;
