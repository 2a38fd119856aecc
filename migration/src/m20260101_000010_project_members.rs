//! What a member may do in one project beyond the role. Deleted with the membership.

use crate::tenant_table::{OnDelete, TenantTable};

pub(crate) fn up() -> String {
    TenantTable::new("app.project_members")
        .generated_id()
        .fixed("project_id", "uuid NOT NULL")
        .fixed("user_id", "uuid NOT NULL")
        .column("permission", "text NOT NULL")
        .check("permission", "permission IN ('view', 'edit', 'admin')")
        .unique("project_id, user_id")
        .reference("project_id", "app.projects", OnDelete::Cascade, "")
        .reference_member("user_id", OnDelete::Cascade, "project_id")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.project_members;".to_owned()
}
