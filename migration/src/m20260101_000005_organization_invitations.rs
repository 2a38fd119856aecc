//! Invitations to an organization. The token itself is only in the e-mail; no role may read its hash.

use crate::tenant_table::TenantTable;

pub(crate) fn up() -> String {
    TenantTable::new("app.organization_invitations")
        .fixed("email", "text NOT NULL")
        .check("email", "char_length(email) <= 320 AND btrim(email) <> ''")
        .column("role", "text NOT NULL DEFAULT 'member'")
        .check("role", "role IN ('owner', 'admin', 'member', 'viewer', 'guest')")
        .secret("token_hash", "bytea NOT NULL")
        .check("token_hash", "octet_length(token_hash) = 32")
        .author("invited_by")
        .column("expires_at", "timestamptz NOT NULL")
        .column("accepted_at", "timestamptz")
        .column("revoked_at", "timestamptz")
        .globally_unique("token_hash")
        .unique_index("pending", "lower(email)", "accepted_at IS NULL AND revoked_at IS NULL")
        .index("created_at", "created_at, id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.organization_invitations;".to_owned()
}
