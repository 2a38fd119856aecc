//! What an organization has used in a period. Incremented in place and never deleted while the organization exists.

use crate::m20260101_000015_plans::FEATURES;
use crate::tenant_table::{Operation, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("billing.usage_counters")
        .operations(&[Operation::Select, Operation::Insert, Operation::Update])
        .generated_id()
        .fixed("feature", "text NOT NULL")
        .check("feature", &format!("feature IN ({FEATURES})"))
        .fixed("period_start", "timestamptz NOT NULL")
        .column("period_end", "timestamptz NOT NULL")
        .check("period", "period_end > period_start")
        .column("count", "bigint NOT NULL DEFAULT 0")
        .check("count", "count >= 0")
        .unique("feature, period_start")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE billing.usage_counters;".to_owned()
}
