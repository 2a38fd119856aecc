//! What a member may do in a workspace beyond the role. Deleted with the membership.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.workspace_members")
        .generated_id()
        .fixed("workspace_id", "uuid NOT NULL")
        .fixed("user_id", "uuid NOT NULL")
        .column("permission", "text NOT NULL")
        .check("permission", "permission IN ('view', 'edit', 'admin')")
        .unique("workspace_id, user_id")
        .reference("workspace_id", "app.workspaces", OnDelete::Cascade, "")
        .reference_member("user_id", OnDelete::Cascade, "workspace_id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.workspace_members;".to_owned()
}
