//! The crate map is the architecture: which of our crates may depend on which.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::introspection::text;

/// The dependencies that each crate may have, the lowest layer first.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("devdb", &["domain"]),
    ("token", &["domain"]),
    ("stripe", &["domain"]),
    // For the database address, which all commands parse the same way.
    ("migration", &["wire"]),
    ("wire", &[]),
    ("store", &["wire", "domain"]),
    ("seed", &["store", "domain"]),
    // The Stripe crate knows only Stripe's messages; billing decides what they mean for an organization.
    ("billing", &["stripe", "store", "domain"]),
    ("service", &["billing", "store", "domain"]),
    // The store for plain reads; billing for what a client may ask before it acts.
    ("graphql", &["service", "billing", "store", "domain"]),
    // The server assembles all parts at its start, so it depends on all of them.
    ("server", &["graphql", "service", "billing", "store", "domain", "migration", "token", "stripe", "devdb", "seed"]),
];

/// Crates that measure or test the others from outside; nothing may depend on them.
const OUTSIDE: &[&str] = &["tests", "bench"];

/// What any crate's own tests may use to get a migrated database.
const FOR_TESTS: &[&str] = &["devdb", "migration"];

/// External crates that a crate must not depend on: no I/O in the domain, no GraphQL and no HTTP below their layers, no
/// SQL above its layer.
const FOREIGN: &[(&str, &[&str])] = &[
    ("domain", &["sea-orm", "sqlx", "async-graphql", "axum", "tokio", "reqwest", "hyper"]),
    ("token", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("devdb", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    // The driver knows no tenant, and the store uses no other driver.
    ("wire", &["sea-orm", "sqlx", "async-graphql", "axum", "hyper"]),
    ("store", &["sqlx", "async-graphql", "axum", "hyper"]),
    ("seed", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("billing", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("service", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("graphql", &["sea-orm", "sqlx", "axum", "hyper"]),
    ("server", &["sea-orm", "sqlx"]),
];

fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// A crate's name without our prefix, if it is ours.
fn ours(name: &str) -> Option<&str> {
    name.strip_prefix("tenantry-")
}

#[test]
fn our_crates_depend_on_each_other_only_downwards() {
    let packages = packages();
    let mut wrong = Vec::new();
    for package in &packages {
        let name = ours(text(&package["name"])).expect("a crate of the workspace is one of ours");
        if OUTSIDE.contains(&name) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
            panic!("say what the new crate {name} may depend on")
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let Some(target) = ours(text(&dependency["name"])) else { continue };
            let for_tests = dependency["kind"] == "dev" && FOR_TESTS.contains(&target);
            if !allowed.contains(&target) && !for_tests && target != name {
                wrong.push(format!("{name} -> {target} ({})", dependency["kind"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let found: BTreeSet<_> = packages.iter().filter_map(|package| ours(text(&package["name"]))).collect();
    for (name, _) in ALLOWED {
        assert!(found.contains(name), "there is no crate {name} any more");
    }
}

#[test]
fn no_crate_knows_what_belongs_to_another_layer() {
    for package in packages() {
        let name = ours(text(&package["name"])).unwrap().to_owned();
        let Some((_, foreign)) = FOREIGN.iter().find(|(known, _)| *known == name) else { continue };
        for dependency in package["dependencies"].as_array().unwrap() {
            let target = text(&dependency["name"]);
            let is_normal = dependency["kind"].is_null();
            assert!(!(is_normal && foreign.contains(&target)), "{name} depends on {target}");
        }
    }
}
