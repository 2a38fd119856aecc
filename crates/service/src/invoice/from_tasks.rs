//! From work to bill: a draft with a line for each finished task.

use std::collections::HashSet;

use rust_decimal::Decimal;
use tenantry_billing::Billing;
use tenantry_domain::invoice::{Invoice, MAX_LINE_ITEMS, NewInvoice, NewInvoiceFromTasks, NewLineItem};
use tenantry_domain::permission::Operation;
use tenantry_domain::project::Project;
use tenantry_domain::task::Task;
use tenantry_domain::{FieldError, FieldErrorCode, ProjectId, TaskId, Violations};
use tenantry_store::{ColumnSet, WriteScope, report};

use super::create;
use crate::authorize::{authorize_anywhere, authorize_in_project};
use crate::error::ServiceError;

/// Creates a draft that bills tasks of a project: these, or all finished ones that are on no invoice. Each task is a line of one unit at this
/// rate. It bills the project's client unless another one is named, which is possible for a project without a client alone.
///
/// # Errors
/// As [`create`]; [`ServiceError::Refused`] when there is no such project, it has no client and none is named, a task is of another project, or
/// there is nothing to bill, or more than an invoice has lines.
pub async fn create_from_tasks(
    scope: &mut WriteScope,
    billing: &Billing,
    new: NewInvoiceFromTasks,
) -> Result<Invoice, ServiceError> {
    authorize_anywhere(scope, Operation::WriteInvoice)?;
    authorize_in_project(scope, Operation::WriteInvoice, new.project_id, "projectId", "project").await?;
    let project: Option<Project> = tenantry_store::get(scope, new.project_id).await?;
    let project = project.ok_or_else(|| FieldError::not_found("projectId", "project"))?;
    let client = new.client_id.or(project.client_id).ok_or_else(|| {
        FieldError::new(FieldErrorCode::Required, "clientId", "The project has no client; name the client to bill.")
    })?;
    let tasks = match &new.task_ids {
        Some(ids) => given(scope, new.project_id, ids).await?,
        None => report::unbilled_tasks(scope, new.project_id, MAX_LINE_ITEMS + 1).await?,
    };
    let is_named = new.task_ids.is_some();
    let (code, message) = match tasks.len() {
        0 if is_named => (FieldErrorCode::Required, "Name at least one task, or leave this out.".to_owned()),
        0 => (FieldErrorCode::Required, "There is no finished task that is not billed yet.".to_owned()),
        count if count > MAX_LINE_ITEMS => (
            FieldErrorCode::OutOfRange,
            format!("An invoice has at most {MAX_LINE_ITEMS} lines; name at most that many tasks."),
        ),
        _ => {
            let line = |(_, title): &(TaskId, String)| NewLineItem::new(title.clone(), Decimal::ONE, new.rate);
            let draft = NewInvoice {
                client_id: client,
                project_id: Some(new.project_id),
                currency: new.currency,
                issue_date: None,
                due_date: new.due_date,
                line_items: tasks.iter().map(line).collect(),
                taxes: None,
                prices_include_tax: None,
                discount: None,
                notes: new.notes,
                task_ids: tasks.iter().map(|(id, _)| *id).collect(),
            };
            let created = create(scope, billing, draft).await.map_err(about_rate);
            return if is_named { created } else { created.map_err(about_all) };
        }
    };
    Err(FieldError::new(code, "taskIds", message).into())
}

/// These tasks, each once, with their titles. All of them are of the project.
async fn given(
    scope: &mut WriteScope,
    project: ProjectId,
    ids: &[TaskId],
) -> Result<Vec<(TaskId, String)>, ServiceError> {
    let mut found = tenantry_store::get_many::<Task>(scope, ids, ColumnSet::ALL).await?;
    let (mut tasks, mut seen, mut faults) = (Vec::new(), HashSet::new(), Violations::default());
    for (n, id) in ids.iter().enumerate().filter(|(_, id)| seen.insert(**id)) {
        let fault = match found.remove(id) {
            None => FieldError::not_found("taskIds", "task"),
            Some(task) if task.project_id != project => {
                FieldError::new(FieldErrorCode::Invalid, "taskIds", "The task is of another project.")
            }
            Some(task) => {
                tasks.push((*id, task.title.clone()));
                continue;
            }
        };
        faults.push(FieldError { field: vec!["taskIds".to_owned(), n.to_string()], ..fault });
    }
    faults.into_result()?;
    Ok(tasks)
}

/// The caller named no tasks. So what is wrong with some of them is that another caller was faster.
fn about_all(error: ServiceError) -> ServiceError {
    let is_about_tasks = |fault: &FieldError| fault.field.first().is_some_and(|field| field == "taskIds");
    match error {
        ServiceError::Refused(faults) if faults.0.iter().any(is_about_tasks) => {
            let message = "Some of these tasks have just been billed or moved; try again.";
            FieldError::new(FieldErrorCode::Conflict, "taskIds", message).into()
        }
        error => error,
    }
}

/// All lines have the rate that was given, so a fault of theirs is one of it.
fn about_rate(error: ServiceError) -> ServiceError {
    let ServiceError::Refused(mut faults) = error else { return error };
    for fault in faults.0.iter_mut().filter(|fault| fault.field.first().is_some_and(|field| field == "lineItems")) {
        fault.field = vec!["rate".to_owned()];
    }
    faults.0.dedup();
    ServiceError::Refused(faults)
}
