//! Which tasks a bill covers. The link goes with either end; the invoice and its lines stay.

use crate::tenant_table::{OnDelete, Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.invoice_tasks")
        .generated_id()
        // A link is made and taken away; there is nothing in it to change.
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
