//! Rows without a due date come last in lists that run backwards, too. Each such order needs an index of its own, because a
//! list that runs forwards sorts a missing date as later than all others, and one that runs backwards as earlier.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

fn changes() -> [AlterTenantTable; 4] {
    [
        AlterTenantTable::new("app.projects").index("due_date_back", "coalesce(due_date, '-infinity'::date), id"),
        AlterTenantTable::new("app.tasks")
            .index("due_at_back", "coalesce(due_at, '-infinity'::timestamptz), id")
            .index(
                "urgency_back",
                "(CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END), \
                 coalesce(due_at, '-infinity'::timestamptz), id",
            ),
        AlterTenantTable::new("app.invoices").index("due_date_back", "coalesce(due_date, '-infinity'::date), id"),
        AlterTenantTable::new("app.content_items")
            .index("scheduled_for_back", "coalesce(scheduled_for, '-infinity'::timestamptz), id"),
    ]
}

pub(crate) fn up() -> Change {
    changes().into_iter().map(AlterTenantTable::up).collect()
}

pub(crate) fn down() -> Change {
    changes().into_iter().map(AlterTenantTable::down).collect()
}
