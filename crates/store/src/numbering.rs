//! The numbers of invoices and credit notes: reads and writes of `app.number_counters`.

use tenantry_domain::NumberCounterId;
use tenantry_domain::invoice::InvoiceKind;

use crate::error::StoreError;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// The next number of this kind in this period. Others who want one wait until this transaction ends, and get the same one if it is
/// rolled back; so take it last.
///
/// # Errors
/// Those of the database.
pub async fn next(scope: &mut WriteScope, kind: InvoiceKind, period: &str) -> Result<i64, StoreError> {
    let mut sql = insert(scope, kind, period, 1);
    sql.push("UPDATE SET last = number_counters.last + 1, updated_at = EXCLUDED.updated_at RETURNING last");
    scope.connection().fetch_count(sql).await
}

/// Makes `next` the next number of this kind in this period. Gives whether it did: numbers that may have been given are not given again.
///
/// # Errors
/// Those of the database.
pub async fn set_next(scope: &mut WriteScope, kind: InvoiceKind, period: &str, next: i64) -> Result<bool, StoreError> {
    let mut sql = insert(scope, kind, period, next - 1);
    sql.push("UPDATE SET last = EXCLUDED.last, updated_at = EXCLUDED.updated_at");
    sql.push(" WHERE number_counters.last <= EXCLUDED.last RETURNING last");
    let rows = scope.connection().fetch(sql).await?;
    Ok(rows.first().is_some())
}

fn insert(scope: &WriteScope, kind: InvoiceKind, period: &str, last: i64) -> Sql {
    let clock = &scope.tenant().clock;
    let mut sql =
        Sql::new("INSERT INTO app.number_counters (organization_id, id, kind, period, last, created_at, updated_at)");
    sql.push(" VALUES (").bind(scope.organization_id().as_uuid()).push(", ");
    sql.bind(clock.new_id::<NumberCounterId>().as_uuid()).push(", ").bind(kind.as_str()).push(", ");
    sql.bind(period.to_owned()).push(", ").bind(last).push(", ");
    let now = sql.value(clock.now());
    sql.push_placeholder(now).push(", ").push_placeholder(now);
    sql.push(") ON CONFLICT (organization_id, kind, period) DO ");
    sql
}
