//! Lists can be narrowed to what changed since, in the order of the changes, and tasks to what was finished in a time.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

/// The tables whose rows are listed.
const LISTED: [&str; 7] = [
    "app.organization_members",
    "app.workspaces",
    "app.clients",
    "app.projects",
    "app.tasks",
    "app.invoices",
    "app.content_items",
];

fn changes() -> impl Iterator<Item = AlterTenantTable> {
    LISTED.into_iter().map(|name| {
        let table = AlterTenantTable::new(name).index("updated_at", "updated_at, id");
        match name {
            "app.tasks" => table.index_where("completed_at", "completed_at, id", "completed_at IS NOT NULL"),
            _ => table,
        }
    })
}

pub(crate) fn up() -> Change {
    changes().map(AlterTenantTable::up).collect()
}

pub(crate) fn down() -> Change {
    changes().map(AlterTenantTable::down).collect()
}
