//! What the API can do with a noun whose type is not known: for links, lists below other nouns, `node` and the root fields.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, InputType, InputValueError, OutputType, Positioned, ServerResult,
    Value,
};
use futures_util::future::BoxFuture;
use tenantry_domain::noun::{Has, Kind, NounInfo};
use tenantry_domain::{Id as _, UserId};
use tenantry_executor::connection::{Connection, Origin};
use tenantry_executor::dataloader::Reads;
use tenantry_executor::loaders::{exists, node, selected_node};
use tenantry_executor::object::{Object as Resolved, ResolveLists, page, resolve_lists};
use tenantry_executor::scalar::{CurrencyCode, Date, DecimalText, Money, Timestamp};
use tenantry_store::{ListOf, Record};
use uuid::Uuid;

use super::meta::Inputs;
use super::root::Mutations;
use super::{Row, arguments, choice};
use crate::loaders::load_member;

/// A noun as the API shows it.
pub(crate) trait Shown: Record {
    /// Fields beside those that are declared.
    type More: ContainerType + From<Arc<Self>>;

    /// Lists of it at the root that answer a question of their own.
    fn questions() -> Vec<Question<Self>> {
        Vec::new()
    }

    /// Its mutations, if it has those that every noun has.
    fn mutations() -> Option<Mutations> {
        None
    }
}

/// A list at the root that answers a question of its own: it takes what every list takes, and is narrowed and sorted before.
pub(crate) struct Question<R: Record> {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    /// The order when none is given, upwards.
    pub(crate) order: &'static str,
    /// Where the list hangs; given the caller.
    pub(crate) origin: fn(UserId) -> Origin<R::Parent>,
    /// Narrows what the caller asks for.
    pub(crate) narrow: fn(&mut R::Filter),
}

/// Such a list of a noun whose type is not known.
pub(crate) struct QuestionEntry {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) register: Box<RegisterList>,
    pub(crate) resolve: Box<ResolveQuestion>,
}

/// Resolves such a list.
pub(crate) type ResolveQuestion = dyn for<'c> Fn(&'c Context<'c>) -> Resolving<'c> + Send + Sync;

/// What comes of resolving a field.
pub(crate) type Resolving<'c> = BoxFuture<'c, ServerResult<Value>>;

/// A noun whose type is not known.
pub(crate) struct Entry {
    pub(crate) info: &'static NounInfo,
    /// Its object type; gives the type's name.
    pub(crate) register: fn(&mut Registry) -> String,
    /// The row whose column of this name holds this id, or null.
    pub(crate) one: for<'c> fn(&'c Context<'c>, &'static str, Uuid) -> Resolving<'c>,
    /// The row with this id, or null, as an object whose selection is at hand.
    pub(crate) selected: for<'c> fn(&'c ContextSelectionSet<'c>, &'c Positioned<Field>, Uuid) -> Resolving<'c>,
    /// Whether there is a row with this id that the caller may see.
    pub(crate) exists: for<'c> fn(&'c Context<'c>, Uuid) -> BoxFuture<'c, async_graphql::Result<bool>>,
    /// The type of its list at the root, and the arguments of that.
    pub(crate) register_list: fn(&mut Registry) -> (String, Inputs),
    /// The organization's list.
    pub(crate) list: for<'c> fn(&'c Context<'c>) -> Resolving<'c>,
    /// The lists of other nouns' rows that hang on it.
    pub(crate) lists: Vec<BelowEntry>,
    /// The lists at the root that answer a question.
    pub(crate) questions: Vec<QuestionEntry>,
    pub(crate) mutations: Option<Mutations>,
}

/// A list of a noun's rows below another noun.
pub(crate) struct BelowEntry {
    /// The noun that it hangs on.
    parent: &'static str,
    /// The noun whose rows it has.
    pub(crate) info: &'static NounInfo,
    /// The list's name.
    pub(crate) name: &'static str,
    /// What it says about itself.
    pub(crate) doc: String,
    /// The column of the other noun that says which rows it holds.
    pub(crate) key: &'static str,
    /// The condition that there is a row in this list.
    pub(crate) has: String,
    /// The condition that there is none.
    pub(crate) has_no: String,
    /// The type of what these conditions take, if the rows can be filtered.
    pub(crate) register_filter: fn(&mut Registry) -> Option<String>,
    /// Reads what one of these conditions is given: the value, whether there is to be none, and its place in the arguments.
    pub(crate) read_filter: Box<ReadHas>,
    /// Its type and its arguments.
    pub(crate) register: Box<RegisterList>,
    /// Resolves it for many rows of the other noun.
    pub(crate) resolve: Box<ResolveLists>,
}

/// Registers a list; gives its type and its arguments.
pub(crate) type RegisterList = dyn Fn(&mut Registry) -> (String, Inputs) + Send + Sync;

/// Reads a condition on the rows of a list.
pub(crate) type ReadHas =
    dyn Fn(&Value, bool, &mut Vec<&'static str>) -> Result<Has, InputValueError<bool>> + Send + Sync;

/// Every noun by its table.
static ENTRIES: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    let mut below = Vec::new();
    let mut entries: Vec<Entry> = Vec::new();
    macro_rules! shown {
        ($($module:ident::$noun:ident,)+) => {
            $(
                entries.push(Entry::of::<tenantry_domain::$module::$noun>());
                below.extend(below_others::<tenantry_domain::$module::$noun>());
            )+
        };
    }
    tenantry_domain::nouns!(shown);
    for list in below {
        if let Some(entry) = entries.iter_mut().find(|entry| entry.info.name == list.parent) {
            entry.lists.push(list);
        }
    }
    entries.into_iter().map(|entry| (entry.info.table, entry)).collect()
});

/// The noun of this table.
pub(crate) fn entry(table: &str) -> Option<&'static Entry> {
    ENTRIES.get(table)
}

/// Every noun, in the order in which they are declared.
pub(crate) fn entries() -> impl Iterator<Item = &'static Entry> {
    tenantry_domain::noun::ALL.iter().filter_map(|noun| entry(noun.info.table))
}

impl Entry {
    fn of<R: Shown>() -> Self {
        Self {
            info: &R::INFO,
            register: Row::<R>::create_type_info,
            one: |context, key, id| Box::pin(one::<R>(context, key, id)),
            selected: |selection, field, id| Box::pin(selected::<R>(selection, field, id)),
            exists: |context, id| Box::pin(exists::<Row<R>>(context, R::Id::from_uuid(id))),
            register_list: |registry| register_list::<R>(registry, None),
            list: |context| Box::pin(list::<R>(context)),
            lists: Vec::new(),
            questions: R::questions().into_iter().map(question).collect(),
            mutations: R::mutations(),
        }
    }
}

/// What a list says about itself, and which rows it leaves out.
pub(super) fn with_archived(doc: &str, info: &NounInfo) -> String {
    match info.archived {
        Some(archived) => {
            format!("{doc} Archived ones are left out unless the filter asks for a `{}` or for `ids`.", archived.field)
        }
        None => doc.to_owned(),
    }
}

/// The lists of this noun's rows below others.
fn below_others<R: Shown>() -> impl Iterator<Item = BelowEntry> {
    R::PARENTS.iter().filter_map(|(parent, info)| {
        let (parent, order) = (*parent, info.order);
        Some(BelowEntry {
            parent: info.noun,
            info: &R::INFO,
            name: info.list?,
            doc: with_archived(info.doc, &R::INFO),
            key: info.key,
            has: format!("has{}", capitalized(info.list?)),
            has_no: format!("hasNo{}", capitalized(info.list?)),
            register_filter: |registry| {
                let ty = (!R::CONDITIONS.is_empty()).then(|| arguments::FilterInput::<R>::create_type_info(registry));
                ty.map(|ty| ty.trim_end_matches('!').to_owned())
            },
            read_filter: Box::new(move |value, none, place| arguments::read_has::<R>(parent, value, none, place)),
            register: Box::new(move |registry| register_list::<R>(registry, order)),
            resolve: Box::new(move |contexts, keys, field| {
                let request = move |context: &Context<'_>, page| arguments::request::<R>(context, page, order);
                Box::pin(resolve_lists::<Row<R>>(contexts, keys, field, parent, request))
            }),
        })
    })
}

fn register_list<R: Shown>(registry: &mut Registry, order: Option<&'static str>) -> (String, Inputs) {
    let ty = <Connection<Row<R>> as OutputType>::create_type_info(registry);
    (ty, arguments::list_arguments::<R>(registry, order))
}

/// A name with a capital letter.
pub(super) fn capitalized(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn question<R: Shown>(Question { name, doc, order, origin, narrow }: Question<R>) -> QuestionEntry {
    QuestionEntry {
        name,
        doc,
        register: Box::new(move |registry| register_list::<R>(registry, Some(order))),
        resolve: Box::new(move |context| {
            Box::pin(async move {
                let mut request = arguments::request::<R>(context, page(context)?, Some(order))?;
                let caller = context.data_unchecked::<Arc<Reads>>().identity();
                narrow(&mut request.filter);
                resolve_list::<R>(context, origin(caller.user_id), request).await
            })
        }),
    }
}

async fn list<R: Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let request = arguments::request::<R>(context, page(context)?, None)?;
    resolve_list::<R>(context, Origin::Root, request).await
}

async fn resolve_list<R: Shown>(
    context: &Context<'_>,
    origin: Origin<R::Parent>,
    request: ListOf<R>,
) -> ServerResult<Value> {
    let list = Connection::<Row<R>>::load(context, origin, request).await;
    let list = list.map_err(|error| error.into_server_error(context.item.pos))?;
    let selection = context.with_selection_set(&context.item.node.selection_set);
    list.resolve(&selection, context.item).await
}

async fn one<R: Shown>(context: &Context<'_>, key: &'static str, id: Uuid) -> ServerResult<Value> {
    let found = if key == "id" {
        node::<Row<R>>(context, R::Id::from_uuid(id)).await.map(|found| found.map(|found| found.0.0))
    } else {
        by_user::<R>(context, id).await
    };
    let selection = context.with_selection_set(&context.item.node.selection_set);
    match found.map_err(|error| error.into_server_error(context.item.pos))? {
        Some(row) => Resolved::<Row<R>>::from(row).resolve(&selection, context.item).await,
        None => Ok(Value::Null),
    }
}

async fn selected<R: Shown>(
    selection: &ContextSelectionSet<'_>,
    field: &Positioned<Field>,
    id: Uuid,
) -> ServerResult<Value> {
    let found = selected_node::<Row<R>>(selection, R::Id::from_uuid(id)).await;
    match found.map_err(|error| error.into_server_error(field.pos))? {
        Some(row) => row.resolve(selection, field).await,
        None => Ok(Value::Null),
    }
}

/// The member who is this user: members are what is linked to by user.
async fn by_user<R: Shown>(context: &Context<'_>, id: Uuid) -> async_graphql::Result<Option<Arc<R>>> {
    let member = load_member(context, UserId::from_uuid(id)).await?;
    let row = member.map(|member| member as Arc<dyn std::any::Any + Send + Sync>);
    Ok(row.and_then(|row| row.downcast::<R>().ok()))
}

/// The name of a kind's type in an input.
pub(super) fn kind_name(registry: &mut Registry, kind: Kind) -> String {
    let name = match kind {
        Kind::Text => <String as InputType>::create_type_info(registry),
        Kind::Boolean => <bool as InputType>::create_type_info(registry),
        Kind::Id(_) => <async_graphql::ID as InputType>::create_type_info(registry),
        Kind::Ids(_) => <Vec<async_graphql::ID> as InputType>::create_type_info(registry),
        Kind::Time => <Timestamp as InputType>::create_type_info(registry),
        Kind::Date => <Date as InputType>::create_type_info(registry),
        Kind::Decimal => <DecimalText as InputType>::create_type_info(registry),
        Kind::Integer => <i32 as InputType>::create_type_info(registry),
        Kind::Money => <CurrencyCode as InputType>::create_type_info(registry),
        Kind::Enum(info) => choice::register(registry, info),
    };
    name.trim_end_matches('!').to_owned()
}

/// The name of a kind's type in an object.
pub(super) fn field_type(registry: &mut Registry, kind: Kind) -> String {
    match kind {
        Kind::Money => <Money as OutputType>::create_type_info(registry).trim_end_matches('!').to_owned(),
        kind => kind_name(registry, kind),
    }
}
