//! Workspaces: what is asked of them beyond what every noun has.

use tenantry_domain::workspace::Workspace;

use crate::read::Read;
use crate::record::{read, select};
use crate::scope::Scope;
use crate::visibility;

/// The workspace that a project comes to when none is named. Every organization has one; a guest may not see it.
///
/// # Errors
/// Those of the database.
pub fn get_default(scope: &impl Scope) -> Read<'_, Option<Workspace>> {
    let mut sql = select::<Workspace>(scope);
    sql.push(" AND t.is_default");
    visibility::narrow::<Workspace>(scope.actor(), &mut sql);
    Read::rows(scope, sql, |tenant, rows| rows.first().map(|row| read(tenant, row)).transpose())
}
