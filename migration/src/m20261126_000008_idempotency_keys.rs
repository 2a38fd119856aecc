//! Mutations that a client may send again with the same key: what was carried out, and the answer.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.idempotency_keys")
        .fixed("user_id", "uuid NOT NULL")
        .fixed("key", "text NOT NULL")
        .check("key", "char_length(key) BETWEEN 1 AND 300")
        .fixed("fingerprint", "text NOT NULL")
        .check("fingerprint", "char_length(fingerprint) = 64")
        // Who carries it out: a later attempt takes the right from an earlier one.
        .column("attempt", "integer NOT NULL DEFAULT 1")
        .column("leased_until", "timestamptz NOT NULL")
        // The root fields that were carried out, each noted in the transaction of its change.
        .column("committed", "text[] NOT NULL DEFAULT '{}'")
        .column("answer", "text")
        .unique("user_id, key")
        .reference_member("user_id", OnDelete::Cascade, "")
        .index("created_at", "created_at, id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.idempotency_keys;".to_owned()
}
