//! Sums over `app.invoices` and `app.transactions`, as far as the actor sees them. Each is one statement.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use tenantry_domain::report::{Balance, Receivable, Revenue, TaxDue};
use tenantry_domain::{ClientId, Currency, Id, Money, MoneyError, ProjectId, Role, TaskId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::StoreError;
use crate::read::Read;
use crate::record::uuids;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;
use crate::visibility;

const INVOICES: &str = "app.invoices";

/// Sums, unless one of them does not fit.
pub type Summed<T> = Result<Vec<T>, MoneyError>;

/// The next columns as sums of minor units of `currency`. PostgreSQL adds them up without a bound.
fn sums<const N: usize>(
    columns: &mut Columns<'_>,
    currency: Currency,
) -> Result<Result<[Money; N], MoneyError>, StoreError> {
    let mut found = Ok([Money::zero(currency); N]);
    for n in 0..N {
        let sum: Decimal = columns.next()?;
        match (i64::try_from(sum), &mut found) {
            (Ok(minor), Ok(sums)) => sums[n] = Money::from_minor(minor, currency),
            _ => found = Err(MoneyError::Overflow),
        }
    }
    Ok(found)
}

/// Rows of which each is read, and may have a sum that does not fit.
fn all<'r, T>(
    rows: impl Iterator<Item = Row<'r>>,
    read: impl Fn(Row<'r>) -> Result<Result<T, MoneyError>, StoreError>,
) -> Result<Summed<T>, StoreError> {
    rows.map(read).collect::<Result<Vec<_>, _>>().map(|rows| rows.into_iter().collect())
}

/// How each of these clients stands, by currency. A client without invoices and transactions has no entry.
///
/// # Errors
/// Those of the database.
pub fn balances_of_clients<'s>(
    scope: &'s impl Scope,
    clients: &[ClientId],
) -> Read<'s, HashMap<ClientId, Arc<Summed<Balance>>>> {
    balances_of(scope, "client_id", clients)
}

/// How each of these projects stands, by currency. A project without invoices and transactions has no entry.
///
/// # Errors
/// Those of the database.
pub fn balances_of_projects<'s>(
    scope: &'s impl Scope,
    projects: &[ProjectId],
) -> Read<'s, HashMap<ProjectId, Arc<Summed<Balance>>>> {
    balances_of(scope, "project_id", projects)
}

/// How the organization stands, by currency.
///
/// # Errors
/// Those of the database.
pub fn balances(scope: &impl Scope) -> Read<'_, Summed<Balance>> {
    let mut sql = Sql::new("SELECT ");
    let organization = sql.value(scope.organization_id().as_uuid());
    push_balances(scope, &mut sql, organization, "");
    Read::rows(scope, sql, |_, rows| all(rows.iter(), |row| balance(&mut Columns::new(row, INVOICES))))
}

fn balances_of<'s, I: Id>(
    scope: &'s impl Scope,
    column: &str,
    ids: &[I],
) -> Read<'s, HashMap<I, Arc<Summed<Balance>>>> {
    let mut sql = Sql::new("SELECT wanted.id, found.*");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(ids)).push("SELECT ");
    push_balances(scope, &mut sql, organization, &format!(" AND t.{column} = wanted.id"));
    sql.push(") found");
    Read::rows(scope, sql, |_, rows| {
        let mut found: HashMap<I, Vec<Result<Balance, MoneyError>>> = HashMap::new();
        for row in rows.iter() {
            let mut columns = Columns::new(row, INVOICES);
            let id: I = columns.id()?;
            found.entry(id).or_default().push(balance(&mut columns)?);
        }
        Ok(found.into_iter().map(|(id, balances)| (id, Arc::new(balances.into_iter().collect()))).collect())
    })
}

/// Appends what comes behind `SELECT`: a row for each currency. `of` narrows the rows of both tables.
fn push_balances(scope: &impl Scope, sql: &mut Sql, organization: usize, of: &str) {
    let today = sql.value(scope.tenant().today);
    let sums =
        ["invoiced", "credited", "paid", "outstanding", "overdue", "written_off", "advances", "expenses", "income"];
    sql.push("rows.currency");
    for sum in sums {
        sql.push(", sum(rows.").push(sum).push(")");
    }
    // What is open of an invoice; nothing if the client is owed something.
    let open = "greatest(t.total::numeric - t.amount_paid - t.amount_credited, 0)";
    sql.push(
        " FROM (SELECT t.currency, t.total AS invoiced, t.amount_credited AS credited, t.amount_paid AS paid, CASE",
    );
    let is_open = "t.status IN ('issued', 'sent', 'partly_paid', 'overdue')";
    sql.push(" WHEN ").push(is_open).push(" THEN ").push(open).push(" ELSE 0 END AS outstanding, CASE");
    sql.push(" WHEN ").push(is_open).push(" AND t.due_date < ").push_placeholder(today);
    sql.push(" THEN ").push(open).push(" ELSE 0 END AS overdue, CASE");
    sql.push(" WHEN t.status = 'written_off' THEN ").push(open).push(" ELSE 0 END AS written_off,");
    sql.push(" 0 AS advances, 0 AS expenses, 0 AS income FROM app.invoices t WHERE t.organization_id = ");
    sql.push_placeholder(organization).push(" AND t.kind = 'invoice' AND t.status NOT IN ('draft', 'void')").push(of);
    visibility::invoices(scope.actor(), sql, "t.project_id");
    sql.push(" UNION ALL SELECT t.currency, 0, 0, 0, 0, 0, 0, CASE WHEN t.invoice_id IS NOT NULL THEN 0");
    sql.push(" WHEN t.kind = 'payment' THEN t.amount WHEN t.kind = 'refund' THEN -t.amount ELSE 0 END,");
    sql.push(
        " CASE t.kind WHEN 'expense' THEN t.amount ELSE 0 END, CASE t.kind WHEN 'income' THEN t.amount ELSE 0 END",
    );
    sql.push(" FROM app.transactions t WHERE t.organization_id = ").push_placeholder(organization).push(of);
    visibility::invoices(scope.actor(), sql, "t.project_id");
    sql.push(") rows GROUP BY rows.currency ORDER BY rows.currency");
}

fn balance(columns: &mut Columns<'_>) -> Result<Result<Balance, MoneyError>, StoreError> {
    let currency: Currency = columns.parsed()?;
    Ok(sums(columns, currency)?.map(
        |[invoiced, credited, paid, outstanding, overdue, written_off, advances, expenses, income]| Balance {
            invoiced,
            credited,
            paid,
            outstanding,
            overdue,
            written_off,
            advances,
            expenses,
            income,
        },
    ))
}

/// What clients owe, by currency and by how long it has been due: those who owe most first, in each currency.
///
/// # Errors
/// Those of the database.
pub fn receivables(scope: &impl Scope, limit: i64) -> Read<'_, Summed<Receivable>> {
    let mut sql = Sql::new("SELECT rows.client_id, rows.currency, sum(rows.open) AS outstanding");
    let organization = sql.value(scope.organization_id().as_uuid());
    let today = sql.value(scope.tenant().today);
    for days in [
        "rows.days >= 1",
        "rows.days IS NULL OR rows.days < 0",
        "rows.days BETWEEN 0 AND 30",
        "rows.days BETWEEN 31 AND 60",
        "rows.days BETWEEN 61 AND 90",
        "rows.days > 90",
    ] {
        sql.push(", coalesce(sum(rows.open) FILTER (WHERE ").push(days).push("), 0)");
    }
    sql.push(" FROM (SELECT t.client_id, t.currency, ").push_placeholder(today).push("::date - t.due_date AS days,");
    sql.push(" greatest(t.total::numeric - t.amount_paid - t.amount_credited, 0) AS open FROM app.invoices t");
    sql.push(" WHERE t.organization_id = ");
    sql.push_placeholder(organization).push(OPEN);
    visibility::invoices(scope.actor(), &mut sql, "t.project_id");
    sql.push(
        ") rows GROUP BY rows.client_id, rows.currency ORDER BY rows.currency, outstanding DESC, rows.client_id LIMIT ",
    );
    sql.bind(limit);
    Read::rows(scope, sql, |_, rows| all(rows.iter(), receivable))
}

/// The condition of the index of open invoices.
const OPEN: &str = " AND t.kind = 'invoice' AND t.status IN ('issued', 'sent', 'partly_paid', 'overdue')";

fn receivable(row: Row<'_>) -> Result<Result<Receivable, MoneyError>, StoreError> {
    let mut columns = Columns::new(row, INVOICES);
    let client: Option<Uuid> = columns.next()?;
    let client_id = client.map(ClientId::from_uuid);
    let currency: Currency = columns.parsed()?;
    Ok(sums(&mut columns, currency)?.map(
        |[outstanding, overdue, not_due, days_0_to_30, days_31_to_60, days_61_to_90, over_90_days]| Receivable {
            client_id,
            outstanding,
            overdue,
            not_due,
            days_0_to_30,
            days_31_to_60,
            days_61_to_90,
            over_90_days,
        },
    ))
}

/// What was invoiced from `from` to the day before `before`, by month of the invoice date and by currency; the earliest month first.
///
/// # Errors
/// Those of the database.
pub fn revenue(scope: &impl Scope, from: NaiveDate, before: NaiveDate) -> Read<'_, Summed<Revenue>> {
    let mut sql = Sql::new("SELECT date_trunc('month', t.issue_date)::date AS month, t.currency,");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push(" sum((t.total - t.tax_amount) * ").push(SIGN).push("), sum(t.tax_amount * ").push(SIGN);
    sql.push(") FROM app.invoices t");
    push_in_force(scope, &mut sql, organization, (from, before));
    sql.push(" GROUP BY month, t.currency ORDER BY month, t.currency");
    Read::rows(scope, sql, |_, rows| {
        let read = |row| {
            let mut columns = Columns::new(row, INVOICES);
            let (month, currency): (NaiveDate, Currency) = (columns.next()?, columns.parsed()?);
            Ok(sums(&mut columns, currency)?.map(|[net, tax]| Revenue { month, net, tax }))
        };
        all(rows.iter(), read)
    })
}

/// What each tax comes to on the invoices from `from` to the day before `before`, by currency.
///
/// # Errors
/// Those of the database.
pub fn taxes_due(scope: &impl Scope, from: NaiveDate, before: NaiveDate) -> Read<'_, Summed<TaxDue>> {
    let mut sql = Sql::new("SELECT t.currency, x.name, x.rate, x.category, sum(x.base * ");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push(SIGN).push("), sum(x.amount * ").push(SIGN).push(") FROM app.invoices t");
    // A bare rate stands for one tax on all lines.
    sql.push(
        " CROSS JOIN LATERAL (SELECT y.name, y.rate, y.category, y.base, y.amount FROM jsonb_to_recordset(t.taxes)",
    );
    sql.push(" AS y (name text, rate numeric, category text, base bigint, amount bigint) UNION ALL");
    sql.push(" SELECT ").bind(tenantry_domain::invoice::SHORT_TAX).push(", t.tax_rate, 'standard',");
    sql.push(" t.total - t.tax_amount, t.tax_amount WHERE t.taxes IS NULL AND t.tax_rate > 0) x");
    push_in_force(scope, &mut sql, organization, (from, before));
    sql.push(" GROUP BY t.currency, x.name, x.rate, x.category ORDER BY t.currency, x.name, x.rate, x.category");
    Read::rows(scope, sql, |_, rows| {
        let read = |row| {
            let mut columns = Columns::new(row, INVOICES);
            let currency: Currency = columns.parsed()?;
            let (name, rate): (String, Decimal) = (columns.next()?, columns.next()?);
            let category = columns.optional_parsed()?.ok_or_else(|| columns.corrupt())?;
            let sums = sums(&mut columns, currency)?;
            Ok(sums.map(|[base, amount]| TaxDue { name, rate: rate.normalize(), category, base, amount }))
        };
        all(rows.iter(), read)
    })
}

/// A credit note takes back.
const SIGN: &str = "CASE t.kind WHEN 'credit_note' THEN -1 ELSE 1 END";

/// Narrows to what was issued on these days and is not void.
fn push_in_force(scope: &impl Scope, sql: &mut Sql, organization: usize, (from, before): (NaiveDate, NaiveDate)) {
    sql.push(" WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.status NOT IN ('draft', 'void') AND t.issue_date >= ").bind(from);
    sql.push(" AND t.issue_date < ").bind(before);
    visibility::invoices(scope.actor(), sql, "t.project_id");
}

/// How many finished tasks of each of these projects are on no invoice that is not void. Guests learn nothing of it.
///
/// # Errors
/// Those of the database.
pub fn unbilled_counts<'s>(scope: &'s impl Scope, projects: &[ProjectId]) -> Read<'s, HashMap<ProjectId, Arc<u64>>> {
    let mut sql = Sql::new("SELECT wanted.id, found.count");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(projects)).push("SELECT count(*) AS count FROM app.tasks t WHERE t.organization_id = ");
    sql.push_placeholder(organization).push(" AND t.project_id = wanted.id");
    push_unbilled(&mut sql);
    visibility::rows_of_projects(scope.actor(), &mut sql, "t.project_id");
    sql.push(") found");
    let is_guest = scope.actor().role == Role::Guest;
    Read::rows(scope, sql, move |_, rows| {
        let read = |row: Row<'_>| {
            let (project, count): (Uuid, i64) = (row.get(0)?, row.get(1)?);
            Ok((ProjectId::from_uuid(project), Arc::new(u64::try_from(count).unwrap_or(0))))
        };
        if is_guest { Ok(HashMap::new()) } else { rows.iter().map(read).collect() }
    })
}

/// Finished tasks of a project that are on no invoice that is not void, with their titles, in the order of the board; so many at most. The
/// project must be visible.
///
/// # Errors
/// Those of the database.
pub async fn unbilled_tasks(
    scope: &mut WriteScope,
    project: ProjectId,
    limit: usize,
) -> Result<Vec<(TaskId, String)>, StoreError> {
    let mut sql = Sql::new("SELECT t.id, t.title FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.project_id = ").bind(project.as_uuid());
    push_unbilled(&mut sql);
    sql.push(" ORDER BY t.position, t.id LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok((TaskId::from_uuid(row.get(0)?), row.get::<&str>(1)?.to_owned()))).collect()
}

/// Narrows to finished tasks that are on no invoice that is not void; the task is `t`, and the first parameter is the organization.
pub(crate) fn push_unbilled(sql: &mut Sql) {
    sql.push(" AND t.status = 'done' AND NOT EXISTS (SELECT 1 FROM app.invoice_tasks i JOIN app.invoices v");
    sql.push(" ON v.organization_id = i.organization_id AND v.id = i.invoice_id");
    sql.push(" WHERE i.organization_id = $1 AND i.task_id = t.id AND v.status <> 'void')");
}
