//! Input coercion: what a request gives becomes a value of the type that the schema asks for (specification 3.5, 3.9 to
//! 3.12 and 6.1.2). A field of an input object that is a variable without a value is absent, which is not the same as null.

use std::collections::HashMap;

use apollo_compiler::Schema;
use apollo_compiler::ast::{Type, Value as Literal};
use apollo_compiler::schema::{ExtendedType, InputObjectType};
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Value, Variables};
use serde_json::Number;

use super::fault::MOST;
use super::scalar::Scalars;

/// The variables of an operation that have a value, coerced.
pub(super) type Coerced<'d> = HashMap<&'d str, Value>;

/// A value that does not fit: the path to it from the value that was coerced, and what is wrong in a whole sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) path: Vec<String>,
    pub(super) reason: String,
}

/// Coerces the values of one schema. Collects what does not fit.
pub(super) struct Coercion<'s> {
    schema: &'s Schema,
    scalars: &'s Scalars,
    path: Vec<String>,
    misfits: Vec<Misfit>,
}

impl<'s> Coercion<'s> {
    pub(super) fn new(schema: &'s Schema, scalars: &'s Scalars) -> Self {
        Self { schema, scalars, path: Vec::new(), misfits: Vec::new() }
    }

    /// Takes what did not fit since the last time.
    pub(super) fn misfits(&mut self) -> Vec<Misfit> {
        self.path.clear();
        std::mem::take(&mut self.misfits)
    }

    fn misfit(&mut self, reason: impl Into<String>) -> Value {
        if self.misfits.len() < MOST {
            self.misfits.push(Misfit { path: self.path.clone(), reason: reason.into() });
        }
        Value::Null
    }

    /// Coerces what stands under this name.
    pub(super) fn within<T>(&mut self, segment: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(segment.to_owned());
        let value = work(self);
        self.path.pop();
        value
    }

    /// The value of a variable, as it came with the request.
    pub(super) fn given(&mut self, ty: &Type, value: &Value) -> Value {
        if *value == Value::Null {
            return if ty.is_non_null() { self.null(ty) } else { Value::Null };
        }
        if ty.is_list() {
            return match value {
                Value::List(items) => {
                    let items = items.iter().enumerate();
                    let items = items.map(|(n, item)| self.within(&n.to_string(), |c| c.given(ty.item_type(), item)));
                    Value::List(items.collect())
                }
                single => Value::List(vec![self.given(ty.item_type(), single)]),
            };
        }
        let name = ty.inner_named_type().as_str();
        match self.schema.types.get(name) {
            Some(ExtendedType::Scalar(_)) => self.scalar(name, &Given::Json(value)),
            Some(ExtendedType::Enum(definition)) => match value {
                Value::String(text) if definition.values.contains_key(text.as_str()) => Value::Enum(Name::new(text)),
                _ => self.misfit(format!("This is not a value of the enum {name}.")),
            },
            Some(ExtendedType::InputObject(definition)) => match value {
                Value::Object(fields) => self.given_object(definition, fields),
                _ => self.misfit(format!("Expected an object of the type {name}.")),
            },
            _ => self.misfit(format!("{name} is not an input type.")),
        }
    }

    fn given_object(&mut self, definition: &InputObjectType, given: &IndexMap<Name, Value>) -> Value {
        for unknown in given.keys().filter(|key| !definition.fields.contains_key(key.as_str())) {
            self.within(unknown, |c| c.unknown(definition));
        }
        let mut fields = IndexMap::with_capacity(given.len());
        for (name, field) in &definition.fields {
            let value = match given.get(name.as_str()) {
                Some(value) => Some(self.within(name, |c| c.given(&field.ty, value))),
                None => self.absent(name, &field.ty, field.default_value.as_deref()),
            };
            if let Some(value) = value {
                fields.insert(Name::new(name.as_str()), value);
            }
        }
        self.check_one_of(definition, &fields);
        Value::Object(fields)
    }

    /// The value of a literal, with the variables in it; `None` for a variable without a value.
    pub(super) fn literal(&mut self, ty: &Type, literal: &Literal, variables: &Coerced<'_>) -> Option<Value> {
        if let Literal::Variable(name) = literal {
            // Coerced already, for a type that validation has compared with this one.
            let value = variables.get(name.as_str())?.clone();
            return Some(if value == Value::Null && ty.is_non_null() { self.null(ty) } else { value });
        }
        Some(self.written(ty, literal, variables))
    }

    fn written(&mut self, ty: &Type, literal: &Literal, variables: &Coerced<'_>) -> Value {
        if literal.is_null() {
            return if ty.is_non_null() { self.null(ty) } else { Value::Null };
        }
        if ty.is_list() {
            let item_type = ty.item_type();
            return match literal {
                Literal::List(items) => {
                    let items = items.iter().enumerate();
                    // A variable without a value is null in a list, which has no absent items.
                    let items = items.map(|(n, item)| {
                        self.within(&n.to_string(), |c| match c.literal(item_type, item, variables) {
                            None if item_type.is_non_null() => c.null(item_type),
                            value => value.unwrap_or_default(),
                        })
                    });
                    Value::List(items.collect())
                }
                single => Value::List(vec![self.written(item_type, single, variables)]),
            };
        }
        let name = ty.inner_named_type().as_str();
        match self.schema.types.get(name) {
            Some(ExtendedType::Scalar(_)) => self.scalar(name, &Given::Written(literal, variables)),
            Some(ExtendedType::Enum(definition)) => match literal {
                Literal::Enum(value) if definition.values.contains_key(value) => Value::Enum(Name::new(value.as_str())),
                _ => self.misfit(format!("This is not a value of the enum {name}.")),
            },
            Some(ExtendedType::InputObject(definition)) => match literal {
                Literal::Object(fields) => {
                    for (unknown, _) in fields.iter().filter(|(key, _)| !definition.fields.contains_key(key)) {
                        self.within(unknown, |c| c.unknown(definition));
                    }
                    let mut object = IndexMap::with_capacity(fields.len());
                    for (name, field) in &definition.fields {
                        let written = fields.iter().find(|(key, _)| key == name);
                        let value = written
                            .and_then(|(_, value)| self.within(name, |c| c.literal(&field.ty, value, variables)));
                        let value = match value {
                            Some(value) => Some(value),
                            None => self.absent(name, &field.ty, field.default_value.as_deref()),
                        };
                        if let Some(value) = value {
                            object.insert(Name::new(name.as_str()), value);
                        }
                    }
                    self.check_one_of(definition, &object);
                    Value::Object(object)
                }
                _ => self.misfit(format!("Expected an object of the type {name}.")),
            },
            _ => self.misfit(format!("{name} is not an input type.")),
        }
    }

    /// What stands for a field or an argument that is not given.
    pub(super) fn absent(&mut self, name: &str, ty: &Type, default: Option<&Literal>) -> Option<Value> {
        match default {
            Some(default) => Some(self.within(name, |c| c.written(ty, default, &Coerced::new()))),
            None if ty.is_non_null() => Some(self.within(name, |c| c.misfit("This is required."))),
            None => None,
        }
    }

    fn null(&mut self, ty: &Type) -> Value {
        self.misfit(format!("This must not be null: its type is {ty}."))
    }

    fn unknown(&mut self, definition: &InputObjectType) {
        self.misfit(format!("{} has no field with this name.", definition.name));
    }

    /// Of a `OneOf` input object exactly one field is given, and it is not null (3.10.1).
    fn check_one_of(&mut self, definition: &InputObjectType, fields: &IndexMap<Name, Value>) {
        if definition.directives.has("oneOf")
            && (fields.len() != 1 || fields.values().any(|value| *value == Value::Null))
        {
            self.misfit(format!("Give exactly one field of {}, and not null.", definition.name));
        }
    }

    fn scalar(&mut self, name: &str, given: &Given<'_, '_>) -> Value {
        let fits = match name {
            "Int" => {
                given.integer().and_then(|number| i32::try_from(number).ok()).map(|number| Value::Number(number.into()))
            }
            "Float" => given.float().and_then(Number::from_f64).map(Value::Number),
            "Boolean" => given.boolean().map(Value::Boolean),
            "String" => given.text().map(|text| Value::String(text.to_owned())),
            "ID" => given.text().map(str::to_owned).or_else(|| given.digits()).map(Value::String),
            custom => {
                let value = given.any();
                let Some(rule) = self.scalars.get(custom) else { return value };
                return match rule.check(custom, &value) {
                    Ok(()) => value,
                    Err(reason) => self.misfit(reason),
                };
            }
        };
        match fits {
            // The scalars of the language may have rules of the schema's own as well.
            Some(value) => match self.scalars.get(name).map(|rule| rule.check(name, &value)) {
                None | Some(Ok(())) => value,
                Some(Err(reason)) => self.misfit(reason),
            },
            None => self.misfit(match name {
                "Int" => "Expected a 32-bit integer.",
                "Float" => "Expected a number.",
                "Boolean" => "Expected true or false.",
                "ID" => "Expected an id, written as a string.",
                _ => "Expected a string.",
            }),
        }
    }
}

/// Where the value of a scalar comes from.
enum Given<'v, 'c> {
    Json(&'v Value),
    Written(&'v Literal, &'v Coerced<'c>),
}

impl<'v> Given<'v, '_> {
    fn text(&self) -> Option<&'v str> {
        match self {
            Self::Json(Value::String(text)) | Self::Written(Literal::String(text), _) => Some(text),
            _ => None,
        }
    }

    fn boolean(&self) -> Option<bool> {
        match self {
            Self::Json(Value::Boolean(value)) => Some(*value),
            Self::Written(literal, _) => literal.to_bool(),
            Self::Json(_) => None,
        }
    }

    /// A whole number. JSON has one kind of number, so that 3.0 and 3e0 are 3; a literal with a point is a Float.
    fn integer(&self) -> Option<i64> {
        match self {
            Self::Json(Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Self::Written(Literal::Int(digits), _) => digits.as_str().parse().ok(),
            _ => None,
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            // A whole number that a float cannot hold exactly is refused (3.5.2).
            Self::Json(Value::Number(number)) => number.as_f64().filter(|float| is_exact(number, *float)),
            Self::Written(Literal::Int(digits), _) => digits.try_to_f64().ok(),
            Self::Written(Literal::Float(digits), _) => digits.try_to_f64().ok(),
            _ => None,
        }
    }

    /// The digits of an id that is given as a whole number.
    fn digits(&self) -> Option<String> {
        match self {
            Self::Json(Value::Number(number)) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            Self::Json(Value::Number(number)) => whole(number.as_f64()?).map(|number| number.to_string()),
            Self::Written(Literal::Int(digits), _) => Some(digits.as_str().to_owned()),
            _ => None,
        }
    }

    /// The value as it is, for a custom scalar.
    fn any(&self) -> Value {
        match self {
            Self::Json(value) => (*value).clone(),
            Self::Written(literal, variables) => untyped(literal, variables),
        }
    }
}

/// Whether the float is the number, if that is whole.
fn is_exact(number: &Number, float: f64) -> bool {
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    #[expect(clippy::cast_possible_truncation, reason = "64 bits fit into 128")]
    whole.is_none_or(|whole| float as i128 == whole)
}

/// A float that is a whole number which it holds exactly.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 53 bits")]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// A literal without a type of its own.
fn untyped(literal: &Literal, variables: &Coerced<'_>) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Enum(name) => Value::Enum(Name::new(name.as_str())),
        Literal::Variable(name) => variables.get(name.as_str()).cloned().unwrap_or_default(),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Int(digits) => number(digits.as_str()),
        Literal::Float(digits) => number(digits.as_str()),
        Literal::List(items) => Value::List(items.iter().map(|item| untyped(item, variables)).collect()),
        Literal::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (Name::new(name.as_str()), untyped(value, variables)));
            Value::Object(fields.collect())
        }
    }
}

fn number(digits: &str) -> Value {
    digits.parse::<Number>().map_or_else(|_| Value::String(digits.to_owned()), Value::Number)
}

/// Coerces the variables that an operation declares (6.1.2). Others are passed over.
///
/// # Errors
/// The variables whose values do not fit, each with what is wrong.
pub(super) fn variables<'d>(
    coercion: &mut Coercion<'_>,
    declared: impl Iterator<Item = (&'d str, &'d Type, Option<&'d Literal>)>,
    given: &Variables,
) -> Result<Coerced<'d>, Vec<(&'d str, Vec<Misfit>)>> {
    let mut coerced = Coerced::new();
    let mut faults = Vec::new();
    for (name, ty, default) in declared {
        let value = match given.get(name) {
            Some(value) => Some(coercion.given(ty, value)),
            None => match default {
                Some(default) => Some(coercion.written(ty, default, &Coerced::new())),
                None if ty.is_non_null() => Some(coercion.misfit(format!("This variable of type {ty} has no value."))),
                None => None,
            },
        };
        let misfits = coercion.misfits();
        if misfits.is_empty() {
            coerced.extend(value.map(|value| (name, value)));
        } else {
            faults.push((name, misfits));
        }
    }
    if faults.is_empty() { Ok(coerced) } else { Err(faults) }
}
