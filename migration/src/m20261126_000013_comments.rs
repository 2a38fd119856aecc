//! Comments on tasks, and whom they mention.

use crate::tenant_table::{OnDelete, Operation, TenantTable};

pub(crate) fn up() -> String {
    let comments = TenantTable::new("app.comments")
        .fixed("task_id", "uuid NOT NULL")
        .author("author_id")
        .column("body", "text NOT NULL")
        .check("body", "char_length(body) <= 20000 AND btrim(body) <> ''")
        .column("edited_at", "timestamptz")
        .reference("task_id", "app.tasks", OnDelete::Cascade, "created_at, id")
        // Whether somebody wrote something that a guest sees.
        .index("author_id_task_id", "author_id, task_id")
        .index("created_at", "created_at, id")
        .index("updated_at", "updated_at, id")
        .create();
    let mentions = TenantTable::new("app.comment_mentions")
        .generated_id()
        // As the links of tasks, there is nothing in them to update.
        .operations(&[Operation::Select, Operation::Insert, Operation::Delete])
        .fixed("comment_id", "uuid NOT NULL")
        .fixed("user_id", "uuid NOT NULL")
        .unique("comment_id, user_id")
        .reference("comment_id", "app.comments", OnDelete::Cascade, "")
        .reference_member("user_id", OnDelete::Cascade, "comment_id")
        .create();
    format!("{comments}\n{mentions}")
}

pub(crate) fn down() -> String {
    "DROP TABLE app.comment_mentions;\nDROP TABLE app.comments;".to_owned()
}
