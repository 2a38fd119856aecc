//! Every key between tenant tables, tried with a row of another organization: with the API's role under its policies,
//! and as the owner with policies off. PostgreSQL checks keys without policies, so the key itself must refuse.

use std::time::Instant;

use serde_json::Value;

use crate::attempt::{Attempts, Context, Outcome, Sent, report};
use crate::tables::{Pair, Table, quoted, with_tenant};

/// A key from one tenant table to another.
#[derive(Debug)]
struct Key {
    name: String,
    source: String,
    target: String,
    /// The last column, and what it refers to; the columns before it stay unchanged.
    column: String,
    refers_to: String,
    /// The last columns of other keys that include this column; those keys would refuse first.
    entangled: Vec<String>,
}

/// An id that no row has, for a copy that nothing refers to.
const FRESH: &str = "01890000-0000-7000-8000-00000000abcd";

async fn keys(pair: &Pair) -> Vec<Key> {
    // The key to the organization itself is not tested here; the operation `Move` tries to change it.
    let query = format!(
        "{} SELECT jsonb_build_object('name', k.conname, 'source', s.name, 'target', t.name, 'column', a.attname,
            'refers_to', f.attname, 'entangled', (SELECT coalesce(jsonb_agg(l.attname), '[]') FROM pg_constraint o
                JOIN pg_attribute l ON l.attrelid = o.conrelid AND l.attnum = o.conkey[cardinality(o.conkey)]
                WHERE o.contype = 'f' AND o.conrelid = k.conrelid AND a.attnum = ANY (o.conkey) AND l.attnum <> a.attnum))::text
         FROM pg_constraint k JOIN tenant s ON s.oid = k.conrelid JOIN tenant t ON t.oid = k.confrelid
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[cardinality(k.conkey)]
         JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[cardinality(k.confkey)]
         WHERE k.contype = 'f' AND k.conparentid = 0 AND a.attname <> s.key ORDER BY k.conname",
        with_tenant()
    );
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let read = |json: Value| Key {
        name: text(&json["name"]),
        source: text(&json["source"]),
        target: text(&json["target"]),
        column: text(&json["column"]),
        refers_to: text(&json["refers_to"]),
        entangled: json["entangled"].as_array().unwrap().iter().map(text).collect(),
    };
    pair.app.texts(&query).await.iter().map(|key| read(serde_json::from_str(key).unwrap())).collect()
}

/// Tries every key with an own and with a foreign row, and returns unexpected results.
async fn reaches(pair: &Pair, keys: &[Key], attempts: &mut Attempts) -> Vec<String> {
    let mut reaches = Vec::new();
    for key in keys {
        for (own, other) in [(&pair.ours, &pair.theirs), (&pair.theirs, &pair.ours)] {
            let (own, other) = (own.org.uuid(), other.org.uuid());
            let table = pair.tables.iter().find(|table| table.name == key.source).unwrap();
            let target = pair.tables.iter().find(|table| table.name == key.target).unwrap();
            let taken = row_with(pair, table, &key.column, own).await;
            let mut row = taken.clone();
            row["id"] = Value::from(FRESH);
            for column in &key.entangled {
                row[column] = Value::Null;
            }
            let mut changed = row.clone();
            changed[&key.column] = pair.row(target, other).await[&key.refers_to].clone();
            for (role, bound) in [("tenantry_app", true), ("tenantry_owner", false)] {
                // Grants are irrelevant here, and no policy may apply to the owner. Each attempt uses a copy of the
                // row, to which nothing refers.
                let grant = format!("GRANT SELECT, INSERT, UPDATE ON {} TO tenantry_app", table.name);
                let free = |name: &str| format!("ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY");
                let lifted = if bound { grant } else { [grant, free(&key.source), free(&key.target)].join("; ") };
                let arrange = format!("{lifted}; {}", table.make_room(&taken));
                let copied = format!("{arrange}; {}", insert_all(table, &row));
                for (values, expected) in [(&row, Outcome::Rows(1)), (&changed, Outcome::Key(key.name.clone()))] {
                    let insert = insert_all(table, values);
                    let update = update(table, &key.column, &row, values);
                    for (verb, arrange, statement) in [("insert", &arrange, &insert), ("update", &copied, &update)] {
                        let context = Context::of("own", own);
                        let outcome = attempts.make(&context, role, arrange, statement, Sent::Plainly).await;
                        if outcome != expected {
                            reaches.push(format!("{}: {verb} as {role}: {outcome:?}, not {expected:?}", key.name));
                        }
                    }
                }
            }
        }
    }
    reaches
}

#[tokio::test]
async fn no_key_reaches_into_another_organization() {
    let begun = Instant::now();
    let pair = Pair::start().await;
    let before = pair.prints().await;
    let mut attempts = Attempts::start(&pair.app).await;
    let keys = keys(&pair).await;
    assert!(keys.len() >= 15, "the catalogue lists only {} keys", keys.len());
    let reaches = reaches(&pair, &keys, &mut attempts).await;
    assert!(reaches.is_empty(), "{reaches:#?}");
    assert_eq!(pair.prints().await, before, "something was written");
    let (keys, made) = (keys.len(), attempts.made);
    let summary =
        format!("{keys} keys × 2 statements × policies on and off × own and foreign × both ways = {made} attempts");
    report(&summary, begun.elapsed());
}

#[tokio::test]
async fn a_key_that_does_not_start_with_the_organization_is_detected() {
    // Makes sure that the test above can fail: a key to the id alone, which PostgreSQL checks across organizations.
    let pair = Pair::start().await;
    pair.app
        .sql(
            "ALTER TABLE app.clients ADD UNIQUE (id);
             ALTER TABLE app.invoices DROP CONSTRAINT invoices_client_id_fkey,
                 ADD CONSTRAINT invoices_client_id_fkey FOREIGN KEY (client_id) REFERENCES app.clients (id)",
        )
        .await;
    let mut attempts = Attempts::start(&pair.app).await;
    let reaches = reaches(&pair, &keys(&pair).await, &mut attempts).await;
    // An insert and an update with each role, in both directions.
    assert_eq!(reaches.len(), 8, "{reaches:#?}");
    assert!(reaches.iter().all(|reach| reach.starts_with("invoices_client_id_fkey: ")), "{reaches:#?}");
}

/// A row of the organization in which this column refers to something.
async fn row_with(pair: &Pair, table: &Table, column: &str, organization: uuid::Uuid) -> Value {
    let query = format!(
        "SELECT to_jsonb(t)::text FROM {} t WHERE {} = '{organization}' AND {column} IS NOT NULL ORDER BY 1 LIMIT 1",
        table.name, table.key
    );
    let found = pair.app.texts(&query).await;
    let text = found.first().unwrap_or_else(|| panic!("no row fills {}.{column}: fill it in `FullOrg`", table.name));
    serde_json::from_str(text).unwrap()
}

/// A statement that inserts a row with all its columns.
fn insert_all(table: &Table, row: &Value) -> String {
    let columns = table.columns.join(", ");
    let name = &table.name;
    format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, {})", quoted(row))
}

/// A statement that gives one column of a row its value from another row.
fn update(table: &Table, column: &str, row: &Value, values: &Value) -> String {
    let (name, row, values) = (&table.name, quoted(row), quoted(values));
    format!(
        "UPDATE {name} t SET {column} = r.{column} FROM jsonb_populate_record(NULL::{name}, {values}) r
         WHERE to_jsonb(t) = {row}"
    )
}
