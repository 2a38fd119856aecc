//! Invoices: creating, changing and deleting drafts.

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::client::Client;
use tenantry_domain::feature::Feature;
use tenantry_domain::invoice::{Invoice, InvoiceChanges, InvoiceStatus, NewInvoice, NewLineItem, check_draft, compute};
use tenantry_domain::permission::Operation;
use tenantry_domain::task::Task;
use tenantry_domain::{Change, ClientId, FieldError, FieldErrorCode, InvoiceId, ProjectId, TaskId, Violations};
use tenantry_store::invoice::{self as store, Draft};
use tenantry_store::{Scope, WriteScope};

use crate::authorize::{authorize_anywhere, authorize_in_project, check_unchanged};
use crate::error::{ServiceError, name_reference};

/// What an invoice refers to, by the constraint that guards it.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("invoices_client_id_fkey", "clientId", "client"),
    ("invoices_project_id_fkey", "projectId", "project"),
    ("invoice_tasks_task_id_fkey", "taskIds", "task"),
];

/// Creates a draft and computes its amounts.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds or a reference to nothing;
/// [`ServiceError::LimitReached`] when the plan allows no more invoices this month.
pub async fn create(scope: &mut WriteScope, billing: &Billing, mut new: NewInvoice) -> Result<Invoice, ServiceError> {
    authorize_anywhere(scope, Operation::WriteInvoice)?;
    new.task_ids.sort_unstable();
    new.task_ids.dedup();
    let issue_date = new.issue_date.unwrap_or(scope.tenant().today);
    let content = compute(new.currency, new.line_items, new.tax_rate.unwrap_or_default());
    let notes = check_draft(issue_date, new.due_date, new.notes.as_deref(), new.task_ids.len());
    let (content, notes) = both(content, notes)?;
    check_references(scope, Some(new.client_id), new.project_id, &new.task_ids).await?;
    billing.use_monthly(scope, Feature::InvoicesPerMonth, 1).await?;
    let draft = Draft {
        client_id: Some(new.client_id),
        project_id: new.project_id,
        issue_date,
        due_date: new.due_date,
        content,
        notes,
    };
    store::create(scope, draft, &new.task_ids).await.map_err(|error| name_reference(error, REFERENCES))
}

/// Changes a draft and computes its amounts anew. An invoice that has been issued does not change.
///
/// # Errors
/// As [`create`], without the limit; besides, [`ServiceError::Refused`] when there is no such invoice, it is no draft, or it
/// is not as `expected` any more.
pub async fn update(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
    mut changes: InvoiceChanges,
) -> Result<Invoice, ServiceError> {
    let before = existing_draft(scope, id, expected).await?;
    if let Change::Set(tasks) = &mut changes.task_ids {
        tasks.sort_unstable();
        tasks.dedup();
    }
    let lines = match changes.line_items {
        Change::Set(lines) => lines,
        Change::Keep => kept_lines(scope, id).await?,
    };
    let currency = changes.currency.apply(before.currency());
    let issue_date = changes.issue_date.apply(before.issue_date);
    let due_date = changes.due_date.apply(before.due_date);
    let content = compute(currency, lines, changes.tax_rate.apply(before.tax_rate));
    let notes = changes.notes.apply(before.notes.clone());
    let task_count = changes.task_ids.as_set().map_or(0, Vec::len);
    let notes = check_draft(issue_date, due_date, notes.as_deref(), task_count);
    let (content, notes) = both(content, notes)?;
    let tasks = changes.task_ids.as_set().map_or(&[][..], Vec::as_slice);
    let new_client = changes.client_id.as_set().copied();
    let new_project = changes.project_id.as_set().copied().flatten();
    check_references(scope, new_client, new_project, tasks).await?;
    let draft = Draft {
        client_id: changes.client_id.map(Some).apply(before.client_id),
        project_id: changes.project_id.apply(before.project_id),
        issue_date,
        due_date,
        content,
        notes,
    };
    let after = store::update(scope, &before, draft, changes.task_ids).await;
    after.map_err(|error| name_reference(error, REFERENCES))?.ok_or_else(not_found)
}

/// Deletes a draft. An invoice that has been issued is voided, not deleted. Gives what was deleted.
///
/// # Errors
/// As [`update`].
pub async fn delete(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<InvoiceId, ServiceError> {
    existing_draft(scope, id, expected).await?;
    store::delete(scope, id).await?;
    Ok(id)
}

/// The draft, locked, if the caller may write it.
async fn existing_draft(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<Invoice, ServiceError> {
    authorize_anywhere(scope, Operation::WriteInvoice)?;
    let invoice: Invoice = tenantry_store::get_for_update(scope, id).await?.ok_or_else(not_found)?;
    if let Some(project) = invoice.project_id {
        authorize_in_project(scope, Operation::WriteInvoice, project, "id", "invoice").await?;
    }
    check_unchanged(expected, invoice.updated_at)?;
    if invoice.status != InvoiceStatus::Draft {
        let message = "This invoice has been issued; only drafts can be changed or deleted.";
        return Err(FieldError::new(FieldErrorCode::Invalid, "id", message).into());
    }
    Ok(invoice)
}

/// The client, the project and the tasks must be there for the caller, and the project must be the caller's to bill.
async fn check_references(
    scope: &mut WriteScope,
    client: Option<ClientId>,
    project: Option<ProjectId>,
    tasks: &[TaskId],
) -> Result<(), ServiceError> {
    if let Some(id) = client {
        let client: Option<Client> = tenantry_store::get(scope, id).await?;
        client.ok_or_else(|| FieldError::not_found("clientId", "client"))?;
    }
    if let Some(id) = project {
        authorize_in_project(scope, Operation::WriteInvoice, id, "projectId", "project").await?;
    }
    if !tasks.is_empty() {
        let found = tenantry_store::get_many::<Task>(scope, tasks).await?;
        if found.len() != tasks.len() {
            return Err(FieldError::not_found("taskIds", "task").into());
        }
    }
    Ok(())
}

async fn kept_lines(scope: &mut WriteScope, id: InvoiceId) -> Result<Vec<NewLineItem>, ServiceError> {
    let lines = store::line_items(scope, &[id]).await?.remove(&id).unwrap_or_default();
    let kept = lines.iter().map(|line| NewLineItem {
        description: line.description.clone(),
        quantity: line.quantity,
        rate: line.rate,
    });
    Ok(kept.collect())
}

/// Both results, or the faults of both.
fn both<A, B>(a: Result<A, Violations>, b: Result<B, Violations>) -> Result<(A, B), Violations> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut faults), Err(more)) => {
            faults.0.extend(more.0);
            Err(faults)
        }
        (Err(faults), _) | (_, Err(faults)) => Err(faults),
    }
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "invoice").into()
}
