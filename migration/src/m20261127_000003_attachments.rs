//! Files on tasks, and those that are announced. Their bytes are in the storage of files.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    let attachments = TenantTable::new("app.attachments")
        .fixed("task_id", "uuid NOT NULL")
        .author("uploaded_by")
        .text("file_name", 255)
        .fixed("byte_size", "integer NOT NULL")
        .check("byte_size", "byte_size > 0")
        .fixed("mime_type", "text NOT NULL")
        .check("mime_type", "char_length(mime_type) BETWEEN 3 AND 127")
        .fixed("checksum", "text NOT NULL")
        .check("checksum", "char_length(checksum) <= 64 AND checksum ~ '^[0-9a-f]{64}$'")
        .fixed("storage_key", "text NOT NULL")
        .check("storage_key", "char_length(storage_key) BETWEEN 1 AND 200")
        // The bytes of one are deleted with it, so they must not be those of another one.
        .unique("storage_key")
        .reference("task_id", "app.tasks", OnDelete::Cascade, "created_at, id")
        // Whether somebody sent something that a guest sees.
        .index("uploaded_by_task_id", "uploaded_by, task_id")
        .index("created_at", "created_at, id")
        .index("updated_at", "updated_at, id")
        .create();
    let uploads = TenantTable::new("app.uploads")
        .fixed("user_id", "uuid NOT NULL")
        .fixed("task_id", "uuid NOT NULL")
        .fixed("file_name", "text NOT NULL")
        .fixed("byte_size", "integer NOT NULL")
        .fixed("mime_type", "text NOT NULL")
        .fixed("checksum", "text")
        .fixed("expires_at", "timestamptz NOT NULL")
        .reference_member("user_id", OnDelete::Cascade, "id")
        .reference("task_id", "app.tasks", OnDelete::Cascade, "")
        .create();
    format!("{attachments}\n{uploads}")
}

pub(crate) fn down() -> String {
    "DROP TABLE app.uploads;\nDROP TABLE app.attachments;".to_owned()
}
