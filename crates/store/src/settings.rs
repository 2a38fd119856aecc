//! The settings of an organization's invoices: reads and writes of `app.settings`.

use tenantry_domain::Currency;
use tenantry_domain::invoice::Tax;
use tenantry_domain::numbering::{NumberFormat, NumberPattern, NumberReset};
use tenantry_domain::party::Seller;
use tenantry_domain::permission::{Decision, Operation, Place, decide};
use tenantry_domain::settings::Settings;
use tenantry_wire::{Json, Row};

use crate::columns::Columns;
use crate::error::StoreError;
use crate::read::Read;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;
use crate::write;

const TABLE: &str = "app.settings";

/// The columns beside the organization, in the order in which they are read and written.
const COLUMNS: [&str; 9] = [
    "currency",
    "taxes",
    "prices_include_tax",
    "payment_days",
    "invoice_number_pattern",
    "invoice_number_reset",
    "credit_note_number_pattern",
    "credit_note_number_reset",
    "seller",
];

/// The settings of the scope's organization; the default ones if it has not changed any. `None` for those who may not read them.
///
/// # Errors
/// Those of the database.
pub fn get(scope: &impl Scope) -> Read<'_, Option<Settings>> {
    let mut sql = Sql::new("SELECT ");
    sql.push(&COLUMNS.join(", ")).push(", updated_at FROM app.settings WHERE organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    let is_shown = decide(scope.actor().role, Operation::ReadSettings, Place::OPEN) == Decision::Allowed;
    if !is_shown {
        sql.push(" AND false");
    }
    Read::rows(scope, sql, move |_, rows| {
        let found = rows.first().map(decode).transpose()?.unwrap_or_default();
        Ok(is_shown.then_some(found))
    })
}

fn decode(row: Row<'_>) -> Result<Settings, StoreError> {
    let mut columns = Columns::new(row, TABLE);
    let currency: Option<Currency> = columns.optional_parsed()?;
    let Json(taxes): Json<Vec<Tax>> = columns.next()?;
    let (prices_include_tax, payment_days) = (columns.next()?, columns.next()?);
    let invoice_numbers = format(&mut columns)?;
    let credit_note_numbers = format(&mut columns)?;
    let Json(seller): Json<Seller> = columns.next()?;
    Ok(Settings {
        currency,
        taxes,
        prices_include_tax,
        payment_days,
        invoice_numbers,
        credit_note_numbers,
        seller,
        updated_at: columns.optional_time()?,
    })
}

fn format(columns: &mut Columns<'_>) -> Result<NumberFormat, StoreError> {
    let pattern: Option<NumberPattern> = columns.optional_parsed()?;
    let reset: Option<NumberReset> = columns.optional_parsed()?;
    match (pattern, reset) {
        (Some(pattern), Some(reset)) => Ok(NumberFormat { pattern, reset }),
        _ => Err(columns.corrupt()),
    }
}

/// Writes the settings, which were read as `before` in this scope under a lock on the organization; gives them as they are now.
///
/// # Errors
/// Those of the database.
pub async fn put(scope: &mut WriteScope, before: &Settings, after: Settings) -> Result<Settings, StoreError> {
    let clock = scope.tenant().clock.clone();
    let now = before.updated_at.map_or_else(|| clock.now(), |before| write::next_update(&clock, before));
    let Settings {
        currency,
        taxes,
        prices_include_tax,
        payment_days,
        invoice_numbers,
        credit_note_numbers,
        seller,
        ..
    } = after.clone();
    let mut sql = Sql::new("INSERT INTO app.settings (organization_id, ");
    sql.push(&COLUMNS.join(", ")).push(", created_at, updated_at) VALUES (");
    sql.bind(scope.organization_id().as_uuid()).push(", ").bind(currency.map(|currency| currency.to_string()));
    sql.push(", ").bind(Json(taxes)).push(", ").bind(prices_include_tax).push(", ").bind(payment_days);
    for NumberFormat { pattern, reset } in [invoice_numbers, credit_note_numbers] {
        sql.push(", ").bind(pattern.to_string()).push(", ").bind(reset.as_str());
    }
    sql.push(", ").bind(Json(seller)).push(", ").bind(now).push(", ").bind(now);
    sql.push(") ON CONFLICT (organization_id) DO UPDATE SET ");
    for column in COLUMNS {
        sql.push(column).push(" = EXCLUDED.").push(column).push(", ");
    }
    sql.push("updated_at = EXCLUDED.updated_at");
    scope.connection().execute(sql).await?;
    Ok(Settings { updated_at: Some(now), ..after })
}
