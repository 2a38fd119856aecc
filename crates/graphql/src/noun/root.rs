//! The nouns' fields of `Query` and `Mutation`.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaTypeId, Registry};
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, InputType, ObjectType, OutputType, Positioned, ServerResult, Value,
};
use tenantry_domain::noun::{ALL, NounInfo, OnDelete};
use tenantry_executor::object::Ordered;
use tenantry_executor::scalar::read_id;
use tenantry_service::Service;
use tenantry_service::bulk::MAX_ELEMENTS;
use tenantry_service::noun::{Served, check_input, create, delete, update};

use super::at_field;
use super::bulk;
use super::input::{CreateInput, DeleteInput, UpdateInput};
use super::meta::{self, Fields, Inputs};
use super::payload::{Create, Deleted, Update, Written};
use super::registry::{Resolving, Shown, capitalized, entries, with_archived};
use crate::mutation::write;

/// The mutations of a noun: the three that every noun has, and those that do the same to several rows.
pub(crate) struct Mutations {
    fields: Vec<Mutation>,
}

/// One of them.
pub(super) struct Mutation {
    pub(super) verb: Verb,
    /// Whether it takes several rows.
    pub(super) takes_many: bool,
    /// What it takes and what it gives.
    pub(super) register: fn(&mut Registry) -> (String, String),
    pub(super) run: for<'c> fn(&'c Context<'c>) -> Resolving<'c>,
    note: &'static str,
}

/// What a mutation does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Update,
    Delete,
}

impl Verb {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Mutations {
    /// Those of this noun. `note` says what else its creation does.
    pub(crate) fn of<N: Served + Shown>(note: &'static str) -> Self {
        let create = Mutation::new(
            Verb::Create,
            |registry| (CreateInput::<N>::create_type_info(registry), Created::<N>::create_type_info(registry)),
            |context| Box::pin(run_create::<N>(context)),
        );
        let update = Mutation::new(
            Verb::Update,
            |registry| (UpdateInput::<N>::create_type_info(registry), Changed::<N>::create_type_info(registry)),
            |context| Box::pin(run_update::<N>(context)),
        );
        let delete = Mutation::new(
            Verb::Delete,
            |registry| (DeleteInput::<N>::create_type_info(registry), Gone::<N>::create_type_info(registry)),
            |context| Box::pin(run_delete::<N>(context)),
        );
        Self { fields: vec![Mutation { note, ..create }, update, delete] }
    }

    /// The same, and those that do the same to several rows, with the notes that were given so far.
    pub(crate) fn and_many<N: Served + Shown>(mut self) -> Self {
        let notes: Vec<_> = self.fields.iter().map(|field| (field.verb, field.note)).collect();
        self.fields.extend(bulk::mutations::<N>().map(|many| {
            let note = notes.iter().find(|(verb, _)| *verb == many.verb).map_or("", |(_, note)| *note);
            Mutation { note, ..many }
        }));
        self
    }

    /// The same, for rows that come into being in another way.
    pub(crate) fn without_create(mut self) -> Self {
        self.fields.retain(|field| field.verb != Verb::Create);
        self
    }

    /// The same; `note` says what else a change does.
    pub(crate) fn with_update_note(self, note: &'static str) -> Self {
        self.with_note(Verb::Update, note)
    }

    /// The same; `note` says what else a deletion does.
    pub(crate) fn with_delete_note(self, note: &'static str) -> Self {
        self.with_note(Verb::Delete, note)
    }

    fn with_note(mut self, verb: Verb, note: &'static str) -> Self {
        for field in self.fields.iter_mut().filter(|field| field.verb == verb && !field.takes_many) {
            field.note = note;
        }
        self
    }
}

impl Mutation {
    fn new(
        verb: Verb,
        register: fn(&mut Registry) -> (String, String),
        run: for<'c> fn(&'c Context<'c>) -> Resolving<'c>,
    ) -> Self {
        Self { verb, takes_many: false, register, run, note: "" }
    }

    /// One that takes several rows.
    pub(super) fn of_many(
        verb: Verb,
        register: fn(&mut Registry) -> (String, String),
        run: for<'c> fn(&'c Context<'c>) -> Resolving<'c>,
    ) -> Self {
        Self { takes_many: true, ..Self::new(verb, register, run) }
    }

    /// What comes behind the verb in its name: `Task`, or `Tasks`.
    fn subject(&self, noun: &NounInfo) -> String {
        if self.takes_many { capitalized(noun.list) } else { noun.name.to_owned() }
    }

    /// What its argument says about itself.
    fn about(&self, noun: &NounInfo) -> String {
        let (singular, plural) = (noun.singular, noun.plural);
        match (self.verb, self.takes_many) {
            (Verb::Create, false) => format!("The new {singular}."),
            (Verb::Update, false) => format!("The {singular}, and the changes to it."),
            (Verb::Delete, false) => format!("The {singular} to delete."),
            (Verb::Create, true) => format!("The new {plural}."),
            (Verb::Update, true) => format!("The {plural}, each with the changes to it."),
            (Verb::Delete, true) => format!("The {plural} to delete."),
        }
    }
}

type Created<N> = Ordered<Written<Create, N>>;
type Changed<N> = Ordered<Written<Update, N>>;
type Gone<N> = Ordered<Deleted<N>>;

/// The argument of a mutation.
pub(super) fn input<T: InputType>(context: &Context<'_>) -> ServerResult<T> {
    Ok(context.param_value("input", None)?.1)
}

pub(super) async fn answer(context: &Context<'_>, payload: impl OutputType) -> ServerResult<Value> {
    let selection = context.with_selection_set(&context.item.node.selection_set);
    payload.resolve(&selection, context.item).await
}

async fn run_create<N: Served + Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let CreateInput::<N> { new, faults } = input(context)?;
    let billing = context.data_unchecked::<Service>().billing().clone();
    let created = write(context, |scope| {
        let (billing, new, faults) = (billing.clone(), new.clone(), faults.clone());
        Box::pin(async move {
            check_input(scope, N::CREATE, faults)?;
            create::<N>(scope, &billing, new).await
        })
    });
    let result = created.await.map_err(|error| error.into_server_error(context.item.pos))?;
    answer(context, Ordered(Written::<Create, N> { result: result.map(Arc::new), act: PhantomData })).await
}

async fn run_update<N: Served + Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let UpdateInput::<N> { row, changes, faults } = input(context)?;
    let billing = context.data_unchecked::<Service>().billing().clone();
    let updated = write(context, |scope| {
        let (billing, changes, faults) = (billing.clone(), changes.clone(), faults.clone());
        let (id, expected) = (row.id, row.expected);
        Box::pin(async move {
            check_input(scope, N::INFO.write, faults)?;
            update::<N>(scope, &billing, id, expected, changes).await
        })
    });
    let result = updated.await.map_err(|error| error.into_server_error(context.item.pos))?;
    answer(context, Ordered(Written::<Update, N> { result: result.map(Arc::new), act: PhantomData })).await
}

async fn run_delete<N: Served + Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let DeleteInput::<N>(row) = input(context)?;
    let deleted = write(context, |scope| {
        let (id, expected) = (row.id, row.expected);
        Box::pin(async move { delete::<N>(scope, id, expected).await })
    });
    let result = deleted.await.map_err(|error| error.into_server_error(context.item.pos))?;
    answer(context, Ordered(Deleted::<N>(result))).await
}

/// What a mutation says about itself.
fn doc(noun: &NounInfo, mutation: &Mutation) -> String {
    let own = match (mutation.verb, mutation.takes_many) {
        (Verb::Create, false) => format!("Creates {}.", noun.one()),
        (Verb::Update, false) => format!("Changes {}.", noun.one()),
        (Verb::Delete, false) => format!("Deletes {}.{}", noun.one(), consequences(noun)),
        (verb, true) => {
            let does = match verb {
                Verb::Create => "Creates",
                Verb::Update => "Changes",
                Verb::Delete => "Deletes",
            };
            let own = format!("{does} up to {MAX_ELEMENTS} {} in one transaction: all of them, or none.", noun.plural);
            if verb == Verb::Delete { own + &consequences(noun).replace(" Its ", " Their ") } else { own }
        }
    };
    format!("{own} {}", mutation.note)
}

/// What becomes of the rows that link to one that is deleted.
fn consequences(noun: &NounInfo) -> String {
    let of = |action: OnDelete| {
        let links = |other: &&tenantry_domain::noun::Declared| {
            let hits = |link: tenantry_domain::noun::Link| link.table == noun.table && link.on_delete == action;
            other.fields().into_iter().any(|field| field.link.is_some_and(hits))
        };
        // Below a row of their own kind they have a name of their own, such as subtasks.
        let below = |other: &tenantry_domain::noun::Declared| {
            let own = other.parents().into_iter().filter(|_| other.info.table == noun.table);
            own.filter(|parent| parent.noun == noun.name).find_map(|parent| parent.list)
        };
        ALL.iter().filter(links).map(|other| below(other).unwrap_or(other.info.plural)).collect::<Vec<_>>()
    };
    let mut text = String::new();
    for (action, end) in [
        (OnDelete::Cascade, "go as well"),
        (OnDelete::Unlink, "stay, without the link"),
        (OnDelete::Refuse, "must be moved or deleted first"),
    ] {
        if let [first @ .., last] = of(action).as_slice() {
            let list = if first.is_empty() { (*last).to_owned() } else { format!("{} and {last}", first.join(", ")) };
            text.extend([" Its ", &list, " ", end, "."]);
        }
    }
    text
}

/// The nouns' fields of `Query`: one row by its id, and the list.
#[derive(Default)]
pub(crate) struct NounQuery;

impl OutputType for NounQuery {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("NounQuery")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            for entry in entries() {
                let info = entry.info;
                let row = (entry.register)(registry);
                if !info.rooted {
                    continue;
                }
                let mut args = Inputs::new();
                meta::input(&mut args, "id", &format!("The id of the {}.", info.singular), "ID!");
                let doc = format!("One {}; null when there is none that you can see.", info.singular);
                meta::field(&mut fields, info.api, &doc, row.trim_end_matches('!'), args);
                let (list, args) = (entry.register_list)(registry);
                meta::field(&mut fields, info.list, &list_doc(info), list.trim_end_matches('!'), args);
                for question in &entry.questions {
                    let (list, args) = (question.register)(registry);
                    meta::field(&mut fields, question.name, question.doc, list.trim_end_matches('!'), args);
                }
            }
            meta::object::<Self>("NounQuery", "", fields)
        })
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

impl ContainerType for NounQuery {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        self.find(context).await.map_err(|error| at_field(context, error))
    }
}

impl NounQuery {
    async fn find(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = context.item.node.name.node.as_str();
        for entry in entries().filter(|entry| entry.info.rooted) {
            if name == entry.info.list {
                return (entry.list)(context).await.map(Some);
            }
            if name == entry.info.api {
                let id: GivenId = context.param_value("id", None)?.1;
                let id = read_id::<GivenId>(entry.info.prefix, id.0);
                let id = id.map_err(|error| error.into_server_error(context.item.pos))?;
                return (entry.one)(context, "id", id).await.map(Some);
            }
            if let Some(question) = entry.questions.iter().find(|question| question.name == name) {
                return (question.resolve)(context).await.map(Some);
            }
        }
        Ok(None)
    }
}

fn list_doc(info: &NounInfo) -> String {
    with_archived(&format!("The organization's {}, as far as you see them.", info.plural), info)
}

/// The nouns' lists as fields of the organization. They are the lists of `Query`.
pub(crate) struct NounLists;

impl OutputType for NounLists {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("NounLists")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            for entry in entries().filter(|entry| entry.info.rooted) {
                let (list, args) = (entry.register_list)(registry);
                meta::field(&mut fields, entry.info.list, &list_doc(entry.info), list, args);
            }
            meta::object::<Self>("NounLists", "", fields)
        })
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

impl ObjectType for NounLists {}

impl ContainerType for NounLists {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = context.item.node.name.node.as_str();
        match entries().find(|entry| entry.info.rooted && entry.info.list == name) {
            Some(entry) => (entry.list)(context).await.map(Some).map_err(|error| at_field(context, error)),
            None => Ok(None),
        }
    }
}

/// An id whose prefix is not checked yet.
struct GivenId(Value);

impl InputType for GivenId {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <async_graphql::ID as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <async_graphql::ID as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> async_graphql::InputValueResult<Self> {
        Ok(Self(value.unwrap_or_default()))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// The nouns' fields of `Mutation`.
#[derive(Default)]
pub(crate) struct NounMutation;

/// The mutation of this name.
fn mutation_named(name: &str) -> Option<&'static Mutation> {
    entries().find_map(|entry| {
        let mut fields = entry.mutations.as_ref()?.fields.iter();
        fields.find(|field| name.strip_prefix(field.verb.name()) == Some(field.subject(entry.info).as_str()))
    })
}

impl OutputType for NounMutation {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("NounMutation")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            for entry in entries() {
                let Some(mutations) = &entry.mutations else { continue };
                for mutation in &mutations.fields {
                    let (input, payload) = (mutation.register)(registry);
                    let mut args = Inputs::new();
                    meta::input(&mut args, "input", &mutation.about(entry.info), input);
                    let name = format!("{}{}", mutation.verb.name(), mutation.subject(entry.info));
                    meta::field(&mut fields, &name, &doc(entry.info, mutation), payload.trim_end_matches('!'), args);
                }
            }
            meta::object::<Self>("NounMutation", "", fields)
        })
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

impl ContainerType for NounMutation {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        match mutation_named(context.item.node.name.node.as_str()) {
            Some(mutation) => (mutation.run)(context).await.map(Some).map_err(|error| at_field(context, error)),
            None => Ok(None),
        }
    }
}
