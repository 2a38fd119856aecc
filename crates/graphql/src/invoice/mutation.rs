//! Invoices: root fields that write drafts.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result};
use tenantry_domain::invoice::{InvoiceChanges, NewInvoice};
use tenantry_domain::permission::Operation;
use tenantry_domain::{Change, ClientId, InvoiceId, ProjectId, TaskId, Violations};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{CurrencyCode, Date, DecimalText, GlobalId, Timestamp};
use tenantry_service::noun::check_input;
use tenantry_service::{Service, invoice as service};

use super::input::{LineItemInput, TaxInput, changed_discount, changed_taxes, lines, new_discount, new_taxes, tasks};
use super::{Invoice, Record};
use crate::mutation::{nullable, payload, required, write};

/// The input for a new draft.
#[derive(InputObject)]
pub(crate) struct CreateInvoiceInput {
    /// The billed client.
    client_id: GlobalId<ClientId>,
    /// The project. It must have the same client or none.
    project_id: Option<GlobalId<ProjectId>>,
    /// The currency of every amount. Default: that of the organization's settings; without one it is required.
    currency: Option<CurrencyCode>,
    /// The invoice date. Default: today.
    issue_date: Option<Date>,
    /// The due date; not before the issue date.
    due_date: Option<Date>,
    /// What is billed; at most 200 lines.
    line_items: Option<Vec<LineItemInput>>,
    /// The short form of one tax: a fraction between 0 and 1, at most 8 decimals; 0.18 is 18 %. Give this or `taxes`.
    tax_rate: Option<DecimalText>,
    /// The taxes; at most 10. They apply to every line that does not name its own. Give this or `taxRate`. Default: those of the
    /// organization's settings.
    taxes: Option<Vec<TaxInput>>,
    /// Whether the lines' rates contain the taxes. Default: as the organization's settings say.
    prices_include_tax: Option<bool>,
    /// A discount on the subtotal as a fraction between 0 and 1, at most 8 decimals: 0.1 is 10 %. It comes off before tax.
    discount_rate: Option<DecimalText>,
    /// A discount on the subtotal in major units, not more than the subtotal. Give this or `discountRate`.
    discount_amount: Option<DecimalText>,
    /// Free text about the invoice; at most 20,000 characters.
    notes: Option<String>,
    /// The tasks that it covers; at most 500. Their projects must have the same client or none. A task is billed once, unless its invoice
    /// is void.
    task_ids: Option<Vec<GlobalId<TaskId>>>,
}

/// Changes to a draft. Fields that are not given stay. Null clears a field that may be empty; other fields refuse it.
#[derive(InputObject)]
pub(crate) struct UpdateInvoiceInput {
    /// The draft.
    id: GlobalId<InvoiceId>,
    /// Refuse with `CONFLICT` unless the draft was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The billed client.
    client_id: MaybeUndefined<GlobalId<ClientId>>,
    /// The project. It must have the same client or none.
    project_id: MaybeUndefined<GlobalId<ProjectId>>,
    /// The currency of every amount.
    currency: MaybeUndefined<CurrencyCode>,
    /// The invoice date.
    issue_date: MaybeUndefined<Date>,
    /// The due date; not before the issue date.
    due_date: MaybeUndefined<Date>,
    /// Replaces all lines; at most 200.
    line_items: MaybeUndefined<Vec<LineItemInput>>,
    /// The short form of one tax, in place of all taxes: a fraction between 0 and 1, at most 8 decimals; 0.18 is 18 %, 0 is none. Give
    /// this or `taxes`.
    tax_rate: MaybeUndefined<DecimalText>,
    /// Replaces all taxes; at most 10. Give this or `taxRate`.
    taxes: MaybeUndefined<Vec<TaxInput>>,
    /// Whether the lines' rates contain the taxes.
    prices_include_tax: MaybeUndefined<bool>,
    /// A discount on the subtotal as a fraction between 0 and 1, at most 8 decimals: 0.1 is 10 %. It replaces the discount; null takes it
    /// away.
    discount_rate: MaybeUndefined<DecimalText>,
    /// A discount on the subtotal in major units, not more than the subtotal. It replaces the discount; null takes it away. Give this or
    /// `discountRate`.
    discount_amount: MaybeUndefined<DecimalText>,
    /// Free text about the invoice; at most 20,000 characters.
    notes: MaybeUndefined<String>,
    /// Replaces the tasks that it covers; at most 500. Their projects must have the same client or none. A task is billed once, unless its
    /// invoice is void.
    task_ids: MaybeUndefined<Vec<GlobalId<TaskId>>>,
}

/// Which draft to delete.
#[derive(InputObject)]
pub(crate) struct DeleteInvoiceInput {
    /// The invoice.
    id: GlobalId<InvoiceId>,
    /// Refuse with `CONFLICT` unless the invoice was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

payload! {
    /// The result of creating an invoice.
    CreateInvoicePayload {
        /// The new invoice.
        invoice: Resolved<Invoice>
    }
}

payload! {
    /// The result of changing an invoice.
    UpdateInvoicePayload {
        /// The invoice as it is now.
        invoice: Resolved<Invoice>
    }
}

payload! {
    /// The result of deleting an invoice.
    DeleteInvoicePayload {
        /// The id that the invoice had.
        deleted_invoice_id: GlobalId<InvoiceId>
    }
}

/// Root fields that write invoices.
#[derive(Default)]
pub(crate) struct InvoiceMutation;

#[Object]
impl InvoiceMutation {
    /// Creates a draft and computes its amounts. It counts against the plan's monthly invoices.
    async fn create_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The draft to create.")] input: CreateInvoiceInput,
    ) -> Result<Option<Ordered<CreateInvoicePayload>>> {
        let mut faults = Violations::default();
        let new = NewInvoice {
            client_id: input.client_id.0,
            project_id: input.project_id.map(|id| id.0),
            currency: input.currency.map(|code| code.0),
            issue_date: input.issue_date.map(|day| day.0),
            due_date: input.due_date.map(|day| day.0),
            line_items: lines(&mut faults, input.line_items.unwrap_or_default()),
            taxes: new_taxes(&mut faults, input.tax_rate, input.taxes),
            prices_include_tax: input.prices_include_tax,
            discount: new_discount(&mut faults, input.discount_rate, input.discount_amount),
            notes: input.notes,
            task_ids: tasks(input.task_ids.unwrap_or_default()),
        };
        let billing = context.data_unchecked::<Service>().billing().clone();
        let created = write(context, |scope| {
            let (billing, new, faults) = (billing.clone(), new.clone(), faults.clone());
            Box::pin(async move {
                check_input(scope, Operation::WriteInvoice, faults)?;
                service::create(scope, &billing, new).await
            })
        })
        .await?;
        Ok(Some(created.map(Arc::<Record>::new).into()))
    }

    /// Changes a draft and computes its amounts again. An issued invoice is refused.
    async fn update_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The draft and its changes.")] input: UpdateInvoiceInput,
    ) -> Result<Option<Ordered<UpdateInvoicePayload>>> {
        let mut faults = Violations::default();
        let changes = InvoiceChanges {
            client_id: required(&mut faults, "clientId", input.client_id, |id| id.0),
            project_id: nullable(input.project_id, |id| id.0),
            currency: required(&mut faults, "currency", input.currency, |code| code.0),
            issue_date: required(&mut faults, "issueDate", input.issue_date, |day| day.0),
            due_date: nullable(input.due_date, |day| day.0),
            line_items: match required(&mut faults, "lineItems", input.line_items, |given| given) {
                Change::Set(given) => Change::Set(lines(&mut faults, given)),
                Change::Keep => Change::Keep,
            },
            taxes: changed_taxes(&mut faults, input.tax_rate, input.taxes),
            prices_include_tax: required(&mut faults, "pricesIncludeTax", input.prices_include_tax, |is| is),
            discount: changed_discount(&mut faults, input.discount_rate, input.discount_amount),
            notes: nullable(input.notes, |notes| notes),
            task_ids: required(&mut faults, "taskIds", input.task_ids, tasks),
        };
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let updated = write(context, |scope| {
            let (changes, faults) = (changes.clone(), faults.clone());
            Box::pin(async move {
                check_input(scope, Operation::WriteInvoice, faults)?;
                service::update(scope, id, expected, changes).await
            })
        });
        let updated = updated.await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Deletes a draft. An issued invoice is refused.
    async fn delete_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The draft to delete.")] input: DeleteInvoiceInput,
    ) -> Result<Option<Ordered<DeleteInvoicePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let deleted = write(context, |scope| Box::pin(service::delete(scope, id, expected))).await?;
        Ok(Some(deleted.map(GlobalId).into()))
    }
}
