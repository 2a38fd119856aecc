//! Lists leave out what is archived, and what is overdue is found by its due date.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

const IN_USE: &str = "status <> 'archived'";

fn changes() -> [AlterTenantTable; 3] {
    [
        AlterTenantTable::new("app.projects")
            .index_where("in_use_created_at", "created_at, id", IN_USE)
            .index_where("in_use_client_id", "client_id, created_at, id", IN_USE)
            .index_where("in_use_workspace_id", "workspace_id, created_at, id", IN_USE)
            .index_where("in_use_owner_id", "owner_id, created_at, id", IN_USE),
        AlterTenantTable::new("app.content_items")
            .index_where("in_use_created_at", "created_at, id", IN_USE)
            .index_where("in_use_client_id", "client_id, created_at, id", IN_USE)
            .index_where("in_use_project_id", "project_id, created_at, id", IN_USE),
        AlterTenantTable::new("app.tasks").index_where(
            "open_due_at",
            "coalesce(due_at, 'infinity'::timestamptz), id",
            "status <> 'done'",
        ),
    ]
}

pub(crate) fn up() -> Change {
    changes().into_iter().map(AlterTenantTable::up).collect()
}

pub(crate) fn down() -> Change {
    changes().into_iter().map(AlterTenantTable::down).collect()
}
