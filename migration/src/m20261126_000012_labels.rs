//! Labels of tasks.

use crate::tenant_table::{OnDelete, Operation, TenantTable};

pub(crate) fn up() -> String {
    let labels = TenantTable::new("app.labels")
        .text("name", 100)
        .column("color", "text NOT NULL")
        .check("color", "color ~ '^#[0-9a-f]{6}$'")
        // As the names of workspaces: case does not matter, whatever the database's locale.
        .unique_index("name", "(normalize(lower(name COLLATE \"und-x-icu\"), NFC))", "")
        .index("name", "name COLLATE \"und-x-icu\", id")
        .index("created_at", "created_at, id")
        .index("updated_at", "updated_at, id")
        .create();
    let on_tasks = TenantTable::new("app.task_labels")
        .generated_id()
        // Links are inserted and deleted; there is nothing in them to update.
        .operations(&[Operation::Select, Operation::Insert, Operation::Delete])
        .fixed("task_id", "uuid NOT NULL")
        .fixed("label_id", "uuid NOT NULL")
        .unique("task_id, label_id")
        .reference("task_id", "app.tasks", OnDelete::Cascade, "")
        .reference("label_id", "app.labels", OnDelete::Cascade, "task_id")
        .create();
    format!("{labels}\n{on_tasks}")
}

pub(crate) fn down() -> String {
    "DROP TABLE app.task_labels;\nDROP TABLE app.labels;".to_owned()
}
