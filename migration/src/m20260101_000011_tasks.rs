//! Tasks and their subtasks. They are deleted with their project.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.tasks")
        .column("project_id", "uuid NOT NULL")
        .column("parent_task_id", "uuid")
        .check("parent", "parent_task_id <> id")
        .text("title", 500)
        .optional_text("description", 20_000)
        .column("status", "text NOT NULL DEFAULT 'todo'")
        .check("status", "status IN ('backlog', 'todo', 'in_progress', 'in_review', 'done')")
        .column("priority", "text NOT NULL DEFAULT 'medium'")
        .check("priority", "priority IN ('low', 'medium', 'high', 'urgent')")
        // A fractional index, compared byte by byte whatever the database's collation.
        .column("position", "text COLLATE \"C\" NOT NULL")
        .check("position", "char_length(position) BETWEEN 1 AND 2000")
        .author("created_by")
        .column("due_at", "timestamptz")
        .column("completed_at", "timestamptz")
        .check("completed_at", "(status = 'done') = (completed_at IS NOT NULL)")
        // The target of a subtask's key: its parent together with the project, so that both are in the same project.
        .unique("project_id, id")
        .reference("project_id", "app.projects", OnDelete::Cascade, "position, id")
        .reference_columns(
            "project_id, parent_task_id",
            "app.tasks",
            "project_id, id",
            OnDelete::Cascade,
            "",
            "",
            "parent_task_id IS NOT NULL",
        )
        .index("created_at", "created_at, id")
        .index("project_id_status", "project_id, status, position, id")
        .index_where("parent_task_id", "parent_task_id, position, id", "parent_task_id IS NOT NULL")
        // Tasks without a due time come last, in the same order as the list uses.
        .index("due_at", "coalesce(due_at, 'infinity'::timestamptz), id")
        .index(
            "urgency",
            "(CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END), \
             coalesce(due_at, 'infinity'::timestamptz), id",
        )
        .index("status", "status, created_at, id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.tasks;".to_owned()
}
