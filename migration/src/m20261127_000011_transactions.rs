//! Money that came in or went out. Of an entry only the client, the project, the day and what is said of it change; a wrong one is deleted.

use crate::change::drop_empty;
use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.transactions")
        .fixed("kind", "text NOT NULL")
        .check("kind", "kind IN ('payment', 'refund', 'expense', 'income')")
        .column("client_id", "uuid")
        .column("project_id", "uuid")
        .fixed("invoice_id", "uuid")
        .check("invoice", "invoice_id IS NULL OR kind IN ('payment', 'refund')")
        // Minor units of the currency.
        .fixed("amount", "bigint NOT NULL")
        .check("amount", "amount > 0")
        .fixed("currency", "char(3) NOT NULL")
        .check("currency", "currency ~ '^[A-Z]{3}$'")
        .column("occurred_on", "date NOT NULL")
        .optional_text("method", 50)
        .optional_text("reference", 200)
        .optional_text("note", 20_000)
        .author("created_by")
        .reference("client_id", "app.clients", OnDelete::SetNull, "occurred_on, id")
        .reference("project_id", "app.projects", OnDelete::SetNull, "occurred_on, id")
        .reference("invoice_id", "app.invoices", OnDelete::Refuse, "occurred_on, id")
        .index("occurred_on", "occurred_on, id")
        .index("created_at", "created_at, id")
        .index("updated_at", "updated_at, id")
        .create()
}

pub(crate) fn down() -> String {
    drop_empty("app.transactions", "there are payments and other transactions, which would be lost")
}
