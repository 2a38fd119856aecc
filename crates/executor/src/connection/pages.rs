//! The pages and the totals of lists, read for many parents at once.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::{Context, Result};
use tenantry_domain::Id;
use tenantry_domain::noun::Noun;
use tenantry_store::{ListOf, Page, Read, ReadScope, Record, StoreError, count, count_for, list, list_for};
use uuid::Uuid;

use super::Origin;
use crate::dataloader::{Found, Loader, Reads};
use crate::error::read_failed;
use crate::object::RecordNode;

/// The id of a row that lists hang on, in whatever table it is: the store's batch reads take any kind of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct ParentId(Uuid);

impl Id for ParentId {
    const PREFIX: &'static str = "parent";

    fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl fmt::Display for ParentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The pages of lists: those of all parents that ask for the same at the same place of the query are one key.
pub(super) struct Pages<R>(PhantomData<R>);

/// What the rows hang on and the parents' UUIDs (nothing, and no parent, for the organization's list), and what is asked.
pub(super) type PagesKey<R> = (Option<<R as Noun>::Parent>, Arc<[Uuid]>, Arc<ListOf<R>>);

/// The pages of a key's parents, in their order; one page for the organization's list.
pub(super) type PagesValue<R> = Arc<Vec<Page<Arc<R>>>>;

impl<R: Record> Loader for Pages<R> {
    type Key = PagesKey<R>;
    type Value = PagesValue<R>;

    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>> {
        let mut groups: Vec<Vec<Self::Key>> = Vec::new();
        let mut keys = keys.to_vec();
        while let Some((kind, _, request)) = keys.first().cloned() {
            // Keys that differ in their parents alone are one statement.
            let (same, others): (Vec<_>, Vec<_>) =
                keys.into_iter().partition(|(other, _, asked)| *other == kind && *asked == request);
            keys = others;
            groups.push(same);
        }
        let reads = groups.iter().map(|same| pages_of::<R>(scope, same)).collect();
        Read::all(scope, reads).then(|results| {
            let mut found = HashMap::new();
            for (same, pages) in groups.into_iter().zip(results?) {
                match own_fault(pages)?.map(Vec::into_iter).map_err(Arc::new) {
                    Ok(mut pages) => found.extend(same.into_iter().map(|key| {
                        let count = if key.0.is_some() { key.1.len() } else { 1 };
                        let pages = pages.by_ref().take(count).collect();
                        (key, Ok(Arc::new(pages)))
                    })),
                    Err(error) => found.extend(same.into_iter().map(|key| (key, Err(Arc::clone(&error))))),
                }
            }
            Ok(found)
        })
    }
}

/// The pages of keys that differ in their parents alone, in one statement.
fn pages_of<'s, R: Record>(scope: &'s ReadScope, keys: &[PagesKey<R>]) -> Read<'s, Vec<Page<Arc<R>>>> {
    let Some((kind, _, request)) = keys.first() else { return Read::ready(scope, Vec::new()) };
    let Some(kind) = kind else { return list::<R>(scope, request).map(|page| vec![page]) };
    let parents: Vec<ParentId> =
        keys.iter().flat_map(|(_, parents, _)| parents.iter().copied()).map(ParentId).collect();
    lists_of::<R>(scope, *kind, parents, request)
}

/// The lists of parents, among which one may come more than once: a task is assigned to several members.
fn lists_of<'s, R: Record>(
    scope: &'s ReadScope,
    kind: R::Parent,
    parents: Vec<ParentId>,
    request: &ListOf<R>,
) -> Read<'s, Vec<Page<Arc<R>>>> {
    let mut places = HashMap::with_capacity(parents.len());
    let mut distinct = Vec::with_capacity(parents.len());
    for parent in &parents {
        places.entry(*parent).or_insert_with(|| {
            distinct.push(*parent);
            distinct.len() - 1
        });
    }
    let pages = list_for::<R, _>(scope, kind, &distinct, request);
    if distinct.len() == parents.len() {
        return pages;
    }
    pages.map(move |pages| parents.iter().filter_map(|parent| pages.get(*places.get(parent)?).cloned()).collect())
}

/// Tells a cursor of another list, which is the fault of the one who sent it, from a failed statement, which is everybody's.
fn own_fault<T>(
    result: std::result::Result<T, StoreError>,
) -> std::result::Result<std::result::Result<T, StoreError>, StoreError> {
    match result {
        Err(error @ StoreError::InvalidCursor { .. }) => Ok(Err(error)),
        Err(error) => Err(error),
        Ok(value) => Ok(Ok(value)),
    }
}

/// The totals of lists, by where they hang and what is asked, whatever the page.
pub(super) struct Totals<R>(PhantomData<R>);

impl<R: Record> Loader for Totals<R> {
    type Key = (Origin<R::Parent>, Arc<ListOf<R>>);
    type Value = u64;

    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>> {
        let reads = grouped::<R, _>(keys).into_iter().map(|group| totals_of::<R>(scope, group)).collect();
        Read::all(scope, reads).then(|results| {
            let mut found = HashMap::new();
            for totals in results? {
                found.extend(totals?.into_iter().map(|(key, total)| (key, Ok(total))));
            }
            Ok(found)
        })
    }
}

/// The totals that one statement answers.
fn totals_of<R: Record>(
    scope: &ReadScope,
    (kind, request, parents): Group<R, ListOf<R>>,
) -> Read<'_, Vec<(<Totals<R> as Loader>::Key, u64)>> {
    let Some(kind) = kind else {
        return count::<R>(scope, &request).map(|total| vec![((Origin::Root, request), total)]);
    };
    count_for::<R, ParentId>(scope, kind, &parents, &request).map(move |totals| {
        let of = |id: ParentId| (Origin::Parent(kind, id.0), Arc::clone(&request));
        totals.into_iter().map(|(id, total)| (of(id), total)).collect()
    })
}

/// Totals that one statement answers: what they hang on, what is asked, and the parents.
type Group<R, A> = (Option<<R as Noun>::Parent>, Arc<A>, Vec<ParentId>);

/// Puts the keys of one statement together: the same relation, and the same arguments.
fn grouped<R: Record, A: Eq + std::hash::Hash>(keys: &[(Origin<R::Parent>, Arc<A>)]) -> Vec<Group<R, A>> {
    let mut groups: Vec<Group<R, A>> = Vec::new();
    let mut known: HashMap<(Option<R::Parent>, Arc<A>), usize> = HashMap::new();
    for (origin, asked) in keys {
        let (kind, parent) = match origin {
            Origin::Root => (None, None),
            Origin::Parent(kind, parent) => (Some(*kind), Some(ParentId(*parent))),
        };
        let n = *known.entry((kind, Arc::clone(asked))).or_insert_with(|| {
            groups.push((kind, Arc::clone(asked), Vec::new()));
            groups.len() - 1
        });
        groups[n].2.extend(parent);
    }
    groups
}

/// Has totals counted in the round trip of their pages, behind them.
pub(super) fn ask_for_totals<N: RecordNode>(
    context: &Context<'_>,
    pages: &PagesKey<N::Record>,
    totals: impl IntoIterator<Item = <Totals<N::Record> as Loader>::Key>,
) {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.ask::<Pages<N::Record>>(pages);
    totals.into_iter().for_each(|key| reads.ask::<Totals<N::Record>>(&key));
}

/// Reads pages.
pub(super) async fn load_pages<N: RecordNode>(
    context: &Context<'_>,
    key: PagesKey<N::Record>,
) -> Result<PagesValue<N::Record>> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    let pages = reads.load::<Pages<N::Record>>(key).await.map_err(|error| read_failed(&error))?;
    // Every list that is asked for has its pages, if only empty ones.
    Ok(pages.unwrap_or_default())
}
