//! The table of mutations is complete: a new mutation without a permission entry fails this test.

use std::collections::BTreeSet;

use tenantry_tests::TestApp;

use crate::matrix;

#[tokio::test]
async fn every_mutation_of_the_schema_has_a_permission_entry() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let data = app.as_owner(&org).data("{ __schema { mutationType { fields { name } } } }").await;
    let fields = data["__schema"]["mutationType"]["fields"].as_array().expect("fields").clone();
    let offered: BTreeSet<String> =
        fields.iter().map(|field| field["name"].as_str().expect("a name").to_owned()).collect();
    let listed: BTreeSet<String> = matrix::mutations().into_iter().map(|(name, _)| name).collect();
    let missing: Vec<&String> = offered.difference(&listed).collect();
    assert!(missing.is_empty(), "mutations without an entry in docs/permissions.md: {missing:?}");
    let stale: Vec<&String> = listed.difference(&offered).collect();
    assert!(stale.is_empty(), "entries in docs/permissions.md for mutations that are not there: {stale:?}");
}
