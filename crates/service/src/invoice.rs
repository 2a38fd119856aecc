//! Invoices: creating, changing and deleting drafts.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::client::Client;
use tenantry_domain::feature::Feature;
use tenantry_domain::invoice::{Invoice, InvoiceChanges, InvoiceStatus, NewInvoice, NewLineItem, check_draft, compute};
use tenantry_domain::permission::Operation;
use tenantry_domain::task::Task;
use tenantry_domain::{Change, ClientId, FieldError, FieldErrorCode, InvoiceId, ProjectId, TaskId, Violations};
use tenantry_store::invoice::{self as store, Draft};
use tenantry_store::{ColumnSet, Scope, WriteScope};

use crate::activity;
use crate::authorize::{authorize_anywhere, authorize_in_project, check_unchanged};
use crate::error::{ServiceError, name_reference};
use crate::invoice_work::{Numbered, Work};

/// The constraints that check what an invoice refers to.
const REFERENCES: &[(&str, &str, &str)] = &[
    ("invoices_client_id_fkey", "clientId", "client"),
    ("invoices_project_id_fkey", "projectId", "project"),
    ("invoice_tasks_task_id_fkey", "taskIds", "task"),
];

/// Creates a draft and computes its amounts. It bills a client for that client's work: a project or a task of another
/// client is refused, while work without a client may be billed to anyone. A task is billed once, unless its invoice is
/// void.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds, a reference to something that does
/// not exist, another client's work, or a task that is on another invoice; [`ServiceError::LimitReached`] when the plan
/// allows no more invoices this month.
pub async fn create(scope: &mut WriteScope, billing: &Billing, new: NewInvoice) -> Result<Invoice, ServiceError> {
    authorize_anywhere(scope, Operation::WriteInvoice)?;
    let tasks = Numbered::new(&new.task_ids);
    let issue_date = new.issue_date.unwrap_or(scope.tenant().today);
    let content = compute(new.currency, new.line_items, new.tax_rate.unwrap_or_default());
    let notes = check_draft(issue_date, new.due_date, new.notes.as_deref(), tasks.len());
    let (content, notes) = both(content, notes)?;
    check_references(scope, Some(new.client_id), new.project_id).await?;
    let client_id = Some(new.client_id);
    let project = new.project_id.map(|id| (id, "projectId"));
    let work = Work { client_id, project, tasks: &tasks, covered: &HashSet::new(), kept: &[], is_new_client: true };
    work.check(scope).await?;
    billing.use_monthly(scope, Feature::InvoicesPerMonth, 1).await?;
    let draft = Draft { client_id, project_id: new.project_id, issue_date, due_date: new.due_date, content, notes };
    let created = store::create(scope, draft, &tasks.ids()).await;
    let created = created.map_err(|error| name_reference(error, REFERENCES))?;
    activity::created(scope, &created);
    Ok(created)
}

/// Changes a draft and computes its amounts again. An issued invoice does not change.
///
/// # Errors
/// As [`create`], without the limit; also [`ServiceError::Refused`] when there is no such invoice, it is not a draft,
/// or it has changed since `expected`. Work that the draft already bills is checked only when the client changes.
pub async fn update(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
    mut changes: InvoiceChanges,
) -> Result<Invoice, ServiceError> {
    let before = existing_draft(scope, id, expected).await?;
    let tasks = Numbered::new(changes.task_ids.as_set().map_or(&[][..], Vec::as_slice));
    if let Change::Set(ids) = &mut changes.task_ids {
        *ids = tasks.ids();
    }
    let gives_lines = !changes.line_items.is_keep();
    let lines = match changes.line_items {
        Change::Set(lines) => lines,
        Change::Keep => kept_lines(scope, id).await?,
    };
    let currency = changes.currency.apply(before.currency());
    let issue_date = changes.issue_date.apply(before.issue_date);
    let due_date = changes.due_date.apply(before.due_date);
    let content = compute(currency, lines, changes.tax_rate.apply(before.tax_rate));
    let notes = changes.notes.apply(before.notes.clone());
    let notes = check_draft(issue_date, due_date, notes.as_deref(), tasks.len());
    let (content, notes) = both(content, notes)?;
    let new_client = changes.client_id.as_set().copied();
    let new_project = changes.project_id.as_set().copied().flatten();
    check_references(scope, new_client, new_project).await?;
    let client_id = changes.client_id.map(Some).apply(before.client_id);
    let project_id = changes.project_id.apply(before.project_id);
    check_changed_work(scope, &before, client_id, project_id, new_project.is_some(), &changes.task_ids, &tasks).await?;
    let mut joined = Vec::new();
    if gives_lines {
        let lines = store::line_items(scope, &[id]).await?.remove(&id).unwrap_or_default();
        joined.extend((*lines != content.line_items).then(|| Joined::untold("lineItems")));
    }
    let gives_tasks = !changes.task_ids.is_keep();
    let tasks_before = if gives_tasks { covered(scope, id).await? } else { Vec::new() };
    let draft = Draft { client_id, project_id, issue_date, due_date, content, notes };
    let after = store::update(scope, &before, draft, changes.task_ids).await;
    let after = after.map_err(|error| name_reference(error, REFERENCES))?.ok_or_else(not_found)?;
    if gives_tasks {
        joined.push(Joined::new("taskIds", &tasks_before, &covered(scope, id).await?));
    }
    activity::updated(scope, &before, &after, &joined).await?;
    Ok(after)
}

/// Deletes a draft. An issued invoice is voided, not deleted. Returns what was deleted.
///
/// # Errors
/// As [`update`].
pub async fn delete(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<InvoiceId, ServiceError> {
    let before = existing_draft(scope, id, expected).await?;
    tenantry_store::delete::<Invoice>(scope, id).await?;
    activity::deleted(scope, &before);
    Ok(id)
}

/// The tasks on an invoice, also those that the caller does not see.
async fn covered(scope: &mut WriteScope, id: InvoiceId) -> Result<Vec<TaskId>, ServiceError> {
    Ok(store::covered_work(scope, id).await?.into_iter().map(|(task, _)| task).collect())
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
        return Err(FieldError::new(FieldErrorCode::AlreadyIssued, "id", message).into());
    }
    Ok(invoice)
}

/// The client and the project must exist for the caller, and the caller must be allowed to bill the project.
async fn check_references(
    scope: &mut WriteScope,
    client: Option<ClientId>,
    project: Option<ProjectId>,
) -> Result<(), ServiceError> {
    if let Some(id) = client {
        let client: Option<Client> = tenantry_store::get(scope, id).await?;
        client.ok_or_else(|| FieldError::not_found("clientId", "client"))?;
    }
    if let Some(id) = project {
        authorize_in_project(scope, Operation::WriteInvoice, id, "projectId", "project").await?;
    }
    Ok(())
}

/// Checks what a draft bills after an update. `names_project` says whether the caller gave the project.
async fn check_changed_work(
    scope: &mut WriteScope,
    before: &Invoice,
    client_id: Option<ClientId>,
    project_id: Option<ProjectId>,
    names_project: bool,
    change: &Change<Vec<TaskId>>,
    tasks: &Numbered,
) -> Result<(), ServiceError> {
    let is_new_client = client_id != before.client_id;
    if !is_new_client && !names_project && tasks.is_empty() {
        return Ok(());
    }
    let on_it = store::covered_work(scope, before.id).await?;
    let covered = on_it.iter().map(|(task, _)| *task).collect();
    // The given tasks replace those that the caller sees; the others stay on the draft.
    let replaced = match change {
        Change::Keep => HashSet::new(),
        Change::Set(_) => {
            let ids: Vec<TaskId> = on_it.iter().map(|(task, _)| *task).collect();
            tenantry_store::get_many::<Task>(scope, &ids, ColumnSet::ID).await?.into_keys().collect()
        }
    };
    let kept = on_it.iter().filter(|(task, _)| !replaced.contains(task)).copied();
    let kept: Vec<(TaskId, ProjectId)> = if is_new_client { kept.collect() } else { Vec::new() };
    let is_new_project = project_id != before.project_id;
    let field = if names_project { "projectId" } else { "clientId" };
    let project = project_id.filter(|_| is_new_client || is_new_project).map(|id| (id, field));
    Work { client_id, project, tasks, covered: &covered, kept: &kept, is_new_client }.check(scope).await
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
