//! Every field of every noun that has the mutations that all nouns have: created, changed, cleared, out of bounds, out of date.

use serde_json::{Map, Value, json};
use tenantry_domain::noun::{Access, Declared, FieldInfo, Given, Kind, Link, OnDelete, Rule};
use tenantry_tests::{Answer, FullOrg, Session, TestApp};

use super::values::{given, shown};
use super::{key, rooted, selection};
use crate::introspection::{Types, text};

/// What one noun is written with.
struct Writer<'a> {
    noun: &'static Declared,
    full: &'a FullOrg,
    session: Session,
    selection: String,
}

impl Writer<'_> {
    async fn send(&self, verb: &str, input: Value) -> Answer {
        let info = self.noun.info;
        let selection = match verb {
            "delete" => format!("deleted{}Id", info.name),
            _ => format!("{} {{ {} }}", info.api, self.selection),
        };
        self.session.mutate(&format!("{verb}{}", info.name), input, &selection).await
    }

    fn inputs(&self, on_creation: bool) -> Vec<&'static FieldInfo> {
        let takes = |field: &&FieldInfo| match field.given {
            Given::Always => true,
            Given::Once => on_creation,
            Given::Never => false,
        };
        // What is below another row of its kind has rules of its own, and so has what is of an invoice.
        // The project of a transaction is one of its client, or of none.
        let is_free = |field: &&FieldInfo| {
            let has_rules = self.noun.info.name == "Transaction" && field.api == "projectId";
            let is_free = |link: Link| link.table != self.noun.info.table && link.noun != "Invoice" && !has_rules;
            field.link.is_none_or(is_free)
        };
        self.noun.fields().into_iter().filter(takes).filter(is_free).collect()
    }

    fn filled(&self, fields: &[&'static FieldInfo], variant: usize) -> Map<String, Value> {
        fields.iter().map(|field| (field.api.to_owned(), given(self.full, field, variant))).collect()
    }

    /// A row of the first variant.
    async fn create(&self) -> Value {
        let input = self.filled(&self.inputs(true), 1);
        let answer = self.send("create", Value::Object(input.clone())).await;
        let row = answer.expect_done().clone();
        self.expect(&row, &input, "created");
        row
    }

    /// Asserts that a row has what was given.
    fn expect(&self, row: &Value, given: &Map<String, Value>, how: &str) {
        for field in self.noun.fields() {
            if let (Some(given), Some(_)) = (given.get(field.api), selection(field)) {
                assert_eq!(row[key(field)], shown(field, given), "{}.{} {how}", self.noun.info.name, field.api);
            }
        }
    }
}

/// Runs a test on every noun that has the three mutations; tells how many there are.
async fn each(test: impl AsyncFn(&TestApp, Writer<'_>)) -> usize {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    app.sql("UPDATE billing.organization_billing SET plan = 'enterprise'").await;
    let session = app.as_owner(&full.org);
    let mutations = Types::of(&session).await;
    let mutations: Vec<String> = mutations.fields("Mutation").iter().map(|field| field.name().to_owned()).collect();
    let mut tested = 0;
    for noun in rooted() {
        let name = noun.info.name;
        // Nouns whose mutations are written by hand, or that have none, have tests of their own.
        let by_hand = ["Activity", "Attachment", "Invoice", "Member"].contains(&name);
        let has_all = ["create", "update", "delete"].iter().all(|verb| mutations.contains(&format!("{verb}{name}")));
        assert!(by_hand || has_all, "{name} has not the three mutations");
        if by_hand {
            continue;
        }
        let selected: Vec<String> = noun.fields().into_iter().filter_map(selection).collect();
        let session = app.as_owner(&full.org);
        test(&app, Writer { noun, full: &full, session, selection: selected.join(" ") }).await;
        tested += 1;
    }
    tested
}

#[tokio::test]
async fn every_field_is_written_and_read_back() {
    let tested = each(async |app, writer: Writer<'_>| {
        let row = writer.create().await;
        let fields = writer.inputs(false);
        // One after the other: each is changed, and nothing else.
        let mut now: Map<String, Value> = writer.filled(&writer.inputs(true), 1);
        for field in &fields {
            let value = given(writer.full, field, 2);
            if now[field.api] == value {
                continue;
            }
            let input = json!({ "id": row["id"], field.api: value });
            // Dates are kept in order: a change of one alone may be refused, and both together are changed below.
            let answer = writer.send("update", input).await;
            if !answer.user_errors().is_empty() {
                assert!(matches!(field.kind, Kind::Date | Kind::Money), "{}: {}", field.api, answer.text);
                continue;
            }
            now.insert(field.api.to_owned(), value);
            writer.expect(answer.expect_done(), &now, "after a change of one field");
        }
        let mut all = writer.filled(&fields, 3);
        let expected = all.clone();
        all.insert("id".to_owned(), row["id"].clone());
        writer.expect(
            writer.send("update", Value::Object(all)).await.expect_done(),
            &expected,
            "after a change of all",
        );
        let node =
            format!("{{ node(id: {}) {{ ... on {} {{ {} }} }} }}", row["id"], writer.noun.info.name, writer.selection);
        writer.expect(&writer.session.data(&node).await["node"], &expected, "read back");
        // What may be empty is cleared, and what may not is refused, each by its name.
        for field in &fields {
            let answer = writer.send("update", json!({ "id": row["id"], field.api: null })).await;
            if field.nullable {
                assert_eq!(answer.expect_done()[key(field)], Value::Null, "{} cleared", field.api);
            } else {
                answer.expect_refused(&[("REQUIRED", field.api)]);
            }
        }
        writer.send("delete", json!({ "id": row["id"] })).await.expect_done();
        writer.send("delete", json!({ "id": row["id"] })).await.expect_refused(&[("NOT_FOUND", "id")]);
        let uuid = tenantry_domain::typeid::split(text(&row["id"])).unwrap().1;
        let left = format!("SELECT count(*) FROM {} WHERE id = '{uuid}'", writer.noun.info.table);
        assert_eq!(app.number(&left).await, 0);
    })
    .await;
    assert!(tested >= 3, "{tested}");
}

#[tokio::test]
async fn every_bound_is_told_of_by_its_field() {
    each(async |_, writer: Writer<'_>| {
        let row = writer.create().await;
        for field in writer.inputs(false) {
            let (value, code) = match field.rule {
                Rule::Text(max) | Rule::Prose(max) => (json!("x".repeat(max + 1)), "TOO_LONG"),
                Rule::Email => (json!("nobody"), "INVALID"),
                Rule::Url => (json!("ftp://example.test"), "INVALID"),
                Rule::Country => (json!("XX"), "INVALID"),
                Rule::Color => (json!("red"), "INVALID"),
                Rule::NotNegative => (json!({ "amount": "-1", "currency": "EUR" }), "OUT_OF_RANGE"),
                // Several values are no column.
                Rule::Any | Rule::Many(_) => continue,
            };
            // Of the currency of the row's other amounts.
            let mut input = writer.filled(&writer.inputs(true), 3);
            input.insert(field.api.to_owned(), value.clone());
            writer.send("create", Value::Object(input)).await.expect_refused(&[(code, field.api)]);
            writer
                .send("update", json!({ "id": row["id"], field.api: value }))
                .await
                .expect_refused(&[(code, field.api)]);
        }
    })
    .await;
}

/// `new Date(time).toISOString()`.
fn as_javascript_writes(time: &str) -> String {
    let time = chrono::DateTime::parse_from_rfc3339(time).unwrap().to_utc();
    time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[tokio::test]
async fn a_row_that_has_changed_since_is_left_alone() {
    each(async |_, writer: Writer<'_>| {
        let row = writer.create().await;
        let some = writer.inputs(false)[0];
        let past = "2020-01-01T00:00:00Z";
        for verb in ["update", "delete"] {
            let mut input = json!({ "id": row["id"], "expectedUpdatedAt": past });
            if verb == "update" {
                input[some.api] = given(writer.full, some, 2);
            }
            writer.send(verb, input.clone()).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
            input["expectedUpdatedAt"] = row["updatedAt"].clone();
            if verb == "update" {
                let changed = writer.send(verb, input).await.expect_done()["updatedAt"].clone();
                assert!(text(&changed) > text(&row["updatedAt"]), "{}", writer.noun.info.name);
                // As JavaScript's `Date` keeps them: without microseconds, they still tell the versions apart.
                let with = |version: &Value, n| {
                    let version = json!(as_javascript_writes(text(version)));
                    json!({ "id": row["id"], "expectedUpdatedAt": version, some.api: given(writer.full, some, n) })
                };
                let stale = writer.send(verb, with(&row["updatedAt"], 1)).await;
                stale.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
                writer.send(verb, with(&changed, 1)).await.expect_done();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_reference_to_nothing_names_its_field() {
    each(async |_, writer: Writer<'_>| {
        let row = writer.create().await;
        for field in writer.inputs(false) {
            let Some(link) = field.link else { continue };
            let known = given(writer.full, field, 1);
            let unknown = format!("{}_01h455vb4pex5vsknk084sn02q", text(&known).split_once('_').unwrap().0);
            let answer = writer.send("update", json!({ "id": row["id"], field.api: unknown })).await;
            answer.expect_refused(&[("NOT_FOUND", field.api)]);
            let mut input = writer.filled(&writer.inputs(true), 4);
            input.insert(field.api.to_owned(), json!(unknown));
            let answer = writer.send("create", Value::Object(input)).await;
            answer.expect_refused(&[("NOT_FOUND", field.api)]);
            let _ = link;
        }
    })
    .await;
}

#[tokio::test]
async fn what_links_to_a_deleted_row_is_unlinked_and_says_when() {
    for target in rooted() {
        let name = target.info.name;
        let links = |noun: &&Declared| -> Vec<&'static FieldInfo> {
            let hits = |field: &&FieldInfo| {
                field.link.is_some_and(|link| link.table == target.info.table && link.on_delete == OnDelete::Unlink)
            };
            noun.fields().into_iter().filter(hits).collect()
        };
        let linked: Vec<(&Declared, &FieldInfo)> = tenantry_domain::noun::ALL
            .iter()
            .flat_map(|noun| links(&noun).into_iter().map(move |field| (noun, field)))
            .collect();
        if linked.is_empty() {
            continue;
        }
        let app = TestApp::start().await;
        let full = app.full_organization("acme").await;
        let owner = app.as_owner(&full.org);
        let (id, user) = (full.sample(name).unwrap(), full.ada.user_id.as_uuid());
        let uuid = tenantry_domain::typeid::split(&id).unwrap().1;
        let mut before = Vec::new();
        for (noun, field) in &linked {
            let key = if field.link.unwrap().key == "id" { uuid } else { user };
            let (table, column) = (noun.info.table, field.own_column().unwrap());
            let rows = app.texts(&format!("SELECT id::text FROM {table} WHERE {column} = '{key}'")).await;
            assert!(!rows.is_empty(), "no {table} links to a {name} by {column}: the test shows nothing");
            before.push((table, column, rows));
        }
        let (mutation, selection) = match name {
            "Member" => ("removeMember".to_owned(), "removedMemberId".to_owned()),
            _ => (format!("delete{name}"), format!("deleted{name}Id")),
        };
        owner.mutate(&mutation, json!({ "id": id }), &selection).await.expect_done();
        for (table, column, rows) in before {
            let ids = rows.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
            let query = format!(
                "SELECT count(*) FROM {table} WHERE id IN ({ids}) AND {column} IS NULL AND updated_at > now() - interval '1 min'"
            );
            assert_eq!(
                app.number(&query).await,
                i64::try_from(rows.len()).unwrap(),
                "{table}.{column} of a deleted {name}"
            );
        }
    }
}

/// Fields that the program alone knows are in no input.
#[tokio::test]
async fn what_is_internal_is_in_no_input() {
    let app = TestApp::start().await;
    let session = app.as_owner(&app.organization("acme").create().await);
    let types = Types::of(&session).await;
    for ty in types.all().filter(|ty| text(&ty["kind"]) == "INPUT_OBJECT") {
        let Some(noun) = rooted().find(|noun| text(&ty["name"]).ends_with(&format!("{}Input", noun.info.name))) else {
            continue;
        };
        for field in
            noun.fields().into_iter().filter(|field| field.access != Access::Guests && field.access != Access::Members)
        {
            let inputs = ty["inputFields"].as_array().unwrap();
            assert!(inputs.iter().all(|input| input["name"] != field.api), "{}.{}", ty["name"], field.api);
        }
    }
}
