//! Search: what has the words that somebody typed.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use tenantry_domain::activity::EntityType;
use tenantry_domain::search::{Fragment, MAX_QUERY, Query, SearchKind};
use tenantry_executor::error::bad_argument;
use tenantry_executor::loaders::load;
use tenantry_executor::object::Ordered;
use tenantry_store::search::{Asked, Found};

use crate::loaders::Search;
use crate::node::Node;
use crate::noun::Choice;

/// The most results.
const MAX_RESULTS: i32 = 50;

/// Something that was found, and what was looked for.
pub(crate) struct SearchResult(Arc<Found>, Arc<Query>);

/// Something that has what was looked for.
#[Object]
impl SearchResult {
    /// What it is.
    async fn kind(&self) -> Choice<SearchKind> {
        Choice(self.0.kind)
    }

    /// Its id.
    async fn entity_id(&self) -> ID {
        ID(self.0.kind.text_of(self.0.id))
    }

    /// What was found; null if it cannot be read any more.
    async fn entity(&self) -> Option<Node> {
        Node::of(EntityType::of(self.0.kind.noun()?.info)?, self.0.id)
    }

    /// Where it has what was looked for: an excerpt of each field that has some of it, the most telling field first.
    async fn highlights(&self) -> Vec<Ordered<SearchHighlight>> {
        let excerpts = self.0.texts.iter().map(|(field, text)| (*field, self.1.excerpt(text)));
        let highlight = |(field, fragments): (&str, Vec<Fragment>)| {
            let fragments = fragments.into_iter().map(|fragment| Ordered(fragment.into())).collect();
            Ordered(SearchHighlight { field: field.to_owned(), fragments })
        };
        excerpts.filter(|(_, fragments)| !fragments.is_empty()).map(highlight).collect()
    }
}

/// Where a field has what was looked for.
#[derive(SimpleObject)]
pub(crate) struct SearchHighlight {
    /// The field, such as `title`.
    field: String,
    /// At most 200 characters of its text around the first match, in their order; put together, they are the text as it is written, with `…`
    /// for what was left out.
    fragments: Vec<Ordered<SearchFragment>>,
}

/// A part of a text.
#[derive(SimpleObject)]
pub(crate) struct SearchFragment {
    /// The part. It is plain text or Markdown as it was written, and not HTML.
    text: String,
    /// Whether it is what was looked for.
    is_match: bool,
}

impl From<Fragment> for SearchFragment {
    fn from(Fragment { text, is_match }: Fragment) -> Self {
        Self { text, is_match }
    }
}

/// The root field that searches.
#[derive(Default)]
pub(crate) struct SearchQuery;

#[Object]
impl SearchQuery {
    /// What has all these words, as far as you see it, the best first: matches in names and titles come before those in other texts, and of
    /// equal ones the newest comes first. The last word may be the beginning of one, of two letters or more. Upper and lower case, accents of
    /// Latin and Greek letters, and forms of a character make no difference. Of each row about the first 1,000 different words are found. Of
    /// words that very many rows have, not all rows are looked at, but those where they matter most, and the newest.
    async fn search(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The words, at most 200 characters. The first 12 words count.")] query: String,
        #[graphql(desc = "The kinds of things to look among; all by default.")] kinds: Option<Vec<Choice<SearchKind>>>,
        #[graphql(desc = "The number of results, at most 50.", default = 20)] first: i32,
    ) -> Result<Option<Vec<Ordered<SearchResult>>>> {
        if query.chars().count() > MAX_QUERY {
            return Err(bad_argument("query", format!("`query` may have at most {MAX_QUERY} characters.")));
        }
        if !(0..=MAX_RESULTS).contains(&first) {
            return Err(bad_argument("first", format!("`first` must be between 0 and {MAX_RESULTS}.")));
        }
        let mut kinds =
            kinds.map_or_else(|| SearchKind::ALL.to_vec(), |kinds| kinds.into_iter().map(|kind| kind.0).collect());
        kinds.sort_unstable();
        kinds.dedup();
        let query = Query::of(&query);
        let with_texts = context.look_ahead().field("highlights").exists();
        let asked = Asked { query: query.clone(), kinds, limit: i64::from(first), with_texts };
        let found = load::<Search>(context, asked).await?.unwrap_or_default();
        let query = Arc::new(query);
        Ok(Some(found.iter().map(|found| Ordered(SearchResult(Arc::clone(found), Arc::clone(&query)))).collect()))
    }
}
