//! Exceptions from the plan for one organization. The application reads them; an operator creates them.

use crate::m20260101_000015_plans::FEATURES;
use crate::tenant_table::{Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("billing.feature_overrides")
        .operations(&[Operation::Select])
        .generated_id()
        .fixed("feature", "text NOT NULL")
        .check("feature", &format!("feature IN ({FEATURES})"))
        // NULL: unlimited.
        .column("limit_value", "bigint")
        .check("limit_value", "limit_value >= 0")
        .column("enabled", "boolean NOT NULL DEFAULT true")
        .optional_text("reason", 2_000)
        .column("expires_at", "timestamptz")
        .unique("feature")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE billing.feature_overrides;".to_owned()
}
