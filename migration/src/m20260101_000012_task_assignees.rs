//! Who works on a task. Only members can be assigned, and a member who leaves the organization is unassigned.

use crate::tenant_table::{OnDelete, Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.task_assignees")
        .generated_id()
        // Links are inserted and deleted; there is nothing in them to update.
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
