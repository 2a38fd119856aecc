//! Everything that the organization's entitlements are computed from, in one statement.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tenantry_domain::feature::{Feature, FeatureKind};
use tenantry_domain::plan::Allowance;
use tenantry_domain::subscription::Subscription;

use super::subscription::{COLUMNS, decode};
use crate::columns::Columns;
use crate::error::StoreError;
use crate::read::Read;
use crate::scope::Scope;
use crate::sql::Sql;

/// What the organization has subscribed to, and what it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// What it has subscribed to.
    pub subscription: Subscription,
    /// Individual agreements that have not expired.
    pub exceptions: HashMap<Feature, Allowance>,
    /// The current number of each level feature. Features that are clearly unlimited are not counted and have no entry.
    pub levels: HashMap<Feature, i64>,
    /// The counters of monthly features whose period is not over, with the start of the period.
    pub counters: HashMap<(Feature, DateTime<Utc>), i64>,
}

/// A requested feature, and the plans that have no limit on it.
#[derive(Debug, Clone)]
pub struct Asked<'p> {
    /// The feature.
    pub feature: Feature,
    /// The ids of these plans.
    pub unlimited: Vec<&'p str>,
}

/// The organization's usage of these features, in one statement; `None` only if its billing row is missing, which never
/// happens.
///
/// A level is counted exactly: there can be many more than the limit only after a downgrade.
///
/// # Errors
/// Those of the database.
pub fn usage<'s>(scope: &'s impl Scope, asked: &[Asked<'_>]) -> Read<'s, Option<Usage>> {
    let now = scope.tenant().clock.now();
    let mut sql = Sql::new("SELECT ");
    let organization = sql.value(scope.organization_id().as_uuid());
    let now = sql.value(now);
    sql.push(COLUMNS);
    let features: Vec<&str> = asked.iter().map(|asked| asked.feature.as_str()).collect();
    let features = sql.value(features);
    // Parallel arrays: feature, limit, whether it is included.
    for (column, kind) in [("feature", "text"), ("limit_value", "bigint"), ("enabled", "boolean")] {
        sql.push(", ARRAY(SELECT o.").push(column).push("::").push(kind).push(" FROM billing.feature_overrides o");
        sql.push(" WHERE o.organization_id = ").push_placeholder(organization);
        sql.push(" AND o.feature = ANY(").push_placeholder(features);
        sql.push(") AND (o.expires_at IS NULL OR o.expires_at > ").push_placeholder(now);
        sql.push(") ORDER BY o.feature)");
    }
    for (column, kind) in [("feature", "text"), ("period_start", "timestamptz"), ("count", "bigint")] {
        sql.push(", ARRAY(SELECT u.").push(column).push("::").push(kind).push(" FROM billing.usage_counters u");
        sql.push(" WHERE u.organization_id = ").push_placeholder(organization);
        sql.push(" AND u.feature = ANY(").push_placeholder(features);
        sql.push(") AND u.period_end > ").push_placeholder(now).push(" ORDER BY u.feature, u.period_start)");
    }
    let levels: Vec<&Asked<'_>> = asked.iter().filter(|asked| asked.feature.kind() == FeatureKind::Level).collect();
    for level in &levels {
        sql.push(", CASE WHEN b.status = 'active' AND NOT b.cancel_at_period_end AND b.plan = ANY(");
        sql.bind(&level.unlimited[..]).push(") AND NOT EXISTS (SELECT 1 FROM billing.feature_overrides o");
        sql.push(" WHERE o.organization_id = ").push_placeholder(organization);
        sql.push(" AND o.feature = ").bind(level.feature.as_str());
        sql.push(") THEN NULL ELSE ");
        match counted_rows(level.feature) {
            Some(rows) => {
                sql.push("(SELECT count(*) FROM ").push(rows).push(" AND t.organization_id = ");
                sql.push_placeholder(organization).push(")");
            }
            None => {
                sql.push("0::bigint");
            }
        }
        sql.push(" END");
    }
    sql.push(" FROM billing.organization_billing b WHERE b.organization_id = ").push_placeholder(organization);
    let levels: Vec<Feature> = levels.iter().map(|level| level.feature).collect();
    Read::rows(scope, sql, move |_, rows| {
        let Some(row) = rows.first() else { return Ok(None) };
        let mut columns = Columns::new(row, "billing.organization_billing");
        let subscription = decode(&mut columns)?;
        let exceptions = exceptions(&mut columns)?;
        let counters = counters(&mut columns)?;
        let mut counted = HashMap::with_capacity(levels.len());
        for level in levels {
            if let Some(count) = columns.next::<Option<i64>>()? {
                counted.insert(level, count);
            }
        }
        Ok(Some(Usage { subscription, exceptions, levels: counted, counters }))
    })
}

/// The table and the condition that define a level, to be followed by a further condition; `None` for features without
/// a table. The bounded counts in the tables' own files, which the checks use, are the same.
fn counted_rows(feature: Feature) -> Option<&'static str> {
    match feature {
        Feature::ActiveClients => Some("app.clients t WHERE t.status = 'active'"),
        Feature::Projects => Some("app.projects t WHERE true"),
        Feature::TeamMembers => Some("app.organization_members t WHERE true"),
        // There is no vault yet, and monthly features have a counter.
        Feature::VaultItems | Feature::ApiCallsPerMonth | Feature::InvoicesPerMonth => None,
    }
}

fn exceptions(columns: &mut Columns<'_>) -> Result<HashMap<Feature, Allowance>, StoreError> {
    let features: Vec<String> = columns.next()?;
    let corrupt = columns.corrupt();
    let limits: Vec<Option<i64>> = columns.next()?;
    let enabled: Vec<bool> = columns.next()?;
    let mut found = HashMap::with_capacity(features.len());
    for ((feature, limit), enabled) in features.iter().zip(limits).zip(enabled) {
        let Ok(feature) = feature.parse() else { return Err(corrupt) };
        found.insert(feature, Allowance { limit, enabled });
    }
    Ok(found)
}

fn counters(columns: &mut Columns<'_>) -> Result<HashMap<(Feature, DateTime<Utc>), i64>, StoreError> {
    let features: Vec<String> = columns.next()?;
    let corrupt = columns.corrupt();
    let starts: Vec<DateTime<Utc>> = columns.next()?;
    let counts: Vec<i64> = columns.next()?;
    let mut found = HashMap::with_capacity(features.len());
    for ((feature, start), count) in features.iter().zip(starts).zip(counts) {
        let Ok(feature) = feature.parse() else { return Err(corrupt) };
        found.insert((feature, start), count);
    }
    Ok(found)
}
