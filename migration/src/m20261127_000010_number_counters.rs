//! The last number that was given to an invoice or a credit note, in each period that numbers are counted in.

use crate::change::drop_empty;
use crate::tenant_table::{Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.number_counters")
        .generated_id()
        .operations(&[Operation::Select, Operation::Insert, Operation::Update])
        .fixed("kind", "text NOT NULL")
        .check("kind", "kind IN ('invoice', 'credit_note')")
        // A year, a month, or nothing if numbers never begin anew.
        .fixed("period", "text NOT NULL")
        .check("period", "period ~ '^([0-9]{4}(-[0-9]{2})?)?$'")
        .column("last", "bigint NOT NULL")
        .check("last", "last >= 0")
        .unique("kind, period")
        .create()
}

pub(crate) fn down() -> String {
    drop_empty("app.number_counters", "there are numbers of invoices, which would be given twice")
}
