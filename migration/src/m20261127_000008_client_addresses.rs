//! The addresses and tax numbers of clients.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::Change;

fn change() -> AlterTenantTable {
    AlterTenantTable::new("app.clients")
        .optional_text("address_line1", 200)
        .optional_text("address_line2", 200)
        .optional_text("city", 100)
        .optional_text("region", 100)
        .optional_text("postal_code", 20)
        .column("country", "text")
        .check("country", "char_length(country) <= 2 AND country ~ '^[A-Z]{2}$'")
        .optional_text("tax_id", 50)
}

pub(crate) fn up() -> Change {
    change().up()
}

pub(crate) fn down() -> Change {
    change().down()
}
