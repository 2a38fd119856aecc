//! Lists: Relay connections with cursors both ways, `nodes` beside `edges`, and a total that is counted only when asked for.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject, TypeName};
use futures_util::FutureExt as _;
use tenantry_domain::Id;
use tenantry_store::{
    ListOf, Page, PageRequest, ReadScope, Record, StoreError, count, count_for, cursor, list, list_for,
};
use uuid::Uuid;

use crate::dataloader::{Loaded, Loader, Reads};
use crate::error::{bad_argument, read_failed};
use crate::object::{List, Object as Resolved, Ordered, RecordNode, of_list};

/// The most rows of one page.
const MAX_PAGE: i32 = 100;

/// The rows of a page when the query does not say.
const DEFAULT_PAGE: u32 = 20;

/// The arguments that every list takes.
#[derive(Debug, Default)]
pub struct PageArguments {
    /// How many rows from the start.
    pub first: Option<i32>,
    /// Only what follows this cursor.
    pub after: Option<String>,
    /// How many rows from the end.
    pub last: Option<i32>,
    /// Only what precedes this cursor.
    pub before: Option<String>,
}

impl PageArguments {
    /// The page that is asked for.
    ///
    /// # Errors
    /// What is wrong with the arguments.
    pub fn read(self) -> Result<PageRequest> {
        let (limit, from_end) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(bad_argument("last", "Give either `first` or `last`, not both.")),
            (None, None) => (DEFAULT_PAGE, false),
            (Some(first), None) => (bounded("first", first)?, false),
            (None, Some(last)) => (bounded("last", last)?, true),
        };
        Ok(PageRequest { limit, from_end, after: self.after, before: self.before })
    }
}

fn bounded(argument: &str, value: i32) -> Result<u32> {
    match u32::try_from(value) {
        Ok(rows) if value <= MAX_PAGE => Ok(rows),
        _ => Err(bad_argument(argument, format!("`{argument}` must be between 0 and {MAX_PAGE}."))),
    }
}

/// Where a list hangs: on the organization, or on one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin<P> {
    /// The organization's list.
    Root,
    /// The list of one parent, named by its UUID.
    Parent(P, Uuid),
}

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
struct Pages<R>(PhantomData<R>);

/// What the rows hang on and the parents' UUIDs (nothing, and no parent, for the organization's list), and what is asked.
type PagesKey<R> = (Option<<R as Record>::Parent>, Arc<[Uuid]>, Arc<ListOf<R>>);

/// The pages of a key's parents, in their order; one page for the organization's list.
type PagesValue<R> = Arc<Vec<Page<Arc<R>>>>;

impl<R: Record> Loader for Pages<R> {
    type Key = PagesKey<R>;
    type Value = PagesValue<R>;

    async fn load(scope: &ReadScope, keys: &[Self::Key]) -> Loaded<Self> {
        let mut groups: Vec<Vec<&Self::Key>> = Vec::new();
        let mut keys: Vec<&Self::Key> = keys.iter().collect();
        while let Some((kind, _, request)) = keys.first().copied() {
            // Keys that differ in their parents alone are one statement.
            let (same, others): (Vec<_>, Vec<_>) =
                keys.into_iter().partition(|(other, _, asked)| other == kind && asked == request);
            keys = others;
            groups.push(same);
        }
        let results = scope.together(groups.iter().map(|same| pages_of::<R>(scope, same).boxed()).collect()).await;
        let mut found = HashMap::new();
        for (same, pages) in groups.into_iter().zip(results) {
            match own_fault(pages)?.map(Vec::into_iter).map_err(Arc::new) {
                Ok(mut pages) => found.extend(same.into_iter().map(|key| {
                    let count = if key.0.is_some() { key.1.len() } else { 1 };
                    (key.clone(), Ok(Arc::new(pages.by_ref().take(count).collect())))
                })),
                Err(error) => {
                    // Nothing was read, and it is an answer nevertheless.
                    scope.ensure_open().await?;
                    found.extend(same.into_iter().map(|key| (key.clone(), Err(Arc::clone(&error)))));
                }
            }
        }
        Ok(found)
    }
}

/// The pages of keys that differ in their parents alone, in one statement.
async fn pages_of<R: Record>(
    scope: &ReadScope,
    keys: &[&PagesKey<R>],
) -> std::result::Result<Vec<Page<Arc<R>>>, StoreError> {
    let Some((kind, _, request)) = keys.first() else { return Ok(Vec::new()) };
    let Some(kind) = kind else { return list::<R>(scope, request).await.map(|page| vec![page]) };
    let parents: Vec<ParentId> =
        keys.iter().flat_map(|(_, parents, _)| parents.iter().copied()).map(ParentId).collect();
    lists_of::<R>(scope, *kind, &parents, request).await
}

/// The lists of parents, among which one may come more than once: a task is assigned to several members.
async fn lists_of<R: Record>(
    scope: &ReadScope,
    kind: R::Parent,
    parents: &[ParentId],
    request: &ListOf<R>,
) -> std::result::Result<Vec<Page<Arc<R>>>, StoreError> {
    let mut places = HashMap::with_capacity(parents.len());
    let mut distinct = Vec::with_capacity(parents.len());
    for parent in parents {
        places.entry(*parent).or_insert_with(|| {
            distinct.push(*parent);
            distinct.len() - 1
        });
    }
    let pages = list_for::<R, _>(scope, kind, &distinct, request).await?;
    if distinct.len() == parents.len() {
        return Ok(pages);
    }
    Ok(parents.iter().filter_map(|parent| pages.get(*places.get(parent)?).cloned()).collect())
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

/// The totals of lists, by where they hang and what they are narrowed by.
struct Totals<R>(PhantomData<R>);

impl<R: Record> Loader for Totals<R> {
    type Key = (Origin<R::Parent>, Arc<R::Filter>);
    type Value = u64;

    async fn load(scope: &ReadScope, keys: &[Self::Key]) -> Loaded<Self> {
        let groups = grouped::<R, _>(keys);
        let counts = groups.iter().map(|group| totals_of::<R>(scope, group).boxed()).collect();
        let mut found = HashMap::with_capacity(keys.len());
        for totals in scope.together(counts).await {
            found.extend(totals?.into_iter().map(|(key, total)| (key, Ok(total))));
        }
        Ok(found)
    }
}

/// The totals that one statement answers.
async fn totals_of<R: Record>(
    scope: &ReadScope,
    (kind, filter, parents): &Group<R, R::Filter>,
) -> std::result::Result<Vec<(<Totals<R> as Loader>::Key, u64)>, StoreError> {
    let Some(kind) = *kind else {
        return Ok(vec![((Origin::Root, Arc::clone(filter)), count::<R>(scope, filter).await?)]);
    };
    let totals = count_for::<R, ParentId>(scope, kind, parents, filter).await?;
    let of = |id: ParentId| (Origin::Parent(kind, id.0), Arc::clone(filter));
    Ok(totals.into_iter().map(|(id, total)| (of(id), total)).collect())
}

/// Totals that one statement answers: what they hang on, what is asked, and the parents.
type Group<R, A> = (Option<<R as Record>::Parent>, Arc<A>, Vec<ParentId>);

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

/// A page of a list of nodes, as a resolver returns it.
pub type Connection<N> = Ordered<ListPage<N>>;

/// A page of a list of nodes.
pub struct ListPage<N: RecordNode> {
    origin: Origin<<N::Record as Record>::Parent>,
    request: Arc<ListOf<N::Record>>,
    /// The request's filter, shared by those who ask for the same.
    filter: Arc<<N::Record as Record>::Filter>,
    /// The pages that were read together, and which of them this is.
    pages: PagesValue<N::Record>,
    n: usize,
}

impl<N: RecordNode> Connection<N> {
    /// Reads the page.
    ///
    /// # Errors
    /// The read failed: as the caller is told.
    pub async fn load(
        context: &Context<'_>,
        origin: Origin<<N::Record as Record>::Parent>,
        mut request: ListOf<N::Record>,
    ) -> Result<Self> {
        let wanted = of_list::<N>(context, request.sort);
        request.columns = wanted.columns;
        let (kind, parents): (_, Arc<[Uuid]>) = match origin {
            Origin::Root => (None, Arc::from([])),
            Origin::Parent(kind, parent) => (Some(kind), Arc::from([parent])),
        };
        let request = Arc::new(request);
        let filter = Arc::new(request.filter.clone());
        let key = (kind, parents, Arc::clone(&request));
        if wanted.total {
            ask_for_totals::<N>(context, &key, [(origin, Arc::clone(&filter))]);
        }
        let pages = load_pages::<N>(context, key).await?;
        Ok(Ordered(ListPage { origin, request, filter, pages, n: 0 }))
    }
}

/// Has totals counted in the round trip of their pages, behind them.
fn ask_for_totals<N: RecordNode>(
    context: &Context<'_>,
    pages: &PagesKey<N::Record>,
    totals: impl IntoIterator<Item = <Totals<N::Record> as Loader>::Key>,
) {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.ask::<Pages<N::Record>>(pages);
    totals.into_iter().for_each(|key| reads.ask::<Totals<N::Record>>(&key));
}

/// Reads pages.
async fn load_pages<N: RecordNode>(context: &Context<'_>, key: PagesKey<N::Record>) -> Result<PagesValue<N::Record>> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    let pages = reads.load::<Pages<N::Record>>(key).await.map_err(|error| read_failed(&error))?;
    // Every list that is asked for has its pages, if only empty ones.
    Ok(pages.unwrap_or_default())
}

/// Reads the pages of all these parents, which ask for the same at the same place of the query.
pub(crate) async fn load_pages_of<N: RecordNode>(
    context: &Context<'_>,
    parents: &[(<N::Record as Record>::Parent, Uuid)],
    mut request: ListOf<N::Record>,
) -> Result<Vec<ListPage<N>>> {
    let wanted = of_list::<N>(context, request.sort);
    request.columns = wanted.columns;
    let request = Arc::new(request);
    let filter = Arc::new(request.filter.clone());
    let ids = parents.iter().map(|(_, id)| *id).collect();
    let kind = parents.first().map(|(kind, _)| *kind);
    let key = (kind, ids, Arc::clone(&request));
    if wanted.total {
        let origins = parents.iter().map(|(kind, parent)| (Origin::Parent(*kind, *parent), Arc::clone(&filter)));
        ask_for_totals::<N>(context, &key, origins);
    }
    let pages = load_pages::<N>(context, key).await?;
    let page = |(n, (kind, parent)): (usize, &(_, Uuid))| ListPage {
        origin: Origin::Parent(*kind, *parent),
        request: Arc::clone(&request),
        filter: Arc::clone(&filter),
        pages: Arc::clone(&pages),
        n,
    };
    Ok(parents.iter().enumerate().map(page).collect())
}

impl<N: RecordNode> ListPage<N> {
    /// The rows of the page.
    pub(crate) fn items(&self) -> &[Arc<N::Record>] {
        self.pages.get(self.n).map_or(&[], |page| page.items.as_slice())
    }

    fn cursor_of(&self, record: &N::Record) -> String {
        cursor(record, self.request.sort, self.request.direction)
    }
}

impl<N: RecordNode> TypeName for ListPage<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Connection", N::NAME))
    }
}

/// A page of a list.
#[Object(name_type)]
impl<N: RecordNode> ListPage<N> {
    /// The rows with their cursors.
    async fn edges(&self) -> Vec<Ordered<Edge<N>>> {
        let edge =
            |record: &Arc<N::Record>| Ordered(Edge { cursor: self.cursor_of(record), record: Arc::clone(record) });
        self.items().iter().map(edge).collect()
    }

    /// The rows.
    async fn nodes(&self) -> List<'_, N> {
        List(self.items())
    }

    /// Where the page lies in the list.
    async fn page_info(&self) -> PageInfo {
        let page = self.pages.get(self.n);
        PageInfo {
            has_next_page: page.is_some_and(|page| page.has_next),
            has_previous_page: page.is_some_and(|page| page.has_previous),
            start_cursor: self.items().first().map(|record| self.cursor_of(record)),
            end_cursor: self.items().last().map(|record| self.cursor_of(record)),
        }
    }

    /// How many rows the whole list has. Counted only when it is selected.
    async fn total_count(&self, context: &Context<'_>) -> Result<i64> {
        let reads = context.data_unchecked::<Arc<Reads>>();
        let key = (self.origin, Arc::clone(&self.filter));
        let total = reads.load::<Totals<N::Record>>(key).await.map_err(|error| read_failed(&error))?;
        Ok(total.and_then(|total| i64::try_from(total).ok()).unwrap_or(0))
    }
}

/// A row in a list.
pub(crate) struct Edge<N: RecordNode> {
    cursor: String,
    record: Arc<N::Record>,
}

impl<N: RecordNode> TypeName for Edge<N> {
    fn type_name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Edge", N::NAME))
    }
}

/// A row in a list.
#[Object(name_type)]
impl<N: RecordNode> Edge<N> {
    /// The row's place in the list, for `after` and `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> Resolved<N> {
        Resolved(N::new(Arc::clone(&self.record)))
    }
}

/// Where a page lies in its list.
#[derive(SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there are rows behind the page.
    has_next_page: bool,
    /// Whether there are rows before the page. When paging forwards, whether it began after a cursor.
    has_previous_page: bool,
    /// The cursor of the first row.
    start_cursor: Option<String>,
    /// The cursor of the last row.
    end_cursor: Option<String>,
}
