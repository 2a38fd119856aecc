//! Mutations that do to several rows of a noun what the others do to one.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaTypeId, Registry};
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, InputType, InputValueError, InputValueResult, OutputType, Positioned,
    ServerResult, Value,
};
use tenantry_domain::noun::Noun;
use tenantry_domain::{Id as _, Violations};
use tenantry_executor::leaf::Leaf;
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_service::noun::{Served, check_input};
use tenantry_service::{Service, bulk};

use super::input::{CreateInput, DeleteInput, UpdateInput};
use super::meta::{self, Fields, Inputs};
use super::payload::{Act, Create, Update, refusals, refused};
use super::registry::capitalized;
use super::root::{Mutation, Verb, answer, input};
use super::{Row, Shown};
use crate::error::UserError;
use crate::mutation::write;

/// The mutations of several rows of a noun.
pub(super) fn mutations<N: Served + Shown>() -> [Mutation; 3] {
    [
        Mutation::of_many(
            Verb::Create,
            |registry| {
                (Many::<CreateInput<N>, N>::create_type_info(registry), Made::<Create, N>::create_type_info(registry))
            },
            |context| Box::pin(run_create::<N>(context)),
        ),
        Mutation::of_many(
            Verb::Update,
            |registry| {
                (Many::<UpdateInput<N>, N>::create_type_info(registry), Made::<Update, N>::create_type_info(registry))
            },
            |context| Box::pin(run_update::<N>(context)),
        ),
        Mutation::of_many(
            Verb::Delete,
            |registry| (Many::<DeleteInput<N>, N>::create_type_info(registry), Gone::<N>::create_type_info(registry)),
            |context| Box::pin(run_delete::<N>(context)),
        ),
    ]
}

/// Several inputs of one kind.
struct Many<T, N> {
    elements: Vec<T>,
    noun: PhantomData<N>,
}

/// The name of an input for one row, as one for several: `CreateTaskInput` and `CreateTasksInput`.
fn of_many<N: Noun>(name: &str) -> String {
    let (verb, ending) = name.split_once(N::INFO.name).unwrap_or((name, ""));
    format!("{verb}{}{ending}", capitalized(N::INFO.list))
}

impl<T: InputType, N: Served> InputType for Many<T, N> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        Cow::Owned(of_many::<N>(&T::type_name()))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_input_type::<Self, _>(MetaTypeId::InputObject, |registry| {
            let element = T::create_type_info(registry);
            let mut inputs = Inputs::new();
            let doc = format!("1 to {} elements.", bulk::MAX_ELEMENTS);
            meta::input(&mut inputs, N::INFO.list, &doc, format!("[{element}]!"));
            meta::input_object::<Self>(&Self::type_name(), &format!("Several {}.", N::INFO.plural), inputs)
        })
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        let Some(Value::Object(mut fields)) = value else {
            return Err(InputValueError::expected_type(value.unwrap_or_default()));
        };
        let elements = match fields.swap_remove(N::INFO.list) {
            Some(Value::List(elements)) => elements,
            one => one.into_iter().collect(),
        };
        let elements = elements.into_iter().map(|element| T::parse(Some(element)).map_err(InputValueError::propagate));
        Ok(Self { elements: elements.collect::<Result<_, _>>()?, noun: PhantomData })
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// All faults of several inputs, each with its element.
fn all_faults<'a, N: Noun>(faults: impl Iterator<Item = &'a Violations>) -> Violations {
    let named = faults.enumerate().flat_map(|(n, faults)| {
        let name = move |fault: &tenantry_domain::FieldError| fault.clone().within(&[N::INFO.list, &n.to_string()]);
        faults.0.iter().map(name)
    });
    Violations(named.collect())
}

async fn run_create<N: Served + Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let Many::<CreateInput<N>, N> { elements, .. } = input(context)?;
    let billing = context.data_unchecked::<Service>().billing().clone();
    let faults = all_faults::<N>(elements.iter().map(|element| &element.faults));
    let news: Vec<N::New> = elements.into_iter().map(|element| element.new).collect();
    let created = write(context, |scope| {
        let (billing, news, faults) = (billing.clone(), news.clone(), faults.clone());
        Box::pin(async move {
            check_input(scope, N::CREATE, faults)?;
            bulk::create::<N>(scope, &billing, N::INFO.list, news).await
        })
    });
    let result = created.await.map_err(|error| error.into_server_error(context.item.pos))?;
    answer(context, Ordered(Made::<Create, N> { result: result.map(shared), act: PhantomData })).await
}

async fn run_update<N: Served + Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let Many::<UpdateInput<N>, N> { elements, .. } = input(context)?;
    let billing = context.data_unchecked::<Service>().billing().clone();
    let faults = all_faults::<N>(elements.iter().map(|element| &element.faults));
    let changes: Vec<_> =
        elements.into_iter().map(|element| ((element.row.id, element.row.expected), element.changes)).collect();
    let updated = write(context, |scope| {
        let (billing, changes, faults) = (billing.clone(), changes.clone(), faults.clone());
        Box::pin(async move {
            check_input(scope, N::INFO.write, faults)?;
            bulk::update::<N>(scope, &billing, N::INFO.list, changes).await
        })
    });
    let result = updated.await.map_err(|error| error.into_server_error(context.item.pos))?;
    answer(context, Ordered(Made::<Update, N> { result: result.map(shared), act: PhantomData })).await
}

async fn run_delete<N: Served + Shown>(context: &Context<'_>) -> ServerResult<Value> {
    let Many::<DeleteInput<N>, N> { elements, .. } = input(context)?;
    let rows: Vec<_> = elements.into_iter().map(|DeleteInput(row)| (row.id, row.expected)).collect();
    let deleted = write(context, |scope| {
        let rows = rows.clone();
        Box::pin(async move { bulk::delete::<N>(scope, N::INFO.list, rows).await })
    });
    let result = deleted.await.map_err(|error| error.into_server_error(context.item.pos))?;
    answer(context, Ordered(Gone::<N>(result))).await
}

fn shared<N>(rows: Vec<N>) -> Vec<Arc<N>> {
    rows.into_iter().map(Arc::new).collect()
}

/// The result of creating or changing several rows.
struct Made<A, N> {
    result: Result<Vec<Arc<N>>, Vec<UserError>>,
    act: PhantomData<A>,
}

impl<A: Act, N: Shown> OutputType for Made<A, N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}{}Payload", A::VERB, capitalized(N::INFO.list)))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            let row = Row::<N>::create_type_info(registry);
            let doc = format!(
                "{} {}, in the order of the input; null if the mutation was refused.",
                A::RESULT,
                N::INFO.plural
            );
            meta::field(&mut fields, N::INFO.list, &doc, format!("[{row}]"), Inputs::new());
            refusals(&mut fields, registry);
            let doc = format!("The result of {} several {}.", A::DOING, N::INFO.plural);
            meta::object::<Self>(&Self::type_name(), &doc, fields)
        })
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        async_graphql::resolver_utils::resolve_container(context, self).await
    }
}

impl<A: Act, N: Shown> ContainerType for Made<A, N> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        match (context.item.node.name.node.as_str(), &self.result) {
            ("userErrors", result) => refused(context, result.as_ref().err()).await,
            (_, Ok(rows)) => {
                let selection = context.with_selection_set(&context.item.node.selection_set);
                let rows: Vec<_> = rows.iter().map(|row| Resolved::<Row<N>>::from(Arc::clone(row))).collect();
                rows.resolve(&selection, context.item).await.map(Some)
            }
            (_, Err(_)) => Ok(Some(Value::Null)),
        }
    }
}

/// The result of deleting several rows.
struct Gone<N: Noun>(Result<Vec<N::Id>, Vec<UserError>>);

impl<N: Shown> OutputType for Gone<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("Delete{}Payload", capitalized(N::INFO.list)))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            let doc = format!(
                "The ids that the {} had, in the order of the input; null if the mutation was refused.",
                N::INFO.plural
            );
            meta::field(&mut fields, &format!("deleted{}Ids", N::INFO.name), &doc, "[ID!]", Inputs::new());
            refusals(&mut fields, registry);
            let doc = format!("The result of deleting several {}.", N::INFO.plural);
            meta::object::<Self>(&Self::type_name(), &doc, fields)
        })
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        async_graphql::resolver_utils::resolve_container(context, self).await
    }
}

impl<N: Shown> ContainerType for Gone<N> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        match (context.item.node.name.node.as_str(), &self.0) {
            ("userErrors", result) => refused(context, result.as_ref().err()).await,
            (_, Ok(ids)) => {
                let ids = ids.iter().map(|id| Leaf::Id(N::INFO.prefix, id.as_uuid()).to_value());
                Ok(Some(Value::List(ids.collect())))
            }
            (_, Err(_)) => Ok(Some(Value::Null)),
        }
    }
}
