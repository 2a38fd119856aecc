//! Who works on a task. Only members can be assigned, and who leaves the organization leaves its tasks.

use crate::tenant_table::{OnDelete, Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.task_assignees")
        .generated_id()
        // A link is made and taken away; there is nothing in it to change.
        .operations(&[Operation::Select, Operation::Insert, Operation::Delete])
        .fixed("task_id", "uuid NOT NULL")
        .fixed("user_id", "uuid NOT NULL")
        .unique("task_id, user_id")
        .reference("task_id", "app.tasks", OnDelete::Cascade, "")
        .reference_member("user_id", OnDelete::Cascade, "task_id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.task_assignees;".to_owned()
}
