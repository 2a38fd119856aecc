//! The guard against hostile documents, against what real clients send, and against a naive expansion of fragments.

mod validation;

use std::time::{Duration, Instant};

use async_graphql::Variables;
use proptest::prelude::*;
use serde_json::json;

use super::{Admitted, Guard, GuardError, GuardErrorKind as Kind, GuardLimits, hostile};

const SDL: &str = include_str!("../testdata/schema.graphql");

/// The refusal's time on one core; a debug build is many times slower and shares its cores with other tests.
pub(super) const BOUND: Duration =
    if cfg!(debug_assertions) { Duration::from_millis(1_500) } else { Duration::from_millis(50) };

fn guard() -> Guard {
    Guard::new(GuardLimits::default(), SDL).unwrap()
}

fn admit(query: &str) -> Result<Admitted, GuardError> {
    guard().admit(query, None, &Variables::default())
}

fn cost(query: &str) -> u64 {
    admit(query).unwrap().cost
}

#[test]
fn hostile_documents_are_refused_in_time() {
    let guard = guard();
    let documents = hostile::documents();
    assert!(documents.len() >= 40);
    let mut faults = Vec::new();
    for hostile in documents {
        let variables = Variables::from_json(hostile.variables);
        let start = Instant::now();
        let outcome = guard.admit(&hostile.query, None, &variables);
        let took = start.elapsed();
        match outcome {
            Ok(admitted) => faults.push(format!("{}: admitted at cost {}", hostile.name, admitted.cost)),
            Err(error) if error.kind != hostile.refusal => {
                faults.push(format!("{}: {:?} instead of {:?}", hostile.name, error.kind, hostile.refusal));
            }
            Err(error) if error.message.len() > 600 => faults.push(format!("{}: an essay", hostile.name)),
            Err(error) if !matches!(error.code(), "QUERY_TOO_COSTLY" | "BAD_USER_INPUT") => {
                faults.push(format!("{}: {}", hostile.name, error.code()));
            }
            Err(_) => {}
        }
        if took > BOUND {
            faults.push(format!("{}: took {took:?}", hostile.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn introspection_of_common_tools_is_admitted() {
    // The default limit is 50,000.
    let query = include_str!("../testdata/introspection.graphql");
    let admitted = admit(query).unwrap();
    assert_eq!(admitted.root_fields, 1);
    assert!(admitted.cost < 40_000, "{}", admitted.cost);
}

#[test]
fn introspection_can_be_switched_off() {
    let limits = GuardLimits { introspection: false, ..GuardLimits::default() };
    let guard = Guard::new(limits, SDL).unwrap();
    let outcome = |query| guard.admit(query, None, &Variables::default()).map(|_| ()).map_err(|error| error.kind);
    assert_eq!(outcome("{ __schema { types { name } } }"), Err(Kind::IntrospectionOff));
    assert_eq!(
        outcome("{ ...F } fragment F on Query { a: __type(name: \"X\") { name } }"),
        Err(Kind::IntrospectionOff)
    );
    assert_eq!(outcome("{ __typename }"), Ok(()));
}

#[test]
fn a_dashboard_costs_what_it_returns() {
    // One client: itself, id, name, 1 + 5 × (itself, id, name, 1 + 10 × 3) for projects, 1 + 5 × 2 for invoices.
    let query = "{ clients(first: 20) { nodes { id name projects(first: 5) { nodes { id name tasks(first: 10) { nodes \
                 { id title } } } } invoices(first: 5) { nodes { id } } } } }";
    assert_eq!(cost(query), 1 + 20 * (3 + (1 + 5 * (3 + (1 + 10 * 3))) + (1 + 5 * 2)));
}

#[test]
fn lists_multiply_and_wrappers_do_not() {
    assert_eq!(cost("{ clients { totalCount pageInfo { hasNextPage } } }"), 1 + 3);
    assert_eq!(cost("{ clients { nodes { id } } }"), 1 + 20 * 2, "the default page");
    assert_eq!(cost("{ clients(last: 3) { edges { cursor node { id } } } }"), 1 + 3 * (1 + 1 + 2));
    assert_eq!(cost("{ clients(first: 2, last: 7) { nodes { id } } }"), 1 + 7 * 2, "the larger of both");
    assert_eq!(cost("{ clients(first: 999) { nodes { id } } }"), 1 + 100 * 2, "out of range");
    assert_eq!(cost("{ clients(first: null) { nodes { id } } }"), 1 + 20 * 2, "null is absent");
    assert_eq!(cost("{ recent { nodes { id } } }"), 1 + 5 * 2, "the schema's own default");
    assert_eq!(cost("{ nodes(ids: [\"a\" \"b\"]) { id } }"), 1 + 2);
    assert_eq!(cost("{ clients(first: 1) { nodes { labels { name } } } }"), 1 + (1 + 1 + 10));
    assert_eq!(
        cost("mutation { createClient(input: { name: \"x\" }) { client { id } userErrors { code } } }"),
        10 + 2 + 11
    );
    assert_eq!(cost("{ node(id: \"x\") { ... on Client { id name } ... on Task { id } } }"), 1 + 3);
    assert_eq!(cost("{ clients(first: 2) { ...C } } fragment C on ClientConnection { nodes { id } }"), 1 + 2 * 2);
}

#[test]
fn the_operation_that_runs_is_the_one_priced() {
    let document = "query A { node(id: \"x\") { id } } query B { clients(first: 100) { nodes { projects(first: 100) { \
                    nodes { tasks(first: 100) { nodes { id } } } } } } }";
    let outcome = |name| guard().admit(document, name, &Variables::default());
    assert_eq!(outcome(Some("A")).unwrap().cost, 2);
    assert_eq!(outcome(Some("B")).unwrap_err().kind, Kind::Cost);
    assert_eq!(outcome(None).unwrap().operation_type, None, "which the executor refuses");
}

#[test]
fn a_refusal_names_the_limit_and_the_value() {
    let error =
        admit("{ clients(first: 100) { nodes { projects(first: 100) { nodes { tasks { nodes { id } } } } } } }")
            .unwrap_err();
    assert_eq!((error.kind, error.limit, error.code()), (Kind::Cost, 50_000, "QUERY_TOO_COSTLY"));
    assert_eq!(error.message, format!("The query is too costly: the cost is {}, the limit is 50000.", error.actual));
    let error = error.into_server_error();
    assert!(error.extensions.is_some_and(|extensions| extensions.get("limit").is_some()));
}

#[test]
fn syntax_errors_keep_the_position_of_the_parser() {
    let error = admit("{ clients(first: ) { id } }").unwrap_err();
    assert_eq!((error.kind, error.locations[0].line, error.locations[0].column), (Kind::Syntax, 1, 18));
}

/// A document of `spreads.len() + 1` fragments, each with a field and spreads of later ones; `spreads[i]` holds offsets.
fn dag(spreads: &[Vec<usize>]) -> String {
    let last = spreads.len();
    let mut fragments = vec![format!("fragment F{last} on ClientConnection {{ edges {{ cursor }} }}")];
    for (i, targets) in spreads.iter().enumerate() {
        let spreads: Vec<String> = targets.iter().map(|offset| format!("...F{}", (i + 1 + offset).min(last))).collect();
        let spreads = spreads.join(" ");
        fragments.push(format!("fragment F{i} on ClientConnection {{ totalCount nodes {{ id }} {spreads} }}"));
    }
    format!("{{ clients(first: 3) {{ ...F0 }} }} {}", fragments.join(" "))
}

/// The cost of fragment `i` by expansion: what is paid once, and for each item.
fn naive(spreads: &[Vec<usize>], i: usize) -> (u64, u64) {
    let Some(targets) = spreads.get(i) else { return (0, 2) };
    targets.iter().fold((1, 2), |(flat, per_item), offset| {
        let (f, p) = naive(spreads, (i + 1 + offset).min(spreads.len()));
        (flat + f, per_item + p)
    })
}

proptest! {
    #[test]
    fn memoised_cost_is_the_cost_of_the_expansion(
        spreads in prop::collection::vec(prop::collection::vec(0_usize..4, 0..4), 0..9)
    ) {
        let limits = GuardLimits { max_selections: u64::MAX, max_cost: u64::MAX, ..GuardLimits::default() };
        let guard = Guard::new(limits, SDL).unwrap();
        let admitted = guard.admit(&dag(&spreads), None, &Variables::default()).unwrap();
        let (flat, per_item) = naive(&spreads, 0);
        prop_assert_eq!(admitted.cost, 1 + flat + 3 * per_item);
    }

    #[test]
    fn no_text_makes_the_guard_panic(query in "[{}\\[\\]():$@!.\"#\\\\a-c0-9 \\n-]{0,200}") {
        let _ = guard().admit(&query, None, &Variables::default());
    }
}

#[test]
fn a_filter_in_a_filter_costs_more_the_deeper_it_is() {
    for (filter, expected) in [
        (json!({"status": "ACTIVE"}), 0),
        (json!({"or": []}), 300),
        (json!({"or": [{"status": "LEAD"}, {}]}), 300),
        (json!({"or": [{"or": []}, {"or": []}]}), 300 + 5 * (300 + 300)),
    ] {
        let variables = Variables::from_json(json!({"filter": filter}));
        let query = "query ($filter: ClientFilter) { clients(filter: $filter) { totalCount } }";
        assert_eq!(guard().admit(query, None, &variables).unwrap().cost, 1 + 1 + expected, "{filter}");
    }
    assert_eq!(cost("{ clients(filter: {or: [{or: []}]}) { totalCount } }"), 1 + 1 + 300 + 5 * 300);
}

#[test]
fn a_page_size_costs_the_same_however_json_writes_it() {
    let query = "query($n: Int) { clients(first: $n) { nodes { id } } }";
    for number in ["5", "5.0", "5e0"] {
        let variables = Variables::from_json(serde_json::from_str(&format!("{{\"n\": {number}}}")).unwrap());
        assert_eq!(guard().admit(query, None, &variables).unwrap().cost, 1 + 5 * 2, "{number}");
    }
}
