//! Clients: what is asked of them beyond what every noun has.

use crate::error::StoreError;
use crate::scope::Scope;
use crate::sql::Sql;

/// How many active clients there are, counted no further than `up_to`.
///
/// # Errors
/// Those of the database.
pub async fn count_active(scope: &impl Scope, up_to: i64) -> Result<i64, StoreError> {
    // Ordered as an index is: without, the planner may take the few rows that are wanted for easily found, and read the whole
    // table where there are fewer.
    let mut sql = Sql::new("SELECT count(*) FROM (SELECT 1 FROM app.clients t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    sql.push(" AND t.status = 'active' ORDER BY t.created_at, t.id LIMIT ").bind(up_to).push(") counted");
    scope.connection().fetch_count(sql).await
}
