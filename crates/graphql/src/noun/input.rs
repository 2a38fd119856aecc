//! What a mutation of a noun is given: read by the noun's declaration, with every fault at its field.

use std::borrow::Cow;

use async_graphql::registry::{MetaTypeId, Registry};
use async_graphql::{InputType, InputValueError, InputValueResult, Value};
use chrono::{DateTime, Utc};
use tenantry_domain::noun::{Changes, FieldInfo, Input, Kind, New, Noun, Rule, Value as FieldValue};
use tenantry_domain::{FieldError, FieldErrorCode, Id as _, Violations};
use tenantry_executor::scalar::{Date, DecimalText, MoneyInput, Timestamp, read_id};
use tenantry_service::noun::Served;

use super::meta::{self, Inputs};
use super::{choice, registry};

/// A value of this kind, but for amounts, whose faults are refusals: see [`read_field`].
pub(super) fn read_value<T: InputType>(kind: Kind, value: Value) -> Result<FieldValue<'static>, InputValueError<T>> {
    Ok(match kind {
        Kind::Text => FieldValue::Text(Cow::Owned(String::parse(Some(value)).map_err(InputValueError::propagate)?)),
        Kind::Boolean => FieldValue::Boolean(bool::parse(Some(value)).map_err(InputValueError::propagate)?),
        Kind::Id(prefix) => FieldValue::Id(read_id(prefix, value)?),
        Kind::Ids(prefix) => {
            let Value::List(ids) = value else { return Err(InputValueError::expected_type(value)) };
            FieldValue::Ids(ids.into_iter().map(|id| read_id(prefix, id)).collect::<Result<_, _>>()?)
        }
        Kind::Time => FieldValue::Time(Timestamp::parse(Some(value)).map_err(InputValueError::propagate)?.0),
        Kind::Date => FieldValue::Date(Date::parse(Some(value)).map_err(InputValueError::propagate)?.0),
        Kind::Decimal => FieldValue::Decimal(DecimalText::parse(Some(value)).map_err(InputValueError::propagate)?.0),
        Kind::Integer => FieldValue::Integer(i32::parse(Some(value)).map_err(InputValueError::propagate)?),
        Kind::Enum(info) => match choice::read(info, &value) {
            Some(name) => FieldValue::Name(name),
            None => return Err(InputValueError::expected_type(value)),
        },
        Kind::Money => return Err(InputValueError::expected_type(value)),
    })
}

/// The value of a field. An amount that its currency cannot hold is a fault, and no value.
fn read_field<T: InputType>(
    field: &FieldInfo,
    value: Value,
    faults: &mut Violations,
) -> Result<Option<FieldValue<'static>>, InputValueError<T>> {
    if field.kind != Kind::Money {
        return read_value(field.kind, value).map(Some);
    }
    let money = MoneyInput::parse(Some(value)).map_err(InputValueError::propagate)?;
    Ok(money.read(field.api).map(FieldValue::Money).map_err(|fault| faults.push(fault)).ok())
}

/// Reads the fields that are given. Null clears a field that may be empty; elsewhere it is a fault, or means the default.
fn read_fields<I, T: InputType>(
    input: &mut I,
    fields: &'static [Input<I>],
    given: &async_graphql::indexmap::IndexMap<async_graphql::Name, Value>,
    null_is_default: bool,
) -> Result<Violations, InputValueError<T>> {
    let mut faults = Violations::default();
    for Input { field, write, .. } in fields {
        let value = match given.get(field.api) {
            None => continue,
            Some(Value::Null) if null_is_default => continue,
            Some(Value::Null) if field.nullable => Some(FieldValue::Null),
            Some(Value::Null) => {
                faults.push(FieldError::new(FieldErrorCode::Required, field.api, "This must not be null."));
                None
            }
            Some(value) => read_field(field, value.clone(), &mut faults)?,
        };
        if let Some(value) = value
            && !write(input, value)
        {
            return Err(InputValueError::custom(format!("`{}` has a value of another type.", field.api)));
        }
    }
    Ok(faults)
}

/// What a field of an input says about itself.
fn doc(field: &FieldInfo) -> String {
    let bounds = match field.rule {
        Rule::Any | Rule::Email => String::new(),
        Rule::Text(max) if field.nullable => format!("; at most {} characters", grouped(max)),
        Rule::Text(max) => format!("; 1 to {} characters", grouped(max)),
        Rule::Prose(max) => format!("; at most {} characters", grouped(max)),
        Rule::Url => "; it must begin with http:// or https://".to_owned(),
        Rule::Country => "; two letters of ISO 3166-1, such as DE".to_owned(),
        Rule::Color => "; `#` and six hexadecimal digits".to_owned(),
        Rule::NotNegative => "; not negative".to_owned(),
        Rule::Many(max) => format!("; at most {max}"),
    };
    format!("{}{bounds}.", field.doc.trim().trim_end_matches('.'))
}

/// A number with commas between thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let first = digits.len() % 3;
    let mut text = digits[..first].to_owned();
    for at in (first..digits.len()).step_by(3) {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(&digits[at..at + 3]);
    }
    text
}

/// The name of a field's type in an input.
fn type_name(registry: &mut Registry, field: &FieldInfo, required: bool) -> String {
    let name = match field.kind {
        Kind::Money => <MoneyInput as InputType>::create_type_info(registry).trim_end_matches('!').to_owned(),
        kind => registry::kind_name(registry, kind),
    };
    if required { name + "!" } else { name }
}

/// What a row is named by, and how it was when the caller read it.
fn named<N: Noun, T: InputType>(value: Option<Value>) -> Result<(Named<N>, Given), InputValueError<T>> {
    let Some(Value::Object(fields)) = value else {
        return Err(InputValueError::expected_type(value.unwrap_or_default()));
    };
    let id = read_id(N::INFO.prefix, fields.get("id").cloned().unwrap_or_default())?;
    let expected = match fields.get("expectedUpdatedAt") {
        None | Some(Value::Null) => None,
        Some(value) => Some(Timestamp::parse(Some(value.clone())).map_err(InputValueError::propagate)?.0),
    };
    Ok((Named { id: N::Id::from_uuid(id), expected }, fields))
}

type Given = async_graphql::indexmap::IndexMap<async_graphql::Name, Value>;

/// Which row is meant.
pub(super) struct Named<N: Noun> {
    pub(super) id: N::Id,
    pub(super) expected: Option<DateTime<Utc>>,
}

fn named_inputs<N: Noun>(registry: &mut Registry) -> Inputs {
    let mut inputs = Inputs::new();
    let time = <Timestamp as InputType>::create_type_info(registry);
    let doc = format!("Refuse with `CONFLICT` unless the {} was last changed at this time.", N::INFO.singular);
    meta::input(&mut inputs, "id", &format!("The {}.", N::INFO.singular), "ID!");
    meta::input(&mut inputs, "expectedUpdatedAt", &doc, time.trim_end_matches('!'));
    inputs
}

/// Declares an input type: its name, what it says, its fields, and how it is read.
macro_rules! input {
    ($type:ident($verb:literal), |$registry:ident| $fields:expr, |$value:ident| $read:expr, $doc:literal) => {
        impl<N: Served> InputType for $type<N> {
            type RawValueType = Self;

            fn type_name() -> Cow<'static, str> {
                Cow::Owned(format!("{}{}Input", $verb, N::INFO.name))
            }

            fn create_type_info(registry: &mut Registry) -> String {
                registry.create_input_type::<Self, _>(MetaTypeId::InputObject, |$registry| {
                    let fields = $fields;
                    meta::input_object::<Self>(
                        &Self::type_name(),
                        &$doc.replace("{a}", &N::INFO.one()).replace("{}", N::INFO.singular),
                        fields,
                    )
                })
            }

            fn parse($value: Option<Value>) -> InputValueResult<Self> {
                $read
            }

            fn to_value(&self) -> Value {
                Value::Null
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }
        }
    };
}

/// What a new row is made from.
pub(super) struct CreateInput<N: Served> {
    pub(super) new: N::New,
    pub(super) faults: Violations,
}

input!(
    CreateInput("Create"),
    |registry| {
        let mut inputs = Inputs::new();
        for input in N::New::INPUTS {
            let default = input.field.default.map(|default| match input.field.kind {
                Kind::Enum(_) => default.to_ascii_uppercase(),
                _ => default.to_owned(),
            });
            // Null means the default of an enum, too.
            let is_flag = input.field.kind == Kind::Boolean && default.is_some();
            let ty = type_name(registry, input.field, input.required || is_flag);
            meta::input(&mut inputs, input.field.api, &doc(input.field), ty);
            inputs[input.field.api].default_value = default;
        }
        inputs
    },
    |value| {
        let Some(Value::Object(fields)) = value else {
            return Err(InputValueError::expected_type(value.unwrap_or_default()));
        };
        let mut new = N::New::blank();
        let faults = read_fields(&mut new, N::New::INPUTS, &fields, true)?;
        Ok(Self { new, faults })
    },
    "The input for a new {}."
);

/// What changes of a row.
pub(super) struct UpdateInput<N: Served> {
    pub(super) row: Named<N>,
    pub(super) changes: N::Changes,
    pub(super) faults: Violations,
}

input!(
    UpdateInput("Update"),
    |registry| {
        let mut inputs = named_inputs::<N>(registry);
        for input in N::Changes::INPUTS {
            let ty = type_name(registry, input.field, false);
            meta::input(&mut inputs, input.field.api, &doc(input.field), ty);
        }
        inputs
    },
    |value| {
        let (row, fields) = named::<N, Self>(value)?;
        let mut changes = N::Changes::default();
        let faults = read_fields(&mut changes, N::Changes::INPUTS, &fields, false)?;
        Ok(Self { row, changes, faults })
    },
    "Changes to {a}. Fields that are not given stay. Null clears a field that may be empty; others refuse it unless they say what it does."
);

/// Which row to delete.
pub(super) struct DeleteInput<N: Served>(pub(super) Named<N>);

input!(
    DeleteInput("Delete"),
    |registry| named_inputs::<N>(registry),
    |value| Ok(Self(named::<N, Self>(value)?.0)),
    "Which {} to delete."
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([5, 200, 2_048, 20_000].map(grouped), ["5", "200", "2,048", "20,000"]);
    }
}
