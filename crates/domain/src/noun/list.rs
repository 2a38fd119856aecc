//! How lists of a noun are narrowed, sorted and reached.

use crate::noun::Noun;
use crate::noun::kind::{FieldType, Kind, Value};

/// What a condition compares its field with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Test {
    /// The field is one of some values.
    AnyOf,
    /// The field is none of some values. A row without a value is none of them.
    NoneOf,
    /// The field is this value.
    Is,
    /// The field has no value, or has one.
    IsNull,
    /// The text begins with this one, whatever the case and the accents.
    StartsWith,
    /// The amount is of this one's currency, and not smaller.
    AtLeast,
    /// The amount is of this one's currency, and not greater.
    AtMost,
    /// The field is at or after this value.
    From,
    /// The field is before this value.
    Before,
    /// A rule of the noun's own, which `store` holds.
    Own,
}

/// What a filter asks of one condition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Asked<'f> {
    /// Nothing: the condition was not given.
    Nothing,
    /// That there is no value.
    Absent,
    /// This value.
    One(Value<'f>),
    /// Any of these values; of none, no row has one.
    Any(Vec<Value<'f>>),
}

impl Asked<'_> {
    /// The same, holding its own texts.
    #[must_use]
    pub fn into_owned(self) -> Asked<'static> {
        match self {
            Self::Nothing => Asked::Nothing,
            Self::Absent => Asked::Absent,
            Self::One(value) => Asked::One(value.into_owned()),
            Self::Any(values) => Asked::Any(values.into_iter().map(Value::into_owned).collect()),
        }
    }
}

/// A condition on the rows that link to a row: that one of them, or none, is like this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Has {
    /// The name of the noun whose rows they are.
    pub noun: &'static str,
    /// How they are reached.
    pub parent: &'static ParentInfo,
    /// Whether none may be like this.
    pub none: bool,
    /// The conditions that are asked of them, by name.
    pub conditions: Vec<(&'static str, Asked<'static>)>,
    /// What is asked of the rows that link to those.
    pub has: Vec<Has>,
}

impl Has {
    /// That at least one of these rows passes the filter.
    pub fn some<N: Noun>(parent: N::Parent, filter: &N::Filter) -> Self {
        let asked = |condition: &Condition<N::Filter>| {
            let asked = (condition.read)(filter);
            (asked != Asked::Nothing).then(|| (condition.info.name, asked.into_owned()))
        };
        Self {
            noun: N::INFO.name,
            parent: N::parent_info(parent),
            none: false,
            conditions: N::CONDITIONS.iter().filter_map(asked).collect(),
            has: N::has(filter).to_vec(),
        }
    }

    /// That none of these rows passes the filter.
    pub fn none<N: Noun>(parent: N::Parent, filter: &N::Filter) -> Self {
        Self { none: true, ..Self::some::<N>(parent, filter) }
    }
}

/// What a condition that takes one value is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wanted<T> {
    /// The condition is not given.
    #[default]
    Anything,
    /// Only rows without a value.
    Nothing,
    /// Only rows with this value.
    Is(T),
}

/// What a condition of a filter says about itself.
#[derive(Debug)]
pub struct ConditionInfo {
    /// The filter's field, such as `created_from`.
    pub name: &'static str,
    /// The API's name for it.
    pub api: &'static str,
    /// What it does, for the schema.
    pub doc: &'static str,
    /// The name of the field that it looks at.
    pub field: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// How it compares.
    pub test: Test,
    /// Whether it takes a list.
    pub takes_many: bool,
    /// Whether it takes null, which asks for rows without a value.
    pub takes_null: bool,
}

/// A condition of a filter, and how it is read and written.
#[derive(Debug)]
pub struct Condition<F> {
    /// What it says about itself.
    pub info: ConditionInfo,
    /// What the filter asks of it.
    pub read: for<'f> fn(&'f F) -> Asked<'f>,
    /// Puts what is asked into a filter; `false` when it is of another type.
    pub write: fn(&mut F, Asked<'_>) -> bool,
}

/// An order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortInfo {
    /// Its name, such as `created_at`. It stands in cursors and, in capitals, in the API.
    pub name: &'static str,
    /// What it means, for the schema.
    pub doc: &'static str,
    /// The names of the fields that it goes by. The id follows them, so that no two rows are equal.
    pub fields: &'static [&'static str],
}

/// A way from a row of another noun to rows of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ParentInfo {
    /// The noun whose row it is.
    pub noun: &'static str,
    /// Its list of these rows, such as `projects`; `None` when it shows none.
    pub list: Option<&'static str>,
    /// What that list is, for the schema.
    pub doc: &'static str,
    /// The column that holds the parent's id.
    pub column: &'static str,
    /// The column of the parent's row that it holds.
    pub key: &'static str,
    /// What joins that column's table, when it is another one than `t`; starts with a space.
    pub join: &'static str,
    /// The order of that list when none is asked for, upwards; `None` for the noun's own.
    pub order: Option<&'static str>,
}

/// What is asked of a condition that takes one value.
pub fn asked_one<T: FieldType>(value: &Wanted<T>) -> Asked<'_> {
    match value {
        Wanted::Anything => Asked::Nothing,
        Wanted::Nothing => Asked::Absent,
        Wanted::Is(value) => Asked::One(value.to_value()),
    }
}

/// What is asked of a condition that takes a list.
pub fn asked_any<T: FieldType>(values: &Option<Vec<T>>) -> Asked<'_> {
    values.as_ref().map_or(Asked::Nothing, |values| Asked::Any(values.iter().map(T::to_value).collect()))
}

/// Puts what is asked into a condition that takes one value.
pub fn ask_one<T: FieldType>(condition: &mut Wanted<T>, asked: Asked<'_>) -> bool {
    let wanted = match asked {
        Asked::Nothing => Some(Wanted::Anything),
        Asked::Absent => Some(Wanted::Nothing),
        Asked::One(value) => T::from_value(value).map(Wanted::Is),
        Asked::Any(_) => None,
    };
    wanted.map(|wanted| *condition = wanted).is_some()
}

/// Puts what is asked into a condition that takes a list.
pub fn ask_any<T: FieldType>(condition: &mut Option<Vec<T>>, asked: Asked<'_>) -> bool {
    let values = match asked {
        Asked::Nothing => Some(None),
        Asked::Any(values) => values.into_iter().map(T::from_value).collect::<Option<_>>().map(Some),
        Asked::One(_) | Asked::Absent => None,
    };
    values.map(|values| *condition = values).is_some()
}
