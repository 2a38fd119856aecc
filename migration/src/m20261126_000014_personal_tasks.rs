//! Personal tasks. They go with their user.

use crate::tenant_table::TenantTable;

pub(crate) fn up() -> String {
    TenantTable::new("app.personal_tasks")
        .fixed("user_id", "uuid NOT NULL")
        .reference_global("user_id", "auth.users", " ON DELETE CASCADE")
        .text("title", 500)
        .column("is_completed", "boolean NOT NULL DEFAULT false")
        .column("is_today", "boolean NOT NULL DEFAULT false")
        .column("category", "text NOT NULL DEFAULT 'other'")
        .check("category", "category IN ('work', 'personal', 'finance', 'health', 'learning', 'other')")
        .column("priority", "text NOT NULL DEFAULT 'medium'")
        .check("priority", "priority IN ('low', 'medium', 'high', 'urgent')")
        // Every list is one user's.
        .index("user_id_created_at", "user_id, created_at, id")
        .index("user_id_updated_at", "user_id, updated_at, id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.personal_tasks;".to_owned()
}
