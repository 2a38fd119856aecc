//! Resolving a node, and a list of nodes.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{ContainerType, ContextSelectionSet, Name, OutputType, Positioned, ServerResult, Value};
use futures_util::future::{BoxFuture, try_join_all};

use super::Node;
use super::plan::{self, Plan, Rendering, Step, write_key};
use crate::leaf::Leaf;

/// A node, resolved by its plan.
#[derive(Clone)]
pub(crate) struct Object<N>(pub(crate) N);

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
        let plan = Plan::<N>::new(context);
        resolve_with(&plan, &self.0, context).await
    }
}

/// An object that is no row, such as a page of a list or a payload, resolved in the order of the query.
pub(crate) struct Ordered<T>(pub(crate) T);

impl<T: ContainerType> OutputType for Ordered<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        let type_name = T::type_name();
        let mut fields = Vec::new();
        plan::collect_fields(context, &context.item.node, &type_name, &mut fields);
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
            merge(&mut answer, field.node.response_key().node.clone(), value);
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
        let plan = Plan::<N>::new(context);
        if plan.is_flat {
            let rendering = context.data_opt::<Rendering>().copied().unwrap_or(Rendering::Values);
            return Ok(match rendering {
                Rendering::Bytes => Value::Binary(render_list(&plan, self.0).into()),
                Rendering::Values => Value::List(self.0.iter().map(|record| flat(&plan, record)).collect()),
            });
        }
        let plan = &plan;
        let items = self.0.iter().enumerate().map(|(index, record)| async move {
            let context = context.with_index(index);
            let node = N::new(Arc::clone(record));
            resolve_with(plan, &node, &context).await
        });
        Ok(Value::List(try_join_all(items).await?))
    }
}

/// Resolves one node: its leaves at once, its relations together.
async fn resolve_with<N: Node>(plan: &Plan<'_, N>, node: &N, context: &ContextSelectionSet<'_>) -> ServerResult<Value> {
    if plan.is_flat {
        return Ok(flat(plan, node.record()));
    }
    let relations = plan.steps.iter().filter_map(|(_, step)| match step {
        Step::Relation(field) => Some(relation(node, N::NAME, context, field)),
        _ => None,
    });
    let mut resolved = try_join_all(relations).await?.into_iter();
    let mut answer = IndexMap::with_capacity(plan.steps.len());
    for (key, step) in &plan.steps {
        let value = match leaf_value::<N>(node.record(), step) {
            Some(value) => value,
            // There is one answer for each relation, in the same order.
            None => resolved.next().unwrap_or_default(),
        };
        merge(&mut answer, (*key).clone(), value);
    }
    Ok(Value::Object(answer))
}

/// Resolves one field; a failure stays here as null if the field may be null. Boxed, because objects contain each other.
fn relation<'a, T: ContainerType>(
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

/// The value of a step that is a leaf.
fn leaf_value<N: Node>(record: &N::Record, step: &Step<'_, N::Record>) -> Option<Value> {
    Some(match step {
        Step::TypeName => Value::String(N::NAME.to_owned()),
        Step::Leaf((_, read)) => read(record).to_value(),
        Step::Money((_, read), parts) => match read(record) {
            Leaf::Money(money) => {
                Value::Object(parts.iter().map(|(key, part)| ((*key).clone(), part.of(money).to_value())).collect())
            }
            other => other.to_value(),
        },
        Step::Relation(_) => return None,
    })
}

/// A node of which only leaves are wanted, as a value.
fn flat<N: Node>(plan: &Plan<'_, N>, record: &N::Record) -> Value {
    let leaves = plan.steps.iter().filter_map(|(key, step)| Some(((*key).clone(), leaf_value::<N>(record, step)?)));
    Value::Object(leaves.collect())
}

/// A list of nodes of which only leaves are wanted, as JSON.
fn render_list<N: Node>(plan: &Plan<'_, N>, records: &[Arc<N::Record>]) -> Vec<u8> {
    // The keys are the same for every row, so they are escaped once.
    let keys: Vec<Vec<u8>> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(n, (key, _))| {
            let mut text = vec![if n == 0 { b'{' } else { b',' }];
            write_key(&mut text, key);
            text
        })
        .collect();
    let mut out = Vec::with_capacity(records.len() * plan.steps.len() * 40 + 2);
    out.push(b'[');
    for (n, record) in records.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        for (key, (_, step)) in keys.iter().zip(&plan.steps) {
            out.extend_from_slice(key);
            match step {
                Step::TypeName => Leaf::Plain(N::NAME).write(&mut out),
                Step::Leaf((_, read)) => read(record).write(&mut out),
                Step::Money((_, read), parts) => match read(record) {
                    Leaf::Money(money) => {
                        for (n, (key, part)) in parts.iter().enumerate() {
                            out.push(if n == 0 { b'{' } else { b',' });
                            write_key(&mut out, key);
                            part.of(money).write(&mut out);
                        }
                        out.push(b'}');
                    }
                    other => other.write(&mut out),
                },
                // A flat plan has none.
                Step::Relation(_) => Leaf::Null.write(&mut out),
            }
        }
        out.push(b'}');
    }
    out.push(b']');
    out
}

/// Puts a value under its key; two answers for one key become one, as the specification's field merging says.
fn merge(target: &mut IndexMap<Name, Value>, key: Name, value: Value) {
    match (target.get_mut(&key), value) {
        (None, value) => {
            target.insert(key, value);
        }
        (Some(Value::Object(first)), Value::Object(second)) => {
            for (key, value) in second {
                merge(first, key, value);
            }
        }
        (Some(Value::List(first)), Value::List(second)) => {
            for (first, second) in first.iter_mut().zip(second) {
                if let (Value::Object(first), Value::Object(second)) = (first, second) {
                    for (key, value) in second {
                        merge(first, key, value);
                    }
                }
            }
        }
        (Some(_), _) => {}
    }
}
