//! What an organization has used in a period: reads and writes of `billing.usage_counters`.

use tenantry_domain::feature::Feature;
use tenantry_domain::subscription::Period;
use tenantry_wire::Error;

use crate::error::StoreError;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// Adds `amount` to the period's counter unless that would exceed `limit`; returns the new count, or `None` if it
/// would.
///
/// One statement, so that of any number of concurrent callers only those within the limit get a count. The counter is
/// locked until the transaction ends, and a rollback undoes the addition.
///
/// # Errors
/// Those of the database.
pub async fn add_within(
    scope: &mut WriteScope,
    feature: Feature,
    period: Period,
    amount: i64,
    limit: i64,
) -> Result<Option<i64>, StoreError> {
    add(scope, feature, period, amount, Some(limit)).await
}

/// Adds `amount` to the period's counter, whatever the limit; returns the new count.
///
/// # Errors
/// Those of the database.
pub async fn add_unchecked(
    scope: &mut WriteScope,
    feature: Feature,
    period: Period,
    amount: i64,
) -> Result<i64, StoreError> {
    let count = add(scope, feature, period, amount, None).await?;
    count.ok_or(StoreError::Database(Error::NoRow))
}

async fn add(
    scope: &mut WriteScope,
    feature: Feature,
    period: Period,
    amount: i64,
    limit: Option<i64>,
) -> Result<Option<i64>, StoreError> {
    let now = scope.tenant().clock.now();
    let mut sql = Sql::new(
        "INSERT INTO billing.usage_counters AS t (organization_id, feature, period_start, period_end, count, \
         created_at, updated_at) SELECT ",
    );
    sql.bind(scope.organization_id().as_uuid()).push(", ").bind(feature.as_str());
    sql.push(", ").bind(period.start()).push(", ").bind(period.end());
    let amount_at = sql.value(amount);
    sql.push(", ").push_placeholder(amount_at).push("::bigint");
    let now_at = sql.value(now);
    sql.push(", ").push_placeholder(now_at).push("::timestamptz, ").push_placeholder(now_at).push("::timestamptz");
    let limit_at = limit.map(|limit| sql.value(limit));
    if let Some(limit_at) = limit_at {
        sql.push(" WHERE ")
            .push_placeholder(amount_at)
            .push("::bigint <= ")
            .push_placeholder(limit_at)
            .push("::bigint");
    }
    sql.push(" ON CONFLICT (organization_id, feature, period_start) DO UPDATE");
    sql.push(" SET count = t.count + excluded.count, period_end = excluded.period_end");
    sql.push(", updated_at = excluded.updated_at");
    if let Some(limit_at) = limit_at {
        sql.push(" WHERE t.count + excluded.count <= ").push_placeholder(limit_at);
    }
    sql.push(" RETURNING t.count");
    let rows = scope.connection().fetch(sql).await?;
    Ok(rows.first().map(|row| row.get(0)).transpose()?)
}

/// How much was used in the period.
///
/// # Errors
/// Those of the database.
pub async fn get(scope: &impl Scope, feature: Feature, period: Period) -> Result<i64, StoreError> {
    let mut sql = Sql::new("SELECT t.count FROM billing.usage_counters t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.feature = ").bind(feature.as_str());
    sql.push(" AND t.period_start = ").bind(period.start());
    scope.connection().fetch_count(sql).await
}
