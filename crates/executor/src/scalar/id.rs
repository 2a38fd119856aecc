//! Ids: spelled as a TypeID, and refused with their place among the arguments.

use std::borrow::Cow;
use std::fmt;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, ID, InputType, InputValueError, InputValueResult, OutputType, Positioned, ServerResult, Value,
};
use tenantry_domain::{Id, typeid};
use uuid::Uuid;

use crate::error::ErrorCode;
use crate::leaf::{Leaf, ToLeaf};
use crate::request::{Placed, REASON};

/// An id, spelled as a TypeID. In the schema it is an `ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GlobalId<I>(pub I);

impl<I: Id> ToLeaf<'static> for GlobalId<I> {
    fn to_leaf(self) -> Leaf<'static> {
        Leaf::Id(I::PREFIX, self.0.as_uuid())
    }
}

impl<I: Id + std::str::FromStr<Err: fmt::Display>> InputType for GlobalId<I> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        match Placed::read(&value) {
            Some(placed) => {
                placed.text.parse().map(Self).map_err(|error: I::Err| misplaced(&placed, &format!("{error}.")))
            }
            None => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        self.to_leaf().to_value()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<I: Id> OutputType for GlobalId<I> {
    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(self.to_leaf().to_value())
    }
}

/// Reads an id whose prefix is this one.
///
/// # Errors
/// An id of another kind, with its place among the arguments of its field; and what is no id.
pub fn read_id<T: InputType>(prefix: &'static str, value: Value) -> Result<Uuid, InputValueError<T>> {
    match Placed::read(&value) {
        Some(placed) => typeid::parse(placed.text, prefix).map_err(|error| misplaced(&placed, &format!("{error}."))),
        None => Err(InputValueError::expected_type(value)),
    }
}

/// A refused id, with its place among the arguments of its field.
fn misplaced<T: InputType>(placed: &Placed<'_>, reason: &str) -> InputValueError<T> {
    refused_value(placed.path(), reason)
}

/// A refused value; `path` leads to it from the arguments of its field.
pub fn refused_value<'p, T: InputType>(path: impl Iterator<Item = &'p str>, reason: &str) -> InputValueError<T> {
    let field = path.map(|segment| Value::String(segment.to_owned())).collect();
    let error = InputValueError::custom(reason).with_extension("code", ErrorCode::BadUserInput.as_str());
    error.with_extension("field", Value::List(field)).with_extension(REASON, reason)
}

/// The id of an object of any kind. In the schema it is an `ID`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnyId(pub String);

impl InputType for AnyId {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        match Placed::read(&value) {
            Some(placed) => Ok(Self(placed.text.to_owned())),
            None => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

impl<I: Id> From<GlobalId<I>> for ID {
    fn from(id: GlobalId<I>) -> Self {
        Self(id.0.to_string())
    }
}
