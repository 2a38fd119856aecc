//! Invoices: creating, changing and deleting drafts. What a draft bills is checked in `work`; what comes after its issue is in `life`.

mod credit;
mod from_tasks;
mod life;
mod work;

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::client::Client;
use tenantry_domain::feature::Feature;
use tenantry_domain::invoice::{
    DraftContent, Invoice, InvoiceChanges, InvoiceKind, InvoiceStatus, NewInvoice, NewLineItem, Pricing, check_draft,
    compute,
};
use tenantry_domain::permission::Operation;
use tenantry_domain::task::Task;
use tenantry_domain::{Change, ClientId, FieldError, FieldErrorCode, InvoiceId, ProjectId, TaskId, Violations};
use tenantry_store::invoice::{self as store, Draft};
use tenantry_store::{ColumnSet, Scope, WriteScope, settings};

use self::work::{Numbered, Work};
use crate::activity;
use crate::authorize::{authorize_anywhere, authorize_in_project, check_unchanged};
use crate::error::{ServiceError, name_reference};

pub use self::credit::create_credit_note;
pub use self::from_tasks::create_from_tasks;
pub(crate) use self::life::write;
pub use self::life::{issue, mark_sent, void, write_off};

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
    let settings = settings::get(scope).await?.unwrap_or_default();
    let Some(currency) = new.currency.or(settings.currency) else {
        let message = "Give a currency; the organization's settings have none.";
        return Err(FieldError::new(FieldErrorCode::Required, "currency", message).into());
    };
    let pricing = Pricing {
        currency,
        taxes: new.taxes.unwrap_or(settings.taxes),
        prices_include_tax: new.prices_include_tax.unwrap_or(settings.prices_include_tax),
        discount: new.discount,
    };
    let content = compute(pricing, new.line_items);
    let notes = check_draft(issue_date, new.due_date, new.notes.as_deref(), tasks.len());
    let (content, notes) = both(content, notes)?;
    check_references(scope, Some(new.client_id), new.project_id).await?;
    let client_id = Some(new.client_id);
    let project = new.project_id.map(|id| (id, "projectId"));
    let work = Work { client_id, project, tasks: &tasks, covered: &HashSet::new(), kept: &[], is_new_client: true };
    work.check(scope).await?;
    billing.use_monthly(scope, Feature::InvoicesPerMonth, 1).await?;
    let draft = Draft {
        kind: InvoiceKind::Invoice,
        corrects_id: None,
        client_id,
        project_id: new.project_id,
        issue_date,
        dated_on_issue: new.issue_date.is_none(),
        due_date: new.due_date,
        content,
        notes,
    };
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
    let content_before = store::contents(scope, &[id]).await?.remove(&id).unwrap_or_default();
    let lines_before = || content_before.line_items.iter().cloned().map(NewLineItem::from).collect();
    let lines = changes.line_items.as_set().cloned().unwrap_or_else(lines_before);
    let taxes_before = || content_before.taxes.iter().map(|amount| amount.tax.clone()).collect();
    let pricing = Pricing {
        currency: changes.currency.apply(before.currency()),
        taxes: changes.taxes.as_set().cloned().unwrap_or_else(taxes_before),
        prices_include_tax: changes.prices_include_tax.apply(before.prices_include_tax),
        discount: changes.discount.apply(before.given_discount()),
    };
    let dated_on_issue = before.dated_on_issue && changes.issue_date.is_keep();
    let issue_date = changes.issue_date.apply(before.issue_date);
    let due_date = changes.due_date.apply(before.due_date);
    let content = compute(pricing, lines);
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
    joined.extend((content_before.line_items != content.line_items).then(|| Joined::untold("lineItems")));
    joined.extend((content_before.taxes != content.taxes).then(|| Joined::untold("taxes")));
    let gives_tasks = !changes.task_ids.is_keep();
    let tasks_before = if gives_tasks { covered(scope, id).await? } else { Vec::new() };
    if before.kind == InvoiceKind::CreditNote {
        check_credit_note(&before, (client_id, project_id), due_date, &content, &tasks)?;
    }
    let draft = Draft {
        kind: before.kind,
        corrects_id: before.corrects_id,
        client_id,
        project_id,
        issue_date,
        dated_on_issue,
        due_date,
        content,
        notes,
    };
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
    let invoice = existing(scope, id, expected).await?;
    if invoice.status != InvoiceStatus::Draft {
        let message = "This invoice has been issued; only drafts can be changed or deleted.";
        return Err(FieldError::new(FieldErrorCode::AlreadyIssued, "id", message).into());
    }
    Ok(invoice)
}

/// The invoice, locked, if the caller may write it.
pub(crate) async fn existing(
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
    Ok(invoice)
}

/// A credit note stays with the client and the currency of the invoice that it corrects, and bills no work.
fn check_credit_note(
    before: &Invoice,
    (client_id, project_id): (Option<ClientId>, Option<ProjectId>),
    due_date: Option<NaiveDate>,
    content: &DraftContent,
    tasks: &Numbered,
) -> Result<(), Violations> {
    let mut faults = Violations::default();
    let mut fault = |is_wrong: bool, field: &str, message: &str| {
        if is_wrong {
            faults.push(FieldError::new(FieldErrorCode::Invalid, field, message));
        }
    };
    fault(
        client_id != before.client_id,
        "clientId",
        "A credit note is for the client of the invoice that it corrects.",
    );
    let message = "A credit note is for the project of the invoice that it corrects.";
    fault(project_id != before.project_id, "projectId", message);
    let currency = content.totals.total.currency();
    fault(
        currency != before.currency(),
        "currency",
        "A credit note is in the currency of the invoice that it corrects.",
    );
    fault(due_date.is_some(), "dueDate", "A credit note is never due.");
    fault(!tasks.is_empty(), "taskIds", "A credit note bills no tasks.");
    faults.into_result()
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
