//! Mutations: their root, and what a resolver tells the request, and asks of it.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, QueryPathSegment, Result,
    ServerResult, Value,
};
use tenantry_domain::Identity;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::caller::Membership;
use crate::dataloader::Reads;
use crate::error::{ErrorCode, coded};

/// The root of all mutations. Each of its fields is a span.
#[derive(Debug, Default)]
pub struct MutationRoot<M>(pub M);

impl<M: ObjectType> ContainerType for MutationRoot<M> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        let span = tracing::debug_span!("graphql.mutation", field = context.item.node.name.node.as_str());
        self.0.resolve_field(context).instrument(span).await
    }
}

impl<M: ObjectType> OutputType for MutationRoot<M> {
    fn type_name() -> Cow<'static, str> {
        M::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        M::create_type_info(registry)
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        self.0.resolve(context, field).await
    }
}

impl<M: ObjectType> ObjectType for MutationRoot<M> {}

/// Who is asking, at the beginning of a mutation. Lets go of the snapshot in which an earlier mutation's payload was read: a
/// request that keeps a connection while it waits for another one may wait for itself.
///
/// # Errors
/// The request's time is over, so that this mutation does not begin.
pub fn caller(context: &Context<'_>) -> Result<Identity> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.forget();
    if reads.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(coded(ErrorCode::Timeout, "The request took too long; this field was not started."));
    }
    Ok(reads.identity())
}

/// Notes that the root field in this context has changed something for good. Whatever goes wrong with it afterwards, the client
/// is told so.
pub fn committed(context: &Context<'_>) {
    context.data_unchecked::<Arc<Reads>>().committed(root_of(context));
}

/// Notes that the answer holds a secret, such as a token, so that it is written down nowhere.
pub fn has_secret(context: &Context<'_>) {
    context.data_unchecked::<Arc<Reads>>().note_secret();
}

/// When the request in this context is out of time.
pub fn deadline(context: &Context<'_>) -> Option<Instant> {
    context.data_unchecked::<Arc<Reads>>().deadline()
}

/// The key in the answer of the root field in this context.
pub fn root_of<'c>(context: &'c Context<'_>) -> &'c str {
    let mut node = context.path_node;
    // Every field has a path, which begins with a key.
    let mut root = "";
    while let Some(at) = node {
        if let QueryPathSegment::Name(key) = at.segment {
            root = key;
        }
        node = at.parent.copied();
    }
    root
}

/// Is told when the caller turns out to be a member, by a resolver that opens a scope of its own.
pub fn membership<'c>(context: &'c Context<'_>) -> &'c Membership {
    context.data_unchecked::<Arc<Reads>>().membership()
}
