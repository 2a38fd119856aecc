//! The address of a client's web site.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

fn change() -> AlterTenantTable {
    AlterTenantTable::new("app.clients").optional_text("website", 2_048)
}

pub(crate) fn up() -> Change {
    change().up()
}

pub(crate) fn down() -> Change {
    change().down()
}
