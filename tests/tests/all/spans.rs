//! The spans of a request: what its time goes into. They are there for whoever traces at the level of debugging, and never hold
//! what the caller sent.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;
use tenantry_tests::TestApp;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// A span of ours: its name, that of the span in which it began, and its fields.
#[derive(Debug, Clone)]
struct Span {
    name: &'static str,
    parent: Option<&'static str>,
    fields: Vec<(&'static str, String)>,
}

impl Span {
    fn number(&self, field: &str) -> usize {
        self.fields.iter().find(|(name, _)| *name == field).unwrap().1.parse().unwrap()
    }
}

impl Visit for Span {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.fields.push((field.name(), format!("{value:?}")));
    }
}

/// Collects the spans of one thread.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

impl Spans {
    fn take(&self) -> Vec<Span> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let metadata = attributes.metadata();
        if !metadata.target().starts_with("tenantry_") {
            return;
        }
        assert_eq!(*metadata.level(), Level::DEBUG, "{}", metadata.name());
        let parent = context.span(id).and_then(|span| span.parent()).map(|parent| parent.name());
        let mut span = Span { name: metadata.name(), parent, fields: Vec::new() };
        attributes.record(&mut span);
        self.0.lock().push(span);
    }
}

#[tokio::test]
async fn a_request_shows_its_preparation_its_mutations_and_its_round_trips() {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    // The server runs on the test's own thread.
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let query = "{ clients(first: 2) { nodes { name projects(first: 2) { nodes { name } } } } }";
    let mutation = "mutation($input: CreateClientInput!) { first: createClient(input: $input) { client { id } }
        second: createClient(input: $input) { client { projects { nodes { id } } } } }";
    owner.create_client("Ada").await;
    // From the second on, what opens a scope travels with the first statement.
    owner.data(query).await;
    spans.take();

    owner.data(query).await;
    let of_query = spans.take();
    let names: Vec<_> = of_query.iter().map(|span| (span.parent, span.name)).collect();
    let request = Some("graphql.request");
    assert_eq!(names[..2], [(None, "graphql.request"), (request, "graphql.prepare")]);
    assert_eq!(names[2..], [(request, "db.round_trip"); 2], "one for each level");
    assert!(of_query[2].number("statements") > 1, "{of_query:#?}");
    assert_eq!(of_query[3].number("statements"), 1);

    owner.query(mutation, json!({ "input": { "name": "Somebody's secret" } })).await.expect_data();
    let of_mutation = spans.take();
    let fields: Vec<_> = of_mutation.iter().filter(|span| span.name == "graphql.mutation").collect();
    assert_eq!(fields.len(), 2, "{of_mutation:#?}");
    for field in fields {
        assert_eq!(field.parent, request);
        assert_eq!(field.fields, [("field", "\"createClient\"".to_owned())]);
    }
    let trips = |parent| of_mutation.iter().filter(move |span| span.name == "db.round_trip" && span.parent == parent);
    assert!(trips(Some("graphql.mutation")).count() >= 4, "each writes and commits: {of_mutation:#?}");
    // Reads serve whoever waits for them, so they are the request's.
    assert_eq!(trips(request).count(), 1, "{of_mutation:#?}");

    let all = of_query.iter().chain(&of_mutation);
    for (name, value) in all.flat_map(|span| &span.fields) {
        assert!(["request_id", "field", "statements"].contains(name), "{name}");
        assert!(!value.contains("secret"), "{name}: {value}");
    }
}
