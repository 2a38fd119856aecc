//! Compares the answers to generated queries: which fields are merged, in which order they come, and what is left out.
//!
//! The data is read from our own API, one object and one field at a time; the reference implementation answers from it.

use std::collections::{BTreeMap, BTreeSet};

use apollo_compiler::{
    Schema,
    ast::Type,
    response::JsonValue,
    schema::{ExtendedType, ObjectType},
    validation::Valid,
};
use rand::{Rng as _, SeedableRng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};
use tenantry_domain::Clock;
use tenantry_executor::guard::GuardLimits;
use tenantry_tests::{Session, TestApp};

use crate::{
    FIRST_SEED,
    document::{Argument, Literal, token},
    generate::{Generator, Scope},
    node::{self, Reference},
};

/// Whether the field can be compared: cursors are opaque, entitlements count what the test itself does, a search takes
/// words, and sums over time take days.
fn comparable(_of: &str, field: &str) -> bool {
    !matches!(
        field,
        "cursor" | "startCursor" | "endCursor" | "entitlements" | "search" | "changesCursor" | "revenue" | "taxesDue"
    )
}

fn object<'a>(schema: &'a Schema, ty: &Type) -> Option<&'a ObjectType> {
    match schema.types.get(ty.inner_named_type()) {
        Some(ExtendedType::Object(object)) => Some(object),
        _ => None,
    }
}

fn is_node(schema: &Schema, ty: &Type) -> bool {
    ty.inner_named_type() == "Node"
        || object(schema, ty).is_some_and(|object| object.implements_interfaces.contains("Node"))
}

fn is_connection(ty: &Type) -> bool {
    ty.inner_named_type().ends_with("Connection")
}

/// A selection of all fields of a type: links as ids, and complete lists.
fn everything_of(schema: &Schema, of: &ObjectType) -> String {
    let mut selection = String::from("__typename");
    for (name, field) in &of.fields {
        let given = if is_connection(&field.ty) {
            " NAME(first: 100) { nodes { id } }"
        } else if !comparable(&of.name, name) || field.arguments.iter().any(|argument| argument.is_required()) {
            continue;
        } else if is_node(schema, &field.ty) {
            " NAME { id }"
        } else if let Some(inner) = object(schema, &field.ty) {
            selection.extend([" ", name.as_str(), " { ", &everything_of(schema, inner), " }"]);
            continue;
        } else {
            " NAME"
        };
        selection.push_str(&given.replace("NAME", name));
    }
    selection
}

/// Adds the ids of all links in a value.
fn links(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            // A plan's id is no id of an object.
            if let Some(Value::String(id)) = fields.get("id").filter(|_| !fields.contains_key("isCurrent")) {
                ids.insert(id.clone());
            }
            fields.values().for_each(|value| links(value, ids));
        }
        Value::Array(items) => items.iter().for_each(|item| links(item, ids)),
        _ => {}
    }
}

/// Everything that a session sees: the root fields, and the objects by id.
async fn data_set(schema: &Schema, session: &Session) -> Value {
    let query = schema.get_object("Query").expect("the root");
    let root = session.data(&format!("{{ {} }}", everything_of(schema, query))).await;
    let mut objects: BTreeMap<String, Value> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    links(&root, &mut ids);
    loop {
        let unknown: Vec<&String> = ids.iter().filter(|id| !objects.contains_key(*id)).collect();
        if unknown.is_empty() {
            break;
        }
        let mut by_type: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for some in unknown.chunks(50) {
            let answer = session
                .query("query ($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", json!({"ids": some}))
                .await;
            for node in answer.at("nodes").as_array().expect("a list") {
                // An object that has an id and is not a node is complete where it was found.
                if let (Some(id), Some(of)) = (node["id"].as_str(), node["__typename"].as_str()) {
                    by_type.entry(of.to_owned()).or_default().push(id.to_owned());
                }
            }
            objects.extend(some.iter().map(|id| ((*id).clone(), Value::Null)));
        }
        for (of, all) in by_type {
            let selection = everything_of(schema, schema.get_object(&of).expect("a type of the schema"));
            for some in all.chunks(5) {
                let document =
                    format!("query ($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on {of} {{ {selection} }} }} }}");
                let answer = session.query(&document, json!({"ids": some})).await;
                for node in answer.at("nodes").as_array().expect("a list") {
                    links(node, &mut ids);
                    objects.insert(node["id"].as_str().expect("an id").to_owned(), node.clone());
                }
            }
        }
    }
    objects.retain(|_, object| !object.is_null());
    json!({"root": root, "objects": objects.into_iter().collect::<Map<_, _>>()})
}

/// Queries over a data set: only what can be compared, and only first pages.
pub(crate) fn queries(
    schema: &Valid<Schema>,
    data: &Value,
    seed: u64,
    count: u64,
) -> Vec<(String, Option<String>, Value)> {
    let objects = data["objects"].as_object().expect("objects");
    let mut ids: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, object) in objects {
        ids.entry(object["__typename"].as_str().expect("a type")).or_default().push(id);
        ids.entry("Node").or_default().push(id);
    }
    let arguments = |rng: &mut ChaCha8Rng, of: &str, name: &str| -> Vec<Argument> {
        let Some(field) = schema.get_object(of).and_then(|of| of.fields.get(name)) else {
            return Vec::new();
        };
        if is_connection(&field.ty) {
            return vec![("first".to_owned(), token(["1", "2", "3", "5"].choose(rng).map_or("1", |first| first)))];
        }
        let known = ids.get(field.ty.inner_named_type().as_str()).map(Vec::as_slice).unwrap_or_default();
        let id = |rng: &mut ChaCha8Rng| token(&format!("\"{}\"", known.choose(rng).map_or("", |id| id)));
        match field.arguments.iter().find(|argument| argument.is_required()).map(|argument| argument.name.as_str()) {
            Some("id") => vec![("id".to_owned(), id(rng))],
            Some("ids") => {
                let count = rng.random_range(0..5);
                vec![("ids".to_owned(), Literal::List((0..count).map(|_| id(rng)).collect()))]
            }
            _ => Vec::new(),
        }
    };
    (seed..seed + count)
        .map(|seed| {
            let scope = Scope { schema, may_select: comparable, arguments: Some(&arguments), contradictions: false };
            let made = Generator::new(scope, ChaCha8Rng::seed_from_u64(seed)).document(&["query"]);
            (made.document.write(), made.operation_name, made.variables)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_merged_and_ordered_as_the_reference_implementation_does() {
    let count = std::env::var("TENANTRY_REFERENCE_ANSWERS").map_or(300, |text| text.parse().expect("a number"));
    let seed = std::env::var("TENANTRY_REFERENCE_SEED").map_or(FIRST_SEED, |text| text.parse().expect("a number"));
    println!("TENANTRY_REFERENCE_SEED={seed} TENANTRY_REFERENCE_ANSWERS={count}");
    let sdl = std::fs::read_to_string(node::our_schema()).expect("the schema");
    let schema = Schema::parse_and_validate(sdl, "schema.graphql").unwrap_or_else(|errors| panic!("{errors}"));

    let most = GuardLimits {
        max_cost: u64::MAX / 4,
        max_depth: 50,
        max_aliases: 1_000,
        max_root_fields: 1_000,
        max_directives: 1_000,
        max_selections: 100_000,
        ..GuardLimits::default()
    };
    // Addresses of files have the time in them.
    let clock = Clock::fixed(Clock::system().now());
    let app = TestApp::builder().guard(most).clock(clock).start().await;
    let full = app.full_organization("acme").await;
    let session = app.as_owner(&full.org);
    let data = data_set(&schema, &session).await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), data.to_string()).expect("a file");

    let queries = queries(&schema, &data, seed, count);
    let arguments = ["execute".to_owned(), node::our_schema().display().to_string(), file.path().display().to_string()];
    let Some(mut reference) = Reference::start(&arguments) else {
        return;
    };
    let questions = queries
        .iter()
        .enumerate()
        .map(|(id, (query, operation_name, variables))| json!({"id": id, "query": query, "operationName": operation_name, "variables": variables}))
        .collect();
    let theirs = reference.ask_for_text(questions);

    let mut faults = Vec::new();
    let (mut compared, mut refused) = (0_u64, 0_u64);
    for (index, ((query, operation_name, variables), theirs)) in queries.iter().zip(&theirs).enumerate() {
        let body = json!({"query": query, "operationName": operation_name, "variables": variables});
        let ours = session.send(session.post().json(&body)).await;
        // Parsed into objects that keep their order.
        let read =
            |text: &str| serde_json::from_str::<JsonValue>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let (ours, theirs) = (read(&ours.text), read(theirs));
        let (ours, theirs) = (&ours, &theirs["response"]);
        // Invalid values of variables are generated now and then; the other test compares those refusals.
        if ours.get("data").is_none_or(JsonValue::is_null) && theirs.get("errors").is_some() {
            refused += 1;
            continue;
        }
        // A condition whose variable is null although it has a default: we refuse the request before anything runs,
        // while the reference implementation fails the field when it reaches it.
        if ours["errors"][0]["message"].as_str().is_some_and(|message| message.ends_with("This must be true or false."))
        {
            refused += 1;
            continue;
        }
        compared += 1;
        let (ours, theirs) = (ours["data"].to_string() + &faulty(ours), theirs["data"].to_string() + &faulty(theirs));
        if ours != theirs {
            faults.push(format!(
                "seed {}\n  query     {query}\n  variables {variables}\n  ours      {ours}\n  reference {theirs}",
                seed + index as u64
            ));
        }
    }
    println!("{compared} answers compared, {refused} refused");
    assert!(
        faults.is_empty(),
        "{} differences in {count} answers\n{}",
        faults.len(),
        faults[..faults.len().min(10)].join("\n\n")
    );
    assert!(refused * 5 <= count, "most made-up queries have an answer: {refused} of {count} have none");
}

/// The errors of an answer, if it has any; there should be none.
fn faulty(answer: &JsonValue) -> String {
    answer.get("errors").map(ToString::to_string).unwrap_or_default()
}
