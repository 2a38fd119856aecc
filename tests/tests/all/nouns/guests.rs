//! What a guest finds of each noun: the fields that say so, of the rows that were granted; and no way around that.

use serde_json::{Value, json};
use tenantry_domain::noun::{ALL, Access, Declared, Given, Kind, Placement};
use tenantry_domain::permission::{Decision, Place, decide};
use tenantry_domain::{Grant, Role};
use tenantry_tests::TestApp;

use super::{field, key, rooted, selection};

#[tokio::test]
async fn a_guest_finds_the_fields_that_are_declared_for_guests_and_no_others() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let (owner, guest) = (app.as_owner(&full.org), app.sign_in(&full.org, &full.guest));
    let (mut seen, mut hidden) = (0, 0);
    for noun in rooted() {
        let info = noun.info;
        let fields = noun.fields();
        let selected: Vec<String> = fields.iter().filter_map(|field| selection(field)).collect();
        let document =
            format!("{{ list: {}(first: 100) {{ totalCount nodes {{ {} }} }} }}", info.list, selected.join(" "));
        let (whole, found) = (owner.data(&document).await, guest.data(&document).await);
        if !info.guests {
            assert_eq!(found["list"], json!({ "totalCount": 0, "nodes": [] }), "{}", info.list);
            continue;
        }
        if matches!(info.placement, Placement::User { .. }) {
            // These are the owner's, which no other user sees.
            assert_eq!(found["list"], json!({ "totalCount": 0, "nodes": [] }), "{}", info.list);
            continue;
        }
        let rows = found["list"]["nodes"].as_array().unwrap();
        // The guest's grant is on a project, which shows no workspace.
        assert!(
            !rows.is_empty() || info.name == "Workspace",
            "the guest sees no {}: the test shows nothing",
            info.list
        );
        for row in rows {
            let whole =
                whole["list"]["nodes"].as_array().unwrap().iter().find(|whole| whole["id"] == row["id"]).unwrap();
            for field in fields.iter().filter(|field| selection(field).is_some()) {
                let (found, expected) = (&row[key(field)], &whole[key(field)]);
                let what = format!("{}.{}: {found} of {expected}", info.name, field.api);
                if field.access == Access::Members {
                    assert!(found.is_null(), "{what}");
                    hidden += usize::from(!expected.is_null());
                } else if field.name == "updated_at" && info.hides_from_guests {
                    assert_eq!(found, &row["createdAt"], "{what}");
                } else if field.link.is_none() && (info.name, field.name) != ("Member", "email") {
                    assert_eq!(found, expected, "{what}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 50 && hidden > 3, "{seen} seen, {hidden} hidden");
}

#[tokio::test]
async fn a_guest_cannot_look_for_what_it_does_not_see() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let guest = app.sign_in(&full.org, &full.guest);
    let mut tried = 0;
    for noun in rooted().filter(|noun| noun.info.guests) {
        for condition in noun.conditions() {
            let hides =
                noun.fields().iter().any(|field| field.name == condition.field && field.access == Access::Members);
            if !hides {
                continue;
            }
            let about = field(noun, condition.field);
            let Kind::Enum(info) = about.kind else { panic!("say how {} is looked for", condition.api) };
            for value in info.values {
                let filter = format!("{{ {}: [{}] }}", condition.api, value.text.to_ascii_uppercase());
                let document =
                    format!("{{ list: {}(filter: {filter}) {{ totalCount nodes {{ id }} }} }}", noun.info.list);
                let found: Value = guest.data(&document).await;
                assert_eq!(
                    found["list"],
                    json!({ "totalCount": 0, "nodes": [] }),
                    "{} by {}",
                    noun.info.list,
                    condition.api
                );
                tried += 1;
            }
        }
        for sort in noun.sorts() {
            let hides = sort.fields.iter().any(|name| field(noun, name).access == Access::Members);
            assert!(!hides, "a list by {} would tell guests what they do not see", sort.name);
        }
    }
    assert!(tried > 0);
}

/// Else a guest would overwrite what it cannot read.
#[test]
fn a_guest_gives_no_field_that_it_does_not_see() {
    let places = Grant::ALL.iter().map(|grant| Place { is_private: true, grant: Some(*grant) });
    let writes = |place| move |noun: &&Declared| decide(Role::Guest, noun.info.write, place) == Decision::Allowed;
    let written: Vec<_> = places.flat_map(|place| ALL.iter().filter(writes(place))).collect();
    assert!(!written.is_empty(), "guests write no noun: the test shows nothing");
    for noun in written {
        for field in noun.fields() {
            let hidden = field.access == Access::Members && field.given != Given::Never;
            assert!(!hidden, "guests write {}, and {} is hidden from them", noun.info.plural, field.api);
        }
    }
}
