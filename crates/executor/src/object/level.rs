//! A level of the query: the rows of all lists that stand at one place of it, resolved together.
//!
//! Their leaves are written without a future each; a list that hangs on them is read, and resolved, for all rows at once.

use async_graphql::{ContextSelectionSet, Name, ServerResult, Value};
use futures_util::future::try_join_all;
use tenantry_domain::noun::Value as FieldValue;
use uuid::Uuid;

use super::Node;
use super::plan::{Plan, Step};
use super::render;
use super::resolve::relation;
use crate::encode::write_value;

/// Rows, and where each of them stands in the answer.
pub(crate) struct Level<'a, N> {
    /// The rows.
    pub(crate) nodes: &'a [N],
    /// The context of each row.
    pub(crate) contexts: &'a [ContextSelectionSet<'a>],
}

impl<N> Clone for Level<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for Level<'_, N> {}

/// Resolves all rows of a level; one answer for each, in their order.
pub(super) async fn resolve_level<N: Node>(plan: &Plan<'_, N>, level: Level<'_, N>) -> ServerResult<Vec<Value>> {
    if level.nodes.is_empty() {
        return Ok(Vec::new());
    }
    let columns = try_join_all(plan.steps.iter().map(|(_, step)| resolve_step(step, level))).await?;
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    let answers = level.nodes.iter().map(|node| {
        // There is an answer of each row in the column of each step that is no leaf.
        let fields = plan.steps.iter().zip(&mut columns);
        let fields = fields.map(|((key, step), column)| (*key, step, column.next().unwrap_or_default()));
        in_bytes(node, fields)
    });
    Ok(answers.collect())
}

/// Resolves one field of all rows, if it is no leaf.
async fn resolve_step<N: Node>(step: &Step<'_, N>, level: Level<'_, N>) -> ServerResult<Vec<Value>> {
    match step {
        Step::TypeName | Step::Leaf(_) | Step::Money(..) => Ok(Vec::new()),
        Step::List(list, field) => {
            let keys = level.nodes.iter().map(|node| match (list.key)(node.record()) {
                FieldValue::Id(key) => key,
                _ => Uuid::nil(),
            });
            (list.resolve)(level.contexts, keys.collect(), field).await
        }
        Step::Relation(field) => {
            let rows = level.nodes.iter().zip(level.contexts);
            try_join_all(rows.map(|(node, context)| relation(node, N::NAME, context, field))).await
        }
    }
}

/// A row as JSON.
fn in_bytes<'p, N: Node + 'p>(node: &N, fields: impl Iterator<Item = (&'p Name, &'p Step<'p, N>, Value)>) -> Value {
    let mut out = Vec::with_capacity(512);
    out.push(b'{');
    for (n, (key, step, value)) in fields.enumerate() {
        render::separate(&mut out, n);
        render::write_key(&mut out, key);
        if !render::write_leaf(&mut out, node.record(), step) {
            write_value(&mut out, &value);
        }
    }
    out.push(b'}');
    Value::Binary(out.into())
}
