//! What the guard admits must also be cheap for those who read the document after it: the parser, the validator's
//! twenty rules, and the walkers that expand fragments at every spread.

use std::time::Instant;

use async_graphql::{EmptyMutation, EmptySubscription, ID, InputObject, Object, Request, Schema, Variables};
use futures_util::FutureExt;
use serde_json::{Value, json};

use super::{BOUND, Guard, GuardLimits};
use crate::request::{Operation, RequestSchema, Scalars};

struct Query;
struct Item;

#[derive(InputObject)]
struct Filter {
    text: Option<String>,
    or: Option<Vec<Filter>>,
    numbers: Option<Vec<i32>>,
}

#[Object]
impl Item {
    async fn id(&self) -> ID {
        "x".into()
    }

    async fn item(&self, a: Option<i32>, filter: Option<Filter>) -> Item {
        drop((a, filter.map(|filter| (filter.text, filter.or, filter.numbers))));
        Item
    }

    async fn number(&self, a: Option<i32>) -> i32 {
        a.unwrap_or_default()
    }
}

#[Object]
impl Query {
    async fn item(&self) -> Item {
        Item
    }

    async fn nodes(&self, ids: Vec<ID>) -> Vec<Item> {
        drop(ids);
        Vec::new()
    }
}

/// The largest documents of their kind that the guard admits.
fn admitted() -> Vec<(&'static str, String, Value)> {
    let in_item = |inner: String| format!("{{ item {{ {inner} }} }}");
    let nested = |levels: usize, inner: &str| format!("{}{inner}{}", "... {".repeat(levels), "}".repeat(levels));
    vec![
        ("one response key", in_item("id ".repeat(4_900)), json!({})),
        ("conflicts", in_item("number(a: 1) number(a: 2) ".repeat(600)), json!({})),
        ("conflicts at every level", in_item(nested(25, &"number(a: 1) number(a: 2) ".repeat(80))), json!({})),
        (
            "unknown long names",
            in_item((0..50).fold(String::new(), |all, i| format!("{all} {}{i}", "abcdefgh".repeat(15)))),
            json!({}),
        ),
        ("a literal list", format!("{{ nodes(ids: [{}]) {{ __typename }} }}", "1 ".repeat(7_900)), json!({})),
        ("a string", format!("{{ nodes(ids: \"{}\") {{ id }} }}", "x".repeat(60_000)), json!({})),
        ("a block string", format!("{{ nodes(ids: \"\"\"{}\"\"\") {{ id }} }}", "x\n".repeat(30_000)), json!({})),
        ("comments", in_item("id#\n#xxxxxxxxxxxxxxxx\n".repeat(2_700)), json!({})),
        ("a comment", in_item(format!("id #{}\n", "x".repeat(60_000))), json!({})),
        (
            "variables",
            format!(
                "query({}) {{ item {{ {} }} }}",
                (0..100).fold(String::new(), |all, i| format!("{all} $v{i}: Int")),
                (0..1_000).fold(String::new(), |all, i| format!("{all} number(a: $v{})", i % 100)),
            ),
            json!({}),
        ),
        (
            "undefined variables",
            in_item((0..1_100).fold(String::new(), |all, i| format!("{all} number(a: $v{i})"))),
            json!({}),
        ),
        (
            "a list variable",
            "query($ids: [ID!]!) { nodes(ids: $ids) { id } }".to_owned(),
            json!({ "ids": vec!["x"; 9_000] }),
        ),
        (
            "one variable in many places",
            format!("query($f: Filter) {{ item {{ {} }} }}", "item(filter: $f) { id } ".repeat(20)),
            json!({ "f": { "numbers": vec![1; 900] } }),
        ),
        (
            "fragments of two spreads",
            (0..7).fold("{ item { ...F0 } } fragment F7 on Item { id }".to_owned(), |all, i| {
                format!("{all} fragment F{i} on Item {{ ...F{n} ...F{n} }}", n = i + 1)
            }),
            json!({}),
        ),
    ]
}

#[test]
fn what_is_admitted_is_validated_and_run_in_time() {
    let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
    let guard = Guard::new(GuardLimits::default(), &schema.sdl()).unwrap();
    let requests = RequestSchema::new(&schema.sdl(), Scalars::new()).unwrap();
    for (name, query, variables) in admitted() {
        let variables = Variables::from_json(variables);
        let start = Instant::now();
        let admitted = guard.admit(&query, None, &variables).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Ok(valid) = requests.validate(&admitted.document) {
            let operation = Operation::choose(&valid, None).unwrap();
            if let Ok(lowered) = requests.lower(operation, &variables) {
                let mut request = Request::new("");
                request.set_parsed_query(lowered.document);
                assert!(schema.execute(request).now_or_never().is_some(), "{name}: nothing here waits");
            }
        }
        assert!(start.elapsed() < BOUND, "{name}: took {:?}", start.elapsed());
    }
}
