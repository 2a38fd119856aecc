//! The filter and the order of a list, in the schema and as they are read.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::registry::{MetaTypeId, Registry};
use async_graphql::{Context, InputType, InputValueError, InputValueResult, ServerResult, Value};
use tenantry_domain::noun::{Asked, Condition, ConditionInfo, Has, Kind, Noun, Value as FieldValue};
use tenantry_executor::scalar::{MoneyInput, OrderDirection, refused_value};
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, Record};

use super::input::read_value;
use super::meta::{self, Inputs};
use super::registry::{entry, kind_name, with_archived};

/// The most orders that one list takes.
const MAX_ORDERS: usize = 3;

/// How deep conditions on linked rows may be nested.
const MAX_DEPTH: usize = 2;

/// How many values a condition takes, as many as a page has rows: each row is compared with each of them.
const MAX_VALUES: usize = 100;

/// The arguments of a list of these rows. `order` is the name of the order when none is given, upwards; without it, it is the noun's
/// own.
pub(super) fn list_arguments<R: Record>(registry: &mut Registry, order: Option<&'static str>) -> Inputs {
    let mut inputs = Inputs::new();
    let number = |end: &str, other: &str| {
        format!(
            "The number of rows from the {end}, at most 100; 20 when neither is given. Not together with `{other}`."
        )
    };
    meta::input(&mut inputs, "first", &number("start", "last"), "Int");
    meta::input(&mut inputs, "after", "Only rows after this cursor.", "String");
    meta::input(&mut inputs, "last", &number("end", "first"), "Int");
    meta::input(&mut inputs, "before", "Only rows before this cursor.", "String");
    if !R::CONDITIONS.is_empty() {
        let ty = FilterInput::<R>::create_type_info(registry);
        meta::input(&mut inputs, "filter", "The filter.", ty.trim_end_matches('!'));
    }
    if R::INFO.sortable {
        let ty = OrderInput::<R>::create_type_info(registry);
        let doc = format!(
            "The order: at most {MAX_ORDERS}, of which each tells rows apart that are equal in those before it. The id tells apart \
             what is equal in all."
        );
        meta::input(&mut inputs, "orderBy", &doc, format!("[{ty}]"));
        if let Some(input) = inputs.get_mut("orderBy") {
            let (sort, direction) = default_order::<R>(order);
            let field = R::sort_info(sort).name.to_ascii_uppercase();
            let direction = if direction == Direction::Ascending { "ASC" } else { "DESC" };
            input.default_value = Some(format!("[{{field: {field}, direction: {direction}}}]"));
        }
    }
    inputs
}

fn default_order<R: Record>(order: Option<&'static str>) -> (R::Sort, Direction) {
    let own = if R::INFO.ascending { Direction::Ascending } else { Direction::Descending };
    order.and_then(sort_named::<R>).map_or((R::Sort::default(), own), |sort| (sort, Direction::Ascending))
}

/// The request that a list's arguments make. `order` is as in [`list_arguments`].
pub(super) fn request<R: Record>(
    context: &Context<'_>,
    page: PageRequest,
    order: Option<&'static str>,
) -> ServerResult<ListOf<R>> {
    let filter: Option<FilterInput<R>> = context.param_value("filter", None)?.1;
    let asked: Option<OrdersInput<R>> = context.param_value("orderBy", None)?.1;
    let mut order_by = asked.map(|asked| asked.0).unwrap_or_default();
    if order_by.is_empty() {
        order_by.push(default_order::<R>(order));
    }
    let filter = filter.map(|filter| filter.0).unwrap_or_default();
    Ok(ListRequest { filter, order: order_by, page, ..ListRequest::default() })
}

fn sort_named<N: Noun>(name: &str) -> Option<N::Sort> {
    N::SORTS.iter().find(|(_, info)| info.name.eq_ignore_ascii_case(name)).map(|(sort, _)| *sort)
}

/// What a list is narrowed to.
pub(super) struct FilterInput<R: Record>(R::Filter);

impl<R: Record> InputType for FilterInput<R> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Filter", R::INFO.name))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::InputObject, |registry| {
            let mut inputs = Inputs::new();
            for condition in R::CONDITIONS {
                let name = match condition.info.kind {
                    Kind::Money => <MoneyInput as InputType>::create_type_info(registry),
                    kind => kind_name(registry, kind),
                };
                let name = name.trim_end_matches('!');
                let ty = if condition.info.takes_many { format!("[{name}!]") } else { name.to_owned() };
                meta::input(&mut inputs, condition.info.api, condition.info.doc, ty);
            }
            for list in entry(R::INFO.table).map(|entry| entry.lists.as_slice()).unwrap_or_default() {
                let Some(ty) = (list.register_filter)(registry) else { continue };
                let doc = |which: &str| {
                    let (plural, name) = (R::INFO.plural, &list.name);
                    let doc = format!("Only {plural} {which} `{name}` that pass this filter. What you do not see does not count.");
                    with_archived(&doc, list.info)
                };
                meta::input(&mut inputs, &list.has, &doc("with one or more"), &ty);
                meta::input(&mut inputs, &list.has_no, &doc("without any"), ty);
            }
            let doc = format!(
                "What a list of {} is filtered by. All conditions must hold. Null is refused where it does not say what it finds.",
                R::INFO.plural
            );
            meta::input_object::<Self>(&Self::type_name(), &doc, inputs)
        })
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let value = value.unwrap_or_default();
        read_filter::<R, Self>(&value, &mut vec!["filter"]).map(Self)
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// Reads the filter at this place of the arguments.
fn read_filter<R: Record, T: InputType>(
    value: &Value,
    place: &mut Vec<&'static str>,
) -> Result<R::Filter, InputValueError<T>> {
    let Value::Object(fields) = value else { return Err(InputValueError::expected_type(value.clone())) };
    let mut filter = R::Filter::default();
    for condition in R::CONDITIONS {
        if let Some(value) = fields.get(condition.info.api) {
            place.push(condition.info.api);
            set(&mut filter, condition, value, place)?;
            place.pop();
        }
    }
    for list in entry(R::INFO.table).map(|entry| entry.lists.as_slice()).unwrap_or_default() {
        for (name, none) in [(&list.has, false), (&list.has_no, true)] {
            let Some(value) = fields.get(name.as_str()) else { continue };
            place.push(name.as_str());
            if place.len() > MAX_DEPTH + 1 {
                let message = format!("Conditions on linked rows may be nested at most {MAX_DEPTH} deep.");
                return Err(refused_value(place.iter().copied(), &message));
            }
            if *value == Value::Null {
                return Err(refused_value(place.iter().copied(), NOT_NULL));
            }
            let has = (list.read_filter)(value, none, place).map_err(InputValueError::propagate)?;
            R::has_mut(&mut filter).push(has);
            place.pop();
        }
    }
    Ok(filter)
}

/// A condition on the rows below another noun's.
pub(super) fn read_has<R: Record>(
    parent: R::Parent,
    value: &Value,
    none: bool,
    place: &mut Vec<&'static str>,
) -> Result<Has, InputValueError<bool>> {
    let filter = read_filter::<R, bool>(value, place)?;
    Ok(if none { Has::none::<R>(parent, &filter) } else { Has::some::<R>(parent, &filter) })
}

const NOT_NULL: &str = "This must not be null. Leave it out to find rows with any value.";

fn set<F, T: InputType>(
    filter: &mut F,
    condition: &Condition<F>,
    value: &Value,
    place: &[&'static str],
) -> Result<(), InputValueError<T>> {
    let ConditionInfo { kind, takes_many, takes_null, .. } = condition.info;
    let one = |value: &Value| match kind {
        Kind::Money => {
            let money = MoneyInput::parse(Some(value.clone())).map_err(InputValueError::propagate)?;
            let money = money.read(condition.info.api);
            money.map(FieldValue::Money).map_err(|fault| {
                // The fault names the field, and perhaps a part of it.
                let parts = fault.field.iter().skip(1).map(AsRef::as_ref);
                refused_value(place.iter().copied().chain(parts), &fault.message)
            })
        }
        kind => read_value(kind, value.clone()),
    };
    let asked = match value {
        Value::Null if takes_null => Asked::Absent,
        Value::Null => return Err(refused_value(place.iter().copied(), NOT_NULL)),
        Value::List(values) if takes_many && values.len() > MAX_VALUES => {
            return Err(refused_value(place.iter().copied(), &format!("At most {MAX_VALUES} values may be given.")));
        }
        Value::List(values) if takes_many => Asked::Any(values.iter().map(one).collect::<Result<_, _>>()?),
        // A list of one may be given without brackets.
        value if takes_many => Asked::Any(vec![one(value)?]),
        value => Asked::One(one(value)?),
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
            if let Some(input) = inputs.get_mut("direction") {
                input.default_value = Some("ASC".to_owned());
            }
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
        let direction = match fields.get("direction") {
            None => Direction::Ascending,
            given => OrderDirection::parse(given.cloned()).map_err(InputValueError::propagate)?.into(),
        };
        Ok(Self { sort, direction })
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// The orders of a list, each once.
struct OrdersInput<R: Record>(Vec<(R::Sort, Direction)>);

impl<R: Record> InputType for OrdersInput<R> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        OrderInput::<R>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        OrderInput::<R>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let values = match value {
            Some(Value::List(values)) => values,
            // A list of one may be given without brackets.
            Some(value) => vec![value],
            None => Vec::new(),
        };
        if values.len() > MAX_ORDERS {
            return Err(refused_value(["orderBy"].into_iter(), &format!("At most {MAX_ORDERS} may be given.")));
        }
        let mut orders: Vec<(R::Sort, Direction)> = Vec::with_capacity(values.len());
        for (n, value) in values.into_iter().enumerate() {
            let order = OrderInput::<R>::parse(Some(value)).map_err(InputValueError::propagate)?;
            if orders.iter().any(|(sort, _)| *sort == order.sort) {
                let place = ["orderBy", &n.to_string()];
                return Err(refused_value(place.into_iter(), "A field may be given only once."));
            }
            orders.push((order.sort, order.direction));
        }
        Ok(Self(orders))
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
