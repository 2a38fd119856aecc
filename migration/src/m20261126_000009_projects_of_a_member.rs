//! Members have a list of the projects that they are responsible for.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

fn change() -> AlterTenantTable {
    AlterTenantTable::new("app.projects").index("owner_id_created_at", "owner_id, created_at, id")
}

pub(crate) fn up() -> Change {
    change().up()
}

pub(crate) fn down() -> Change {
    change().down()
}
