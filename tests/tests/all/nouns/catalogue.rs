//! A noun's table, as the catalogue has it, is what the declaration says.

use std::collections::{BTreeMap, BTreeSet};

use tenantry_domain::noun::{ALL, Access, Declared, FieldInfo, Given, Kind, OnDelete, Rule};
use tenantry_tests::TestApp;

/// Tables that belong to an organization and are no noun, and why.
const NO_NOUNS: &[(&str, &str)] = &[
    ("app.comment_mentions", "a junction"),
    ("app.invoice_tasks", "a junction"),
    ("app.number_counters", "the last number of a kind; no list has it"),
    ("app.organization_invitations", "nothing reads it yet"),
    ("app.settings", "one row of an organization, read as a part of it"),
    ("app.task_assignees", "a junction"),
    ("app.task_labels", "a junction"),
    ("app.search_terms", "the words of other tables"),
    ("app.uploads", "files that are announced; nobody reads them"),
    ("app.idempotency_keys", "requests that a client may send again; nobody reads them"),
];

/// Columns that are not in the declaration, and why.
const UNDECLARED: &[(&str, &str)] = &[
    (
        "app.activities.transaction_id",
        "orders entries by their commits, for subscriptions; it is not a field of the API",
    ),
    ("app.invoices.line_items", "lines are read apart from their invoices"),
    ("app.invoices.parties", "who it is from and whom it is for is read apart from their invoices"),
    ("app.invoices.taxes", "taxes are read apart from their invoices"),
];

/// Foreign keys whose names do not follow from one column, and the field that each is about.
const OTHER_KEYS: &[(&str, &str)] = &[("tasks_project_id_parent_task_id_fkey", "parent_task_id")];

fn bare(noun: &Declared) -> &'static str {
    noun.info.table.split_once('.').unwrap().1
}

/// The columns of a table: type, and whether null is refused.
async fn columns(app: &TestApp, table: &str) -> BTreeMap<String, (String, bool)> {
    let query = format!(
        "SELECT a.attname || '|' || format_type(a.atttypid, NULL) || '|' || a.attnotnull FROM pg_attribute a
         WHERE a.attrelid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped"
    );
    let rows = app.texts(&query).await;
    let cells = rows.iter().map(|row| row.split('|').collect::<Vec<_>>());
    cells.map(|cell| (cell[0].to_owned(), (cell[1].to_owned(), cell[2] == "true"))).collect()
}

fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Enum(_) => "text",
        Kind::Boolean => "boolean",
        Kind::Id(_) => "uuid",
        Kind::Ids(_) => "uuid[]",
        Kind::Time => "timestamp with time zone",
        Kind::Date => "date",
        Kind::Decimal => "numeric",
        Kind::Integer => "integer",
        Kind::Money => "bigint",
    }
}

#[tokio::test]
async fn every_column_is_declared_with_its_type() {
    let app = TestApp::start().await;
    let mut faults = Vec::new();
    for noun in ALL {
        let table = noun.info.table;
        let mut found = columns(&app, table).await;
        for field in noun.fields() {
            let Some(column) = field.own_column() else { continue };
            // What is read as another type says so.
            let ty = if field.column.contains("::") { "jsonb" } else { column_type(field.kind) };
            let declared = (ty.to_owned(), !field.nullable);
            match found.remove(column) {
                Some(actual) if actual == declared => {}
                actual => faults.push(format!("{table}.{column} is {actual:?}, and declared as {declared:?}")),
            }
        }
        let currency = noun.info.currency.and_then(|column| column.strip_prefix("t."));
        for column in found.into_keys().filter(|column| Some(column.as_str()) != currency) {
            let name = format!("{table}.{column}");
            if !UNDECLARED.iter().any(|(known, _)| *known == name) {
                faults.push(format!("{name} is not declared"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn every_table_of_an_organization_is_a_noun() {
    let app = TestApp::start().await;
    let query = "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
        WHERE n.nspname = 'app' AND c.relkind IN ('r', 'p') AND NOT c.relispartition";
    let tables: BTreeSet<String> = app.texts(query).await.into_iter().collect();
    let nouns: BTreeSet<String> = ALL.iter().map(|noun| noun.info.table.to_owned()).collect();
    let excepted: BTreeSet<String> = NO_NOUNS.iter().map(|(table, _)| (*table).to_owned()).collect();
    let missing: Vec<_> = tables.difference(&nouns).filter(|table| !excepted.contains(*table)).collect();
    assert!(missing.is_empty(), "neither in `nouns!` nor excepted: {missing:?}");
    assert!(excepted.is_disjoint(&nouns) && excepted.is_subset(&tables), "exceptions that are none");
}

#[tokio::test]
async fn a_link_is_a_key_that_does_on_deletion_what_is_declared() {
    let app = TestApp::start().await;
    // An entry of what happened outlives everything that it names.
    for noun in ALL.iter().filter(|noun| noun.info.name != "Activity") {
        let table = noun.info.table;
        let query = format!(
            "SELECT conname || '|' || confrelid::regclass || '|' || confdeltype::text FROM pg_constraint
             WHERE contype = 'f' AND conrelid = '{table}'::regclass AND confrelid <> 'app.organizations'::regclass"
        );
        let mut found: BTreeMap<String, (String, String)> = BTreeMap::new();
        for row in app.texts(&query).await {
            let cells: Vec<&str> = row.split('|').collect();
            found.insert(cells[0].to_owned(), (cells[1].to_owned(), cells[2].to_owned()));
        }
        for field in noun.fields() {
            let Some(column) = field.own_column() else { continue };
            let other = OTHER_KEYS.iter().find(|(_, about)| *about == field.name).map(|(name, _)| (*name).to_owned());
            let name = other.unwrap_or_else(|| format!("{}_{column}_fkey", bare(noun)));
            let actual = found.remove(&name);
            let Some(link) = field.link else {
                let ours = actual.filter(|(target, _)| target != "auth.users");
                assert!(ours.is_none() || field.as_id, "{table}.{column} is a key ({ours:?}), and no link is declared");
                continue;
            };
            let (target, action) =
                actual.unwrap_or_else(|| panic!("{table}.{column} links, and there is no key {name}"));
            let expected = match link.on_delete {
                OnDelete::Unlink => (link.table, "n"),
                OnDelete::Cascade => (link.table, "c"),
                OnDelete::Refuse => (link.table, "a"),
                // It names a user, who outlives the membership.
                OnDelete::Keep => ("auth.users", "n"),
            };
            assert_eq!((target.as_str(), action.as_str()), expected, "{table}.{column}");
        }
        let left: Vec<&String> =
            found.iter().filter(|(_, (target, _))| target != "auth.users").map(|(name, _)| name).collect();
        assert!(left.is_empty(), "keys of {table} that no link declares: {left:?}");
    }
}

/// What a role may not read, no export has and no answer shows.
#[tokio::test]
async fn a_column_is_secret_exactly_when_no_role_of_the_server_reads_it() {
    let app = TestApp::start().await;
    let mut looked_at = 0;
    for noun in ALL {
        for field in noun.fields() {
            let Some(column) = field.own_column() else { continue };
            for role in ["tenantry_app", "tenantry_worker"] {
                let query = format!(
                    "SELECT has_column_privilege('{role}', '{}', '{column}', 'SELECT')::int::bigint",
                    noun.info.table
                );
                let reads = app.number(&query).await == 1;
                assert_eq!(reads, field.access != Access::Secret, "{}.{column} and {role}", noun.info.table);
                looked_at += 1;
            }
        }
    }
    assert!(looked_at > 100, "{looked_at}");
}

#[tokio::test]
async fn what_is_unique_is_declared_so() {
    let app = TestApp::start().await;
    for noun in ALL {
        let query = format!(
            "SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
             WHERE x.indisunique AND x.indrelid = '{}'::regclass",
            noun.info.table
        );
        let indexes = app.texts(&query).await;
        // What a caller cannot give needs no message.
        let is_unique = |field: &&&FieldInfo| {
            let name = field.own_column().map(|column| format!("{}_{column}_key", bare(noun)));
            field.given != Given::Never && !field.as_id && name.is_some_and(|name| indexes.contains(&name))
        };
        let found: BTreeSet<String> =
            noun.fields().iter().filter(is_unique).map(|field| field.name.to_owned()).collect();
        let declared: BTreeSet<String> =
            noun.fields().iter().filter(|field| field.unique).map(|field| field.name.to_owned()).collect();
        assert_eq!(found, declared, "{}", noun.info.table);
    }
}

#[tokio::test]
async fn a_text_is_no_longer_than_its_column_takes_and_an_enum_has_the_values_of_its_column() {
    let app = TestApp::start().await;
    for noun in ALL {
        let query = format!(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conrelid = '{}'::regclass",
            noun.info.table
        );
        let checks = app.texts(&query).await;
        for field in noun.fields() {
            let Some(column) = field.own_column() else { continue };
            let what = format!("{}.{column}", noun.info.table);
            let max = match field.rule {
                Rule::Text(max) | Rule::Prose(max) => max,
                Rule::Email => 254,
                Rule::Url => 2_048,
                Rule::Any | Rule::Color | Rule::Country | Rule::NotNegative | Rule::Many(_) => 0,
            };
            if max > 0 {
                let bound = checks.iter().find_map(|check| {
                    let (_, rest) = check.split_once(&format!("char_length({column}) <= "))?;
                    rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>().ok()
                });
                assert!(
                    bound.is_some_and(|bound| bound >= max),
                    "{what} takes {bound:?} characters, and {max} are declared"
                );
            }
            if let Kind::Enum(info) = field.kind {
                if noun.info.name == "Activity" {
                    // A new kind of thing must not take a change of so large a table: a form is all that is checked.
                    let form = format!("({column} ~ '^[a-z_]{{1,40}}$'");
                    assert!(checks.iter().any(|check| check.contains(&form)), "{checks:?}");
                    let fits =
                        |text: &str| text.len() <= 40 && text.bytes().all(|b| b == b'_' || b.is_ascii_lowercase());
                    assert!(info.values.iter().all(|value| fits(value.text)), "{what}");
                    continue;
                }
                let check = checks.iter().find(|check| check.contains(&format!("({column} = ANY")));
                let check = check.unwrap_or_else(|| panic!("{what} has no check"));
                let found: BTreeSet<&str> = check.split('\'').skip(1).step_by(2).collect();
                let declared: BTreeSet<&str> = info.values.iter().map(|value| value.text).collect();
                assert_eq!(found, declared, "{what}");
            }
        }
    }
}
