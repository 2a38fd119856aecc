//! What the API's role can do with every tenant table in every context: read, write, move and copy, without the
//! application and its filters. Rows come from the tables themselves, so a new table is tested the day it appears.

use std::time::Instant;

use serde_json::Value;
use tenantry_tests::TestApp;

use crate::attempt::{Attempts, Context, Outcome, Sent, report};
use crate::tables::{Pair, Table, quoted};

const APP: &str = "tenantry_app";

/// A way to access a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Select,
    SelectByKey,
    SelectWithoutPolicies,
    Insert,
    Update,
    UpdateByKey,
    Upsert,
    Move,
    MoveWithGrants,
    Delete,
    DeleteByKey,
    CopyOut,
    CopyIn,
}

const OPERATIONS: [Operation; 13] = [
    Operation::Select,
    Operation::SelectByKey,
    Operation::SelectWithoutPolicies,
    Operation::Insert,
    Operation::Update,
    Operation::UpdateByKey,
    Operation::Upsert,
    Operation::Move,
    Operation::MoveWithGrants,
    Operation::Delete,
    Operation::DeleteByKey,
    Operation::CopyOut,
    Operation::CopyIn,
];

/// A table, and whose rows are attacked.
struct Target<'a> {
    table: &'a Table,
    own: uuid::Uuid,
    other: uuid::Uuid,
    /// A row of `own`.
    row: Value,
    /// How many rows each has.
    own_rows: i64,
    other_rows: i64,
}

/// Tries every operation on every table in every context, in both directions, and returns unexpected results.
pub(crate) async fn crossings(pair: &Pair, attempts: &mut Attempts) -> Vec<String> {
    let mut crossings = Vec::new();
    for table in &pair.tables {
        for (own, other) in [(&pair.ours, &pair.theirs), (&pair.theirs, &pair.ours)] {
            let (own, other) = (own.org.uuid(), other.org.uuid());
            let (own_rows, other_rows) = (pair.count(table, own).await, pair.count(table, other).await);
            let target = Target { table, own, other, row: pair.row(table, own).await, own_rows, other_rows };
            for context in Context::all(own, other) {
                for operation in OPERATIONS {
                    let outcome = target.attempt(attempts, operation, &context).await;
                    let expected = target.expected(operation, &context);
                    // An invalid id may be detected before the grants are checked, because the planner reads the
                    // setting first.
                    let fits = expected == Outcome::Denied && context.is_garbage() && outcome == Outcome::Malformed;
                    if outcome != expected && !fits {
                        let (table, context) = (&table.name, context.name);
                        crossings.push(format!("{table}: {operation:?} in {context}: {outcome:?}, not {expected:?}"));
                    }
                }
            }
        }
    }
    crossings
}

#[tokio::test]
async fn no_operation_reaches_another_organization_in_any_context() {
    let begun = Instant::now();
    let pair = Pair::start().await;
    let before = pair.prints().await;
    let mut attempts = Attempts::start(&pair.app).await;
    let crossings = crossings(&pair, &mut attempts).await;
    assert!(crossings.is_empty(), "{crossings:#?}");
    attempts.expect_unset().await;
    assert_eq!(pair.prints().await, before, "something was written");
    let (tables, operations, made) = (pair.tables.len(), OPERATIONS.len(), attempts.made);
    let contexts = made / (tables * operations * 2);
    let summary =
        format!("{tables} tables × {operations} operations × {contexts} contexts × both ways = {made} attempts");
    report(&summary, begun.elapsed());
}

impl Target<'_> {
    async fn attempt(&self, attempts: &mut Attempts, operation: Operation, context: &Context) -> Outcome {
        let Table { name, key, .. } = self.table;
        let by_key = format!("WHERE {key} = '{}'", self.own);
        // If the role may update nothing, a column that every table has is tried.
        let updatable = self.table.updatable.iter().filter(|column| self.table.selectable.contains(column));
        let mut kept: Vec<String> = updatable.map(|column| format!("\"{column}\" = \"{column}\"")).collect();
        if kept.is_empty() {
            kept.push("updated_at = updated_at".to_owned());
        }
        let kept = kept.join(", ");
        let selectable: Vec<String> = self.table.selectable.iter().map(|column| format!("\"{column}\"")).collect();
        let selectable = if selectable.is_empty() { key.clone() } else { selectable.join(", ") };
        // A delete is tried without dependent rows, which have policies and keys of their own.
        let alone = "SET LOCAL session_replication_role = replica".to_owned();
        let grants = format!("GRANT SELECT, UPDATE ON {name} TO {APP}");
        let (arrange, statement, sent) = match operation {
            Operation::Select => (String::new(), format!("SELECT {selectable} FROM {name}"), Sent::Plainly),
            Operation::SelectByKey => {
                (String::new(), format!("SELECT {selectable} FROM {name} {by_key}"), Sent::Plainly)
            }
            Operation::SelectWithoutPolicies => {
                ("SET LOCAL row_security = off".to_owned(), format!("SELECT {selectable} FROM {name}"), Sent::Plainly)
            }
            Operation::Insert => (self.table.make_room(&self.row), self.table.insert(&self.row), Sent::Plainly),
            Operation::Update => (String::new(), format!("UPDATE {name} SET {kept}"), Sent::Plainly),
            Operation::UpdateByKey => (String::new(), format!("UPDATE {name} SET {kept} {by_key}"), Sent::Plainly),
            Operation::Upsert => {
                let (insert, row) = (self.table.insert(&self.row), self.table.primary_key.join(", "));
                // Words have no times.
                let set = if name == "app.search_terms" { "weight = 1" } else { "updated_at = now()" };
                (String::new(), format!("{insert} ON CONFLICT ({row}) DO UPDATE SET {set}"), Sent::Plainly)
            }
            Operation::Move => {
                (String::new(), format!("UPDATE {name} SET {key} = '{}' {by_key}", self.other), Sent::Plainly)
            }
            Operation::MoveWithGrants => {
                (grants, format!("UPDATE {name} SET {key} = '{}' {by_key}", self.other), Sent::Plainly)
            }
            Operation::Delete => (alone, format!("DELETE FROM {name}"), Sent::Plainly),
            Operation::DeleteByKey => (alone, format!("DELETE FROM {name} {by_key}"), Sent::Plainly),
            // As a query, because PostgreSQL copies a partitioned table in no other way.
            Operation::CopyOut if self.table.is_partitioned => {
                (String::new(), format!("COPY (SELECT {selectable} FROM {name}) TO STDOUT"), Sent::CopyingOut)
            }
            Operation::CopyOut => (String::new(), format!("COPY {name} ({selectable}) TO STDOUT"), Sent::CopyingOut),
            Operation::CopyIn => {
                let columns =
                    if self.table.insertable.is_empty() { &self.table.columns } else { &self.table.insertable };
                (String::new(), format!("COPY {name} ({}) FROM STDIN", columns.join(", ")), Sent::CopyingIn)
            }
        };
        attempts.make(context, APP, &arrange, &statement, sent).await
    }

    /// The expected result: the role's grants are checked first, then the policy.
    fn expected(&self, operation: Operation, context: &Context) -> Outcome {
        let table = self.table;
        let (reads, inserts, updates) =
            (!table.selectable.is_empty(), !table.insertable.is_empty(), !table.updatable.is_empty());
        let granted = match operation {
            Operation::Select | Operation::SelectByKey | Operation::SelectWithoutPolicies | Operation::CopyOut => reads,
            Operation::Insert | Operation::CopyIn => inserts,
            Operation::Update | Operation::UpdateByKey => updates && reads,
            Operation::Upsert => inserts && updates,
            // No role has the privilege to change a row's organization.
            Operation::Move => false,
            Operation::MoveWithGrants => true,
            Operation::Delete => table.deletable,
            Operation::DeleteByKey => table.deletable && reads,
        };
        match (operation, context.name) {
            _ if !granted => Outcome::Denied,
            (Operation::CopyIn, _) => Outcome::NoCopyIn,
            // A statement that disables policies is refused.
            (Operation::SelectWithoutPolicies, _) => Outcome::Policy,
            _ if context.is_garbage() => Outcome::Malformed,
            (Operation::Insert | Operation::Upsert, "own") => Outcome::Rows(1),
            (Operation::Insert | Operation::Upsert, _) | (Operation::MoveWithGrants, "own") => Outcome::Policy,
            (_, "own") => Outcome::Rows(self.own_rows),
            // Without a condition the other organization reaches its own rows, and no others.
            (Operation::Select | Operation::Update | Operation::Delete | Operation::CopyOut, "other") => {
                Outcome::Rows(self.other_rows)
            }
            _ => Outcome::Rows(0),
        }
    }
}

#[tokio::test]
async fn an_upsert_does_not_reach_a_foreign_row_through_a_global_unique_key() {
    let begun = Instant::now();
    let pair = Pair::start().await;
    let mut attempts = Attempts::start(&pair.app).await;
    let (ours, theirs) = (pair.ours.org.uuid(), pair.theirs.org.uuid());
    for table in &pair.tables {
        for columns in &table.global {
            let (name, key) = (&table.name, &table.key);
            // Their row has a value there; ours would have the same.
            let fill: Vec<String> =
                columns.iter().map(|column| format!("{column} = coalesce({column}, 'x')")).collect();
            pair.app.sql(&format!("UPDATE {name} SET {} WHERE {key} = '{theirs}'", fill.join(", "))).await;
            let (mine, taken) = (pair.row(table, ours).await, pair.row(table, theirs).await);
            let mut row = mine.clone();
            for column in columns {
                row[column] = taken[column].clone();
            }
            let insert = table.insert(&row);
            let columns = columns.join(", ");
            let statement = format!("{insert} ON CONFLICT ({columns}) DO UPDATE SET updated_at = now()");
            let arrange = format!("{}; GRANT SELECT, INSERT, UPDATE ON {name} TO {APP}", table.make_room(&mine));
            let outcome = attempts.make(&Context::of("own", ours), APP, &arrange, &statement, Sent::Plainly).await;
            assert_eq!(outcome, Outcome::Policy, "{name} ({columns})");
        }
    }
    assert!(attempts.made > 0, "no table has a constraint that spans organizations any more; this test can go");
    report(&format!("{} upserts through constraints that span organizations", attempts.made), begun.elapsed());
}

#[tokio::test]
async fn without_an_organization_users_see_only_their_own_memberships() {
    let pair = Pair::start().await;
    let mut attempts = Attempts::start(&pair.app).await;
    let user = pair.theirs.ada.user_id.as_uuid();
    let arrange = format!("SET LOCAL app.current_user_id = '{user}'");
    let nowhere = Context::all(user, user);
    for context in nowhere.iter().filter(|context| ["unset", "empty"].contains(&context.name)) {
        for table in &pair.tables {
            let statement = format!("SELECT {} FROM {}", table.key, table.name);
            let outcome = attempts.make(context, APP, &arrange, &statement, Sent::Plainly).await;
            let expected = i64::from(table.name == "app.organization_members");
            assert_eq!(outcome, Outcome::Rows(expected), "{} in {}", table.name, context.name);
        }
    }
    attempts.expect_unset().await;
}

#[tokio::test]
async fn a_row_written_in_one_organization_is_visible_in_no_other() {
    // Makes sure that the matrix above does not pass just because everything is refused: a row inserted in its own
    // context exists, and the other context does not see it in the same transaction.
    let pair = Pair::start().await;
    let mut attempts = Attempts::start(&pair.app).await;
    let (ours, theirs) = (pair.ours.org.uuid(), pair.theirs.org.uuid());
    let clients = pair.tables.iter().find(|table| table.name == "app.clients").unwrap();
    let mut row = pair.row(clients, ours).await;
    row["id"] = Value::from("01890000-0000-7000-8000-00000000abcd");
    let enter = format!("SET LOCAL app.current_organization_id = '{ours}'; {}", clients.insert(&row));
    let find = format!("SELECT id FROM app.clients t WHERE to_jsonb(t) = {}", quoted(&row));
    for (context, expected) in [(Context::of("own", ours), 1), (Context::of("other", theirs), 0)] {
        let outcome = attempts.make(&context, APP, &enter, &find, Sent::Plainly).await;
        assert_eq!(outcome, Outcome::Rows(expected), "{context:?}");
    }
}

/// The role of all these attempts is subject to policies; the server checks this at its start.
#[tokio::test]
async fn the_products_roles_are_subject_to_policies() {
    let app = TestApp::start().await;
    let found = app
        .texts(
            "SELECT format('%s is superuser, bypasses policies, makes roles or databases, or replicates', rolname)
                 FROM pg_roles WHERE rolname ~ '^tenantry_'
                 AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)
             UNION ALL
             SELECT format('%s is a member of %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members m
                 WHERE m.member::regrole::text IN ('tenantry_app', 'tenantry_auth', 'tenantry_worker')
             UNION ALL
             SELECT format('%s owns %s', relowner::regrole, oid::regclass) FROM pg_class
                 WHERE relowner::regrole::text IN ('tenantry_app', 'tenantry_auth', 'tenantry_worker')
             UNION ALL
             SELECT format('%s may create in %s', r.rolname, n.nspname) FROM pg_roles r, pg_namespace n
                 WHERE r.rolname IN ('tenantry_app', 'tenantry_auth', 'tenantry_worker') AND n.nspname !~ '^pg_'
                 AND has_schema_privilege(r.oid, n.oid, 'CREATE')",
        )
        .await;
    assert!(found.is_empty(), "{found:#?}");
}
