//! What happened in the graph: an entry for each change, in a partition for each month.
//!
//! There is no index on `metadata`. `@>` is not leakproof, so for a role that is subject to a policy PostgreSQL would never use it.
//!
//! The kinds of things and of changes are checked by their form alone, so that a new noun needs no change of this table.
//!
//! The ids name what an entry is about and where it was. They are no foreign keys: an entry outlives all of it but its organization.

use crate::partitions;
use crate::tenant_table::{Operation, TenantTable};

pub(crate) fn up() -> String {
    let place = |table: TenantTable, column: &'static str| {
        // What happened to a row goes along with it to another project.
        let table = if column == "project_id" { table.column(column, "uuid") } else { table.fixed(column, "uuid") };
        table.index_where(column, &format!("{column}, created_at, id"), &format!("{column} IS NOT NULL"))
    };
    let table = TenantTable::new("app.activities")
        .partitioned_by_month()
        .operations(&[Operation::Select, Operation::Insert, Operation::Update])
        .fixed("entity_type", "text NOT NULL")
        .check("entity_type", "entity_type ~ '^[a-z_]{1,40}$'")
        .fixed("entity_id", "uuid NOT NULL")
        .fixed("action", "text NOT NULL")
        .check("action", "action ~ '^[a-z_]{1,40}$'")
        // Who did it; null for the system. Everything that one person did is read by this.
        .fixed("actor_id", "uuid")
        .index_where("actor_id", "actor_id, created_at, id", "actor_id IS NOT NULL")
        // Where it was.
        .fixed("workspace_id", "uuid");
    let table = ["client_id", "project_id", "task_id"].into_iter().fold(table, place);
    let table = table
        // Whom it is about: the member who has a grant.
        .fixed("user_id", "uuid")
        // The only one who may know of it.
        .fixed("only_for", "uuid")
        .fixed("for_guests", "boolean NOT NULL")
        .fixed("for_members", "boolean NOT NULL")
        .fixed("metadata", "jsonb NOT NULL")
        .check("metadata", "jsonb_typeof(metadata) = 'object'")
        .index("created_at", "created_at, id")
        .index("entity_type", "entity_type, created_at, id")
        // What happened to one row that is on no task, so that it goes along to another project.
        .index_where("entity_id", "entity_id", "task_id IS NULL")
        .create();
    format!("{table}\n{}", partitions::create_functions())
}

pub(crate) fn down() -> String {
    format!("{}\nDROP TABLE app.activities;", partitions::drop_functions())
}
