//! The reads that every kind of row shares: rows by id, and who is asking.

use std::collections::HashMap;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::{Context, ContextBase, ContextSelectionSet, Result};
use tenantry_domain::Actor;
use tenantry_domain::noun::Noun;
use tenantry_store::{ColumnSet, Read, ReadScope, Record, Scope, get_many};

use crate::dataloader::{Found, Loader, Reads};
use crate::error::read_failed;
use crate::object::{Object, RecordNode, of_node};

/// Rows by id, each with the columns that are wanted of it.
struct ById<R>(PhantomData<R>);

impl<R: Record> Loader for ById<R> {
    type Key = (R::Id, ColumnSet);
    type Value = Arc<R>;

    /// One statement reads what any of the keys wants, so that their number does not depend on what is selected where.
    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>> {
        let columns = keys.iter().fold(ColumnSet::ID, |all, (_, columns)| all.and(*columns));
        let mut ids: Vec<R::Id> = keys.iter().map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        let keys = keys.to_vec();
        get_many::<R>(scope, &ids, columns)
            .map(|found| present(keys.into_iter().filter_map(|key| Some((key, Arc::clone(found.get(&key.0)?))))))
    }
}

/// Who is asking, as the database knows it.
pub struct WhoAmI;

impl Loader for WhoAmI {
    type Key = ();
    type Value = Actor;

    fn read<'s>(scope: &'s ReadScope, _: &[()]) -> Read<'s, Found<Self>> {
        // Not before the scope is open: until then its actor is what is remembered.
        Read::ready(scope, ()).map(|()| HashMap::from([((), Ok(*scope.actor()))]))
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
pub async fn node<N: RecordNode>(context: &Context<'_>, id: <N::Record as Noun>::Id) -> Result<Option<Object<N>>> {
    Ok(load::<ById<N::Record>>(context, (id, selected_columns::<N>(context))).await?.map(Object::from))
}

/// Whether there is such a node, and the caller may see it.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn exists<N: RecordNode>(context: &Context<'_>, id: <N::Record as Noun>::Id) -> Result<bool> {
    Ok(load::<ById<N::Record>>(context, (id, ColumnSet::ID)).await?.is_some())
}

/// The whole row with this id; `None` when it does not exist for the caller.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn record<R: Record>(context: &Context<'_>, id: R::Id) -> Result<Option<Arc<R>>> {
    load::<ById<R>>(context, (id, ColumnSet::ALL)).await
}

/// The columns that the field in `context`, which gives such nodes, needs of each.
pub fn selected_columns<N: RecordNode>(context: &Context<'_>) -> ColumnSet {
    of_node::<N>(&context.item.node.selection_set.node)
}

/// As [`node`], for an object whose selection is at hand and not its field.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn selected_node<N: RecordNode>(
    selection: &ContextSelectionSet<'_>,
    id: <N::Record as Noun>::Id,
) -> Result<Option<Object<N>>> {
    let columns = of_node::<N>(&selection.item.node);
    Ok(load_in::<ById<N::Record>, _>(selection, (id, columns)).await?.map(Object::from))
}

/// The node that a row refers to, if it refers to one that the caller may see.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn optional_node<N: RecordNode>(
    context: &Context<'_>,
    id: Option<<N::Record as Noun>::Id>,
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
    load_in::<L, _>(context, key).await
}

/// As [`load`], wherever in the query.
///
/// # Errors
/// The read failed: as the caller is told.
pub async fn load_in<L: Loader, T: Sync>(context: &ContextBase<'_, T>, key: L::Key) -> Result<Option<L::Value>> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.load::<L>(key).await.map_err(|error| read_failed(&error))
}
