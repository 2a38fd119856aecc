//! The reads that every kind of row shares: rows by id, and who is asking.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::{Context, Result};
use tenantry_domain::Actor;
use tenantry_store::{ReadScope, Record, Scope, get_many};

use crate::dataloader::{Loaded, Loader, Reads};
use crate::error::read_failed;
use crate::object::{Object, RecordNode};

/// Rows by id.
struct ById<R>(PhantomData<R>);

impl<R: Record> Loader for ById<R> {
    type Key = R::Id;
    type Value = Arc<R>;

    async fn load(scope: &ReadScope, ids: &[R::Id]) -> Loaded<Self> {
        Ok(present(get_many::<R>(scope, ids).await?))
    }
}

/// Who is asking, as the database knows it.
pub struct WhoAmI;

impl Loader for WhoAmI {
    type Key = ();
    type Value = Actor;

    async fn load(scope: &ReadScope, _: &[()]) -> Loaded<Self> {
        scope.ensure_open().await?;
        Ok(HashMap::from([((), Ok(*scope.actor()))]))
    }
}

/// Values that were found, none of which failed.
pub fn present<K: Eq + Hash, V, E>(found: impl IntoIterator<Item = (K, V)>) -> HashMap<K, std::result::Result<V, E>> {
    found.into_iter().map(|(key, value)| (key, Ok(value))).collect()
}

/// The node with this id; `None` when it does not exist for the caller.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn node<N: RecordNode>(context: &Context<'_>, id: <N::Record as Record>::Id) -> Result<Option<Object<N>>> {
    Ok(load::<ById<N::Record>>(context, id).await?.map(Object::from))
}

/// The node that a row refers to, if it refers to one that the caller may see.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn optional_node<N: RecordNode>(
    context: &Context<'_>,
    id: Option<<N::Record as Record>::Id>,
) -> Result<Option<Object<N>>> {
    match id {
        Some(id) => node(context, id).await,
        None => Ok(None),
    }
}

/// The value for this key.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn load<L: Loader>(context: &Context<'_>, key: L::Key) -> Result<Option<L::Value>> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.load::<L>(key).await.map_err(|error| read_failed(&error))
}
