//! Compares our verdicts on requests with those of the reference implementation of GraphQL, for hand-written cases and
//! for generated documents.
//!
//! `TENANTRY_REFERENCE_DOCUMENTS` is the number of generated documents (default 1,500; 10,000 in the long form).
//! `TENANTRY_REFERENCE_SEED` is the seed of the first one; each next document has the next seed. Without it the seeds
//! are always the same, so that a failure is caused by a change and not by chance; `just reference` uses new seeds. Add
//! the seed of a document with a difference to `KEPT`.
#![expect(clippy::expect_used, clippy::panic, reason = "these are tests")]

mod answers;
mod breaking;
mod cases;
mod compare;
mod document;
mod exceptions;
mod generate;
mod node;
mod shrink;
mod subject;

use std::{collections::BTreeMap, path::PathBuf};

use apollo_compiler::{Schema, validation::Valid};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use crate::{
    compare::{Against, Request, Subjects},
    generate::{Generator, Scope},
    node::Reference,
};

/// The seed of the first generated document, unless it is set.
pub(crate) const FIRST_SEED: u64 = 20_250_900;

/// Seeds of documents that once had a difference. They run first.
const KEPT: [u64; 0] = [];

#[test]
fn every_rule_decides_as_the_reference_implementation() {
    let Some(mut reference) = Reference::checking() else {
        return;
    };
    let cases = cases::all();
    let subjects = Subjects::new();
    let answers = reference.ask(cases.iter().enumerate().map(|(id, case)| case.request.question(id)).collect());
    let mut faults = Vec::new();
    for (case, answer) in cases.iter().zip(&answers) {
        if let Err(fault) = case.expected(answer) {
            faults.push(format!("the case is wrong: {fault}\n{}", case.request));
        }
        if let Err(fault) = subjects.compare(&case.request, answer) {
            faults.push(format!("[{}] {fault}", case.section));
        }
    }
    faults.extend(
        exceptions::not_hit().iter().map(|exception| format!("an exception is not needed any more: {exception}")),
    );
    assert!(faults.is_empty(), "{} faults in {} cases\n{}", faults.len(), cases.len(), faults.join("\n\n"));
}

#[test]
fn generated_documents_are_decided_as_by_the_reference_implementation() {
    let Some(mut reference) = Reference::checking() else {
        return;
    };
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
    };
    let count = number("TENANTRY_REFERENCE_DOCUMENTS").unwrap_or(1_500);
    let first = number("TENANTRY_REFERENCE_SEED").unwrap_or(FIRST_SEED);
    println!("TENANTRY_REFERENCE_SEED={first} TENANTRY_REFERENCE_DOCUMENTS={count}");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(path).expect("the schema");
        Schema::parse_and_validate(text, "schema.graphql").unwrap_or_else(|errors| panic!("{errors}"))
    };
    let (ours, wide) = (read(node::our_schema()), read(node::wide_schema()));
    let seeds: Vec<u64> = KEPT.into_iter().chain(first..first + count).collect();
    let requests: Vec<_> = seeds.iter().map(|seed| made_up(&ours, &wide, *seed)).collect();

    let subjects = Subjects::new();
    let answers = reference.ask(requests.iter().enumerate().map(|(id, (_, request))| request.question(id)).collect());
    let mut faults = Vec::new();
    let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut unbroken, mut unbroken_valid) = (0_u32, 0_u32);
    for ((seed, (how, request)), answer) in seeds.iter().zip(&requests).zip(&answers) {
        let stage = compare::stage(&compare::verdict(answer));
        *stages.entry(stage).or_default() += 1;
        if *how == "not broken" {
            unbroken += 1;
            unbroken_valid += u32::from(matches!(stage, "ready" | "variables"));
        }
        if let Err(fault) = subjects.compare(request, answer) {
            // A few are enough to begin with, and shrinking each takes a while.
            let smaller = if faults.len() < 5 { shrink::shrink(request, &subjects, &mut reference) } else { None };
            let smaller = smaller.map(|smaller| format!("\nsmaller:\n{smaller}")).unwrap_or_default();
            faults.push(format!("seed {seed}, {how}: {fault}{smaller}"));
        }
    }
    println!("{stages:?}, {unbroken_valid} of {unbroken} valid as made up");
    assert!(
        faults.is_empty(),
        "{} differences in {count} documents from seed {first}\n{}",
        faults.len(),
        faults.join("\n\n")
    );
    // A generator that only generates nonsense would find nothing.
    if count >= 1_000 {
        assert!(
            unbroken_valid * 10 >= unbroken * 8,
            "most documents are valid before they are broken: {unbroken_valid} of {unbroken}"
        );
        for (stage, least) in [("ready", 25), ("validation", 20), ("syntax", 8), ("variables", 1)] {
            let percent = stages.get(stage).copied().unwrap_or_default() * 100 / requests.len();
            assert!(percent >= least, "{percent} % of the documents end at {stage}");
        }
    }
}

/// The document for a seed, and how it was broken.
fn made_up(ours: &Valid<Schema>, wide: &Valid<Schema>, seed: u64) -> (&'static str, Request) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let against = if rng.random_bool(0.5) { Against::Ours } else { Against::Wide };
    let (schema, kinds): (_, &[&str]) = match against {
        Against::Ours => (ours, &["query", "query", "query", "mutation"]),
        Against::Wide => (wide, &["query", "query", "query", "query", "mutation", "subscription"]),
    };
    let scope = Scope { schema, may_select: |_, _| true, arguments: None, contradictions: true };
    let mut generator = Generator::new(scope, rng);
    let mut made = generator.document(kinds);
    let rng = generator.rng();
    let breaking = rng.random_range(0..20);
    let mut how = "not broken";
    if (8..15).contains(&breaking) {
        how = breaking::break_structure(&mut made.document, rng);
    }
    let mut query = made.document.write();
    if breaking >= 15 {
        how = breaking::break_text(&mut query, rng);
    }
    let variables = if made.variables.is_null() { Value::Object(serde_json::Map::new()) } else { made.variables };
    (how, Request { against, query, operation_name: made.operation_name, variables })
}
