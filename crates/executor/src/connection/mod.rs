//! Lists: Relay connections with cursors both ways, `nodes` beside `edges`, and a total that is counted only when asked for.

mod pages;

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject, TypeName};
use tenantry_domain::noun::Noun;
use tenantry_store::{ListOf, PageRequest, Record, cursor};
use uuid::Uuid;

use self::pages::{PagesValue, Totals, ask_for_totals, load_pages};
use crate::dataloader::Reads;
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
    /// Only rows after this cursor.
    pub after: Option<String>,
    /// How many rows from the end.
    pub last: Option<i32>,
    /// Only rows before this cursor.
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

/// A page of a list of nodes, as a resolver returns it.
pub type Connection<N> = Ordered<ListPage<N>>;

/// A page of a list of nodes.
pub struct ListPage<N: RecordNode> {
    origin: Origin<<N::Record as Noun>::Parent>,
    request: Arc<ListOf<N::Record>>,
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
        origin: Origin<<N::Record as Noun>::Parent>,
        mut request: ListOf<N::Record>,
    ) -> Result<Self> {
        let wanted = of_list::<N>(context, &request);
        request.columns = wanted.columns;
        let (kind, parents): (_, Arc<[Uuid]>) = match origin {
            Origin::Root => (None, Arc::from([])),
            Origin::Parent(kind, parent) => (Some(kind), Arc::from([parent])),
        };
        let request = Arc::new(request);
        let key = (kind, parents, Arc::clone(&request));
        if wanted.total {
            ask_for_totals::<N>(context, &key, [(origin, whole::<N::Record>(&request))]);
        }
        let pages = load_pages::<N>(context, key).await?;
        Ok(Ordered(ListPage { origin, request, pages, n: 0 }))
    }
}

/// Reads the pages of all these parents, which ask for the same at the same place of the query.
pub(crate) async fn load_pages_of<N: RecordNode>(
    context: &Context<'_>,
    parents: &[(<N::Record as Noun>::Parent, Uuid)],
    mut request: ListOf<N::Record>,
) -> Result<Vec<ListPage<N>>> {
    let wanted = of_list::<N>(context, &request);
    request.columns = wanted.columns;
    let request = Arc::new(request);
    let ids = parents.iter().map(|(_, id)| *id).collect();
    let kind = parents.first().map(|(kind, _)| *kind);
    let key = (kind, ids, Arc::clone(&request));
    if wanted.total {
        let whole = whole::<N::Record>(&request);
        let origins = parents.iter().map(|(kind, parent)| (Origin::Parent(*kind, *parent), Arc::clone(&whole)));
        ask_for_totals::<N>(context, &key, origins);
    }
    let pages = load_pages::<N>(context, key).await?;
    let page = |(n, (kind, parent)): (usize, &(_, Uuid))| ListPage {
        origin: Origin::Parent(*kind, *parent),
        request: Arc::clone(&request),
        pages: Arc::clone(&pages),
        n,
    };
    Ok(parents.iter().enumerate().map(page).collect())
}

/// What a total depends on: pages of one list have the same.
fn whole<R: Record>(request: &ListOf<R>) -> Arc<ListOf<R>> {
    Arc::new(ListOf::<R> { filter: request.filter.clone(), order: request.order.clone(), ..ListOf::<R>::default() })
}

impl<N: RecordNode> ListPage<N> {
    /// The rows of the page.
    pub(crate) fn items(&self) -> &[Arc<N::Record>] {
        self.pages.get(self.n).map_or(&[], |page| page.items.as_slice())
    }

    fn cursor_of(&self, record: &N::Record) -> String {
        cursor(record, &self.request)
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

    /// The position of the page in the list.
    async fn page_info(&self) -> PageInfo {
        let page = self.pages.get(self.n);
        PageInfo {
            has_next_page: page.is_some_and(|page| page.has_next),
            has_previous_page: page.is_some_and(|page| page.has_previous),
            start_cursor: self.items().first().map(|record| self.cursor_of(record)),
            end_cursor: self.items().last().map(|record| self.cursor_of(record)),
        }
    }

    /// The number of rows in the whole list. Counted only if selected.
    async fn total_count(&self, context: &Context<'_>) -> Result<i64> {
        let reads = context.data_unchecked::<Arc<Reads>>();
        let key = (self.origin, whole::<N::Record>(&self.request));
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
    /// The row's position in the list, for `after` and `before`.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> Resolved<N> {
        Resolved(N::new(Arc::clone(&self.record)))
    }
}

/// The position of a page in its list.
#[derive(SimpleObject)]
pub(crate) struct PageInfo {
    /// Whether there are rows after the page.
    has_next_page: bool,
    /// Whether there are rows before the page. When paging forwards: whether `after` was given.
    has_previous_page: bool,
    /// The cursor of the first row; null if the page is empty.
    start_cursor: Option<String>,
    /// The cursor of the last row; null if the page is empty.
    end_cursor: Option<String>,
}
