//! The size of input values: variables as given with the request, and arguments as written in the document.

use std::collections::{HashMap, HashSet};

use apollo_compiler::Name;
use apollo_compiler::ast::{OperationDefinition, Value};
use async_graphql::{Value as ConstValue, Variables};

use super::{GuardError, GuardErrorKind as Kind, GuardLimits};

/// How much of a string counts as one value.
const BYTES_PER_VALUE: u64 = 64;

/// The cost of a filter in a filter: for each row that the outer one looks at, the database looks for others.
const NESTED_FILTER: u64 = 300;

/// How much dearer a filter is in such a filter: the database does so for each of the others.
const DEEPER: u64 = 5;

/// The names of the fields of inputs that take a filter in a filter.
pub(super) type NestedFilters = HashSet<String>;

/// The size of one input value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Scalars, lists and objects, with long strings counted by their length.
    pub(super) values: u64,
    /// Bytes of strings and object keys.
    pub(super) bytes: u64,
    /// Levels of lists and objects.
    pub(super) depth: u64,
    /// The cost of the filters in filters.
    pub(super) filters: u64,
}

impl Size {
    fn scalar(bytes: usize) -> Self {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self { values: 1 + bytes / BYTES_PER_VALUE, bytes, ..Self::default() }
    }

    fn container(children: impl Iterator<Item = Self>) -> Self {
        let inner = children.fold(Self::default(), Self::beside);
        Self { values: inner.values.saturating_add(1), depth: inner.depth.saturating_add(1), ..inner }
    }

    pub(super) fn beside(self, other: Self) -> Self {
        Self {
            values: self.values.saturating_add(other.values),
            bytes: self.bytes.saturating_add(other.bytes),
            depth: self.depth.max(other.depth),
            filters: self.filters.saturating_add(other.filters),
        }
    }

    fn keyed(self, key: &str, nested: &NestedFilters) -> Self {
        let dearer = self.filters.saturating_mul(DEEPER).saturating_add(NESTED_FILTER);
        let filters = if nested.contains(key) { dearer } else { self.filters };
        Self { bytes: self.bytes.saturating_add(key.len() as u64), filters, ..self }
    }
}

/// Measures a value from the request. JSON's own parser bounds how deep this recurses.
fn size_of_const(value: &ConstValue, nested: &NestedFilters) -> Size {
    match value {
        ConstValue::Null | ConstValue::Boolean(_) | ConstValue::Number(_) => Size::scalar(0),
        ConstValue::String(text) => Size::scalar(text.len()),
        ConstValue::Enum(name) => Size::scalar(name.len()),
        ConstValue::Binary(bytes) => Size::scalar(bytes.len()),
        ConstValue::List(items) => Size::container(items.iter().map(|item| size_of_const(item, nested))),
        ConstValue::Object(fields) => {
            Size::container(fields.iter().map(|(key, value)| size_of_const(value, nested).keyed(key, nested)))
        }
    }
}

/// Measures a value from the document, a variable in it with `variables`' size. The bracket bound of the scan bounds
/// how deep this recurses.
fn size_of(value: &Value, nested: &NestedFilters, variables: &impl Fn(&Name) -> Size) -> Size {
    match value {
        Value::Variable(name) => variables(name),
        Value::Null | Value::Boolean(_) | Value::Int(_) | Value::Float(_) => Size::scalar(0),
        Value::String(text) => Size::scalar(text.len()),
        Value::Enum(name) => Size::scalar(name.len()),
        Value::List(items) => Size::container(items.iter().map(|item| size_of(item, nested, variables))),
        Value::Object(fields) => {
            Size::container(fields.iter().map(|(key, value)| size_of(value, nested, variables).keyed(key, nested)))
        }
    }
}

/// Checks the variables given with a request and returns the size of each.
pub(super) fn check_variables<'a>(
    variables: &'a Variables,
    nested: &NestedFilters,
    limits: &GuardLimits,
) -> Result<HashMap<&'a str, Size>, GuardError> {
    let exceeded =
        |kind, limit, actual| if actual > limit { Err(GuardError::exceeded(kind, limit, actual)) } else { Ok(()) };
    exceeded(Kind::Variables, limits.max_variables, variables.len() as u64)?;
    let sizes: HashMap<&str, Size> =
        variables.iter().map(|(name, value)| (name.as_str(), size_of_const(value, nested))).collect();
    let total = variables
        .keys()
        .filter_map(|name| sizes.get(name.as_str()).map(|size| size.keyed(name, nested)))
        .fold(Size::default(), Size::beside);
    exceeded(Kind::InputDepth, limits.max_input_depth, total.depth)?;
    exceeded(Kind::VariableValues, limits.max_variable_values, total.values)?;
    exceeded(Kind::VariableBytes, limits.max_variable_bytes, total.bytes)?;
    Ok(sizes)
}

/// The variables as one operation sees them: what the request gave, else the operation's defaults.
pub(super) struct Bindings<'a> {
    given: &'a Variables,
    sizes: &'a HashMap<&'a str, Size>,
    nested: &'a NestedFilters,
    defaults: HashMap<&'a str, (&'a Value, Size)>,
}

/// The value of a variable.
enum Bound<'a> {
    Given(&'a ConstValue),
    Default(&'a Value),
}

impl<'a> Bindings<'a> {
    /// `sizes` is what [`check_variables`] returned for `given`. Without an operation only the given values count.
    pub(super) fn new(
        given: &'a Variables,
        sizes: &'a HashMap<&'a str, Size>,
        nested: &'a NestedFilters,
        operation: Option<&'a OperationDefinition>,
    ) -> Self {
        let definitions = operation.map_or(&[][..], |operation| &operation.variables);
        let defaults = definitions.iter().filter_map(|definition| {
            let value: &Value = definition.default_value.as_ref()?;
            // A default value holds no variables; the parser refuses them there.
            Some((definition.name.as_str(), (value, size_of(value, nested, &|_: &Name| Size::scalar(0)))))
        });
        Self { given, sizes, nested, defaults: defaults.collect() }
    }

    fn value(&self, name: &Name) -> Option<Bound<'a>> {
        let given = self.given.get(name.as_str()).map(Bound::Given);
        given.or_else(|| self.defaults.get(name.as_str()).map(|(value, _)| Bound::Default(value)))
    }

    /// The size of an argument's value, its variables followed; an undefined one counts as null.
    pub(super) fn size(&self, value: &Value) -> Size {
        size_of(value, self.nested, &|name: &Name| {
            let given = self.sizes.get(name.as_str());
            let default = self.defaults.get(name.as_str()).map(|(_, size)| size);
            given.or(default).copied().unwrap_or_else(|| Size::scalar(0))
        })
    }

    /// The sizes of the operation's default values.
    pub(super) fn default_sizes(&self) -> impl Iterator<Item = Size> {
        self.defaults.values().map(|(_, size)| *size)
    }

    /// The page size that an argument's value asks for: `None` for null or a variable without a value. What is no integer
    /// counts as the largest page; validation refuses it.
    ///
    /// # Errors
    ///
    /// An integer outside the 32 bits of GraphQL's `Int`.
    pub(super) fn page_size(&self, value: &Value, limits: &GuardLimits) -> Result<Option<u64>, GuardError> {
        let page = match value {
            Value::Variable(name) => match self.value(name) {
                None => Page::Absent,
                Some(Bound::Given(value)) => Page::given(value),
                Some(Bound::Default(value)) => Page::written(value),
            },
            value => Page::written(value),
        };
        let out_of_range = |actual| Err(GuardError::exceeded(Kind::PageSize, limits.max_page_size, actual));
        match page {
            Page::Absent => Ok(None),
            Page::Size(size) if i32::try_from(size).is_err() => out_of_range(size.unsigned_abs()),
            Page::Size(size) => {
                Ok(Some(u64::try_from(size).map_or(limits.max_page_size, |size| size.min(limits.max_page_size))))
            }
            Page::Unclear => Ok(Some(limits.max_page_size)),
            Page::TooLarge => out_of_range(u64::MAX),
        }
    }

    /// How many elements the list in this field of an argument has, which is an object.
    pub(super) fn length_of_field(&self, value: &Value, field: &str) -> u64 {
        let written = |fields: &[(Name, apollo_compiler::Node<Value>)]| {
            fields.iter().find(|(name, _)| name == field).map_or(0, |(_, value)| self.length(value))
        };
        match value {
            Value::Object(fields) => written(fields),
            Value::Variable(name) => match self.value(name) {
                Some(Bound::Given(ConstValue::Object(fields))) => match fields.get(field) {
                    Some(ConstValue::List(items)) => items.len() as u64,
                    Some(_) => 1,
                    None => 0,
                },
                Some(Bound::Default(Value::Object(fields))) => written(fields),
                _ => 0,
            },
            _ => 0,
        }
    }

    /// How many elements a list argument has; a single value stands for a list of one.
    pub(super) fn length(&self, value: &Value) -> u64 {
        match value {
            Value::Variable(name) => match self.value(name) {
                Some(Bound::Given(ConstValue::List(items))) => items.len() as u64,
                Some(Bound::Given(_)) => 1,
                Some(Bound::Default(value)) => written_length(value),
                None => 0,
            },
            value => written_length(value),
        }
    }
}

fn written_length(value: &Value) -> u64 {
    match value {
        Value::List(items) => items.len() as u64,
        Value::Null => 0,
        _ => 1,
    }
}

/// What is given as a page size.
enum Page {
    Absent,
    Size(i64),
    /// More than 64 bits hold.
    TooLarge,
    /// No integer.
    Unclear,
}

impl Page {
    fn given(value: &ConstValue) -> Self {
        match value {
            ConstValue::Null => Self::Absent,
            ConstValue::Number(number) => number.as_i64().map_or_else(|| Self::fraction(number.as_f64()), Self::Size),
            _ => Self::Unclear,
        }
    }

    fn written(value: &Value) -> Self {
        match value {
            Value::Null => Self::Absent,
            Value::Int(digits) => digits.as_str().parse().map_or(Self::TooLarge, Self::Size),
            Value::Float(digits) => Self::fraction(digits.try_to_f64().ok()),
            _ => Self::Unclear,
        }
    }

    fn fraction(number: Option<f64>) -> Self {
        match number {
            // Whole, and given as a variable, it is an integer: JSON has one kind of number.
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and within 32 bits")]
            Some(number) if number.abs() <= f64::from(i32::MAX) && number.fract() == 0.0 => Self::Size(number as i64),
            Some(number) if number.abs() <= f64::from(i32::MAX) => Self::Unclear,
            _ => Self::TooLarge,
        }
    }
}
