//! The crate map is the architecture: which of our crates may depend on which.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::introspection::text;

/// The dependencies that each crate may have, the lowest layer first.
const ALLOWED: &[(&str, &[&str])] = &[
    ("domain", &["noun"]),
    ("devdb", &["domain"]),
    ("token", &["domain"]),
    // The storage of files knows keys and bytes, and no row.
    ("files", &["domain"]),
    ("stripe", &["domain"]),
    // For the database address, which all commands parse the same way.
    ("migration", &["wire"]),
    ("wire", &[]),
    // The derive that declares a noun.
    ("noun", &[]),
    ("store", &["wire", "domain"]),
    ("seed", &["store", "domain"]),
    // The Stripe crate knows only Stripe's messages; billing decides what they mean for an organization.
    ("billing", &["stripe", "store", "domain"]),
    ("service", &["billing", "store", "files", "domain"]),
    // What executes requests reads rows, and knows neither nouns nor use cases.
    ("executor", &["store", "domain"]),
    // The store for plain reads; billing for what a client may ask before acting.
    ("graphql", &["executor", "service", "billing", "store", "files", "domain"]),
    // The files of the explorer.
    ("explorer", &[]),
    // The server puts the parts together at its start, so it names them all.
    (
        "server",
        &[
            "graphql",
            "explorer",
            "service",
            "billing",
            "store",
            "files",
            "domain",
            "migration",
            "token",
            "stripe",
            "devdb",
            "seed",
        ],
    ),
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
    ("files", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("devdb", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    // The driver knows no tenant, and the store uses no other driver.
    ("wire", &["sea-orm", "sqlx", "async-graphql", "axum", "hyper"]),
    ("store", &["sqlx", "async-graphql", "axum", "hyper"]),
    ("seed", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("billing", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("service", &["sea-orm", "sqlx", "async-graphql", "axum"]),
    ("executor", &["sea-orm", "sqlx", "axum", "hyper"]),
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

/// The sources of the executor that hold documents of a schema, which name its fields.
const DOCUMENTS: &[&str] = &["guard/hostile.rs", "guard/tests"];

/// Every file of Rust below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The nouns: what has a module of its name both in the domain and in the store.
fn nouns(crates: &Path) -> BTreeSet<String> {
    let modules = |name: &str| {
        // A module is a file, or a folder with a `mod.rs`.
        let module = |file: PathBuf| {
            let is_folder = file.file_name().is_some_and(|name| name == "mod.rs");
            let named = if is_folder { file.parent().unwrap() } else { &file };
            named.file_stem().unwrap().to_str().unwrap().to_owned()
        };
        sources(&crates.join(name).join("src")).into_iter().map(module).collect::<BTreeSet<_>>()
    };
    let domain = fs::read_to_string(crates.join("domain/src/lib.rs")).unwrap();
    let store = fs::read_to_string(crates.join("store/src/lib.rs")).unwrap();
    let is_public = |noun: &String| [&domain, &store].iter().all(|lib| lib.contains(&format!("pub mod {noun};")));
    modules("domain").intersection(&modules("store")).filter(|noun| is_public(noun)).cloned().collect()
}

/// The names in a text of Rust.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Whether a name is that of a noun's type, such as `Client`, `ClientId` or `ClientStatus`.
fn is_type_of(word: &str, noun: &str) -> bool {
    let Some((first, rest)) = noun.split_at_checked(1) else { return false };
    let behind = word.strip_prefix(&first.to_uppercase()).and_then(|word| word.strip_prefix(rest));
    behind.is_some_and(|behind| behind.chars().next().is_none_or(char::is_uppercase))
}

#[test]
fn the_executor_knows_no_noun() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    let nouns = nouns(&crates);
    assert!(["client", "invoice", "task", "organization"].iter().all(|noun| nouns.contains(*noun)), "{nouns:?}");
    let folder = crates.join("executor/src");
    let mut wrong = Vec::new();
    let mut read = 0;
    for file in sources(&folder) {
        let name = file.strip_prefix(&folder).unwrap();
        if DOCUMENTS.iter().any(|documents| name.starts_with(documents)) {
            continue;
        }
        read += 1;
        let text = fs::read_to_string(&file).unwrap();
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let types = words(&code).filter(|word| nouns.iter().any(|noun| is_type_of(word, noun)));
        // A module is named in the path, or in the list, behind the crate that it is in.
        let paths = code.split("tenantry_").skip(1).map(|path| path.split([';', '(', ')', '<', '>']).next().unwrap());
        let modules = paths.flat_map(words).filter(|word| nouns.contains(*word));
        wrong.extend(types.chain(modules).map(|word| format!("{}: {word}", name.display())));
    }
    assert!(read > 30, "{read}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
