//! Content items. One stays when its client or project goes.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.content_items")
        .column("client_id", "uuid")
        .column("project_id", "uuid")
        .text("title", 300)
        .column("kind", "text NOT NULL DEFAULT 'other'")
        .check("kind", "kind IN ('article', 'post', 'video', 'newsletter', 'other')")
        .one_of("status", &["idea", "draft", "scheduled", "published", "archived"])
        .optional_text("url", 2_048)
        .column("scheduled_for", "timestamptz")
        .column("published_at", "timestamptz")
        .optional_text("notes", 20_000)
        .reference("client_id", "app.clients", OnDelete::SetNull, "created_at, id")
        .reference("project_id", "app.projects", OnDelete::SetNull, "created_at, id")
        .index("created_at", "created_at, id")
        .index("status", "status, created_at, id")
        // Items without a time come last, in the same index order as the list asks for.
        .index("scheduled_for", "coalesce(scheduled_for, 'infinity'::timestamptz), id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.content_items;".to_owned()
}
