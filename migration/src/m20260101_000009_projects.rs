//! Projects. A project stays when its client is deleted. A workspace that contains projects cannot be deleted.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.projects")
        .column("workspace_id", "uuid NOT NULL")
        .column("client_id", "uuid")
        .text("name", 200)
        .optional_text("description", 20_000)
        .column("type", "text NOT NULL DEFAULT 'other'")
        .check("type", "type IN ('dev', 'content', 'design', 'other')")
        .one_of("status", &["active", "completed", "archived"])
        // The currency of both amounts, which are in minor units.
        .column("currency", "char(3)")
        .check("currency", "currency ~ '^[A-Z]{3}$'")
        .column("budget", "bigint")
        .column("advance_received", "bigint")
        .check("amounts", "currency IS NOT NULL OR (budget IS NULL AND advance_received IS NULL)")
        .column("owner_id", "uuid")
        .author("created_by")
        .column("start_date", "date")
        .column("due_date", "date")
        .optional_text("github_url", 2_048)
        .optional_text("notes", 20_000)
        .reference("workspace_id", "app.workspaces", OnDelete::Refuse, "created_at, id")
        .reference("client_id", "app.clients", OnDelete::SetNull, "created_at, id")
        .reference_member("owner_id", OnDelete::SetNull, "")
        .index("created_at", "created_at, id")
        .index("name", "name, id")
        .index("status", "status, created_at, id")
        // Projects without a due date come last, in the same order as the list uses.
        .index("due_date", "coalesce(due_date, 'infinity'::date), id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.projects;".to_owned()
}
