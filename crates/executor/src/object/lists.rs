//! Lists that hang on rows: those of all rows of a level are read together and resolved together.

use async_graphql::parser::types::Field;
use async_graphql::{Context, ContextSelectionSet, Positioned, ServerResult, TypeName, Value};
use futures_util::future::{BoxFuture, try_join_all};
use tenantry_domain::noun::Noun;
use tenantry_store::{ListOf, PageRequest};
use uuid::Uuid;

use super::level::{Level, resolve_level};
use super::plan::{Plan, fields_of};
use super::resolve::relation;
use super::{RecordNode, render};
use crate::connection::{ListPage, PageArguments, load_pages_of};

/// Resolves a list of `N` for the rows that have these contexts and these keys; one answer for each row, in their order.
/// `request` reads the arguments that are not about the page.
///
/// # Errors
/// The arguments that are refused, or the read that failed.
pub async fn resolve_lists<N: RecordNode>(
    contexts: &[ContextSelectionSet<'_>],
    keys: Vec<Uuid>,
    field: &Positioned<Field>,
    parent: <N::Record as Noun>::Parent,
    request: impl FnOnce(&Context<'_>, PageRequest) -> ServerResult<ListOf<N::Record>> + Send,
) -> ServerResult<Vec<Value>> {
    let contexts: Vec<Context<'_>> = contexts.iter().map(|context| context.with_field(field)).collect();
    let Some(context) = contexts.first() else { return Ok(Vec::new()) };
    // What is wrong is wrong for all rows alike, and a list may not be null: the first row stands for all.
    let request = page(context).and_then(|page| request(context, page));
    let request = request.map_err(|error| context.set_error_path(error))?;
    let parents: Vec<_> = keys.into_iter().map(|key| (parent, key)).collect();
    let pages = load_pages_of::<N>(context, &parents, request).await;
    let pages = pages.map_err(|error| context.set_error_path(error.into_server_error(field.pos)))?;
    resolve_pages(field, &contexts, &pages).await
}

/// The page that a list's arguments ask for.
///
/// # Errors
/// The arguments that are refused.
pub fn page(context: &Context<'_>) -> ServerResult<PageRequest> {
    let page = PageArguments {
        first: context.param_value("first", None)?.1,
        after: context.param_value("after", None)?.1,
        last: context.param_value("last", None)?.1,
        before: context.param_value("before", None)?.1,
    };
    page.read().map_err(|error| error.into_server_error(context.item.pos))
}

/// The answers to one field of a connection.
enum Column {
    /// The same for every page.
    Same(Value),
    /// One for each page.
    Each(std::vec::IntoIter<Value>),
}

/// Resolves the pages of the lists at one place of the query.
async fn resolve_pages<N: RecordNode>(
    field: &Positioned<Field>,
    contexts: &[Context<'_>],
    pages: &[ListPage<N>],
) -> ServerResult<Vec<Value>> {
    let contexts: Vec<ContextSelectionSet<'_>> =
        contexts.iter().map(|context| context.with_selection_set(&field.node.selection_set)).collect();
    if contexts.is_empty() {
        return Ok(Vec::new());
    }
    let type_name = <ListPage<N> as TypeName>::type_name();
    let fields = fields_of(&field.node.selection_set.node, &type_name);
    let columns = fields.iter().map(|field| resolve_column(field, &type_name, &contexts, pages));
    let mut columns = try_join_all(columns).await?;
    let mut answers = Vec::with_capacity(pages.len());
    for _ in pages {
        let values = fields.iter().zip(&mut columns).map(|(field, column)| {
            let value = match column {
                Column::Same(value) => value.clone(),
                Column::Each(values) => values.next().unwrap_or_default(),
            };
            (&field.node.response_key().node, value)
        });
        answers.push(render::object(values));
    }
    Ok(answers)
}

/// Resolves one field of the pages. Boxed, because lists hang on lists.
fn resolve_column<'a, N: RecordNode>(
    field: &'a Positioned<Field>,
    type_name: &'a str,
    contexts: &'a [ContextSelectionSet<'a>],
    pages: &'a [ListPage<N>],
) -> BoxFuture<'a, ServerResult<Column>> {
    Box::pin(async move {
        let values = match field.node.name.node.as_str() {
            "__typename" => return Ok(Column::Same(Value::String(type_name.to_owned()))),
            "nodes" => resolve_nodes(field, contexts, pages).await?,
            _ => {
                let pages = pages.iter().zip(contexts);
                try_join_all(pages.map(|(page, context)| relation(page, type_name, context, field))).await?
            }
        };
        Ok(Column::Each(values.into_iter()))
    })
}

/// Resolves the rows of all pages; one list for each page.
async fn resolve_nodes<N: RecordNode>(
    field: &Positioned<Field>,
    contexts: &[ContextSelectionSet<'_>],
    pages: &[ListPage<N>],
) -> ServerResult<Vec<Value>> {
    let contexts: Vec<Context<'_>> = contexts.iter().map(|context| context.with_field(field)).collect();
    let contexts: Vec<ContextSelectionSet<'_>> =
        contexts.iter().map(|context| context.with_selection_set(&field.node.selection_set)).collect();
    let plan = Plan::<N>::new(&field.node.selection_set.node);
    if plan.is_flat {
        return Ok(pages.iter().map(|page| render::flat_list(&plan, page.items())).collect());
    }
    let rows = || {
        pages
            .iter()
            .zip(&contexts)
            .flat_map(|(page, context)| page.items().iter().enumerate().map(move |row| (context, row)))
    };
    let nodes: Vec<N> = rows().map(|(_, (_, record))| N::new(record.clone())).collect();
    let contexts: Vec<_> = rows().map(|(context, (n, _))| context.with_index(n)).collect();
    let mut rows = resolve_level(&plan, Level { nodes: &nodes, contexts: &contexts }).await?.into_iter();
    let lists = pages.iter().map(|page| render::list(rows.by_ref().take(page.items().len())));
    Ok(lists.collect())
}
