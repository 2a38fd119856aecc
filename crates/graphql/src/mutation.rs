//! What all mutations share: the payloads, the way from an input's field to a change, and the transaction.

use std::sync::Arc;

use async_graphql::{Context, MaybeUndefined, Result};
use futures_util::future::BoxFuture;
use tenantry_domain::{Change, FieldError, FieldErrorCode, Violations};
use tenantry_executor::dataloader::Reads;
use tenantry_executor::mutation::{caller, committed, root_of};
use tenantry_service::{Service, ServiceError};
use tenantry_store::{WriteOptions, WriteScope};

use crate::error::{UserError, sort};

/// Declares the payload of a mutation that gives an object, and one that gives the id of what was deleted.
macro_rules! payload {
    ($(#[$meta:meta])* $type:ident { $(#[$field_meta:meta])* $field:ident: $node:ty }) => {
        $(#[$meta])*
        #[derive(async_graphql::SimpleObject)]
        pub(crate) struct $type {
            $(#[$field_meta])*
            /// Null if the mutation was refused.
            $field: Option<$node>,
            /// Why the mutation was refused; empty if it succeeded.
            user_errors: Vec<$crate::error::UserError>,
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
    let part_of = reads.claim().map(|claim| (claim, root_of(context)));
    let options = WriteOptions { deadline: reads.deadline(), part_of, ..WriteOptions::default() };
    let result = service.write(caller, options, |scope| {
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
