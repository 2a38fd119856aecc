//! The results of the nouns' mutations: the row or its id, and the refusals.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaTypeId, Registry};
use async_graphql::{ContainerType, Context, ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use tenantry_domain::Id as _;
use tenantry_domain::noun::Noun;
use tenantry_executor::leaf::Leaf;
use tenantry_executor::object::{Object as Resolved, Ordered};

use super::meta::{self, Fields, Inputs};
use super::{Row, Shown};
use crate::error::UserError;

/// What a mutation does.
pub(super) trait Act: Send + Sync + 'static {
    /// `Create`, `Update` or `Delete`.
    const VERB: &'static str;
    /// What it comes to, before the noun.
    const RESULT: &'static str;
    /// What it is called while it goes on.
    const DOING: &'static str;
}

/// A row is created.
pub(super) struct Create;

/// A row is changed.
pub(super) struct Update;

impl Act for Create {
    const VERB: &'static str = "Create";
    const RESULT: &'static str = "The new";
    const DOING: &'static str = "creating";
}

impl Act for Update {
    const VERB: &'static str = "Update";
    const RESULT: &'static str = "The changed";
    const DOING: &'static str = "changing";
}

/// The result of creating or changing a row.
pub(super) struct Written<A, N> {
    pub(super) result: Result<Arc<N>, Vec<UserError>>,
    pub(super) act: PhantomData<A>,
}

impl<A: Act, N: Shown> OutputType for Written<A, N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}{}Payload", A::VERB, N::INFO.name))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            let row = Row::<N>::create_type_info(registry);
            let doc = format!("{} {}; null if the mutation was refused.", A::RESULT, N::INFO.singular);
            meta::field(&mut fields, N::INFO.api, &doc, row.trim_end_matches('!'), Inputs::new());
            refusals(&mut fields, registry);
            let doc = format!("The result of {} {}.", A::DOING, N::INFO.one());
            meta::object::<Self>(&Self::type_name(), &doc, fields)
        })
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        async_graphql::resolver_utils::resolve_container(context, self).await
    }
}

impl<A: Act, N: Shown> ContainerType for Written<A, N> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        match (context.item.node.name.node.as_str(), &self.result) {
            ("userErrors", result) => refused(context, result.as_ref().err()).await,
            (_, Ok(row)) => {
                let selection = context.with_selection_set(&context.item.node.selection_set);
                Resolved::<Row<N>>::from(Arc::clone(row)).resolve(&selection, context.item).await.map(Some)
            }
            (_, Err(_)) => Ok(Some(Value::Null)),
        }
    }
}

/// The result of deleting a row.
pub(super) struct Deleted<N: Noun>(pub(super) Result<N::Id, Vec<UserError>>);

impl<N: Shown> OutputType for Deleted<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("Delete{}Payload", N::INFO.name))
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            let doc = format!("The id that the {} had; null if the mutation was refused.", N::INFO.singular);
            meta::field(&mut fields, &format!("deleted{}Id", N::INFO.name), &doc, "ID", Inputs::new());
            refusals(&mut fields, registry);
            let doc = format!("The result of deleting {}.", N::INFO.one());
            meta::object::<Self>(&Self::type_name(), &doc, fields)
        })
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        async_graphql::resolver_utils::resolve_container(context, self).await
    }
}

impl<N: Shown> ContainerType for Deleted<N> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        match (context.item.node.name.node.as_str(), &self.0) {
            ("userErrors", result) => refused(context, result.as_ref().err()).await,
            (_, Ok(id)) => Ok(Some(Leaf::Id(N::INFO.prefix, id.as_uuid()).to_value())),
            (_, Err(_)) => Ok(Some(Value::Null)),
        }
    }
}

/// The field with the refusals.
pub(super) fn refusals(fields: &mut Fields, registry: &mut Registry) {
    let ty = <Vec<UserError> as OutputType>::create_type_info(registry);
    meta::field(fields, "userErrors", "Why the mutation was refused; empty if it succeeded.", ty, Inputs::new());
}

pub(super) async fn refused(context: &Context<'_>, errors: Option<&Vec<UserError>>) -> ServerResult<Option<Value>> {
    let errors: Vec<_> = errors.into_iter().flatten().cloned().map(Ordered).collect();
    let selection = context.with_selection_set(&context.item.node.selection_set);
    errors.resolve(&selection, context.item).await.map(Some)
}
