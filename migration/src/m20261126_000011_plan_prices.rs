//! Plans say what they cost a month, for a page that shows them. What is charged is the payment provider's price.

pub(crate) fn up() -> String {
    // The table has as many rows as there are plans.
    "ALTER TABLE billing.plans ADD COLUMN monthly_price bigint, ADD COLUMN currency text;
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE billing.plans ADD CONSTRAINT plans_monthly_price_check
    CHECK (monthly_price >= 0 AND (monthly_price IS NULL) = (currency IS NULL));
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE billing.plans ADD CONSTRAINT plans_currency_check CHECK (currency ~ '^[A-Z]{3}$');
"
    .to_owned()
}

pub(crate) fn down() -> String {
    "-- squawk-ignore ban-drop-column
ALTER TABLE billing.plans DROP COLUMN monthly_price, DROP COLUMN currency;
"
    .to_owned()
}
