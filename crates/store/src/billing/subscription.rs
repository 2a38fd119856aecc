//! The organization's subscription: reads and writes of `billing.organization_billing`, whose row is the lock for every
//! level limit.

use chrono::{DateTime, Utc};
use tenantry_domain::feature::Feature;
use tenantry_domain::plan::Allowance;
use tenantry_domain::subscription::{Period, Subscription};
use tenantry_wire::Rows;

use crate::columns::Columns;
use crate::error::StoreError;
use crate::read::Read;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

const TABLE: &str = "billing.organization_billing";

/// In the order of [`decode`].
pub(super) const COLUMNS: &str = "b.plan, b.status, b.period_start, b.period_end, b.trial_ends_at, \
                                  b.cancel_at_period_end, b.past_due_since, b.canceled_at";

/// What determines how much of one feature the organization may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it has subscribed to.
    pub subscription: Subscription,
    /// The individual agreement, if it has not expired.
    pub exception: Option<Allowance>,
    /// Whether the row is locked until the transaction ends.
    pub is_locked: bool,
}

/// The organization's subscription; `None` only if its row is missing, which never happens.
///
/// # Errors
/// Those of the database.
pub fn get(scope: &impl Scope) -> Read<'_, Option<Subscription>> {
    Read::rows(scope, select(scope, ""), |_, rows| first(rows))
}

/// As [`get`], with the row locked until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn get_for_update(scope: &mut WriteScope) -> Result<Option<Subscription>, StoreError> {
    let sql = select(scope, " FOR UPDATE");
    first(&scope.connection().fetch(sql).await?)
}

fn select(scope: &impl Scope, lock: &str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM billing.organization_billing b WHERE b.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(lock);
    sql
}

fn first(rows: &Rows) -> Result<Option<Subscription>, StoreError> {
    rows.first().map(|row| decode(&mut Columns::new(row, TABLE))).transpose()
}

/// The standing for one feature, read without a lock.
///
/// # Errors
/// Those of the database.
pub async fn standing(scope: &impl Scope, feature: Feature) -> Result<Option<Standing>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(", o.feature IS NOT NULL, o.limit_value, o.enabled, false");
    sql.push(" FROM billing.organization_billing b");
    join_exception(scope, feature, &mut sql);
    let organization = scope.organization_id().as_uuid();
    sql.push(" WHERE b.organization_id = ").bind(organization);
    decode_standing(&scope.connection().fetch(sql).await?)
}

/// The standing for one feature, with the subscription's row locked until the transaction ends. The row is not locked
/// if the organization is clearly unlimited: its subscription is active, its plan is one of `unlimited`, and there is
/// no individual agreement. Nothing is counted then, so there is nothing to protect.
///
/// A count under this lock must be in a later statement, whose snapshot is newer than the lock.
///
/// # Errors
/// Those of the database.
pub async fn standing_for_update(
    scope: &mut WriteScope,
    feature: Feature,
    unlimited: &[&str],
) -> Result<Option<Standing>, StoreError> {
    let organization = scope.organization_id().as_uuid();
    let mut sql = Sql::new("WITH o AS MATERIALIZED (SELECT o.feature, o.limit_value, o.enabled");
    sql.push(" FROM billing.feature_overrides o WHERE o.organization_id = ").bind(organization);
    sql.push(" AND o.feature = ").bind(feature.as_str());
    sql.push(" AND (o.expires_at IS NULL OR o.expires_at > ").bind(scope.tenant().clock.now()).push("))");
    // The lock is taken on the newest version of the row, and the condition is checked again on that version.
    sql.push(", locked AS MATERIALIZED (SELECT ").push(COLUMNS).push(" FROM billing.organization_billing b");
    sql.push(" WHERE b.organization_id = $1 AND (EXISTS (SELECT 1 FROM o) OR b.status <> 'active'");
    sql.push(" OR b.cancel_at_period_end OR b.plan <> ALL(").bind(unlimited).push(")) FOR UPDATE OF b)");
    sql.push(", found AS (SELECT b.*, true AS is_locked FROM locked b UNION ALL SELECT ").push(COLUMNS);
    sql.push(", false FROM billing.organization_billing b");
    sql.push(" WHERE b.organization_id = $1 AND NOT EXISTS (SELECT 1 FROM locked))");
    sql.push(" SELECT ").push(COLUMNS).push(", o.feature IS NOT NULL, o.limit_value, o.enabled, b.is_locked");
    sql.push(" FROM found b LEFT JOIN o ON true");
    decode_standing(&scope.connection().fetch(sql).await?)
}

/// Joins the exception from the organization's plan, `o`, to `b`.
fn join_exception(scope: &impl Scope, feature: Feature, sql: &mut Sql) {
    sql.push(" LEFT JOIN billing.feature_overrides o ON o.organization_id = b.organization_id AND o.feature = ");
    sql.bind(feature.as_str()).push(" AND (o.expires_at IS NULL OR o.expires_at > ");
    sql.bind(scope.tenant().clock.now()).push(")");
}

fn decode_standing(rows: &Rows) -> Result<Option<Standing>, StoreError> {
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::new(row, TABLE);
    let subscription = decode(&mut columns)?;
    let (is_exception, limit, enabled): (bool, _, Option<bool>) = (columns.next()?, columns.next()?, columns.next()?);
    let exception = is_exception.then_some(Allowance { limit, enabled: enabled.unwrap_or(true) });
    Ok(Some(Standing { subscription, exception, is_locked: columns.next()? }))
}

pub(super) fn decode(columns: &mut Columns<'_>) -> Result<Subscription, StoreError> {
    let (plan, status) = (columns.next()?, columns.parsed()?);
    let (start, end) = (columns.optional_time()?, columns.optional_time()?);
    let period = match (start, end) {
        (Some(start), Some(end)) => Some(Period::new(start, end).ok_or_else(|| columns.corrupt())?),
        // A period with only one end counts as none.
        _ => None,
    };
    Ok(Subscription {
        plan,
        status,
        period,
        trial_ends_at: columns.optional_time()?,
        cancel_at_period_end: columns.next()?,
        past_due_since: columns.optional_time()?,
        canceled_at: columns.optional_time()?,
    })
}

/// Inserts the subscription of an organization that has none yet.
///
/// # Errors
/// A unique violation when it has one; a foreign-key violation when there is no such plan.
pub async fn create(scope: &mut WriteScope, subscription: &Subscription) -> Result<(), StoreError> {
    let mut sql = Sql::new("INSERT INTO billing.organization_billing (organization_id, plan, status, period_start,");
    sql.push(" period_end, trial_ends_at, cancel_at_period_end, past_due_since, canceled_at, created_at, updated_at)");
    sql.push(" VALUES (").bind(scope.organization_id().as_uuid());
    let now = scope.tenant().clock.now();
    sql.push(", ").bind(subscription.plan.as_str()).push(", ").bind(subscription.status.as_str());
    for time in times_of_period(subscription) {
        sql.push(", ").bind(time);
    }
    sql.push(", ").bind(subscription.trial_ends_at).push(", ").bind(subscription.cancel_at_period_end);
    sql.push(", ").bind(subscription.past_due_since).push(", ").bind(subscription.canceled_at);
    sql.push(", ").bind(now).push(", ").bind(now).push(")");
    scope.connection().execute(sql).await.map(drop)
}

/// Writes a subscription that was locked in this scope.
///
/// # Errors
/// A foreign-key violation when there is no such plan.
pub async fn update(scope: &mut WriteScope, subscription: &Subscription) -> Result<(), StoreError> {
    let [start, end] = times_of_period(subscription);
    let mut sql = Sql::new("UPDATE billing.organization_billing SET plan = ");
    sql.bind(subscription.plan.as_str()).push(", status = ").bind(subscription.status.as_str());
    sql.push(", period_start = ").bind(start).push(", period_end = ").bind(end);
    sql.push(", trial_ends_at = ").bind(subscription.trial_ends_at);
    sql.push(", cancel_at_period_end = ").bind(subscription.cancel_at_period_end);
    sql.push(", past_due_since = ").bind(subscription.past_due_since);
    sql.push(", canceled_at = ").bind(subscription.canceled_at);
    sql.push(", updated_at = ").bind(scope.tenant().clock.now());
    sql.push(" WHERE organization_id = ").bind(scope.organization_id().as_uuid());
    scope.connection().execute(sql).await.map(drop)
}

fn times_of_period(subscription: &Subscription) -> [Option<DateTime<Utc>>; 2] {
    [subscription.period.map(Period::start), subscription.period.map(Period::end)]
}
