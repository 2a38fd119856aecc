//! What the guard costs for a document that was not seen before: scanning, parsing, measuring.

#![expect(clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to measure")]

use divan::{Bencher, black_box};
use tenantry_executor::guard::{Guard, GuardLimits};

fn main() {
    divan::main();
}

const SCHEMA: &str = include_str!("../../../schema.graphql");

const LIST: &str = "{ clients(first: 20) { nodes { id name status } } }";

const DASHBOARD: &str = "{ clients(first: 20) { nodes { id name projects(first: 5) { nodes { id name \
                         tasks(first: 10) { nodes { id title status } } } } \
                         invoices(first: 5) { nodes { id number status total { amount currency } } } } } }";

#[divan::bench(args = [LIST, DASHBOARD])]
fn admit(bencher: Bencher<'_, '_>, document: &str) {
    let guard = Guard::new(GuardLimits::default(), SCHEMA).expect("the schema's own text");
    let variables = async_graphql::Variables::default();
    bencher.bench_local(|| guard.admit(black_box(document), None, &variables).map(|admitted| admitted.cost));
}
