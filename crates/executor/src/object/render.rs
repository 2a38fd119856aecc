//! Writes what needs no database: leaves, and what is made of nothing else.

use std::sync::Arc;

use async_graphql::{Name, Value};

use super::Node;
use super::plan::{Plan, Step};
use crate::encode::write_value;
use crate::leaf::{Leaf, write_text};

/// Appends what stands before the field at this place of an object. An object may be empty: a field can be skipped.
pub(super) fn separate(out: &mut Vec<u8>, n: usize) {
    if n > 0 {
        out.push(b',');
    }
}

/// Appends `"key":`.
pub(super) fn write_key(out: &mut Vec<u8>, key: &str) {
    write_text(out, key);
    out.push(b':');
}

/// Appends a leaf of this row; tells whether the step is one.
pub(super) fn write_leaf<N: Node>(out: &mut Vec<u8>, record: &N::Record, step: &Step<'_, N>) -> bool {
    match step {
        Step::TypeName => Leaf::Plain(N::NAME).write(out),
        Step::Leaf(leaf) => leaf.of(record).write(out),
        Step::Money(leaf, parts) => match leaf.of(record) {
            Leaf::Money(money) => {
                out.push(b'{');
                for (n, (key, part)) in parts.iter().enumerate() {
                    separate(out, n);
                    write_key(out, key);
                    part.of(money).write(out);
                }
                out.push(b'}');
            }
            other => other.write(out),
        },
        Step::List(..) | Step::Relation(_) => return false,
    }
    true
}

/// The value of a step that is a leaf.
pub(super) fn leaf_value<N: Node>(record: &N::Record, step: &Step<'_, N>) -> Option<Value> {
    Some(match step {
        Step::TypeName => Value::String(N::NAME.to_owned()),
        Step::Leaf(leaf) => leaf.of(record).to_value(),
        Step::Money(leaf, parts) => match leaf.of(record) {
            Leaf::Money(money) => {
                Value::Object(parts.iter().map(|(key, part)| ((*key).clone(), part.of(money).to_value())).collect())
            }
            other => other.to_value(),
        },
        Step::List(..) | Step::Relation(_) => return None,
    })
}

/// A node of which only leaves are wanted, as a value.
pub(super) fn flat<N: Node>(plan: &Plan<'_, N>, record: &N::Record) -> Value {
    let leaves = plan.steps.iter().filter_map(|(key, step)| Some(((*key).clone(), leaf_value(record, step)?)));
    Value::Object(leaves.collect())
}

/// A list of nodes of which only leaves are wanted.
pub(super) fn flat_list<N: Node>(plan: &Plan<'_, N>, records: &[Arc<N::Record>]) -> Value {
    // The keys are the same for every row, so they are escaped once.
    let keys: Vec<Vec<u8>> = plan
        .steps
        .iter()
        .enumerate()
        .map(|(n, (key, _))| {
            let mut text = Vec::new();
            separate(&mut text, n);
            write_key(&mut text, key);
            text
        })
        .collect();
    let mut out = Vec::with_capacity(records.len() * plan.steps.len() * 40 + 2);
    out.push(b'[');
    for (n, record) in records.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        out.push(b'{');
        for (key, (_, step)) in keys.iter().zip(&plan.steps) {
            out.extend_from_slice(key);
            write_leaf::<N>(&mut out, record, step);
        }
        out.push(b'}');
    }
    out.push(b']');
    Value::Binary(out.into())
}

/// A list of rows that have been resolved.
pub(super) fn list(rows: impl Iterator<Item = Value>) -> Value {
    let mut out = Vec::with_capacity(4096);
    out.push(b'[');
    for (n, row) in rows.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_value(&mut out, &row);
    }
    out.push(b']');
    Value::Binary(out.into())
}

/// An object of these fields as JSON; no key comes twice.
pub(super) fn object<'a>(fields: impl Iterator<Item = (&'a Name, Value)>) -> Value {
    let mut out = Vec::with_capacity(1024);
    out.push(b'{');
    for (n, (key, value)) in fields.enumerate() {
        separate(&mut out, n);
        write_key(&mut out, key);
        write_value(&mut out, &value);
    }
    out.push(b'}');
    Value::Binary(out.into())
}
