//! The settings of an organization's invoices. An organization without a row has the default ones.

use crate::change::drop_empty;
use crate::tenant_table::{Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.settings")
        .one_per_organization()
        .operations(&[Operation::Select, Operation::Insert, Operation::Update])
        .column("currency", "char(3)")
        .check("currency", "currency ~ '^[A-Z]{3}$'")
        .column("taxes", "jsonb NOT NULL DEFAULT '[]'")
        .check("taxes", "jsonb_typeof(taxes) = 'array'")
        .column("prices_include_tax", "boolean NOT NULL DEFAULT false")
        .column("payment_days", "integer")
        .check("payment_days", "payment_days BETWEEN 0 AND 365")
        .text("invoice_number_pattern", 40)
        .one_of("invoice_number_reset", &["yearly", "monthly", "never"])
        .text("credit_note_number_pattern", 40)
        .one_of("credit_note_number_reset", &["yearly", "monthly", "never"])
        .column("seller", "jsonb NOT NULL DEFAULT '{}'")
        .check("seller", "jsonb_typeof(seller) = 'object'")
        .create()
}

pub(crate) fn down() -> String {
    drop_empty("app.settings", "there are settings of invoices, which would be lost")
}
