//! Credit notes: the drafts of them. They are changed, deleted and issued as other drafts are.

use tenantry_domain::invoice::{Invoice, InvoiceKind, NewCreditNote, NewLineItem, Pricing, check_draft, compute};
use tenantry_domain::{FieldError, FieldErrorCode};
use tenantry_store::invoice::{self as store, Draft};
use tenantry_store::{Scope as _, WriteScope};

use super::{both, existing};
use crate::activity;
use crate::error::ServiceError;

/// Creates the draft of a credit note for an issued invoice: over all of it, or over these lines. It has the client, the project, the currency
/// and the taxes of the invoice. When it is issued, it counts against the invoice. The plan does not limit credit notes.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds, when there is no such invoice, or when it is a draft,
/// void, or itself a credit note.
pub async fn create_credit_note(scope: &mut WriteScope, new: NewCreditNote) -> Result<Invoice, ServiceError> {
    let original = existing(scope, new.invoice_id, None).await.map_err(|error| error.about("id", "invoiceId"))?;
    let message = if original.kind == InvoiceKind::CreditNote {
        Some("This is a credit note; it is voided instead.")
    } else if !original.is_in_force() {
        Some("Only an issued invoice that is not void can be corrected.")
    } else {
        None
    };
    if let Some(message) = message {
        return Err(FieldError::new(FieldErrorCode::WrongStatus, "invoiceId", message).into());
    }
    let content = store::contents(scope, &[original.id]).await?.remove(&original.id).unwrap_or_default();
    let all = || content.line_items.iter().cloned().map(NewLineItem::from).collect();
    // A discount in percent comes off other lines as well; an amount came off the whole.
    let discount = original.given_discount().filter(|_| new.line_items.is_none() || original.discount_rate.is_some());
    let pricing = Pricing {
        currency: original.currency(),
        taxes: content.taxes.iter().map(|amount| amount.tax.clone()).collect(),
        prices_include_tax: original.prices_include_tax,
        discount,
    };
    let issue_date = scope.tenant().today;
    let content = compute(pricing, new.line_items.unwrap_or_else(all));
    let notes = check_draft(issue_date, None, new.notes.as_deref(), 0);
    let (content, notes) = both(content, notes)?;
    let draft = Draft {
        kind: InvoiceKind::CreditNote,
        corrects_id: Some(original.id),
        client_id: original.client_id,
        project_id: original.project_id,
        issue_date,
        dated_on_issue: true,
        due_date: None,
        content,
        notes,
    };
    let created = store::create(scope, draft, &[]).await?;
    activity::created(scope, &created);
    Ok(created)
}
