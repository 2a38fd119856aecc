//! Workspaces, which group the projects of an organization. One of them is the default.

use crate::tenant_table::TenantTable;

pub(crate) fn up() -> String {
    TenantTable::new("app.workspaces")
        .text("name", 200)
        .optional_text("description", 20_000)
        .column("is_private", "boolean NOT NULL DEFAULT false")
        .column("is_default", "boolean NOT NULL DEFAULT false")
        .author("created_by")
        .unique_index("name", "lower(name)", "")
        .unique_index("default", "", "is_default")
        .index("created_at", "created_at, id")
        .index("name", "name, id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.workspaces;".to_owned()
}
