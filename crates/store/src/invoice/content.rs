//! What an invoice has beside its row: the lines and the taxes, as the database holds them.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tenantry_domain::invoice::{Content, Discount, DraftContent, Invoice, LineItem, Tax, TaxAmount, short_taxes};
use tenantry_domain::noun::Noun as _;
use tenantry_domain::party::Parties;
use tenantry_domain::{Currency, InvoiceId, Money};
use tenantry_wire::{Error, Json, Row};

use crate::columns::Columns;
use crate::error::StoreError;
use crate::read::Read;
use crate::record::uuids;
use crate::scope::Scope;
use crate::sql::Sql;
use crate::visibility;

/// A line as the database holds it. What is not given is left out.
#[derive(Debug, Serialize, Deserialize)]
struct StoredLine {
    description: String,
    quantity: Decimal,
    rate: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discount_rate: Option<Decimal>,
    /// In major units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discount_amount: Option<Decimal>,
    /// The names of the taxes that apply, if not all do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    taxes: Option<Vec<String>>,
    /// In minor units of the invoice's currency.
    amount: i64,
}

/// A tax as the database holds it.
#[derive(Debug, Serialize, Deserialize)]
struct StoredTax {
    #[serde(flatten)]
    tax: Tax,
    /// In minor units of the invoice's currency, as the amount.
    base: i64,
    amount: i64,
}

/// The lines and the taxes of each of these invoices, in one statement. An invoice that does not exist has no entry.
///
/// # Errors
/// Those of the database.
pub fn contents<'s>(scope: &'s impl Scope, ids: &[InvoiceId]) -> Read<'s, HashMap<InvoiceId, Arc<Content>>> {
    let mut sql = Sql::new("SELECT found.*");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.for_each(uuids(ids));
    sql.push("SELECT t.id, t.currency, t.line_items, t.taxes, t.tax_rate, t.tax_amount, t.total, t.parties");
    sql.push(" FROM app.invoices t WHERE t.organization_id = ").push_placeholder(organization);
    sql.push(" AND t.id = wanted.id");
    visibility::invoices(scope.actor(), &mut sql, "t.project_id");
    sql.push(" LIMIT 1) found");
    Read::rows(scope, sql, |_, rows| {
        rows.iter().map(|row| decode(row).map(|(id, content)| (id, Arc::new(content)))).collect()
    })
}

fn decode(row: Row<'_>) -> Result<(InvoiceId, Content), StoreError> {
    let mut columns = Columns::new(row, Invoice::INFO.table);
    let (id, currency): (InvoiceId, Currency) = (columns.id()?, columns.parsed()?);
    let Json(lines): Json<Vec<StoredLine>> = columns.next()?;
    let taxes: Option<Json<Vec<StoredTax>>> = columns.next()?;
    let rate: Option<Decimal> = columns.next()?;
    let (tax_amount, total) = (columns.money(currency)?, columns.money(currency)?);
    let parties: Option<Json<Parties>> = columns.next()?;
    let money = |minor| Money::from_minor(minor, currency);
    let line_items = lines.into_iter().map(|line| LineItem {
        description: line.description,
        quantity: line.quantity,
        rate: line.rate,
        discount: line.discount_rate.map(Discount::Rate).or(line.discount_amount.map(Discount::Amount)),
        taxes: line.taxes,
        amount: money(line.amount),
    });
    let taxes = if let Some(Json(taxes)) = taxes {
        let tax = |StoredTax { tax, base, amount }| TaxAmount { tax, base: money(base), amount: money(amount) };
        taxes.into_iter().map(tax).collect()
    } else {
        // One tax that applies to all of it, or none.
        let base = money(total.minor() - tax_amount.minor());
        let taxes = short_taxes(rate.unwrap_or_default()).map_err(|_| columns.corrupt())?;
        taxes.into_iter().map(|tax| TaxAmount { tax, base, amount: tax_amount }).collect()
    };
    let parties = parties.map(|Json(parties)| parties);
    Ok((id, Content { line_items: line_items.collect(), taxes, parties }))
}

/// Lines as the database holds them.
pub(crate) fn stored_lines(lines: &[LineItem]) -> Result<serde_json::Value, StoreError> {
    let stored = lines.iter().map(|line| {
        let (discount_rate, discount_amount) = match line.discount {
            None => (None, None),
            Some(Discount::Rate(rate)) => (Some(rate), None),
            Some(Discount::Amount(amount)) => (None, Some(amount)),
        };
        StoredLine {
            description: line.description.clone(),
            quantity: line.quantity,
            rate: line.rate,
            discount_rate,
            discount_amount,
            taxes: line.taxes.clone(),
            amount: line.amount.minor(),
        }
    });
    json(&stored.collect::<Vec<_>>())
}

/// The taxes as the database holds them; `None` if the rate says all of them.
pub(super) fn stored_taxes(content: &DraftContent) -> Result<Option<serde_json::Value>, StoreError> {
    if content.has_short_taxes() {
        return Ok(None);
    }
    let stored = content.taxes.iter().map(|TaxAmount { tax, base, amount }| StoredTax {
        tax: tax.clone(),
        base: base.minor(),
        amount: amount.minor(),
    });
    json(&stored.collect::<Vec<_>>()).map(Some)
}

pub(super) fn json(value: &impl Serialize) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|error| StoreError::Database(Error::encode(&error.to_string())))
}
