//! Plans: reads of `billing.plans` and `billing.plan_features`, and the one write that replaces all of them.

use std::collections::BTreeMap;
use std::time::Duration;

use tenantry_domain::feature::Feature;
use tenantry_domain::plan::{Allowance, Plan, PlanTable};
use tenantry_domain::{Currency, Money};
use tenantry_wire::{Connection, Rows};

use crate::apart;
use crate::columns::Columns;
use crate::error::{ConstraintKind, StoreError};
use crate::read::Read;
use crate::scope::Scope;
use crate::sql::Sql;

const TABLE: &str = "billing.plans";

/// The key from an organization to its plan.
const PLAN_IN_USE: &str = "organization_billing_plan_fkey";

/// The plans as one transaction sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlansRead {
    /// The plans.
    pub table: PlanTable,
    /// The age of the transaction when it read them. Its snapshot may be that old.
    pub age: Duration,
}

/// All plans, in one statement. They belong to no organization, so any scope can read them.
///
/// # Errors
/// [`StoreError::Corrupt`] when a row names a feature that the domain does not know; else those of the database.
pub fn list(scope: &impl Scope) -> Read<'_, PlansRead> {
    let sql = Sql::new(
        "SELECT p.id, p.name, p.rank, p.is_public, p.monthly_price, p.currency, f.feature, f.limit_value, f.enabled, \
         (extract(epoch FROM clock_timestamp() - transaction_timestamp()) * 1000000)::bigint \
         FROM billing.plans p LEFT JOIN billing.plan_features f ON f.plan = p.id ORDER BY p.rank, p.id",
    );
    Read::rows(scope, sql, |_, rows| decode(rows))
}

fn decode(rows: &Rows) -> Result<PlansRead, StoreError> {
    let mut plans: Vec<Plan> = Vec::new();
    let mut age = Duration::ZERO;
    for row in rows.iter() {
        let mut columns = Columns::new(row, TABLE);
        let (id, name): (&str, &str) = (columns.next()?, columns.next()?);
        let (rank, is_public) = (columns.next()?, columns.next()?);
        let (price, currency): (Option<i64>, Option<Currency>) = (columns.next()?, columns.optional_parsed()?);
        if plans.last().is_none_or(|plan| plan.id != id) {
            let monthly_price = price.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency));
            let (id, name) = (id.to_owned(), name.to_owned());
            plans.push(Plan { id, name, rank, is_public, monthly_price, allowances: BTreeMap::new() });
        }
        let feature: Option<Feature> = columns.optional_parsed()?;
        let (limit, enabled): (Option<i64>, Option<bool>) = (columns.next()?, columns.next()?);
        if let (Some(feature), Some(enabled), Some(plan)) = (feature, enabled, plans.last_mut()) {
            plan.allowances.insert(feature, Allowance { limit, enabled });
        }
        let microseconds: i64 = columns.next()?;
        age = Duration::from_micros(microseconds.unsigned_abs());
    }
    Ok(PlansRead { table: PlanTable::new(plans), age })
}

/// Why the plans were not replaced.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceError {
    /// An organization has subscribed to a plan that is missing in the new set.
    #[error("the plan {0} is in use and cannot be removed")]
    PlanInUse(String),
    /// The database failed.
    #[error("the plans could not be written")]
    Store(#[source] StoreError),
}

impl<E: Into<StoreError>> From<E> for ReplaceError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}

/// Replaces all plans, in one transaction of the role that owns them; `url` connects with that role or with one that
/// may become it.
///
/// This is not a scope, because plans belong to no tenant and the scopes' roles may not write them.
///
/// # Errors
/// [`ReplaceError::PlanInUse`] when an organization's plan would be removed; [`ReplaceError::Store`] when the database
/// fails. In both cases nothing was changed.
pub async fn replace(url: &str, table: &PlanTable) -> Result<(), ReplaceError> {
    let mut connection = apart::connect(url, "tenantry plans").await?;
    // One load at a time. Reads continue, and organizations can still be created, because no row that they refer to has
    // its key locked. Ranks may be swapped until the commit.
    connection
        .script(
            "BEGIN;\
             SET LOCAL lock_timeout = '5s';\
             SET LOCAL ROLE tenantry_owner;\
             LOCK TABLE billing.plans IN SHARE ROW EXCLUSIVE MODE;\
             SET CONSTRAINTS billing.plans_rank_excl DEFERRED",
        )
        .await?;
    remove_others(&mut connection, table).await?;
    for plan in table.plans() {
        let mut sql =
            Sql::new("INSERT INTO billing.plans AS t (id, name, rank, is_public, monthly_price, currency) VALUES (");
        sql.bind(plan.id.as_str()).push(", ").bind(plan.name.as_str());
        sql.push(", ").bind(plan.rank).push(", ").bind(plan.is_public);
        let price = plan.monthly_price;
        sql.push(", ").bind(price.map(Money::minor)).push(", ");
        sql.bind(price.map(|price| price.currency().as_str().to_owned()));
        sql.push(") ON CONFLICT (id) DO UPDATE SET name = excluded.name, rank = excluded.rank");
        sql.push(", is_public = excluded.is_public, monthly_price = excluded.monthly_price");
        sql.push(", currency = excluded.currency, updated_at = now()");
        sql.push(" WHERE (t.name, t.rank, t.is_public, t.monthly_price, t.currency)");
        sql.push(" IS DISTINCT FROM (excluded.name, excluded.rank, excluded.is_public");
        sql.push(", excluded.monthly_price, excluded.currency)");
        sql.run(&mut connection).await?;
        let mut sql = Sql::new("DELETE FROM billing.plan_features WHERE plan = ");
        sql.bind(plan.id.as_str());
        sql.run(&mut connection).await?;
        for (feature, allowance) in &plan.allowances {
            let mut sql = Sql::new("INSERT INTO billing.plan_features (plan, feature, limit_value, enabled) VALUES (");
            sql.bind(plan.id.as_str()).push(", ").bind(feature.as_str());
            sql.push(", ").bind(allowance.limit).push(", ").bind(allowance.enabled).push(")");
            sql.run(&mut connection).await?;
        }
    }
    connection.script("COMMIT").await?;
    // The work is done; an error in closing the connection does not matter.
    let _ = connection.close().await;
    Ok(())
}

/// Deletes the plans that are not in the new set, one by one, so that a refusal can name the plan.
async fn remove_others(connection: &mut Connection, table: &PlanTable) -> Result<(), ReplaceError> {
    let rows = Sql::new("SELECT id FROM billing.plans ORDER BY id").run(connection).await?;
    for row in rows.iter() {
        let id: &str = row.get(0)?;
        if table.get(id).is_some() {
            continue;
        }
        let mut sql = Sql::new("DELETE FROM billing.plans WHERE id = ");
        sql.bind(id);
        if let Err(error) = sql.run(connection).await {
            return match error.constraint() {
                Some((ConstraintKind::ForeignKey, PLAN_IN_USE)) => Err(ReplaceError::PlanInUse(id.to_owned())),
                _ => Err(error.into()),
            };
        }
    }
    Ok(())
}
