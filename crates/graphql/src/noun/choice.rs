//! The enums of the domain in the API: the same values, in capitals.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, InputType, InputValueError, InputValueResult, Name, OutputType, Positioned, ServerResult,
    Value,
};
use tenantry_domain::noun::{EnumInfo, FieldType, Kind, Value as FieldValue};

use super::meta;

/// A value of an enum of the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Choice<T>(pub(crate) T);

/// What the domain says of the enum.
fn info<T: FieldType>() -> &'static EnumInfo {
    const NONE: EnumInfo = EnumInfo { name: "", doc: "", values: &[] };
    match T::KIND {
        Kind::Enum(info) => info,
        _ => &NONE,
    }
}

/// The enum's type in the schema.
pub(super) fn register(registry: &mut Registry, info: &'static EnumInfo) -> String {
    if !registry.types.contains_key(info.name) {
        let values = info.values.iter().map(|value| (value.text, value.doc));
        registry.types.insert(info.name.to_owned(), meta::enumeration(info.name, info.doc, values));
    }
    format!("{}!", info.name)
}

/// The value that an argument names.
pub(super) fn read(info: &'static EnumInfo, value: &Value) -> Option<&'static str> {
    let name = match value {
        Value::Enum(name) => name.as_str(),
        Value::String(name) => name.as_str(),
        _ => return None,
    };
    info.values.iter().find(|value| value.text.eq_ignore_ascii_case(name)).map(|value| value.text)
}

impl<T: FieldType + Send + Sync> InputType for Choice<T> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(info::<T>().name)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register(registry, info::<T>())
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        let found = read(info::<T>(), &value).and_then(|name| T::from_value(FieldValue::Name(name)));
        found.map(Self).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        match self.0.to_value() {
            FieldValue::Name(name) => Value::Enum(Name::new(name.to_ascii_uppercase())),
            _ => Value::Null,
        }
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<T: FieldType + Send + Sync> OutputType for Choice<T> {
    fn type_name() -> Cow<'static, str> {
        <Self as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        register(registry, info::<T>())
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(InputType::to_value(self))
    }
}
