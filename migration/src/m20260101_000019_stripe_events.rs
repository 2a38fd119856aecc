//! Every event that Stripe sent, so that each is applied once. This is not a tenant table although it may name an
//! organization: an event arrives before its organization is known. Only the worker has grants on it.

pub(crate) fn up() -> String {
    "CREATE TABLE billing.stripe_events (
    id text NOT NULL,
    type text NOT NULL,
    created timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz,
    organization_id uuid,
    customer_id text,
    payload jsonb NOT NULL,
    CONSTRAINT stripe_events_pkey PRIMARY KEY (id),
    CONSTRAINT stripe_events_organization_id_fkey FOREIGN KEY (organization_id)
        REFERENCES app.organizations (id) ON DELETE CASCADE,
    CONSTRAINT stripe_events_id_check CHECK (char_length(id) BETWEEN 1 AND 255),
    CONSTRAINT stripe_events_type_check CHECK (char_length(type) BETWEEN 1 AND 255),
    CONSTRAINT stripe_events_customer_id_check CHECK (char_length(customer_id) BETWEEN 1 AND 255),
    CONSTRAINT stripe_events_payload_check CHECK (jsonb_typeof(payload) = 'object')
);
CREATE INDEX stripe_events_organization_id_idx ON billing.stripe_events (organization_id, created);
-- What came before anybody knew whose it is waits here until something says so.
CREATE INDEX stripe_events_customer_id_idx ON billing.stripe_events (customer_id) WHERE customer_id IS NOT NULL;
-- What has had no effect yet, to be tried again.
CREATE INDEX stripe_events_waiting_idx ON billing.stripe_events (type) WHERE applied_at IS NULL;
GRANT SELECT, INSERT ON billing.stripe_events TO tenantry_worker;
GRANT UPDATE (applied_at, organization_id) ON billing.stripe_events TO tenantry_worker;"
        .to_owned()
}

pub(crate) fn down() -> String {
    "DROP TABLE billing.stripe_events;".to_owned()
}
