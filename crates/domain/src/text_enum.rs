//! One macro for the enums that the database keeps as text, so that the spelling stands in one place.

/// Declares an enum with `ALL`, `as_str`, `Display` and `FromStr`; the literal is what the database holds.
macro_rules! text_enum {
    ($(#[doc = $doc:literal])* $name:ident $(as $api:literal)? { $($(#[doc = $variant_doc:literal])* $variant:ident = $text:literal,)+ }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text that the database holds.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl crate::noun::FieldType for $name {
            const KIND: crate::noun::Kind = crate::noun::Kind::Enum(&crate::noun::EnumInfo {
                name: crate::text_enum::api_name(stringify!($name), &[$($api)?]),
                doc: concat!($($doc),*),
                values: &[$(crate::noun::EnumValue { text: $text, doc: concat!($($variant_doc),*) }),+],
            });

            /// The last value, which says least: the lowest role, a client that is none yet.
            fn blank() -> Self {
                Self::ALL[Self::ALL.len() - 1]
            }

            fn to_value(&self) -> crate::noun::Value<'_> {
                crate::noun::Value::Name(self.as_str())
            }

            fn from_value(value: crate::noun::Value<'_>) -> Option<Self> {
                match value {
                    crate::noun::Value::Name(text) => text.parse().ok(),
                    crate::noun::Value::Text(text) => text.parse().ok(),
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = crate::validate::UnknownValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(crate::validate::UnknownValue { kind: stringify!($name), value: text.to_owned() }),
                }
            }
        }
    };
}

pub(crate) use text_enum;

/// An enum as the text that the database holds, for `#[serde(with)]`.
pub(crate) mod as_text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The name of an enum in the API: its own, unless another one was given.
pub(crate) const fn api_name(own: &'static str, given: &[&'static str]) -> &'static str {
    if given.is_empty() { own } else { given[0] }
}
