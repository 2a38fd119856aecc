//! The schema: committed as `schema.graphql`, and documented down to the last argument.

use std::path::Path;

use serde_json::Value;
use tenantry_tests::TestApp;

use crate::introspection::{Types, text};

/// If set, the test writes `schema.graphql` instead of comparing with it.
const UPDATE: &str = "TENANTRY_UPDATE_SCHEMA";

#[test]
fn the_committed_schema_is_the_servers() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql");
    let sdl = tenantry_graphql::sdl();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &sdl).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(sdl.lines()).position(|(old, new)| old != new);
    let line = differs.unwrap_or_else(|| committed.lines().count().min(sdl.lines().count()));
    assert!(
        committed == sdl,
        "schema.graphql is not the server's schema from line {} on ({:?} is now {:?}); if that is meant, run `{UPDATE}=1 cargo \
         test -p tenantry-tests schema` and review the difference",
        line + 1,
        committed.lines().nth(line),
        sdl.lines().nth(line),
    );
}

#[tokio::test]
async fn every_element_is_described() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let types = Types::of(&app.as_owner(&org)).await;
    let mut missing = Vec::new();
    let mut look = |path: String, element: &Value| {
        if element["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            missing.push(path);
        }
    };
    // GraphQL's own scalars need no description from us.
    let built_in = ["Boolean", "Float", "ID", "Int", "String"];
    for ty in types.all().filter(|ty| !built_in.contains(&text(&ty["name"]))) {
        let name = text(&ty["name"]);
        look(name.to_owned(), ty);
        for field in ty["fields"].as_array().into_iter().flatten() {
            let path = format!("{name}.{}", text(&field["name"]));
            for arg in field["args"].as_array().into_iter().flatten() {
                look(format!("{path}({})", text(&arg["name"])), arg);
            }
            look(path, field);
        }
        for kind in ["inputFields", "enumValues"] {
            for element in ty[kind].as_array().into_iter().flatten() {
                look(format!("{name}.{}", text(&element["name"])), element);
            }
        }
    }
    assert!(missing.is_empty(), "without a description: {missing:#?}");
}

/// At the root every field may be null: a failure of one does not affect the others.
#[tokio::test]
async fn a_field_that_may_be_null_says_when() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let types = Types::of(&app.as_owner(&org)).await;
    let mut silent = Vec::new();
    let (mut said, is_root) = (0, |name: &str| matches!(name, "Query" | "Mutation"));
    for ty in types.all().filter(|ty| ty["kind"] == "OBJECT" && !is_root(text(&ty["name"]))) {
        for field in ty["fields"].as_array().into_iter().flatten().filter(|field| field["type"]["kind"] != "NON_NULL") {
            if text(&field["description"]).to_lowercase().contains("null") {
                said += 1;
            } else {
                silent.push(format!("{}.{}", text(&ty["name"]), text(&field["name"])));
            }
        }
    }
    assert!(silent.is_empty(), "not said when they are null: {silent:#?}");
    assert!(said > 50, "only {said} fields were looked at");
}

#[tokio::test]
async fn a_mutation_takes_one_input_and_returns_user_errors() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let types = Types::of(&app.as_owner(&org)).await;
    for mutation in types.fields("Mutation") {
        let name = mutation.name();
        let args: Vec<_> = mutation.args().iter().map(|arg| text(&arg["name"]).to_owned()).collect();
        // A mutation that needs no parameters has no input.
        assert!(args.is_empty() || args == ["input"], "{name}: {args:?}");
        let payload = types.fields(mutation.type_name());
        assert!(payload.iter().any(|field| field.name() == "userErrors"), "{name} has no userErrors");
    }
    // The organization comes from the token and from nowhere else. The exception asks for a token for another
    // organization.
    let exceptions = ["SwitchOrganizationInput"];
    for ty in types.all().filter(|ty| ty["kind"] == "INPUT_OBJECT") {
        for input in ty["inputFields"].as_array().unwrap() {
            let names_one = input["name"] == "organizationId";
            assert!(!names_one || exceptions.contains(&text(&ty["name"])), "{}", ty["name"]);
        }
    }
}
