//! Invoices: their lines, their taxes and their currency, and their mutations.

mod from_tasks;
mod input;
mod life;
mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Object, Result, SimpleObject};
use tenantry_domain::invoice::{self as domain, Discount, Invoice as Record, TaxAmount, TaxCategory};
use tenantry_executor::loaders::load;
use tenantry_executor::scalar::{CurrencyCode, DecimalText, Money};

use crate::loaders::Contents;
use crate::noun::{Choice, Row, Shown};
use crate::party::{Buyer, Seller};

pub(crate) use from_tasks::InvoiceFromTasksMutation;
pub(crate) use input::{TaxInput, read_taxes};
pub(crate) use life::InvoiceLifeMutation;
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

impl InvoiceMore {
    /// What is read apart from the row, once for all fields that show it.
    async fn content(&self, context: &Context<'_>) -> Result<Arc<domain::Content>> {
        Ok(load::<Contents>(context, self.0.id).await?.unwrap_or_default())
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
        let found = self.content(context).await?;
        Ok(found.line_items.iter().map(LineItem::from).collect())
    }

    /// The taxes and what each comes to; at most 10.
    async fn taxes(&self, context: &Context<'_>) -> Result<Vec<InvoiceTax>> {
        let found = self.content(context).await?;
        Ok(found.taxes.iter().map(InvoiceTax::from).collect())
    }

    /// What is still to be paid: the total without payments and credit notes. Negative if the client is owed something; zero for a credit note.
    async fn balance(&self) -> Money {
        self.0.balance().into()
    }

    /// Who it is from, as it was when it was issued; null for a draft, and for an invoice that was issued without.
    async fn seller(&self, context: &Context<'_>) -> Result<Option<Seller>> {
        let found = self.content(context).await?;
        Ok(found.parties.as_ref().map(|parties| parties.seller.clone().into()))
    }

    /// Whom it is for, as it was when it was issued; null for a draft, and for an invoice that was issued without.
    async fn buyer(&self, context: &Context<'_>) -> Result<Option<Buyer>> {
        let found = self.content(context).await?;
        Ok(found.parties.as_ref().map(|parties| parties.buyer.clone().into()))
    }

    /// The total without the taxes.
    async fn total_excluding_tax(&self) -> Money {
        self.0.total_excluding_tax().into()
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
    /// The discount on the line as a fraction: 0.1 is 10 %. Null if there is none, or it is an amount.
    discount_rate: Option<DecimalText>,
    /// The discount on the line as an amount. Null if there is none, or it is a fraction.
    discount_amount: Option<Money>,
    /// The names of the taxes that apply to the line. Null if all of the invoice's do.
    taxes: Option<Vec<String>>,
    /// Quantity times rate without the discount, rounded half away from zero.
    amount: Money,
}

impl From<&domain::LineItem> for LineItem {
    fn from(line: &domain::LineItem) -> Self {
        Self {
            description: line.description.clone(),
            quantity: DecimalText(line.quantity),
            rate: DecimalText(line.rate),
            discount_rate: if let Some(Discount::Rate(rate)) = line.discount { Some(DecimalText(rate)) } else { None },
            discount_amount: line.discount_amount().map(Money::from),
            taxes: line.taxes.clone(),
            amount: line.amount.into(),
        }
    }
}

/// A tax of an invoice, and what it comes to.
#[derive(SimpleObject)]
pub(crate) struct InvoiceTax {
    /// Its name.
    name: String,
    /// The tax as a fraction: 0.18 is 18 %.
    rate: DecimalText,
    /// How it treats what it applies to.
    category: Choice<TaxCategory>,
    /// Why no tax is due; null if that is not said.
    reason: Option<String>,
    /// What it applies to, after discounts and without any tax.
    base: Money,
    /// The tax, rounded once for the whole invoice, half away from zero.
    amount: Money,
}

impl From<&TaxAmount> for InvoiceTax {
    fn from(TaxAmount { tax, base, amount }: &TaxAmount) -> Self {
        Self {
            name: tax.name.clone(),
            rate: DecimalText(tax.rate),
            category: Choice(tax.category),
            reason: tax.reason.clone(),
            base: (*base).into(),
            amount: (*amount).into(),
        }
    }
}
