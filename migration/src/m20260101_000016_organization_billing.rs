//! An organization's subscription: one row each. Level limits are counted under the lock on this row.

use crate::tenant_table::{NO_ORGANIZATION, Operation, TenantTable};

pub(crate) fn up() -> String {
    let table = TenantTable::new("billing.organization_billing")
        .one_per_organization()
        .operations(&[Operation::Select, Operation::Insert, Operation::Update])
        .column("plan", "text NOT NULL DEFAULT 'free'")
        .one_of("status", &["active", "trialing", "past_due", "canceled", "incomplete"])
        .column("stripe_customer_id", "text")
        .column("stripe_subscription_id", "text")
        // Not unique: all customers of a plan have the same price object.
        .column("stripe_price_id", "text")
        .column("period_start", "timestamptz")
        .column("period_end", "timestamptz")
        .check("period", "period_end > period_start")
        .column("trial_ends_at", "timestamptz")
        .column("cancel_at_period_end", "boolean NOT NULL DEFAULT false")
        .column("past_due_since", "timestamptz")
        .column("canceled_at", "timestamptz")
        // When the newest applied event happened at Stripe, so that an older one cannot undo it.
        .column("stripe_event_at", "timestamptz")
        // Also true while it gives no access: unpaid, paused, or with a price that has no plan.
        .column("stripe_has_live_subscription", "boolean NOT NULL DEFAULT false")
        .globally_unique("stripe_customer_id")
        .globally_unique("stripe_subscription_id")
        .reference_global("plan", "billing.plans", "")
        .create();
    format!(
        "{table}
-- An event from Stripe names a customer, not an organization: the worker finds the row, and works on it, without one.
CREATE POLICY billing_of_all_organizations ON billing.organization_billing FOR SELECT TO tenantry_worker
    USING ({NO_ORGANIZATION});
CREATE POLICY billing_update_from_events ON billing.organization_billing FOR UPDATE TO tenantry_worker
    USING ({NO_ORGANIZATION})
    WITH CHECK ({NO_ORGANIZATION});"
    )
}

pub(crate) fn down() -> String {
    "DROP TABLE billing.organization_billing;".to_owned()
}
