//! Several taxes on an invoice, prices that contain them, and discounts.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::{Change, Part, refuse_rows};

fn change() -> AlterTenantTable {
    AlterTenantTable::new("app.invoices")
        // Null stands for the one tax that the rate says, or none.
        .column("taxes", "jsonb")
        .check("taxes", "jsonb_typeof(taxes) = 'array'")
        .column("prices_include_tax", "boolean NOT NULL DEFAULT false")
        // A fraction: 0.1 is 10 %. Null if there is no discount, or if it is an amount.
        .column("discount_rate", "numeric(9, 8)")
        .check("discount_rate", "discount_rate BETWEEN 0 AND 1")
        // Minor units of the currency.
        .column("discount", "bigint NOT NULL DEFAULT 0")
        .check("discount", "discount >= 0")
        // In place of the one that knew of no discount.
        .check("total", "total = subtotal - discount + CASE WHEN prices_include_tax THEN 0 ELSE tax_amount END")
}

pub(crate) fn up() -> Change {
    let several = "ALTER TABLE app.invoices ALTER COLUMN tax_rate DROP NOT NULL;".to_owned();
    [Change::Parts(vec![Part::Brief(vec![several])]), change().up()].into_iter().collect()
}

pub(crate) fn down() -> Change {
    let before =
        AlterTenantTable::new("app.invoices").check("total", "total = subtotal + tax_amount").required("tax_rate");
    [lost(), change().down(), before.up()].into_iter().collect()
}

/// What the older version cannot say would be lost with the columns, so such rows are in the way.
fn lost() -> Change {
    refuse_rows(
        "app.invoices",
        "taxes",
        "taxes IS NOT NULL OR prices_include_tax OR discount <> 0 OR discount_rate IS NOT NULL
         OR jsonb_path_exists(line_items, '$[*] ? (exists(@.discount_rate) || exists(@.discount_amount) || exists(@.taxes))')",
        "there are invoices with several taxes or discounts, which the older version cannot show",
    )
}
