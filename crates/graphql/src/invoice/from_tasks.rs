//! Invoices: the root field that makes a draft of finished tasks.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_domain::invoice::NewInvoiceFromTasks;
use tenantry_domain::{ClientId, ProjectId, TaskId};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{CurrencyCode, Date, DecimalText, GlobalId};
use tenantry_service::{Service, invoice as service};

use super::input::tasks;
use super::{Invoice, Record};
use crate::mutation::{payload, write};

/// Which work to bill, and at which rate.
#[derive(InputObject)]
pub(crate) struct CreateInvoiceFromTasksInput {
    /// The project.
    project_id: GlobalId<ProjectId>,
    /// The tasks of it to bill; at most 200. They need not be finished. Default: all finished tasks of the project that are
    /// on no invoice, or only on void ones.
    task_ids: Option<Vec<GlobalId<TaskId>>>,
    /// The price of each task, in major units: between -10^12 and 10^12, at most 6 decimals.
    rate: DecimalText,
    /// The billed client. Default: that of the project; without one it is required.
    client_id: Option<GlobalId<ClientId>>,
    /// The currency of every amount. Default: that of the organization's settings; without one it is required.
    currency: Option<CurrencyCode>,
    /// The due date. Default: what follows from the organization's settings when the draft is issued.
    due_date: Option<Date>,
    /// Free text about the invoice; at most 20,000 characters.
    notes: Option<String>,
}

payload! {
    /// The result of creating an invoice from tasks.
    CreateInvoiceFromTasksPayload {
        /// The new draft.
        invoice: Resolved<Invoice>
    }
}

/// The root field that bills finished tasks.
#[derive(Default)]
pub(crate) struct InvoiceFromTasksMutation;

#[Object]
impl InvoiceFromTasksMutation {
    /// Creates a draft that bills tasks of a project: a line for each, with the task's title, at this rate. It has the taxes of the organization's
    /// settings, and counts against the plan's monthly invoices.
    async fn create_invoice_from_tasks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The work to bill.")] input: CreateInvoiceFromTasksInput,
    ) -> Result<Option<Ordered<CreateInvoiceFromTasksPayload>>> {
        let new = NewInvoiceFromTasks {
            project_id: input.project_id.0,
            task_ids: input.task_ids.map(tasks),
            rate: input.rate.0,
            client_id: input.client_id.map(|id| id.0),
            currency: input.currency.map(|code| code.0),
            due_date: input.due_date.map(|day| day.0),
            notes: input.notes,
        };
        let billing = context.data_unchecked::<Service>().billing().clone();
        let created = write(context, |scope| {
            let (billing, new) = (billing.clone(), new.clone());
            Box::pin(async move { service::create_from_tasks(scope, &billing, new).await })
        });
        Ok(Some(created.await?.map(Arc::<Record>::new).into()))
    }
}
