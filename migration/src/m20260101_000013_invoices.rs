//! Invoices. They stay when their client or project is deleted. Only deleting the organization deletes them with it.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.invoices")
        .column("client_id", "uuid")
        .column("project_id", "uuid")
        .column("number", "text")
        .check("number", "char_length(number) BETWEEN 1 AND 64")
        .one_of("status", &["draft", "sent", "paid", "overdue", "void"])
        // A number is assigned when a draft is issued, and never removed.
        .check("issued", "(status = 'draft') = (number IS NULL)")
        .column("currency", "char(3) NOT NULL")
        .check("currency", "currency ~ '^[A-Z]{3}$'")
        .column("issue_date", "date NOT NULL")
        .column("due_date", "date")
        .column("line_items", "jsonb NOT NULL DEFAULT '[]'")
        .check("line_items", "jsonb_typeof(line_items) = 'array'")
        // Minor units of the currency.
        .column("subtotal", "bigint NOT NULL DEFAULT 0")
        // A fraction: 0.18 is 18 %.
        .column("tax_rate", "numeric(9, 8) NOT NULL DEFAULT 0")
        .check("tax_rate", "tax_rate BETWEEN 0 AND 1")
        .column("tax_amount", "bigint NOT NULL DEFAULT 0")
        .column("total", "bigint NOT NULL DEFAULT 0")
        .check("total", "total = subtotal + tax_amount")
        .column("amount_paid", "bigint NOT NULL DEFAULT 0")
        .check("amount_paid", "amount_paid >= 0")
        .optional_text("notes", 20_000)
        .column("sent_at", "timestamptz")
        .column("paid_at", "timestamptz")
        .column("voided_at", "timestamptz")
        .author("created_by")
        .unique("number")
        .reference("client_id", "app.clients", OnDelete::SetNull, "issue_date, id")
        .reference("project_id", "app.projects", OnDelete::SetNull, "issue_date, id")
        .index("created_at", "created_at, id")
        .index("issue_date", "issue_date, id")
        .index("status", "status, due_date, id")
        // Invoices without a due date come last, in the same order as the list uses.
        .index("due_date", "coalesce(due_date, 'infinity'::date), id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.invoices;".to_owned()
}
