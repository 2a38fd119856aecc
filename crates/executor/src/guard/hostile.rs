//! Requests that try to make the server work for nothing, each with the refusal it earns under the default limits. The
//! guard's own tests and the tests over HTTP fire the same list.

use std::fmt::Write;

use serde_json::{Value, json};

use super::GuardErrorKind as Kind;

/// One hostile request.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// What it tries.
    pub name: &'static str,
    /// The document.
    pub query: String,
    /// The variables, an object.
    pub variables: Value,
    /// The refusal it earns.
    pub refusal: Kind,
}

fn hostile(name: &'static str, refusal: Kind, query: impl Into<String>) -> Hostile {
    Hostile { name, query: query.into(), variables: json!({}), refusal }
}

/// `item(0) item(1) …`, joined by blanks.
fn each(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut all, i| {
        // Writing to a string does not fail.
        let _ = write!(all, "{} ", item(i));
        all
    })
}

/// `open` and `close` around `inner`, `levels` times.
fn nest(levels: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// Fragments of `width` spreads of the next one each, `levels` deep.
fn dag(levels: usize, width: usize, on: &str, leaf: &str) -> String {
    let fragments =
        each(levels, |i| format!("fragment F{i} on {on} {{ {} }}", format!("...F{} ", i + 1).repeat(width)));
    format!("{{ ...F0 }} {fragments} fragment F{levels} on {on} {{ {leaf} }}")
}

/// All of them.
pub fn documents() -> Vec<Hostile> {
    [text(), structure(), fragments(), floods(), inputs(), introspection(), prices()].concat()
}

/// Against the scan and the parser.
fn text() -> Vec<Hostile> {
    let page = 60_000;
    vec![
        hostile("a document of a megabyte", Kind::DocumentBytes, format!("{{ {} }}", "__typename ".repeat(100_000))),
        hostile(
            "a string of a megabyte",
            Kind::DocumentBytes,
            format!("{{ node(id: \"{}\") {{ id }} }}", "x".repeat(1 << 20)),
        ),
        hostile("100,000 open braces", Kind::DocumentBytes, "{".repeat(100_000)),
        hostile("60,000 open braces", Kind::Brackets, "{".repeat(page)),
        hostile("60,000 open square brackets", Kind::Brackets, format!("{{ nodes(ids: {}", "[".repeat(page))),
        hostile("20,000 fields in one another", Kind::Brackets, nest(20_000, "{a", "", "}")),
        hostile("20,000 objects in one another", Kind::Brackets, format!("{{ node(id: {}", "{a:".repeat(20_000))),
        hostile(
            "a list type of 20,000 levels",
            Kind::Brackets,
            format!("query($v: {}) {{ __typename }}", nest(20_000, "[", "ID", "]")),
        ),
        hostile(
            "brackets behind an unterminated block string",
            Kind::Syntax,
            format!("{{ a(b: [\"\"\"x\"{}", "[".repeat(page)),
        ),
        hostile("brackets behind an unterminated string", Kind::Syntax, format!("{{ a(b: \"\n{}", "[".repeat(page))),
        hostile("30,000 fields", Kind::Tokens, format!("{{ {} }}", "a ".repeat(30_000))),
        hostile("60,000 colons", Kind::Tokens, ":".repeat(page)),
        hostile("60,000 bytes outside the alphabet", Kind::Tokens, "\u{7f}".repeat(page)),
        hostile("a name of 60,000 bytes", Kind::NameBytes, format!("{{ {} }}", "a".repeat(page))),
        hostile(
            "an integer of 60,000 digits",
            Kind::NameBytes,
            format!("{{ clients(first: {}) {{ totalCount }} }}", "9".repeat(page)),
        ),
        hostile(
            "a fraction of 60,000 digits",
            Kind::NameBytes,
            format!("{{ clients(first: 1.{}) {{ totalCount }} }}", "9".repeat(page)),
        ),
        hostile("nothing", Kind::Syntax, ""),
        hostile("no closing brace after 3,000 fields", Kind::Syntax, format!("{{ {}", "a ".repeat(3_000))),
        hostile("forty levels without an end", Kind::Syntax, "{a".repeat(40)),
        hostile(
            "forty levels that end in a comment of 60,000 bytes",
            Kind::Syntax,
            format!("{}#{}", "{a".repeat(40), "x".repeat(page)),
        ),
        hostile(
            "a long line with a fault at its end",
            Kind::Syntax,
            format!("{{ {} !", "abcdefghijklmnop ".repeat(3_000)),
        ),
    ]
}

/// Against the recursion of whoever reads the document.
fn structure() -> Vec<Hostile> {
    vec![
        hostile("fields sixteen deep", Kind::Depth, format!("{{ {} }}", nest(15, "node {", "id", "}"))),
        hostile(
            "fields sixteen deep through fragments",
            Kind::Depth,
            format!(
                "{{ ...F0 }} {} fragment F8 on Query {{ id }}",
                each(8, |i| format!("fragment F{i} on Query {{ node {{ node {{ ...F{} }} }} }}", i + 1))
            ),
        ),
        hostile(
            "inline fragments forty deep",
            Kind::Nesting,
            format!("{{ {} }}", nest(40, "... {", "__typename", "}")),
        ),
        hostile("eleven operations", Kind::Operations, each(11, |i| format!("query Q{i} {{ __typename }}"))),
        hostile("500 operations", Kind::Operations, each(500, |i| format!("query Q{i} {{ __typename }}"))),
        hostile(
            "an expensive operation beside the one that runs",
            Kind::Depth,
            format!("query A {{ __typename }} query B {{ {} }}", nest(20, "node {", "id", "}")),
        ),
    ]
}

/// Against walkers that expand fragments.
fn fragments() -> Vec<Hostile> {
    let conflicts = each(30, |i| format!("...F{i}"));
    vec![
        hostile("a fragment that spreads itself", Kind::FragmentCycle, "{ ...A } fragment A on Query { ...A }"),
        hostile(
            "a cycle of two fragments",
            Kind::FragmentCycle,
            "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        ),
        hostile(
            "a cycle through fields",
            Kind::FragmentCycle,
            "{ node { ...A } } fragment A on Node { ... { node { ...A } } }",
        ),
        hostile(
            "a cycle that nothing spreads",
            Kind::FragmentCycle,
            "{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }",
        ),
        hostile(
            "a cycle of twenty fragments, each spreading all",
            Kind::FragmentCycle,
            format!(
                "{{ ...F0 }} {}",
                each(20, |i| format!("fragment F{i} on Query {{ {} }}", each(20, |j| format!("...F{}", (i + j) % 20))))
            ),
        ),
        hostile("thirty levels of two spreads", Kind::Nesting, dag(30, 2, "Query", "__typename")),
        hostile(
            "twenty levels of two spreads",
            Kind::Selections,
            dag(20, 2, "Query", "__typename").replace("{ ...F0 }", "{ node { ...F0 } }"),
        ),
        hostile(
            "eight levels of ten spreads",
            Kind::Selections,
            dag(8, 10, "Query", "__typename").replace("{ ...F0 }", "{ node { ...F0 } }"),
        ),
        hostile(
            "twenty-five levels that nothing spreads",
            Kind::Selections,
            dag(25, 2, "Query", "__typename").replace("{ ...F0 }", "{ __typename }"),
        ),
        hostile("fragments at the root", Kind::RootFields, dag(5, 2, "Query", "__typename")),
        hostile("a chain of ninety fragments", Kind::Nesting, dag(90, 1, "Query", "__typename")),
        hostile(
            "two hundred fragments",
            Kind::Fragments,
            format!(
                "{{ {} }} {}",
                each(200, |i| format!("...F{i}")),
                each(200, |i| format!("fragment F{i} on Query {{ __typename }}"))
            ),
        ),
        hostile(
            "fragments that conflict at every level",
            Kind::Selections,
            format!(
                "{{ node {{ {} }} }} {}",
                nest(20, "... {", &conflicts, "}"),
                each(30, |i| format!("fragment F{i} on Client {{ {} }}", each(20, |j| format!("id name(a: {j})"))))
            ),
        ),
        hostile(
            "2,000 spreads of unknown fragments",
            Kind::Unknown,
            format!("{{ {} }}", each(2_000, |i| format!("...F{i}"))),
        ),
    ]
}

/// Against validation, one message for each offence.
fn floods() -> Vec<Hostile> {
    vec![
        hostile("51 aliases", Kind::Aliases, format!("{{ {} }}", each(51, |i| format!("a{i}: __typename")))),
        hostile(
            "2,000 aliases of a list",
            Kind::Aliases,
            format!("{{ {} }}", each(1_000, |i| format!("a{i}: clients {{ totalCount }}"))),
        ),
        hostile(
            "aliases below the root",
            Kind::Aliases,
            format!("{{ clients {{ nodes {{ {} }} }} }}", each(60, |i| format!("a{i}: id"))),
        ),
        hostile(
            "directives on a field",
            Kind::Directives,
            format!("{{ __typename {} }}", "@skip(if: false) ".repeat(1_000)),
        ),
        hostile("unknown directives on a field", Kind::Directives, format!("{{ __typename {} }}", "@a ".repeat(3_000))),
        hostile(
            "directives on a spread",
            Kind::Directives,
            format!("{{ ...F {} }} fragment F on Query {{ __typename }}", "@a ".repeat(1_000)),
        ),
        hostile(
            "directives on an inline fragment",
            Kind::Directives,
            format!("{{ ... {} {{ __typename }} }}", "@a ".repeat(1_000)),
        ),
        hostile(
            "directives on a fragment",
            Kind::Directives,
            format!("{{ ...F }} fragment F on Query {} {{ __typename }}", "@a ".repeat(1_000)),
        ),
        hostile("directives on a query", Kind::Directives, format!("query {} {{ __typename }}", "@a ".repeat(1_000))),
        hostile(
            "directives on a variable",
            Kind::Directives,
            format!("query($v: Int {}) {{ __typename }}", "@a ".repeat(1_000)),
        ),
        hostile(
            "one directive on each of 60 fields",
            Kind::Directives,
            format!("{{ {} }}", "__typename @skip(if: false) ".repeat(60)),
        ),
        hostile("21 root fields", Kind::RootFields, format!("{{ {} }}", "__typename ".repeat(21))),
        hostile("7,000 root fields", Kind::RootFields, format!("{{ {} }}", "a ".repeat(7_000))),
        hostile("21 mutations", Kind::RootFields, format!("mutation {{ {} }}", "createClient ".repeat(21))),
        hostile(
            "6,000 fields with one response key",
            Kind::Selections,
            format!("{{ node {{ {} }} }}", "id ".repeat(6_000)),
        ),
        hostile(
            "6,000 unknown fields",
            Kind::Unknown,
            format!("{{ clients {{ {} }} }}", each(4_000, |i| format!("x{i}"))),
        ),
        hostile(
            "33 arguments",
            Kind::Arguments,
            format!("{{ clients({}) {{ totalCount }} }}", each(33, |i| format!("a{i}: 1"))),
        ),
        hostile(
            "2,000 arguments of one name",
            Kind::Arguments,
            format!("{{ clients({}) {{ totalCount }} }}", "first: 1 ".repeat(2_000)),
        ),
        hostile(
            "2,000 arguments of a directive",
            Kind::Arguments,
            format!("{{ __typename @skip({}) }}", "if: true ".repeat(2_000)),
        ),
        hostile(
            "1,000 variable definitions",
            Kind::Variables,
            format!("query({}) {{ __typename }}", each(1_000, |i| format!("$v{i}: Int"))),
        ),
    ]
}

/// Against whoever reads arguments and variables.
fn inputs() -> Vec<Hostile> {
    let with = |name, refusal, query: &str, variables| Hostile { variables, ..hostile(name, refusal, query) };
    let ids = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }";
    let create = "mutation($input: CreateClientInput!) { createClient(input: $input) { client { id } } }";
    let deep_json = (0..60).fold(json!(1), |inner, _| json!({ "a": inner }));
    let deep_list = (0..100).fold(json!(1), |inner, _| json!([inner]));
    vec![
        with("a variable of 100,000 elements", Kind::VariableValues, ids, json!({ "ids": vec!["client_0"; 100_000] })),
        with(
            "a variable of a megabyte",
            Kind::VariableValues,
            "query($id: ID!) { node(id: $id) { id } }",
            json!({ "id": "x".repeat(1 << 20) }),
        ),
        with(
            "object keys of a megabyte",
            Kind::VariableBytes,
            create,
            json!({ "input": (0..1_000).map(|i| (format!("{i:01000}"), json!(1))).collect::<serde_json::Map<_, _>>() }),
        ),
        with("an input object sixty deep", Kind::InputDepth, create, json!({ "input": deep_json })),
        with("a list a hundred deep", Kind::InputDepth, ids, json!({ "ids": deep_list })),
        with("an unused deep variable", Kind::InputDepth, "{ __typename }", json!({ "unused": deep_json })),
        with(
            "1,000 variables",
            Kind::Variables,
            "{ __typename }",
            (0..1_000).map(|i| (format!("v{i}"), json!(i))).collect(),
        ),
        Hostile {
            name: "one large variable in many places",
            query: format!(
                "query($f: ClientFilter) {{ {} }}",
                each(20, |_| "clients(filter: $f) { totalCount }".to_owned())
            ),
            variables: json!({ "f": { "or": vec![1; 5_000] } }),
            refusal: Kind::ArgumentValues,
        },
        hostile(
            "a large default in many places",
            Kind::ArgumentValues,
            format!(
                "query($f: [Int] = [{}]) {{ {} }}",
                "1 ".repeat(5_000),
                each(20, |_| "clients(filter: $f) { totalCount }".to_owned())
            ),
        ),
        hostile(
            "an argument eleven deep",
            Kind::InputDepth,
            format!("{{ clients(filter: {}) {{ totalCount }} }}", nest(11, "[", "1", "]")),
        ),
        hostile(
            "a default eleven deep",
            Kind::InputDepth,
            format!("query($f: [Int] = {}) {{ __typename }}", nest(11, "[", "1", "]")),
        ),
        hostile(
            "an argument of 20,000 elements",
            Kind::Tokens,
            format!("{{ nodes(ids: [{}]) {{ id }} }}", "\"\",".repeat(20_000)),
        ),
        hostile(
            "an integer of twenty digits",
            Kind::PageSize,
            format!("{{ clients(first: {}) {{ totalCount }} }}", "9".repeat(20)),
        ),
        hostile(
            "an integer of forty digits",
            Kind::PageSize,
            format!("{{ clients(first: {}) {{ totalCount }} }}", "9".repeat(40)),
        ),
        hostile("an integer of 33 bits", Kind::PageSize, "{ clients(last: 4294967296) { totalCount } }"),
        hostile("a negative integer of 33 bits", Kind::PageSize, "{ clients(first: -4294967296) { totalCount } }"),
        hostile("an exponent", Kind::PageSize, "{ clients(first: 1e300) { totalCount } }"),
        with(
            "a variable of 63 bits",
            Kind::PageSize,
            "query($n: Int) { clients(first: $n) { totalCount } }",
            json!({ "n": i64::MAX }),
        ),
        with(
            "a variable of 64 bits",
            Kind::PageSize,
            "query($n: Int) { clients(first: $n) { totalCount } }",
            json!({ "n": u64::MAX }),
        ),
    ]
}

/// Against the size of the schema.
fn introspection() -> Vec<Hostile> {
    vec![
        hostile(
            "the fields of the types of the fields",
            Kind::IntrospectionDepth,
            "{ __schema { types { fields { type { fields { name } } } } } }",
        ),
        hostile(
            "the same four times over",
            Kind::IntrospectionDepth,
            "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
        ),
        hostile(
            "the possible types of interfaces",
            Kind::IntrospectionDepth,
            "{ __type(name: \"Node\") { possibleTypes { interfaces { possibleTypes { name } } } } }",
        ),
        hostile(
            "arguments of fields of types through a fragment",
            Kind::IntrospectionDepth,
            "{ __schema { types { ...T } } } fragment T on __Type { fields { args { type { ...U } } } } fragment U on __Type { enumValues { name } inputFields { name } }",
        ),
        hostile(
            "the type of every field twenty-five times, and what it wraps as often",
            Kind::Cost,
            format!(
                "{{ __schema {{ types {{ fields {{ {} }} }} }} }} fragment B on __Type {{ {} }} fragment C on __Type {{ description name }}",
                (0..25).map(|n| format!("a{n}: type {{ ...B }}")).collect::<Vec<_>>().join(" "),
                (0..25).map(|n| format!("b{n}: ofType {{ ...C }}")).collect::<Vec<_>>().join(" "),
            ),
        ),
        hostile(
            "ofType forty deep",
            Kind::Nesting,
            format!("{{ __type(name: \"Node\") {{ {} }} }}", nest(40, "ofType {", "name", "}")),
        ),
        hostile(
            "all types seven times",
            Kind::IntrospectionLists,
            format!("{{ {} }}", "__schema { types { fields { args { name } } } } ".repeat(7)),
        ),
        hostile(
            "all types through fragments",
            Kind::IntrospectionLists,
            format!(
                "{{ __schema {{ {} }} }} fragment S on __Schema {{ types {{ fields {{ args {{ name }} }} }} }}",
                "...S ".repeat(7)
            ),
        ),
    ]
}

/// Against the database.
fn prices() -> Vec<Hostile> {
    let with = |name, query: &str, variables| Hostile { variables, ..hostile(name, Kind::Cost, query) };
    let three =
        "clients(first: 100) { nodes { projects(first: 100) { nodes { tasks(first: 100) { nodes { id } } } } } }";
    vec![
        hostile("three full pages in one another", Kind::Cost, format!("{{ {three} }}")),
        hostile(
            "three full pages by edges",
            Kind::Cost,
            "{ clients(first: 100) { edges { node { projects(last: 100) { edges { node { tasks(first: 100) { edges { cursor } } } } } } } } }",
        ),
        hostile(
            "pages out of range",
            Kind::Cost,
            "{ clients(first: 1000000) { nodes { projects(first: -1) { nodes { tasks(first: \"x\") { nodes { id } } } } } } }",
        ),
        with(
            "three full pages by a variable",
            "query($n: Int) { clients(first: $n) { nodes { projects(first: $n) { nodes { tasks(first: $n) { nodes { id } } } } } } }",
            json!({ "n": 100 }),
        ),
        hostile(
            "three full pages by a default",
            Kind::Cost,
            "query($n: Int = 100) { clients(first: $n) { nodes { projects(first: $n) { nodes { tasks(first: $n) { nodes { id } } } } } } }",
        ),
        hostile(
            "three full pages through fragments",
            Kind::Cost,
            "{ clients(first: 100) { ...C } } fragment C on ClientConnection { nodes { projects(first: 100) { ...P } } } \
             fragment P on ProjectConnection { edges { node { tasks(first: 100) { ...T } } } } fragment T on TaskConnection { nodes { id } }",
        ),
        hostile(
            "three pages of forty in one another",
            Kind::Cost,
            "{ clients(first: 40) { nodes { projects(first: 40) { nodes { tasks(first: 40) { nodes { id title } } } } } } }",
        ),
        with(
            "a page for each of 500 ids",
            "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Client { projects(first: 100) { nodes { id } } } } }",
            json!({ "ids": vec!["client_01h455vb4pex5vsknk084sn02q"; 500] }),
        ),
        hostile(
            "twenty full pages at once",
            Kind::Cost,
            format!(
                "{{ {} }}",
                each(20, |i| format!("a{i}: clients(first: 100) {{ nodes {{ {} }} }}", "id ".repeat(30)))
            ),
        ),
    ]
}
