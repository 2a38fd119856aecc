//! Lists that leave out what is archived read an index in the most common orders, too.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

const IN_USE: &str = "status <> 'archived'";

fn changes() -> [AlterTenantTable; 2] {
    [
        AlterTenantTable::new("app.projects")
            .index_where("in_use_name", "name COLLATE \"und-x-icu\", id", IN_USE)
            .index_where("in_use_due_date", "coalesce(due_date, 'infinity'::date), id", IN_USE)
            .index_where("in_use_updated_at", "updated_at, id", IN_USE),
        AlterTenantTable::new("app.content_items")
            .index_where("in_use_scheduled_for", "coalesce(scheduled_for, 'infinity'::timestamptz), id", IN_USE)
            .index_where("in_use_updated_at", "updated_at, id", IN_USE),
    ]
}

pub(crate) fn up() -> Change {
    changes().into_iter().map(AlterTenantTable::up).collect()
}

pub(crate) fn down() -> Change {
    changes().into_iter().map(AlterTenantTable::down).collect()
}
