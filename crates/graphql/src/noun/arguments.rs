//! The filter and the order of a list, in the schema and as they are read.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::registry::{MetaTypeId, Registry};
use async_graphql::{Context, InputType, InputValueError, InputValueResult, ServerResult, Value};
use tenantry_domain::noun::{Asked, Condition, ConditionInfo, Noun};
use tenantry_executor::scalar::{OrderDirection, refused_value};
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, Record};

use super::input::read_value;
use super::meta::{self, Inputs};
use super::registry::kind_name;

/// The arguments of a list of these rows.
pub(super) fn list_arguments<R: Record>(registry: &mut Registry) -> Inputs {
    let mut inputs = Inputs::new();
    meta::input(&mut inputs, "first", "The number of rows from the start, at most 100.", "Int");
    meta::input(&mut inputs, "after", "Only rows after this cursor.", "String");
    meta::input(&mut inputs, "last", "The number of rows from the end, at most 100.", "Int");
    meta::input(&mut inputs, "before", "Only rows before this cursor.", "String");
    if !R::CONDITIONS.is_empty() {
        let ty = FilterInput::<R>::create_type_info(registry);
        meta::input(&mut inputs, "filter", "The filter.", ty.trim_end_matches('!'));
    }
    if R::INFO.sortable {
        let ty = OrderInput::<R>::create_type_info(registry);
        meta::input(&mut inputs, "orderBy", "The order.", ty.trim_end_matches('!'));
    }
    inputs
}

/// The request that a list's arguments make. `order` is the name of the order when none is given, upwards; without it, it is
/// the noun's own.
pub(super) fn request<R: Record>(
    context: &Context<'_>,
    page: PageRequest,
    order: Option<&'static str>,
) -> ServerResult<ListOf<R>> {
    let filter: Option<FilterInput<R>> = context.param_value("filter", None)?.1;
    let asked: Option<OrderInput<R>> = context.param_value("orderBy", None)?.1;
    let own = if R::INFO.ascending { Direction::Ascending } else { Direction::Descending };
    let default =
        order.and_then(sort_named::<R>).map_or((R::Sort::default(), own), |sort| (sort, Direction::Ascending));
    let (sort, direction) = asked.map_or(default, |asked| (asked.sort, asked.direction));
    let filter = filter.map(|filter| filter.0).unwrap_or_default();
    Ok(ListRequest { filter, sort, direction, page, ..ListRequest::default() })
}

fn sort_named<N: Noun>(name: &str) -> Option<N::Sort> {
    N::SORTS.iter().find(|(_, info)| info.name.eq_ignore_ascii_case(name)).map(|(sort, _)| *sort)
}

/// What a list is narrowed to.
struct FilterInput<R: Record>(R::Filter);

impl<R: Record> InputType for FilterInput<R> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Filter", R::INFO.name))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::InputObject, |registry| {
            let mut inputs = Inputs::new();
            for condition in R::CONDITIONS {
                let name = kind_name(registry, condition.info.kind);
                let ty = if condition.info.takes_many { format!("[{name}!]") } else { name };
                meta::input(&mut inputs, condition.info.api, condition.info.doc, ty);
            }
            let doc = format!("What a list of {} is filtered by. All conditions must hold.", R::INFO.plural);
            meta::input_object::<Self>(&Self::type_name(), &doc, inputs)
        })
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let Some(Value::Object(fields)) = value else {
            return Err(InputValueError::expected_type(value.unwrap_or_default()));
        };
        let mut filter = R::Filter::default();
        for condition in R::CONDITIONS {
            if let Some(value) = fields.get(condition.info.api) {
                set(&mut filter, condition, value)?;
            }
        }
        Ok(Self(filter))
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

fn set<F, T: InputType>(filter: &mut F, condition: &Condition<F>, value: &Value) -> Result<(), InputValueError<T>> {
    let ConditionInfo { kind, takes_many, takes_null, .. } = condition.info;
    let asked = match value {
        Value::Null if takes_null => Asked::Absent,
        Value::Null => {
            let message = "This must not be null. Leave it out to find rows with any value.";
            return Err(refused_value(["filter", condition.info.api].into_iter(), message));
        }
        Value::List(values) if takes_many => {
            Asked::Any(values.iter().map(|value| read_value(kind, value.clone())).collect::<Result<_, _>>()?)
        }
        // A list of one may be given without brackets.
        value if takes_many => Asked::Any(vec![read_value(kind, value.clone())?]),
        value => Asked::One(read_value(kind, value.clone())?),
    };
    if (condition.write)(filter, asked) { Ok(()) } else { Err(InputValueError::expected_type(value.clone())) }
}

/// How a list is sorted.
struct OrderInput<R: Record> {
    sort: R::Sort,
    direction: Direction,
}

impl<R: Record> InputType for OrderInput<R> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Order", R::INFO.name))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::InputObject, |registry| {
            let mut inputs = Inputs::new();
            let field = OrderField::<R>::register(registry);
            meta::input(&mut inputs, "field", "The field to sort by.", field);
            let direction = <OrderDirection as InputType>::create_type_info(registry);
            meta::input(&mut inputs, "direction", "The direction.", direction);
            let doc = format!("How a list of {} is sorted.", R::INFO.plural);
            meta::input_object::<Self>(&Self::type_name(), &doc, inputs)
        })
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let wrong = |value: Option<&Value>| InputValueError::expected_type(value.cloned().unwrap_or_default());
        let Some(Value::Object(fields)) = &value else { return Err(wrong(value.as_ref())) };
        let field = fields.get("field");
        let name = match field {
            Some(Value::Enum(name)) => name.as_str(),
            Some(Value::String(name)) => name.as_str(),
            _ => return Err(wrong(field)),
        };
        let sort = sort_named::<R>(name).ok_or_else(|| wrong(field))?;
        let direction = OrderDirection::parse(fields.get("direction").cloned()).map_err(InputValueError::propagate)?;
        Ok(Self { sort, direction: direction.into() })
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// What a list can be sorted by.
struct OrderField<R>(PhantomData<R>);

impl<R: Record> OrderField<R> {
    fn register(registry: &mut Registry) -> String {
        let name = format!("{}OrderField", R::INFO.name);
        let values = R::SORTS.iter().map(|(_, sort)| (sort.name, sort.doc));
        let doc = format!("What a list of {} can be sorted by.", R::INFO.plural);
        registry.types.entry(name.clone()).or_insert_with(|| meta::enumeration(&name, &doc, values));
        format!("{name}!")
    }
}
