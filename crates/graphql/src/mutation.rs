//! What all mutations share: the payloads, the way from an input's field to a change, and the transaction.

use std::sync::Arc;

use async_graphql::{Context, MaybeUndefined, QueryPathSegment, Result};
use futures_util::future::BoxFuture;
use tenantry_domain::{Change, FieldError, FieldErrorCode, Identity, Violations};
use tenantry_service::{Service, ServiceError};
use tenantry_store::WriteScope;
use tokio::time::Instant;

use crate::batch::Reads;
use crate::caller::Membership;
use crate::error::{ErrorCode, UserError, coded, sort};

/// Declares the payload of a mutation that gives an object, and one that gives the id of what was deleted.
macro_rules! payload {
    ($(#[$meta:meta])* $type:ident { $(#[$field_meta:meta])* $field:ident: $node:ty }) => {
        $(#[$meta])*
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $type {
            $(#[$field_meta])*
            $field: Option<$node>,
            /// Why nothing was done; empty when it was.
            user_errors: Vec<$crate::error::UserError>,
        }

        impl<T> From<std::result::Result<T, Vec<$crate::error::UserError>>> for $crate::object::Ordered<$type>
        where
            $type: From<std::result::Result<T, Vec<$crate::error::UserError>>>,
        {
            fn from(result: std::result::Result<T, Vec<$crate::error::UserError>>) -> Self {
                Self(result.into())
            }
        }

        impl<T: Into<$node>> From<std::result::Result<T, Vec<$crate::error::UserError>>> for $type {
            fn from(result: std::result::Result<T, Vec<$crate::error::UserError>>) -> Self {
                match result {
                    Ok(value) => Self { $field: Some(value.into()), user_errors: Vec::new() },
                    Err(user_errors) => Self { $field: None, user_errors },
                }
            }
        }
    };
}

pub(crate) use payload;

/// Runs a use case in one transaction of the caller. What is read afterwards sees its commit.
pub(crate) async fn write<T: Send>(
    context: &Context<'_>,
    mut work: impl for<'s> FnMut(&'s mut WriteScope) -> BoxFuture<'s, std::result::Result<T, ServiceError>> + Send,
) -> Result<std::result::Result<T, Vec<UserError>>> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    let service = context.data_unchecked::<Service>();
    let caller = caller(context)?;
    let membership = reads.membership();
    let result = service.write(caller, reads.deadline(), |scope| {
        membership.prove();
        work(scope)
    });
    let result = result.await;
    reads.forget();
    if result.is_ok() {
        committed(context);
    }
    sort(result)
}

/// Who is asking, at the beginning of a mutation. Lets go of the snapshot in which an earlier mutation's payload was read: a
/// request that keeps a connection while it waits for another one may wait for itself.
///
/// # Errors
/// The request's time is over, so that this mutation does not begin.
pub(crate) fn caller(context: &Context<'_>) -> Result<Identity> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.forget();
    if reads.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
        return Err(coded(ErrorCode::Timeout, "The request took too long; this was not begun."));
    }
    Ok(reads.identity())
}

/// Notes that the root field in this context has changed something for good. Whatever goes wrong with it afterwards, the client
/// is told so.
pub(crate) fn committed(context: &Context<'_>) {
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

/// Is told when the caller turns out to be a member, by whoever opens a scope otherwise than through [`write`].
pub(crate) fn membership<'c>(context: &'c Context<'_>) -> &'c Membership {
    context.data_unchecked::<Arc<Reads>>().membership()
}

/// The change of a field that may be null: not given leaves it, null clears it.
pub(crate) fn nullable<T, U>(field: MaybeUndefined<T>, convert: impl FnOnce(T) -> U) -> Change<Option<U>> {
    match field {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => Change::Set(None),
        MaybeUndefined::Value(value) => Change::Set(Some(convert(value))),
    }
}

/// The change of a field that may not be null: not given leaves it, null is a fault.
pub(crate) fn required<T, U>(
    faults: &mut Violations,
    name: &str,
    field: MaybeUndefined<T>,
    convert: impl FnOnce(T) -> U,
) -> Change<U> {
    match field {
        MaybeUndefined::Undefined => Change::Keep,
        MaybeUndefined::Null => {
            faults.push(FieldError::new(FieldErrorCode::Required, name, "This must not be null."));
            Change::Keep
        }
        MaybeUndefined::Value(value) => Change::Set(convert(value)),
    }
}

/// Refusals that were found before the transaction began.
pub(crate) fn refused<T>(faults: Violations) -> std::result::Result<T, Vec<UserError>> {
    Err(faults.0.into_iter().map(UserError::from).collect())
}
