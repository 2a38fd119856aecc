//! Invoices: their lines and their currency, and their mutations.

mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use tenantry_domain::invoice::{self as domain, Invoice as Record};
use tenantry_executor::loaders::load;
use tenantry_executor::scalar::{CurrencyCode, DecimalText, Money};

use crate::loaders::LineItems;
use crate::noun::{Row, Shown};

pub(crate) use mutation::InvoiceMutation;

/// An invoice as an object of the graph.
pub(crate) type Invoice = Row<Record>;

impl Shown for Record {
    type More = InvoiceMore;
}

/// Fields of an invoice beside those that are declared.
pub(crate) struct InvoiceMore(Arc<Record>);

impl From<Arc<Record>> for InvoiceMore {
    fn from(invoice: Arc<Record>) -> Self {
        Self(invoice)
    }
}

#[Object]
impl InvoiceMore {
    /// The currency of every amount.
    async fn currency(&self) -> CurrencyCode {
        CurrencyCode(self.0.currency())
    }

    /// What is billed; at most 200 lines.
    async fn line_items(&self, context: &Context<'_>) -> Result<Vec<LineItem>> {
        let lines = load::<LineItems>(context, self.0.id).await?.unwrap_or_default();
        Ok(lines.iter().map(LineItem::from).collect())
    }
}

/// One line of an invoice.
#[derive(SimpleObject)]
pub(crate) struct LineItem {
    /// What is billed.
    description: String,
    /// The quantity.
    quantity: DecimalText,
    /// The price per unit, in major units; it may be finer than the minor unit.
    rate: DecimalText,
    /// Quantity times rate, rounded half away from zero.
    amount: Money,
}

impl From<&domain::LineItem> for LineItem {
    fn from(line: &domain::LineItem) -> Self {
        Self {
            description: line.description.clone(),
            quantity: DecimalText(line.quantity),
            rate: DecimalText(line.rate),
            amount: line.amount.into(),
        }
    }
}
