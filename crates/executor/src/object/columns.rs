//! What a list has to read: the columns of the leaves that are selected, if nothing else is; and whether it is counted.

use async_graphql::Context;
use async_graphql::parser::types::SelectionSet;
use tenantry_store::{ColumnSet, ListOf, sort_columns};

use super::RecordNode;
use super::plan::fields_of;

/// What a query wants of a list.
pub(crate) struct Wanted {
    /// The columns that it needs of the rows.
    pub(crate) columns: ColumnSet,
    /// Whether it wants to know how many rows there are in all.
    pub(crate) total: bool,
}

/// What is wanted of the field in `context`, the list of these nodes that is requested.
pub(crate) fn of_list<N: RecordNode>(context: &Context<'_>, request: &ListOf<N::Record>) -> Wanted {
    let (mut columns, mut total) = (ColumnSet::ID, false);
    let type_name = format!("{}Connection", N::NAME);
    for field in fields_of(&context.item.node.selection_set.node, &type_name) {
        columns = columns.and(match field.node.name.node.as_str() {
            "nodes" => of_node::<N>(&field.node.selection_set.node),
            "edges" => of_edges::<N>(&field.node.selection_set.node, request),
            // The cursors of the first and the last row.
            "pageInfo" => sort_columns::<N::Record>(request),
            "totalCount" => {
                total = true;
                ColumnSet::ID
            }
            "__typename" => ColumnSet::ID,
            _ => ColumnSet::ALL,
        });
    }
    Wanted { columns, total }
}

fn of_edges<N: RecordNode>(selection: &SelectionSet, request: &ListOf<N::Record>) -> ColumnSet {
    let mut columns = sort_columns::<N::Record>(request);
    let type_name = format!("{}Edge", N::NAME);
    for field in fields_of(selection, &type_name) {
        if field.node.name.node == "node" {
            columns = columns.and(of_node::<N>(&field.node.selection_set.node));
        }
    }
    columns
}

/// The columns that a selection of a node looks at.
pub(crate) fn of_node<N: RecordNode>(selection: &SelectionSet) -> ColumnSet {
    let mut columns = ColumnSet::ID;
    for field in fields_of(selection, N::NAME) {
        let name = field.node.name.node.as_str();
        columns = columns.and(if name == "__typename" { ColumnSet::ID } else { N::columns(name) });
    }
    columns
}
