//! Plans say what they cost a month, for a page that shows them. What is charged is the payment provider's price.

use crate::change::{Change, Part};

pub(crate) fn up() -> Change {
    Change::Parts(vec![Part::Brief(vec![
        "ALTER TABLE billing.plans ADD COLUMN IF NOT EXISTS monthly_price bigint;".to_owned(),
        "ALTER TABLE billing.plans ADD COLUMN IF NOT EXISTS currency text;".to_owned(),
        "-- The table has as many rows as there are plans.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE billing.plans ADD CONSTRAINT plans_monthly_price_check
    CHECK (monthly_price >= 0 AND (monthly_price IS NULL) = (currency IS NULL)),
    ADD CONSTRAINT plans_currency_check CHECK (currency ~ '^[A-Z]{3}$');"
            .to_owned(),
    ])])
}

pub(crate) fn down() -> Change {
    Change::Parts(vec![Part::Brief(vec![
        "-- squawk-ignore ban-drop-column
ALTER TABLE billing.plans DROP COLUMN IF EXISTS monthly_price, DROP COLUMN IF EXISTS currency;"
            .to_owned(),
    ])])
}
