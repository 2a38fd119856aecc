//! Invoices: root fields for what comes after a draft, and for credit notes.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_domain::invoice::{IssueOptions, NewCreditNote};
use tenantry_domain::permission::Operation;
use tenantry_domain::{InvoiceId, Violations};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{Date, GlobalId, Timestamp};
use tenantry_service::invoice as service;
use tenantry_service::noun::check_input;

use super::input::{LineItemInput, lines};
use super::{Invoice, Record};
use crate::mutation::{payload, write};

/// Which draft to issue, and how.
#[derive(InputObject)]
pub(crate) struct IssueInvoiceInput {
    /// The draft.
    id: GlobalId<InvoiceId>,
    /// Refuse with `CONFLICT` unless the draft was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The invoice date. Default: that of the draft; today, if the draft was given none.
    issue_date: Option<Date>,
    /// The due date; not before the invoice date. Default: that of the draft, or what follows from the organization's settings.
    due_date: Option<Date>,
}

/// Which invoice was sent.
#[derive(InputObject)]
pub(crate) struct MarkInvoiceSentInput {
    /// The invoice.
    id: GlobalId<InvoiceId>,
    /// Refuse with `CONFLICT` unless the invoice was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

/// Which invoice to void.
#[derive(InputObject)]
pub(crate) struct VoidInvoiceInput {
    /// The invoice.
    id: GlobalId<InvoiceId>,
    /// Refuse with `CONFLICT` unless the invoice was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

/// Which invoice to write off.
#[derive(InputObject)]
pub(crate) struct WriteOffInvoiceInput {
    /// The invoice.
    id: GlobalId<InvoiceId>,
    /// Refuse with `CONFLICT` unless the invoice was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

/// The input for the draft of a credit note.
#[derive(InputObject)]
pub(crate) struct CreateCreditNoteInput {
    /// The issued invoice that it corrects.
    invoice_id: GlobalId<InvoiceId>,
    /// What is taken back; at most 200 lines. Default: all lines of the invoice.
    line_items: Option<Vec<LineItemInput>>,
    /// Free text, such as the reason; at most 20,000 characters.
    notes: Option<String>,
}

payload! {
    /// The result of issuing an invoice.
    IssueInvoicePayload {
        /// The invoice as it is now.
        invoice: Resolved<Invoice>
    }
}

payload! {
    /// The result of marking an invoice as sent.
    MarkInvoiceSentPayload {
        /// The invoice as it is now.
        invoice: Resolved<Invoice>
    }
}

payload! {
    /// The result of voiding an invoice.
    VoidInvoicePayload {
        /// The invoice as it is now.
        invoice: Resolved<Invoice>
    }
}

payload! {
    /// The result of writing an invoice off.
    WriteOffInvoicePayload {
        /// The invoice as it is now.
        invoice: Resolved<Invoice>
    }
}

payload! {
    /// The result of creating the draft of a credit note.
    CreateCreditNotePayload {
        /// The draft.
        invoice: Resolved<Invoice>
    }
}

/// Root fields for the life of invoices.
#[derive(Default)]
pub(crate) struct InvoiceLifeMutation;

#[Object]
impl InvoiceLifeMutation {
    /// Issues a draft: it gets the next number of its kind, and its content does not change from then on. Who it is from and whom it is for are
    /// kept as they are now. A credit note counts against the invoice that it corrects.
    async fn issue_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The draft to issue.")] input: IssueInvoiceInput,
    ) -> Result<Option<Ordered<IssueInvoicePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let options =
            IssueOptions { issue_date: input.issue_date.map(|day| day.0), due_date: input.due_date.map(|day| day.0) };
        let issued = write(context, |scope| Box::pin(service::issue(scope, id, expected, options))).await?;
        Ok(Some(issued.map(Arc::<Record>::new).into()))
    }

    /// Notes that an invoice was sent to the client. Refused for a draft and for what is void.
    async fn mark_invoice_sent(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invoice that was sent.")] input: MarkInvoiceSentInput,
    ) -> Result<Option<Ordered<MarkInvoiceSentPayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let sent = write(context, |scope| Box::pin(service::mark_sent(scope, id, expected))).await?;
        Ok(Some(sent.map(Arc::<Record>::new).into()))
    }

    /// Withdraws an issued invoice or credit note. Its number stays used. The tasks that it covers can be billed again. Refused when something
    /// was paid, or when there is a credit note for it.
    async fn void_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invoice to void.")] input: VoidInvoiceInput,
    ) -> Result<Option<Ordered<VoidInvoicePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let voided = write(context, |scope| Box::pin(service::void(scope, id, expected))).await?;
        Ok(Some(voided.map(Arc::<Record>::new).into()))
    }

    /// Gives up what is still to be paid of an invoice. Payments are taken all the same.
    async fn write_off_invoice(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The invoice to write off.")] input: WriteOffInvoiceInput,
    ) -> Result<Option<Ordered<WriteOffInvoicePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let written_off = write(context, |scope| Box::pin(service::write_off(scope, id, expected))).await?;
        Ok(Some(written_off.map(Arc::<Record>::new).into()))
    }

    /// Creates the draft of a credit note for an issued invoice, with its client, currency and taxes. When it is issued, it counts against that
    /// invoice; all credit notes of an invoice come to at most its total. The plan does not limit them.
    async fn create_credit_note(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the credit note takes back.")] input: CreateCreditNoteInput,
    ) -> Result<Option<Ordered<CreateCreditNotePayload>>> {
        let mut faults = Violations::default();
        let new = NewCreditNote {
            invoice_id: input.invoice_id.0,
            line_items: input.line_items.map(|given| lines(&mut faults, given)),
            notes: input.notes,
        };
        let created = write(context, |scope| {
            let (new, faults) = (new.clone(), faults.clone());
            Box::pin(async move {
                check_input(scope, Operation::WriteInvoice, faults)?;
                service::create_credit_note(scope, new).await
            })
        });
        Ok(Some(created.await?.map(Arc::<Record>::new).into()))
    }
}
