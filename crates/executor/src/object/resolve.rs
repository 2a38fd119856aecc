//! Resolving a node, a list of nodes, and what is neither.

use std::borrow::Cow;
use std::slice;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContainerType, ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use futures_util::future::{BoxFuture, try_join_all};

use super::level::{Level, resolve_level};
use super::plan::{Plan, fields_of};
use super::{Node, render};

/// A node, resolved by its plan.
#[derive(Clone)]
pub struct Object<N>(pub N);

impl<N: Node> From<Arc<N::Record>> for Object<N> {
    fn from(record: Arc<N::Record>) -> Self {
        Self(N::new(record))
    }
}

impl<N: Node> OutputType for Object<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(N::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <N as OutputType>::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let plan = Plan::<N>::new(&context.item.node);
        if plan.is_flat {
            return Ok(render::flat(&plan, self.0.record()));
        }
        let level = Level { nodes: slice::from_ref(&self.0), contexts: slice::from_ref(context) };
        Ok(resolve_level(&plan, level).await?.pop().unwrap_or_default())
    }
}

/// An object that is no row, such as a page of a list or a payload, resolved in the order of the query.
pub struct Ordered<T>(pub T);

impl<T, E, O: From<Result<T, E>>> From<Result<T, E>> for Ordered<O> {
    fn from(result: Result<T, E>) -> Self {
        Self(result.into())
    }
}

impl<T: ContainerType> OutputType for Ordered<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let type_name = T::type_name();
        let fields = fields_of(&context.item.node, &type_name);
        let values = fields.iter().filter(|field| field.node.name.node != "__typename");
        let values = values.map(|field| relation(&self.0, &type_name, context, field));
        let mut values = try_join_all(values).await?.into_iter();
        let mut answer = IndexMap::with_capacity(fields.len());
        for field in fields {
            let value = if field.node.name.node == "__typename" {
                Value::String(type_name.clone().into_owned())
            } else {
                // There is one answer for each field, in the same order.
                values.next().unwrap_or_default()
            };
            answer.insert(field.node.response_key().node.clone(), value);
        }
        Ok(Value::Object(answer))
    }
}

/// A list of nodes.
pub(crate) struct List<'a, N: Node>(pub(crate) &'a [Arc<N::Record>]);

impl<N: Node> OutputType for List<'_, N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("[{}!]", N::NAME))
    }

    fn qualified_type_name() -> String {
        format!("[{}!]!", N::NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <N as OutputType>::create_type_info(registry);
        Self::qualified_type_name()
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let plan = Plan::<N>::new(&context.item.node);
        if plan.is_flat {
            return Ok(render::flat_list(&plan, self.0));
        }
        let nodes: Vec<N> = self.0.iter().map(|record| N::new(Arc::clone(record))).collect();
        let contexts: Vec<_> = (0..nodes.len()).map(|n| context.with_index(n)).collect();
        let rows = resolve_level(&plan, Level { nodes: &nodes, contexts: &contexts }).await?;
        Ok(render::list(rows.into_iter()))
    }
}

/// Resolves one field; a failure stays here as null if the field may be null. Boxed, because objects contain each other.
pub(super) fn relation<'a, T: ContainerType>(
    object: &'a T,
    type_name: &'a str,
    context: &'a ContextSelectionSet<'a>,
    field: &'a Positioned<Field>,
) -> BoxFuture<'a, ServerResult<Value>> {
    Box::pin(async move {
        let field_context = context.with_field(field);
        match object.resolve_field(&field_context).await {
            Ok(value) => Ok(value.unwrap_or_default()),
            Err(error) => {
                let error = if error.path.is_empty() { field_context.set_error_path(error) } else { error };
                if field_may_be_null(&context.schema_env.registry, type_name, &field.node.name.node) {
                    context.add_error(error);
                    Ok(Value::Null)
                } else {
                    Err(error)
                }
            }
        }
    })
}

/// Whether the schema lets this field be null.
fn field_may_be_null(registry: &Registry, type_name: &str, field: &str) -> bool {
    let field = registry.types.get(type_name).and_then(|object| object.field_by_name(field));
    field.is_some_and(|field| !field.ty.ends_with('!'))
}
