//! What an invoice goes through after it is issued, credit notes, and who it is from and whom it is for at that time.

use crate::alter_tenant_table::AlterTenantTable;
use crate::change::{Change, Part, refuse_rows};
use crate::tenant_table::OnDelete;

const STATUSES: &str = "status IN ('draft', 'issued', 'sent', 'partly_paid', 'paid', 'overdue', 'written_off', 'void')";

fn change() -> AlterTenantTable {
    AlterTenantTable::new("app.invoices")
        .one_of("kind", &["invoice", "credit_note"])
        .column("corrects_id", "uuid")
        .check("corrects", "(kind = 'credit_note') = (corrects_id IS NOT NULL)")
        .column("amount_credited", "bigint NOT NULL DEFAULT 0")
        .check("amount_credited", "amount_credited BETWEEN 0 AND total")
        .column("issued_at", "timestamptz")
        .column("written_off_at", "timestamptz")
        .column("dated_on_issue", "boolean NOT NULL DEFAULT false")
        .column("parties", "jsonb")
        .check("parties", "jsonb_typeof(parties) = 'object'")
        // In place of the one that knew fewer.
        .check("status", STATUSES)
        .reference("corrects_id", "app.invoices", OnDelete::Refuse, "issue_date, id")
}

pub(crate) fn up() -> Change {
    // So far an invoice was sent when it was issued.
    let issued = Part::Unforced {
        tables: vec!["app.invoices".to_owned()],
        statement: "UPDATE app.invoices SET issued_at = sent_at WHERE issued_at IS NULL AND sent_at IS NOT NULL;"
            .to_owned(),
    };
    [change().up(), Change::Parts(vec![issued])].into_iter().collect()
}

pub(crate) fn down() -> Change {
    // What the older version cannot say would be lost with the columns, or be taken for something else.
    let lost = refuse_rows(
        "app.invoices",
        "kind",
        "status IN ('issued', 'partly_paid', 'written_off') OR kind = 'credit_note' OR amount_credited <> 0",
        "there are credit notes or invoices in a status that the older version does not know",
    );
    let before =
        AlterTenantTable::new("app.invoices").check("status", "status IN ('draft', 'sent', 'paid', 'overdue', 'void')");
    [lost, change().down(), before.up()].into_iter().collect()
}
