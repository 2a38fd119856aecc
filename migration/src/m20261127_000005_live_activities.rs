//! What happened is told as it happens: each entry says in which transaction it was written, and the worker reads the latest of all
//! organizations. It also looks whether those who are told are members still.
//!
//! Entries from before have no transaction, and are not told.

use crate::change::{Change, Part};
use crate::tenant_table::NO_ORGANIZATION;

pub(crate) fn up() -> Change {
    let column = [
        "ALTER TABLE app.activities ADD COLUMN IF NOT EXISTS transaction_id bigint;".to_owned(),
        // A default of its own statement, because one that comes with the column is written into every row.
        "ALTER TABLE app.activities ALTER COLUMN transaction_id SET DEFAULT (pg_current_xact_id()::text)::bigint;"
            .to_owned(),
    ];
    let policies = [("app.activities", "activities"), ("app.organization_members", "members")].map(|(table, name)| {
        format!(
            "DROP POLICY IF EXISTS {name}_of_all_organizations ON {table};
CREATE POLICY {name}_of_all_organizations ON {table} FOR SELECT TO tenantry_worker USING ({NO_ORGANIZATION});"
        )
    });
    // Writers wait for it: for a table with partitions it could be built beside them only part by part. The table is as old as the program that
    // comes before this one.
    let index = "CREATE INDEX IF NOT EXISTS activities_transaction_id_idx ON app.activities (transaction_id)
    WHERE transaction_id IS NOT NULL;";
    Change::Parts(vec![
        Part::Brief(column.into_iter().chain(policies).collect()),
        Part::Patient(vec![index.to_owned()]),
    ])
}

pub(crate) fn down() -> Change {
    let statements = [
        "DROP INDEX IF EXISTS app.activities_transaction_id_idx;",
        "DROP POLICY IF EXISTS activities_of_all_organizations ON app.activities;",
        "DROP POLICY IF EXISTS members_of_all_organizations ON app.organization_members;",
        "-- squawk-ignore ban-drop-column\nALTER TABLE app.activities DROP COLUMN IF EXISTS transaction_id;",
    ];
    Change::Parts(vec![Part::Brief(statements.map(str::to_owned).to_vec())])
}
