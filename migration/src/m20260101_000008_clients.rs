//! Clients, for whom an organization works.

use crate::tenant_table::TenantTable;

pub(crate) fn up() -> String {
    TenantTable::new("app.clients")
        .text("name", 200)
        .optional_text("email", 320)
        .optional_text("phone", 100)
        .optional_text("company", 200)
        .one_of("status", &["active", "inactive", "lead"])
        .optional_text("notes", 20_000)
        .index("created_at", "created_at, id")
        .index("name", "name, id")
        .index("status", "status, created_at, id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.clients;".to_owned()
}
