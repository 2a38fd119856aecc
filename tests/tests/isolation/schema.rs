//! Every place in the schema that takes an id is called with an id of another organization and with an unknown one: the
//! answers are exactly the same, and nothing is written. With an own id the call must work, or the equality would mean
//! nothing.

use std::collections::BTreeSet;
use std::time::Instant;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_domain::{Clock, Role};
use tenantry_tests::{FullOrg, TestApp};

use crate::answers::{contrast, is_refused, visible};
use crate::attempt::report;
use crate::calls::Caller;
use crate::ids::{Place, Schema};
use crate::kinds::{Kind, own, unknown};
use crate::tables::prints;

/// Places where a foreign id may be answered differently than an unknown one, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// Mutations that write nothing, and what they do instead.
const WRITES_NOTHING: &[(&str, &str)] = &[("switchOrganization", "it signs a token")];

/// A server for which time stands still, because addresses of files have the time in them.
pub(crate) async fn still() -> TestApp {
    let clock = Clock::fixed(Clock::system().now());
    TestApp::builder().clock(clock).live().start().await
}

/// The places of the schema with the kind of id that each takes.
fn places(schema: &Schema) -> Vec<(Place, Kind)> {
    let places = schema.places();
    let unclear: Vec<String> =
        places.iter().filter(|place| Kind::of(schema, place).is_none()).map(Place::name).collect();
    assert!(unclear.is_empty(), "nobody has said what kind of id these take (`NAMES` in kinds.rs): {unclear:#?}");
    assert!(places.len() >= 60, "the schema has only {} places that take an id", places.len());
    places.into_iter().filter_map(|place| Kind::of(schema, &place).map(|kind| (place, kind))).collect()
}

/// An id alone, and in a list after an own one where the place takes a list.
fn shapes(place: &Place, own: &str, id: &str) -> Vec<Value> {
    if place.is_list { vec![json!([id]), json!([own, id])] } else { vec![json!(id)] }
}

/// The results of calling every place with foreign and with unknown ids.
#[derive(Default)]
pub(crate) struct Comparison {
    /// The places where the two can be distinguished, or where something was written, and what was seen.
    pub(crate) faults: Vec<(String, String)>,
    calls: usize,
    summary: String,
}

/// Calls the places accepted by `which` with foreign and with unknown ids, as several members of the first
/// organization.
pub(crate) async fn compare(
    app: &TestApp,
    ours: &FullOrg,
    theirs: &FullOrg,
    which: impl Fn(&Place) -> bool,
) -> Comparison {
    let schema = Schema::of(&app.as_owner(&ours.org)).await;
    let places: Vec<_> = places(&schema).into_iter().filter(|(place, _)| which(place)).collect();
    let sessions = [
        ("owner", app.as_owner(&ours.org)),
        ("member", app.sign_in(&ours.org, &ours.ada)),
        ("guest", app.as_role(&ours.org, Role::Guest).await),
    ];
    let mut before = prints(app).await;
    let mut found = Comparison::default();
    for (place, kind) in &places {
        let own = own(ours, &place.field, place.argument(), kind);
        let call = Caller { schema: &schema, of: ours }.call(place);
        let roles = sessions.iter().map(async |(role, session)| {
            let (mut calls, mut faults) = (0, Vec::new());
            let mut foreign_ids = kind.all(theirs);
            // The owner, who sees everything of their own organization, tries every id of the other. The other roles
            // see different things of their own organization, and try one id of each kind. So does a filter in a filter.
            if *role != "owner" || place.is_about_linked() {
                let mut tried = BTreeSet::new();
                foreign_ids.retain(|id| tried.insert(id.rsplit_once('_').unwrap().0.to_owned()));
            }
            for foreign in foreign_ids {
                let nothing = unknown(&foreign);
                for (theirs, nobodys) in shapes(place, &own, &foreign).iter().zip(shapes(place, &own, &nothing)) {
                    let answer = call.with(session, theirs).await;
                    let expected = call.with(session, &nobodys).await;
                    calls += 2;
                    let tells = answer.text.contains("theirs");
                    let (seen, expected) = (visible(&answer, &foreign), visible(&expected, &nothing));
                    if seen != expected || tells {
                        faults.push((place.name(), format!("by a {role}: {}", contrast(&seen, &expected))));
                    }
                }
            }
            (calls, faults)
        });
        for (calls, faults) in join_all(roles).await {
            found.calls += calls;
            found.faults.extend(faults);
        }
        if place.is_mutation() {
            let after = prints(app).await;
            if after != before {
                found.faults.push((place.name(), "something was written".to_owned()));
                before = after;
            }
        }
    }
    if prints(app).await != before {
        found.faults.push(("reads".to_owned(), "something was written".to_owned()));
    }
    let mutations = places.iter().filter(|(place, _)| place.is_mutation()).count();
    found.summary = format!(
        "{} fields walked, {} places that take an id ({mutations} in mutations) × {} roles = {} calls",
        schema.field_count(),
        places.len(),
        sessions.len(),
        found.calls
    );
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_id_answers_like_an_unknown_one_everywhere() {
    let begun = Instant::now();
    let app = still().await;
    let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
    let found = compare(&app, &ours, &theirs, |_| true).await;
    let excepted = |name: &str| EXCEPTIONS.iter().any(|(exception, _)| *exception == name);
    let faults: Vec<_> = found.faults.iter().filter(|(name, _)| !excepted(name)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let stale = |name: &str| found.faults.iter().all(|(fault, _)| fault != name);
    let stale: Vec<_> = EXCEPTIONS.iter().filter(|(name, _)| stale(name)).collect();
    assert!(stale.is_empty(), "no exceptions any more, so strike them: {stale:?}");
    report(&found.summary, begun.elapsed());
}

#[tokio::test]
async fn an_own_id_works_wherever_an_id_is_read() {
    let begun = Instant::now();
    let app = still().await;
    let ours = app.full_organization("ours").await;
    let session = app.as_owner(&ours.org);
    let schema = Schema::of(&session).await;
    let caller = Caller { schema: &schema, of: &ours };
    let (mut faults, mut calls) = (Vec::new(), 0);
    let reads = places(&schema).into_iter().filter(|(place, _)| !place.is_mutation() && !place.is_always_true());
    for (place, kind) in reads {
        let call = caller.call(&place);
        let own = own(&ours, &place.field, place.argument(), &kind);
        let nothing = unknown(&own);
        let found = call.with(&session, &shapes(&place, &own, &own)[0]).await;
        let missed = call.with(&session, &shapes(&place, &own, &nothing)[0]).await;
        calls += 2;
        if is_refused(&found) || visible(&found, &own) == visible(&missed, &nothing) {
            faults.push(format!("{}: {}", place.name(), found.text));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    report(&format!("{calls} reads with an own id and with none"), begun.elapsed());
}

#[tokio::test]
async fn an_own_id_works_wherever_an_id_is_written() {
    let begun = Instant::now();
    let app = still().await;
    let schema = Schema::of(&app.as_owner(&app.organization("first").create().await)).await;
    let mut faults = Vec::new();
    let places: Vec<_> = places(&schema).into_iter().filter(|(place, _)| place.is_mutation()).collect();
    for (n, (place, kind)) in places.iter().enumerate() {
        // Each in an organization of its own, because one call may delete what another one needs.
        let ours: FullOrg = app.full_organization(&format!("org-{n}")).await;
        let session = app.as_owner(&ours.org);
        let caller = Caller { schema: &schema, of: &ours };
        let own = own(&ours, &place.field, place.argument(), kind);
        let before = prints(&app).await;
        let answer = caller.call(place).with(&session, &shapes(place, &own, &own)[0]).await;
        let writes = !WRITES_NOTHING.iter().any(|(mutation, _)| *mutation == place.field);
        if is_refused(&answer) || (prints(&app).await != before) != writes {
            faults.push(format!("{}: {}", place.name(), answer.text));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    report(&format!("{} writes with an own id", places.len()), begun.elapsed());
}
