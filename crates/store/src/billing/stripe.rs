//! Stripe's events and the billing rows that they change, across organizations: an event names a customer, not a
//! tenant. Only the worker's role has these grants. `tenantry-billing` decides what an event means.

use chrono::{DateTime, Utc};
use serde_json::Value;
use tenantry_domain::OrganizationId;
use tenantry_domain::subscription::{Period, Subscription};
use tenantry_wire::Json;
use uuid::Uuid;

use super::subscription::{COLUMNS, decode};
use crate::columns::Columns;
use crate::error::StoreError;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WorkerScope, WriteScope};
use crate::sql::Sql;

const TABLE: &str = "billing.organization_billing";

/// An event to store.
#[derive(Debug, Clone)]
pub struct NewEvent<'e> {
    /// Its id at Stripe.
    pub id: &'e str,
    /// Its type.
    pub kind: &'e str,
    /// When it happened at Stripe.
    pub created: DateTime<Utc>,
    /// Its customer.
    pub customer: Option<&'e str>,
    /// The whole event.
    pub payload: &'e Value,
}

/// The ways in which an event may refer to an organization.
#[derive(Debug, Clone, Copy)]
pub struct Reference<'e> {
    /// The customer.
    pub customer: Option<&'e str>,
    /// The subscription.
    pub subscription: Option<&'e str>,
    /// The organization named by whoever created the subscription.
    pub named: Option<OrganizationId>,
}

/// The content of an organization's billing row, including Stripe's ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// What it has subscribed to.
    pub subscription: Subscription,
    /// The customer.
    pub customer_id: Option<String>,
    /// The subscription.
    pub subscription_id: Option<String>,
    /// The price.
    pub price_id: Option<String>,
    /// The time of the newest applied event.
    pub event_at: Option<DateTime<Utc>>,
    /// Whether there is a subscription at Stripe that has not ended, whatever access it gives: a second one would be
    /// paid for twice.
    pub has_live_subscription: bool,
}

/// Makes the deliveries of one customer's events wait for each other until the transaction ends. Otherwise an event of
/// an unknown organization and the event that identifies it could miss each other.
///
/// # Errors
/// Those of the database.
pub async fn lock_customer(scope: &mut WorkerScope, customer: &str) -> Result<(), StoreError> {
    // The first key separates these locks from other advisory locks.
    let mut sql = Sql::new("SELECT pg_catalog.pg_advisory_xact_lock(1398034768, pg_catalog.hashtext(");
    sql.bind(customer).push("))");
    scope.connection().fetch(sql).await.map(drop)
}

/// Stores an event. Returns whether it is new; if one with the same id is being stored elsewhere, it waits for that.
///
/// # Errors
/// Those of the database.
pub async fn insert(scope: &mut WorkerScope, event: &NewEvent<'_>) -> Result<bool, StoreError> {
    let now = scope.clock().now();
    let mut sql = Sql::new("INSERT INTO billing.stripe_events (id, type, created, received_at, customer_id, payload)");
    sql.push(" VALUES (").bind(event.id).push(", ").bind(event.kind).push(", ").bind(event.created);
    sql.push(", ").bind(now).push(", ").bind(event.customer).push(", ").bind(Json(event.payload));
    sql.push(") ON CONFLICT (id) DO NOTHING");
    Ok(scope.connection().execute(sql).await? > 0)
}

/// Whether a stored event has been applied.
///
/// # Errors
/// Those of the database.
pub async fn is_applied(scope: &WorkerScope, id: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT count(*) FROM billing.stripe_events e WHERE e.applied_at IS NOT NULL AND e.id = ");
    sql.bind(id);
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

/// The organization of an event: the one with this customer, or this subscription, or earlier events of this customer,
/// or the named one, in this order.
///
/// # Errors
/// Those of the database.
pub async fn find_organization(
    scope: &WorkerScope,
    reference: Reference<'_>,
) -> Result<Option<OrganizationId>, StoreError> {
    let mut sql = Sql::new("SELECT f.organization_id FROM (");
    sql.push("SELECT b.organization_id, 1 AS rank FROM billing.organization_billing b WHERE b.stripe_customer_id = ");
    sql.bind(reference.customer);
    sql.push(" UNION ALL SELECT b.organization_id, 2 FROM billing.organization_billing b");
    sql.push(" WHERE b.stripe_subscription_id = ").bind(reference.subscription);
    sql.push(" UNION ALL (SELECT e.organization_id, 3 FROM billing.stripe_events e");
    sql.push(" WHERE e.organization_id IS NOT NULL AND e.customer_id = ").bind(reference.customer);
    sql.push(" ORDER BY e.created, e.id LIMIT 1)");
    sql.push(" UNION ALL SELECT b.organization_id, 4 FROM billing.organization_billing b WHERE b.organization_id = ");
    sql.bind(reference.named.map(|id| id.as_uuid())).push(") f ORDER BY f.rank LIMIT 1");
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| Columns::new(row, TABLE).id()).transpose()
}

/// Assigns an event, and its customer's other events without an organization, to the organization.
///
/// # Errors
/// Those of the database.
pub async fn attribute(
    scope: &mut WorkerScope,
    organization: OrganizationId,
    event: &str,
    customer: Option<&str>,
) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE billing.stripe_events SET organization_id = ");
    sql.bind(organization.as_uuid()).push(" WHERE organization_id IS NULL AND (id = ").bind(event);
    sql.push(" OR customer_id = ").bind(customer).push(")");
    scope.connection().execute(sql).await.map(drop)
}

/// The organization's billing row, locked until the transaction ends.
///
/// # Errors
/// Those of the database.
pub async fn account_for_update(
    scope: &mut WorkerScope,
    organization: OrganizationId,
) -> Result<Option<Account>, StoreError> {
    fetch_account(scope, organization.as_uuid(), " FOR UPDATE").await
}

/// The billing row of the scope's organization.
///
/// # Errors
/// Those of the database.
pub async fn account(scope: &impl Scope) -> Result<Option<Account>, StoreError> {
    fetch_account(scope, scope.organization_id().as_uuid(), "").await
}

async fn fetch_account(scope: &impl Sealed, organization: Uuid, lock: &str) -> Result<Option<Account>, StoreError> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(", b.stripe_customer_id, b.stripe_subscription_id, b.stripe_price_id, b.stripe_event_at");
    sql.push(", b.stripe_has_live_subscription");
    sql.push(" FROM billing.organization_billing b WHERE b.organization_id = ").bind(organization).push(lock);
    let rows = scope.connection().fetch(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::new(row, TABLE);
    Ok(Some(Account {
        subscription: decode(&mut columns)?,
        customer_id: columns.next()?,
        subscription_id: columns.next()?,
        price_id: columns.next()?,
        event_at: columns.optional_time()?,
        has_live_subscription: columns.next()?,
    }))
}

/// The organization's newest events of these types, oldest first.
///
/// # Errors
/// Those of the database.
pub async fn list(
    scope: &WorkerScope,
    organization: OrganizationId,
    kinds: &[&str],
    limit: i64,
) -> Result<Vec<Value>, StoreError> {
    let mut sql = Sql::new("SELECT e.payload FROM billing.stripe_events e WHERE e.organization_id = ");
    sql.bind(organization.as_uuid()).push(" AND e.type = ANY(").bind(kinds);
    // By the bytes of the id, so that the choice does not depend on the database's locale.
    sql.push(") ORDER BY e.created DESC, e.id COLLATE \"C\" DESC LIMIT ").bind(limit);
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().rev().map(|row| Columns::new(row, "billing.stripe_events").next()).collect()
}

/// A page of the events of these types that have had no effect yet, with their ids, starting after `after`: all, or
/// those whose organization is known.
///
/// # Errors
/// Those of the database.
pub async fn list_waiting(
    scope: &WorkerScope,
    kinds: &[&str],
    is_owned: bool,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, Value)>, StoreError> {
    let mut sql = Sql::new("SELECT e.id, e.payload FROM billing.stripe_events e WHERE e.applied_at IS NULL");
    sql.push(" AND e.type = ANY(").bind(kinds).push(") AND e.id COLLATE \"C\" > ").bind(after);
    if is_owned {
        sql.push(" AND (e.organization_id IS NOT NULL OR e.customer_id IN");
        sql.push(" (SELECT b.stripe_customer_id FROM billing.organization_billing b))");
    }
    sql.push(" ORDER BY e.id COLLATE \"C\" LIMIT ").bind(limit);
    let rows = scope.connection().fetch(sql).await?;
    let decode = |row| {
        let mut columns = Columns::new(row, "billing.stripe_events");
        Ok((columns.next()?, columns.next()?))
    };
    rows.iter().map(decode).collect()
}

/// Whether there is a plan with this id.
///
/// # Errors
/// Those of the database.
pub async fn has_plan(scope: &WorkerScope, plan: &str) -> Result<bool, StoreError> {
    let mut sql = Sql::new("SELECT count(*) FROM billing.plans p WHERE p.id = ");
    sql.bind(plan);
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

/// Writes an account that was locked in this scope.
///
/// # Errors
/// A unique violation when the customer or the subscription is another organization's; a foreign-key violation when there is no
/// such plan.
pub async fn update_account(
    scope: &mut WorkerScope,
    organization: OrganizationId,
    account: &Account,
) -> Result<(), StoreError> {
    let subscription = &account.subscription;
    let mut sql = Sql::new("UPDATE billing.organization_billing SET plan = ");
    sql.bind(subscription.plan.as_str()).push(", status = ").bind(subscription.status.as_str());
    sql.push(", period_start = ").bind(subscription.period.map(Period::start));
    sql.push(", period_end = ").bind(subscription.period.map(Period::end));
    sql.push(", trial_ends_at = ").bind(subscription.trial_ends_at);
    sql.push(", cancel_at_period_end = ").bind(subscription.cancel_at_period_end);
    sql.push(", past_due_since = ").bind(subscription.past_due_since);
    sql.push(", canceled_at = ").bind(subscription.canceled_at);
    sql.push(", stripe_customer_id = ").bind(account.customer_id.as_deref());
    sql.push(", stripe_subscription_id = ").bind(account.subscription_id.as_deref());
    sql.push(", stripe_price_id = ").bind(account.price_id.as_deref());
    sql.push(", stripe_event_at = ").bind(account.event_at);
    sql.push(", stripe_has_live_subscription = ").bind(account.has_live_subscription);
    sql.push(", updated_at = ").bind(scope.clock().now());
    sql.push(" WHERE organization_id = ").bind(organization.as_uuid());
    scope.connection().execute(sql).await.map(drop)
}

/// Replaces a customer that Stripe no longer knows, if it is still the organization's customer; returns the
/// organization's current customer.
///
/// # Errors
/// A unique violation when the new customer is another organization's.
pub async fn replace_customer(scope: &mut WriteScope, unknown: &str, new: &str) -> Result<Option<String>, StoreError> {
    let organization = scope.organization_id().as_uuid();
    let mut sql = Sql::new("UPDATE billing.organization_billing SET stripe_customer_id = ");
    sql.bind(new).push(", updated_at = ").bind(scope.tenant().clock.now());
    sql.push(" WHERE organization_id = ").bind(organization).push(" AND stripe_customer_id = ").bind(unknown);
    scope.connection().execute(sql).await?;
    Ok(account(scope).await?.and_then(|account| account.customer_id))
}

/// What may still be billed to an organization whose deletion is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Billable {
    /// Every customer that the organization ever had.
    pub customers: Vec<String>,
    /// Whether a known subscription has not ended.
    pub has_live_subscription: bool,
}

/// What may still be billed to an organization whose deletion was due at this time; `None` when it is no longer due.
///
/// # Errors
/// Those of the database.
pub async fn billable_when_due(
    scope: &WorkerScope,
    organization: OrganizationId,
    now: DateTime<Utc>,
) -> Result<Option<Billable>, StoreError> {
    let id = organization.as_uuid();
    let mut sql = Sql::new("SELECT b.stripe_customer_id, b.stripe_has_live_subscription");
    sql.push(" FROM app.organizations t JOIN billing.organization_billing b ON b.organization_id = t.id WHERE t.id = ");
    sql.bind(id).push(" AND t.deletion_due_at <= ").bind(now);
    let rows = scope.connection().fetch(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::new(row, TABLE);
    let (customer, has_live_subscription): (Option<String>, bool) = (columns.next()?, columns.next()?);
    let mut sql = Sql::new("SELECT DISTINCT e.customer_id FROM billing.stripe_events e WHERE e.organization_id = ");
    sql.bind(id).push(" AND e.customer_id IS NOT NULL");
    let rows = scope.connection().fetch(sql).await?;
    let known: Result<Vec<String>, _> =
        rows.iter().map(|row| Columns::new(row, "billing.stripe_events").next()).collect();
    let mut customers: Vec<String> = customer.into_iter().chain(known?).collect();
    customers.sort_unstable();
    customers.dedup();
    Ok(Some(Billable { customers, has_live_subscription }))
}

/// Marks the organization's events of these types as applied, except those that could not have an effect.
///
/// # Errors
/// Those of the database.
pub async fn mark_applied(
    scope: &mut WorkerScope,
    organization: OrganizationId,
    kinds: &[&str],
    but: &[String],
) -> Result<(), StoreError> {
    let now = scope.clock().now();
    let mut sql = Sql::new("UPDATE billing.stripe_events SET applied_at = ");
    sql.bind(now).push(" WHERE applied_at IS NULL AND organization_id = ").bind(organization.as_uuid());
    sql.push(" AND type = ANY(").bind(kinds).push(") AND id <> ALL(").bind(but).push(")");
    scope.connection().execute(sql).await.map(drop)
}
