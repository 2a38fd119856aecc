//! What a mutation's resolver tells the request, and asks of it.

use std::sync::Arc;

use async_graphql::{Context, QueryPathSegment, Result};
use tenantry_domain::Identity;
use tokio::time::Instant;

use crate::caller::Membership;
use crate::dataloader::Reads;
use crate::error::{ErrorCode, coded};

/// Who is asking, at the beginning of a mutation. Lets go of the snapshot in which an earlier mutation's payload was read: a
/// request that keeps a connection while it waits for another one may wait for itself.
///
/// # Errors
/// The request's time is over, so that this mutation does not begin.
pub fn caller(context: &Context<'_>) -> Result<Identity> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.forget();
    if reads.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(coded(ErrorCode::Timeout, "The request took too long; this was not begun."));
    }
    Ok(reads.identity())
}

/// Notes that the root field in this context has changed something for good. Whatever goes wrong with it afterwards, the client
/// is told so.
pub fn committed(context: &Context<'_>) {
    let mut node = context.path_node;
    let mut root = None;
    while let Some(at) = node {
        if let QueryPathSegment::Name(key) = at.segment {
            root = Some(key);
        }
        node = at.parent.copied();
    }
    if let Some(root) = root {
        context.data_unchecked::<Arc<Reads>>().committed(root);
    }
}

/// Is told when the caller turns out to be a member, by a resolver that opens a scope of its own.
pub fn membership<'c>(context: &'c Context<'_>) -> &'c Membership {
    context.data_unchecked::<Arc<Reads>>().membership()
}
