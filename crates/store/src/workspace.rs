//! Workspaces: what is asked of them beyond what every noun has.

use tenantry_domain::workspace::Workspace;

use crate::error::StoreError;
use crate::record::{read, select};
use crate::scope::Scope;
use crate::visibility;

/// The workspace that a project comes to when none is named. Every organization has one; a guest may not see it.
///
/// # Errors
/// Those of the database.
pub async fn get_default(scope: &impl Scope) -> Result<Option<Workspace>, StoreError> {
    let mut sql = select::<Workspace>(scope);
    sql.push(" AND t.is_default");
    visibility::narrow::<Workspace>(scope.actor(), &mut sql);
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| read(scope.tenant(), row)).transpose()
}
