//! Subscriptions: each entry has the id of its transaction. The worker may read the entries of all organizations, and their memberships.
//!
//! Entries from before this migration have no transaction id. Subscribers do not get them.

use crate::change::{Change, Part};
use crate::tenant_table::NO_ORGANIZATION;

pub(crate) fn up() -> Change {
    let column = [
        "ALTER TABLE app.activities ADD COLUMN IF NOT EXISTS transaction_id bigint;".to_owned(),
        // In a statement of its own: together with the column, the default would be written into every row.
        "ALTER TABLE app.activities ALTER COLUMN transaction_id SET DEFAULT (pg_current_xact_id()::text)::bigint;"
            .to_owned(),
    ];
    let policies = [("app.activities", "activities"), ("app.organization_members", "members")].map(|(table, name)| {
        format!(
            "DROP POLICY IF EXISTS {name}_of_all_organizations ON {table};
CREATE POLICY {name}_of_all_organizations ON {table} FOR SELECT TO tenantry_worker USING ({NO_ORGANIZATION});"
        )
    });
    // Writers wait while it is built: of a partitioned table, it could be built concurrently only partition by partition. The table was new in the
    // migration before, so it is small.
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
