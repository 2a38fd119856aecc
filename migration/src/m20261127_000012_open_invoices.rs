//! Who owes what is asked of the open invoices alone.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

fn change() -> AlterTenantTable {
    AlterTenantTable::new("app.invoices").index_where(
        "open",
        "client_id, due_date",
        "kind = 'invoice' AND status IN ('issued', 'sent', 'partly_paid', 'overdue')",
    )
}

pub(crate) fn up() -> Change {
    change().up()
}

pub(crate) fn down() -> Change {
    change().down()
}
