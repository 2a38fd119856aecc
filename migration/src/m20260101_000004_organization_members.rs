//! Memberships with their roles. Every key that links a person to work in an organization refers to this table.

use crate::roles::TENANT_ROLES;
use crate::tenant_table::{NO_ORGANIZATION, TenantTable};

pub(crate) fn up() -> String {
    let table = TenantTable::new("app.organization_members")
        .fixed("user_id", "uuid NOT NULL")
        .column("role", "text NOT NULL DEFAULT 'member'")
        .check("role", "role IN ('owner', 'admin', 'member', 'viewer', 'guest')")
        .fixed("joined_at", "timestamptz NOT NULL DEFAULT now()")
        .unique("user_id")
        .reference_global("user_id", "auth.users", " ON DELETE CASCADE")
        .author("invited_by")
        .index("joined_at", "joined_at, id")
        .create();
    format!(
        "{table}
-- A user sees own memberships before an organization is chosen.
CREATE POLICY organization_members_of_user ON app.organization_members FOR SELECT TO {TENANT_ROLES}
    USING ({NO_ORGANIZATION} AND user_id = nullif(current_setting('app.current_user_id', true), '')::uuid);"
    )
}

pub(crate) fn down() -> String {
    "DROP TABLE app.organization_members;".to_owned()
}
