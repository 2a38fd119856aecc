//! Which tasks an invoice bills. The link is deleted with either end; the invoice and its lines stay.

use crate::tenant_table::{OnDelete, Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.invoice_tasks")
        .generated_id()
        // Links are inserted and deleted; there is nothing in them to update.
        .operations(&[Operation::Select, Operation::Insert, Operation::Delete])
        .fixed("invoice_id", "uuid NOT NULL")
        .fixed("task_id", "uuid NOT NULL")
        .unique("invoice_id, task_id")
        .reference("invoice_id", "app.invoices", OnDelete::Cascade, "")
        .reference("task_id", "app.tasks", OnDelete::Cascade, "invoice_id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.invoice_tasks;".to_owned()
}
